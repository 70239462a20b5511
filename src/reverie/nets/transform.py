"""Analysis and synthesis of pictures: from pixels to a code on a coarser grid, and back.

Each is a linear transform of blocks plus a convolutional network. The linear part begins as the cosine transform
(Ahmed, Natarajan & Rao 1974) in the step that is right for lambda, the network as nothing: training goes on from a
codec of JPEG's kind, and need not find one. The network has the form of Ballé, Laparra & Simoncelli 2017,
arXiv:1611.01704: a first stride of 4 with a wide kernel, then strides of 2; ReLUs and residual blocks in place of their
divisive normalisation, as an exact form of the synthesis needs it (`exact`). Sides are filled up to a multiple of the
whole stride by repeating the edge, and cut off again."""

from math import pi

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .exact import Block


def strides(halvings: int) -> list[int]:
    """From the picture inwards: 2 halvings at once where there are as many, then one at a time."""
    return [4] + [2] * (halvings - 2) if halvings > 1 else [2] * halvings


def grid(size: tuple[int, ...], halvings: int) -> tuple[int, int]:
    """Of a code: sides / 2^halvings, rounded up."""
    height, width = (-(-side // 2**halvings) for side in size)
    return height, width


class Analysis(nn.Module):
    """(B, C, H, W) in [0, 1] -> (B, code, h, w). `gain`: steps of the code that an amplitude of 1 is."""

    def __init__(self, channels: int, width: int, code: int, halvings: int, blocks: int, gain: float):
        super().__init__()
        self.multiple = 2**halvings
        steps = strides(halvings)
        layers: list[nn.Module] = []
        for wide_in, step in zip([channels] + [width] * (len(steps) - 1), steps):
            layers += [nn.ReLU()] if layers else []
            layers += [nn.Conv2d(wide_in, width, 2 * step, step, step // 2)]
        layers += [Block(width) for _ in range(blocks)]
        self.network = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, code, 3, padding=1))
        initialise(self.network, gain)
        self.linear = nn.Conv2d(channels, code, self.multiple, self.multiple)
        with torch.no_grad():
            self.linear.weight.copy_(gain * cosines(code, channels, self.multiple))
            nn.init.zeros_(self.linear.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        more = [-side % self.multiple for side in x.shape[2:]]
        x = F.pad(x - 0.5, (0, more[1], 0, more[0]), mode="replicate").contiguous(memory_format=torch.channels_last)
        y: Tensor = self.linear(x) + self.network(x)
        return y


class Synthesis(nn.Module):
    """(B, code, h, w) -> (B, out, h · 2^halvings, w · 2^halvings). `pictures` are the outputs that begin as a picture
    less a half: for each channel of it, the places among all."""

    def __init__(
        self, code: int, width: int, out: int, halvings: int, blocks: int, gain: float, pictures: list[list[int]]
    ):
        super().__init__()
        steps = strides(halvings)[::-1]
        layers: list[nn.Module] = [nn.Conv2d(code, width, 3, padding=1), *(Block(width) for _ in range(blocks))]
        for step, wide_out in zip(steps, [width] * (len(steps) - 1) + [out]):
            layers += [nn.ReLU(), nn.ConvTranspose2d(width, wide_out, 2 * step, step, step // 2)]
        self.network = nn.Sequential(*layers)
        initialise(self.network, 1.0)
        self.linear = nn.ConvTranspose2d(code, out, 2**halvings, 2**halvings)
        with torch.no_grad():
            self.network[0].weight.div_(gain)  # type: ignore[operator]
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)  # type: ignore[arg-type]
            basis = cosines(code, len(pictures), 2**halvings) / gain
            for channel, places in enumerate(pictures):
                self.linear.weight[:, places] = basis[:, channel, None]

    def forward(self, y: Float[Tensor, "b d i j"]) -> Float[Tensor, "b o h w"]:
        made: Tensor = self.linear(y) + self.network(y)
        return made


def cosines(count: int, channels: int, side: int) -> Float[Tensor, "n c s s"]:
    """The lowest frequencies of the orthonormal cosine transform of blocks (C, side, side), channels too; beyond their
    number noise as small as a tenth of them."""
    along = [cosine(channels), cosine(side), cosine(side)]
    every = torch.einsum("ac,iy,jx->aijcyx", *along)
    order = sum(
        (k * torch.arange(n, dtype=torch.float32) / n).view([-1 if d == a else 1 for d in range(3)])
        for a, (n, k) in enumerate([(channels, 1.5), (side, side), (side, side)])
    )
    lowest = torch.as_tensor(order).flatten().argsort(stable=True)[:count]
    made: Tensor = every.flatten(0, 2)[lowest]
    more = 0.1 * torch.randn(count - len(made), channels, side, side) / side
    return torch.cat([made, more])


def cosine(n: int) -> Float[Tensor, "n n"]:
    """Of n points, a row a frequency."""
    k = torch.arange(n, dtype=torch.float32)
    rows: Tensor = torch.cos(pi / n * (k + 0.5) * k[:, None]) * (2 / n) ** 0.5
    rows[0] /= 2**0.5
    return rows


def initialise(network: nn.Sequential, gain: float) -> None:
    """He et al. 2015 (arXiv:1502.01852), zero biases; a block and the last layer begin as next to nothing; weights
    channels-last."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            kernel = layer.kernel_size[0] * layer.kernel_size[1]
            seen = kernel / (layer.stride[0] * layer.stride[1]) if isinstance(layer, nn.ConvTranspose2d) else kernel
            nn.init.normal_(layer.weight, std=(2 / (layer.in_channels * seen)) ** 0.5)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    small = [block.inner[-1] for block in network.modules() if isinstance(block, Block)]
    for layer, factor in [(layer, 0.1) for layer in small] + [(network[-1], 0.02 * gain)]:
        layer.weight.data.mul_(factor)  # type: ignore[operator]
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
