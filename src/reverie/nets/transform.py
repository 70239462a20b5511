"""Analysis and synthesis of pictures: convolutions to a code on a coarser grid, and back.

The form of Ballé, Laparra & Simoncelli 2017, arXiv:1611.01704: a first stride of 4 with a wide kernel, then strides of
2. ReLUs and residual blocks in place of their divisive normalisation, as an exact form of the synthesis needs it
(`exact`). Sides are filled up to a multiple of the whole stride by repeating the edge, and cut off again."""

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
    """(B, C, H, W) in [0, 1] -> (B, code, h, w)."""

    def __init__(self, channels: int, width: int, code: int, halvings: int, blocks: int):
        super().__init__()
        self.multiple = 2**halvings
        steps = strides(halvings)
        layers: list[nn.Module] = []
        for wide_in, step in zip([channels] + [width] * (len(steps) - 1), steps):
            layers += [nn.ReLU()] if layers else []
            layers += [nn.Conv2d(wide_in, width, 2 * step, step, step // 2)]
        layers += [Block(width) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, code, 3, padding=1))
        initialise(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        more = [-side % self.multiple for side in x.shape[2:]]
        x = F.pad(x - 0.5, (0, more[1], 0, more[0]), mode="replicate")
        y: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return y


def synthesis(code: int, width: int, out: int, halvings: int, blocks: int) -> nn.Sequential:
    """(B, code, h, w) -> (B, out, h · 2^halvings, w · 2^halvings)."""
    steps = strides(halvings)[::-1]
    layers: list[nn.Module] = [nn.Conv2d(code, width, 3, padding=1), *(Block(width) for _ in range(blocks))]
    for step, wide_out in zip(steps, [width] * (len(steps) - 1) + [out]):
        layers += [nn.ReLU(), nn.ConvTranspose2d(width, wide_out, 2 * step, step, step // 2)]
    made = nn.Sequential(*layers)
    initialise(made)
    return made


def initialise(network: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852), zero biases; a block begins as next to nothing; weights channels-last."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            kernel = layer.kernel_size[0] * layer.kernel_size[1] / (layer.stride[0] * layer.stride[1])
            seen = kernel if isinstance(layer, nn.ConvTranspose2d) else layer.kernel_size[0] * layer.kernel_size[1]
            nn.init.normal_(layer.weight, std=(2 / (layer.in_channels * seen)) ** 0.5)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    for block in network.modules():
        if isinstance(block, Block):
            block.inner[-1].weight.data.mul_(0.1)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
