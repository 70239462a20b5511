"""Pictures to pictures of the same size: the residual network of style transfer.

Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", arXiv:1603.08155,
in the form that Zhu et al. 2017 (arXiv:1703.10593, appendix 7.2) give it: instance norm and reflection padding.
Activations lie channel by channel: instance norm wants them so, and with copies a step took 1.25 times as long.
"""

from jaxtyping import Float
from torch import Tensor, nn

STRIDE = 4  # a picture is worked on at a quarter of its size: its sides must divide by it
LEAST = 8  # pixels of a side: reflection needs two at that quarter


class Restyle(nn.Module):
    """(B, C, H, W) -> (B, C, H, W) in (-1, 1): a 7×7 convolution, two halvings, `blocks` residual blocks at four times
    the `width`, two doublings, a 7×7 convolution."""

    def __init__(self, channels: int, width: int, blocks: int):
        super().__init__()
        wide = STRIDE * width
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *normed(width)]
        for w in (width, 2 * width):
            layers += [nn.Conv2d(w, 2 * w, 3, 2, 1), *normed(2 * w)]
        layers += [Residual(wide) for _ in range(blocks)]
        for w in (wide, wide // 2):
            layers += [nn.ConvTranspose2d(w, w // 2, 3, 2, 1, output_padding=1), *normed(w // 2)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.layers(x.contiguous())
        return y


class Residual(nn.Module):
    """x + f(x), f two 3×3 convolutions; no activation after the sum."""

    def __init__(self, width: int):
        super().__init__()
        first = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), *normed(width)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.layers = nn.Sequential(*first, *second)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = x + self.layers(x)
        return y


def normed(width: int) -> list[nn.Module]:
    """Instance norm without parameters (Ulyanov et al. 2016, arXiv:1607.08022), and a ReLU."""
    return [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]
