"""How weights start, as the papers have it."""

from torch import nn

from .norm import BatchNorm

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def dcgan_(network: nn.Module, std: float = 0.02) -> None:
    """Radford et al. 2016, section 4: weights from N(0, std²), batch norm's from N(1, std²), biases zero. In place;
    draws from torch's global generator."""
    for layer in network.modules():
        if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, std)
            zero_bias_(layer)
        elif isinstance(layer, BatchNorm) and layer.weight is not None:
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)


def glorot_(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, gain: float = 1.0) -> None:
    """Uniform, of variance 2 gain² / (fan_in + fan_out) (Glorot & Bengio 2010), bias zero. In place. A gain of √2 makes
    up for the ReLU before the layer (He et al. 2015, arXiv:1502.01852)."""
    nn.init.xavier_uniform_(layer.weight, gain)
    zero_bias_(layer)


def he_(network: nn.Module) -> None:
    """Every convolution and dense layer from N(0, 2 / fan_in), biases zero (He et al. 2015, arXiv:1502.01852). In
    place."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            zero_bias_(layer)


def zero_bias_(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
