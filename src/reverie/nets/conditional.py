"""How a GAN's networks know an item's class: conditional batch norm in the generator (Dumoulin et al. 2017,
arXiv:1610.07629; de Vries et al. 2017, arXiv:1707.00683), projection in the discriminator (Miyato & Koyama 2018, "cGANs
with Projection Discriminator", arXiv:1802.05637)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.spec import Spec

from .norm import BatchNorm2d
from .spectral import SpectralEmbedding, SpectralLinear


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm over items and places whose gain and bias are functions of a condition: (B, C, H, W) -> the same.

    Of a vector of `size` numbers: (1 + G c) and B c (Brock et al. 2019, arXiv:1809.11096, appendix B). With `classes`,
    of a number below it: a gain and a bias for each class. Of neither: plain batch norm."""

    def __init__(self, channels: int, size: int = 0, classes: int = 0):
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=not (size or classes))
        self.gain: nn.Module | None = None
        self.bias: nn.Module | None = None
        if classes:
            self.gain, self.bias = (nn.Embedding(classes, channels) for _ in range(2))
        elif size:
            self.gain, self.bias = (SpectralLinear(size, channels, bias=False) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c h w"], condition: Tensor | None) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.norm(x)
        if self.gain is None or self.bias is None:
            return y
        gain, bias = 1 + self.gain(condition), self.bias(condition)  # (B, C)
        return torch.addcmul(bias[:, :, None, None], y, gain[:, :, None, None])


class ProjectionHead(nn.Module):
    """Features (B, C) to one number an item: ψ(h) + ⟨V y, h⟩, with a vector V for each class (Miyato & Koyama's
    equation 3); without classes ψ(h) alone. Spectral norm in both parts."""

    def __init__(self, channels: int, classes: int = 0):
        super().__init__()
        self.linear = SpectralLinear(channels, 1)
        self.embedding = SpectralEmbedding(classes, channels) if classes else None

    def forward(self, h: Float[Tensor, "b c"], label: Int[Tensor, " b"] | None) -> Float[Tensor, " b"]:
        y: Tensor = self.linear(h).squeeze(1)
        return y if self.embedding is None else y + (self.embedding(label) * h).sum(1)


def classes(spec: Spec, labels: str, model: str) -> int:
    """How many classes a model is conditioned on; 0: on none. `labels` is auto (the data's, where there are some),
    projection or none. Raises ValueError, with the cure."""
    count = spec.condition["label"].categories if "label" in spec.condition else 0
    if labels == "projection" and not count:
        raise ValueError(
            f"--labels projection: the data has no classes for {model} to be asked for. "
            "Put each class in a folder, or pass --labels none"
        )
    return 0 if labels == "none" else count
