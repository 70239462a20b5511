"""Averaged weights: what is sampled and judged."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of the parameters, its half-life in items: the same at any batch size.

    Ramps up: until then the half-life is a share of the items seen, else the first weights would linger (Karras et al.
    2022, arXiv:2206.00364, whose ramp-up ratio is 0.05). A half-life of 0 averages nothing: the weights themselves."""

    RAMP = 0.05

    def __init__(self, model: nn.Module, half_life: float):
        self.model, self.half_life = model, half_life
        self.copy = deepcopy(model).requires_grad_(False)
        for layer in self.copy.modules():
            if isinstance(layer, nn.RNNBase):
                layer.flatten_parameters()  # a copy's lie apart, which a GPU mends at every call
        self.sources = [p.detach() for p in model.parameters()]
        self.targets = [p.detach() for p in self.copy.parameters()]

    @torch.no_grad()
    def update(self, batch: int, items: int) -> None:
        """After a step on `batch` items, the last of `items` seen."""
        if self.half_life:
            decay = 0.5 ** (batch / min(self.half_life, max(items * self.RAMP, 1e-8)))
            torch._foreach_lerp_(self.targets, self.sources, 1 - decay)

    @torch.no_grad()
    def weights(self) -> nn.Module:
        """A model with the averaged parameters and the current buffers, in eval mode; not yet finished."""
        if not self.half_life:
            torch._foreach_copy_(self.targets, self.sources)
        for target, source in zip(self.copy.buffers(), self.model.buffers()):
            target.copy_(source)
        return self.copy.eval()

    def state(self) -> dict[str, Tensor]:
        names = [name for name, _ in self.copy.named_parameters()]
        return dict(zip(names, self.targets if self.half_life else self.sources))

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        for name, target in zip(dict(self.copy.named_parameters()), self.targets):
            target.copy_(state[name])
