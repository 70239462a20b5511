"""Encoder and decoder of pictures whose code says what is where: maps at a half and at a quarter of the size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

STEP = 4  # sides are filled up to a multiple of it


def sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width, filled up."""
    return -(-shape[1] // STEP) * STEP, -(-shape[2] // STEP) * STEP


def size(shape: tuple[int, ...], maps: int) -> int:
    """Numbers in the code of a picture (C, H, W): as many in the fine maps as in the coarse ones."""
    height, breadth = sides(shape)
    return 2 * maps * (height // 2) * (breadth // 2)


class Block(nn.Module):
    """Two 3×3 convolutions beside the identity, which it is at the start: (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.second(self.first(x.relu()).relu())
        return x + y


class Encoder(nn.Module):
    """(B, C, H, W), flat or not -> (B, size): `maps` maps of half the picture's sides, then four times as many of a
    quarter. Nothing else passes from here to the decoder, so that the code of a picture is all that it is made of."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, maps: int):
        super().__init__()
        self.shape = shape
        self.begin = nn.Conv2d(4 * shape[0], width, 3, padding=1)
        self.fine = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.down = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.coarse = nn.Sequential(*[Block(2 * width) for _ in range(depth)])
        self.code = nn.ModuleList([nn.Conv2d(width, maps, 1), nn.Conv2d(2 * width, 4 * maps, 1)])
        initialise(self)

    def forward(self, x: Float[Tensor, "b *item"]) -> Float[Tensor, "b d"]:
        x = x.reshape(-1, *self.shape)
        height, breadth = sides(self.shape)
        x = F.pad(x, (0, breadth - x.shape[3], 0, height - x.shape[2]), mode="replicate")
        x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        fine = self.fine(self.begin(x))
        coarse = self.coarse(self.down(fine.relu()))
        maps = zip(self.code, (fine, coarse))
        return torch.cat([code(y.relu()).flatten(1) for code, y in maps], 1)


class Decoder(nn.Module):
    """The encoder's mirror image: (B, size) -> (B, C, H, W), without an activation after the last layer."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, maps: int):
        super().__init__()
        self.shape, (height, breadth) = shape, sides(shape)
        self.maps = [(maps, height // 2, breadth // 2), (4 * maps, height // 4, breadth // 4)]
        self.code = nn.ModuleList([nn.Conv2d(maps, width, 1), nn.Conv2d(4 * maps, 2 * width, 1)])
        self.coarse = nn.Sequential(*[Block(2 * width) for _ in range(depth)])
        self.up = nn.Conv2d(2 * width, 4 * width, 1)
        self.fine = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.end = nn.Conv2d(width, 4 * shape[0], 3, padding=1)
        initialise(self)

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        half = z.shape[1] // 2
        fine, coarse = (
            code(part.view(-1, *shape).contiguous(memory_format=torch.channels_last))
            for code, part, shape in zip(self.code, torch.split(z, half, 1), self.maps)
        )
        fine = fine + F.pixel_shuffle(self.up(self.coarse(coarse).relu()), 2)
        y = F.pixel_shuffle(self.end(self.fine(fine).relu()), 2)
        return y[:, :, : self.shape[1], : self.shape[2]]


def initialise(network: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852), zero biases, channels-last; a block's second convolution starts at 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, Block):
            nn.init.zeros_(layer.second.weight)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
