"""An encoder that is told an item's class beside the item."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .coder import ACTIVATIONS, Layers, glorot
from .flat import Flat
from .mlp import mlp
from .pyramid import Encoder


class Labelled(nn.Module):
    """Dense layers see the class as one 1 among 0s, a convolution as one more channel, a learnt picture for each."""

    def __init__(self, layers: Layers, flat: Flat, classes: int, out: int):
        super().__init__()
        self.inputs = flat.inputs
        self.plane: nn.Module = nn.Identity()
        if layers.dense(flat):
            activation = ACTIVATIONS[layers.activation]
            self.encoder: nn.Module = glorot(mlp(flat.inputs + classes, *layers.hidden, out, activation=activation))
        else:
            if not flat.picture:
                raise ValueError("--network convolutional: for pictures, and an item is none. Pass --network dense")
            channels, *size = flat.picture
            self.plane = nn.Linear(classes, size[0] * size[1], bias=False)
            self.encoder = Encoder((channels + 1, *size), layers.width, out)

    def forward(self, x: Float[Tensor, "b i"], label: Float[Tensor, "b c"]) -> Float[Tensor, "b o"]:
        """Items, flat, and one-hot classes -> (b, out)."""
        y: Tensor = self.encoder(torch.cat([x.flatten(1), self.plane(label)], 1))
        return y
