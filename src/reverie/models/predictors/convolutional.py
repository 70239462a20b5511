"""Convolutional network for classes of pictures, the smallest honest predictor. LeCun, Bottou, Bengio & Haffner 1998,
"Gradient-Based Learning Applied to Document Recognition".

With what has become usual since: batch norm (Ioffe & Szegedy 2015, arXiv:1502.03167) and global average pooling (Lin,
Chen & Yan 2014, arXiv:1312.4400).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.conv import doubling, halvings
from reverie.nets.init import he_
from reverie.nets.norm import BatchNorm2d, population_statistics

POOLED = 4  # shortest side down to which the picture is halved
WIDEST = 4  # channels double with each halving, up to this many times the first width
PASSES = 32  # batches that batch norm's population statistics are averaged over


@dataclass(frozen=True)
class Config:
    width: int = 16  # channels of the first block, doubled with each halving, up to 4 times
    smoothing: float = 0.0  # share of a label that is spread over all classes (Szegedy et al. 2016)
    shift: int = 0  # pixels by which a picture is moved at most, at random, along each axis; its edge is repeated
    mirror: bool = False  # turn pictures left to right at random: not for digits and letters
    learning_rate: float = 5e-3  # of AdamW, at its peak
    warmup: float = 0.2  # share of the steps in which the rate climbs from 0 to its peak; then it falls to 0
    weight_decay: float = 1e-2  # of AdamW, on convolutions and the last layer

    @classmethod
    def small(cls) -> Named:
        """About 92 % of Fashion-MNIST's test set right, in three minutes on two cores."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": Field((), categories=10)})
        return Named(cls(), Training(batch=128, steps=3_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(width=4, shift=1, mirror=True, smoothing=0.1), Training(batch=16, steps=20))


class Convolutional(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, width=1, shift=0, weight_decay=0)
        positive(cfg, "learning_rate")
        share(cfg, "smoothing", "warmup")
        self.name, field = picture(spec, "convolutional")
        label = spec.target.get("label") or spec.condition.get("label")
        if label is None or label.categories < 2:
            raise ValueError("no classes: convolutional predicts labels. Put the pictures of each class in one folder")
        channels, height, breadth = field.shape
        widths = doubling(cfg.width, len(halvings((height, breadth), POOLED)), WIDEST)
        self.body = body(channels, widths)
        self.head = nn.Linear(widths[-1], label.categories)
        he_(self)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self) -> dict[str, Optimizer]:
        decayed = [p for p in self.parameters() if p.ndim > 1]
        rest = [p for p in self.parameters() if p.ndim == 1]  # biases and batch norm
        groups = [{"params": decayed, "weight_decay": self.cfg.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return {"adam": AdamW(groups, lr=self.cfg.learning_rate, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """Cross-entropy in nats an item; `right` is the share of this batch that is predicted right."""
        logits, label = self.head(self.pooled(self.varied(batch[self.name]))), batch["label"]
        total = F.cross_entropy(logits, label, reduction="sum", label_smoothing=self.cfg.smoothing)
        return Loss(total, len(label), {"loss": total, "right": (logits.argmax(1) == label).sum().to(total.dtype)})

    def rate(self, at: At) -> float:
        """One cycle (Smith & Topin 2017, arXiv:1708.07120): linearly up to 1, then down to 0 at the planned end."""
        up = self.cfg.warmup
        at_middle = (at.step + 0.5) / max(1, at.steps)  # of the step: neither the first nor the last one is lost
        return min(at_middle / up if up else 1.0, max(0.0, 1 - at_middle) / (1 - up))

    def varied(self, x: Tensor) -> Tensor:
        """Pictures moved and mirrored at random, by torch's global generator: (B, C, H, W) -> (B, C, H, W)."""
        if self.cfg.mirror:
            x = torch.where((torch.rand(len(x), device=x.device) < 0.5).view(-1, 1, 1, 1), x.flip(3), x)
        return moved(x, self.cfg.shift) if self.cfg.shift else x

    def pooled(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, features)."""
        y: Tensor = self.body(x.contiguous(memory_format=torch.channels_last))
        return y.mean(dim=(2, 3))

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """Logits of the classes: (B, classes)."""
        logits: Tensor = self.head(self.features(batch))
        return logits

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees: (B, features)."""
        return self.pooled(batch[self.name])

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """Batch norm's population statistics, of pictures as they are."""
        population_statistics(self, [partial(self.see, stream, k) for k in range(PASSES)])

    def see(self, stream: Callable[[int], Batch], k: int) -> None:
        self.features(stream(k))


def body(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """A block at full size, then two a halving, the first of stride 2: (B, C, H, W) -> (B, widths[-1], h, w)."""
    layers = block(channels, widths[0])
    for thin, wide in pairwise(widths):
        layers += block(thin, wide, stride=2) + block(wide, wide)
    return nn.Sequential(*layers)


def block(channels: int, out: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, 3, stride, 1, bias=False), BatchNorm2d(out), nn.ReLU(inplace=True)]


def moved(x: Tensor, most: int) -> Tensor:
    """Each picture moved by up to `most` pixels along each axis, its edge repeated: (B, C, H, W) -> (B, C, H, W)."""
    b, _, h, w = x.shape
    by = torch.randint(-most, most + 1, (2, b, 1), device=x.device)
    rows = (torch.arange(h, device=x.device) + by[0]).clamp(0, h - 1)  # (B, H)
    columns = (torch.arange(w, device=x.device) + by[1]).clamp(0, w - 1)  # (B, W)
    items = torch.arange(b, device=x.device).view(b, 1, 1)
    return x.permute(0, 2, 3, 1)[items, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
