"""Encoder and decoder of an autoencoder: mirror images, dense for any items, convolutional for pictures."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from .flat import Flat
from .mlp import mlp
from .pyramid import Decoder, Encoder

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True)
class Layers:
    """What lies between an item and its code."""

    network: Literal["auto", "dense", "convolutional"]  # auto: convolutional for pictures, else dense
    hidden: tuple[int, ...]  # widths of the dense layers, encoder's order; the decoder mirrors them
    activation: Literal["tanh", "relu", "sigmoid"]  # between dense layers
    width: int  # channels of the convolutional network's first stage

    def dense(self, flat: Flat) -> bool:
        return self.network == "dense" or (self.network == "auto" and not flat.picture)

    def encoder(self, flat: Flat, out: int) -> nn.Module:
        """(B, flat.inputs) -> (B, out). Raises ValueError where a convolution finds no picture."""
        if self.dense(flat):
            return glorot(mlp(flat.inputs, *self.hidden, out, activation=ACTIVATIONS[self.activation]))
        if not flat.picture:
            raise ValueError("--network convolutional: for pictures, and an item is none. Pass --network dense")
        return Encoder(flat.picture, self.width, out)

    def decoder(self, latents: int, flat: Flat, each: int = 1) -> nn.Module:
        """(B, latents) -> (B, each · flat.size), of a convolution (B, each · C, H, W): flatten it. `each`: how many
        numbers are said of each number."""
        if self.dense(flat):
            hidden = reversed(self.hidden)
            return glorot(mlp(latents, *hidden, each * flat.size, activation=ACTIVATIONS[self.activation]))
        channels, *size = flat.picture
        return Decoder(latents, self.width, (each * channels, *size))


def glorot(layers: nn.Sequential) -> nn.Sequential:
    """Glorot & Bengio 2010 for every dense layer, biases 0. Before and after a sigmoid four times as large (their
    equation in section 4.2.1 is for tanh; a sigmoid has a quarter of its slope), else deep ones pass nothing on."""
    gain = 4.0 if any(isinstance(layer, nn.Sigmoid) for layer in layers) else 1.0
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, gain)
            nn.init.zeros_(layer.bias)
    return layers
