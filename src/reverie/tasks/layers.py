"""Forward and backward propagation in sight: what each layer of a model does to a batch, and what comes back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from reverie.core import At, Batch, Field, Loss, Model, Spec, Update
from reverie.training.seeds import generator, reseed

# functions that a forward pass calls by themselves, without a module: they are layers to a person who looks
FUNCTIONS: dict[Any, str] = {
    F.relu: "relu",
    F.leaky_relu: "leaky_relu",
    F.gelu: "gelu",
    F.silu: "silu",
    F.elu: "elu",
    F.softmax: "softmax",
    torch.relu: "relu",
    torch.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.softmax: "softmax",
    Tensor.relu: "relu",
    Tensor.tanh: "tanh",
    Tensor.sigmoid: "sigmoid",
    Tensor.softmax: "softmax",
    F.scaled_dot_product_attention: "attention",
}
STILL = 1e-6  # of the layer's own deviation: a unit that moves less says the same for every item


@dataclass
class Layer:
    """One layer in one update's turn."""

    name: str  # its path in the model; a function's is its caller's path and its own name
    kind: str
    shape: tuple[int, ...]  # of its output, the batch first
    mean: float  # of its output
    deviation: float  # of its output
    dead: float  # share of units (channels, features) whose output is the same for all items and places
    parameters: int  # its own
    signal: float | None = None  # norm of the loss's gradient by the output; None where none comes back
    gradient: float | None = None  # norm of the loss's gradient by its own parameters; None where it has none to learn
    calls: int = 1  # in this turn; the values are the first one's


@dataclass
class Turn:
    """One update: its loss, a mean over items or tokens, and its layers in the order in which they are met."""

    optimizer: str
    loss: float
    layers: list[Layer] = field(default_factory=list)


def turns(model: Model, batch: Batch, seed: int = 0) -> list[Turn]:
    """Each update's loss on the batch, forward and backward, in training mode; the model's weights stay as they are.
    The gradients are of the mean loss an item or token. Like in training, an update frees its own parameters alone."""
    held = {k: [p for g in o.param_groups for p in g["params"]] for k, o in model.optimizers().items()}
    model.train()
    made = []
    for update in model.updates():
        model.zero_grad(set_to_none=True)
        model.requires_grad_(False)
        for p in held[update.optimizer]:
            p.requires_grad_(True)
        reseed(seed, "layers", update.optimizer)
        made.append(turn(model, update, batch))
    model.requires_grad_(True)
    model.zero_grad(set_to_none=True)
    # a function of the model itself that nothing ever comes back through, such as a sigmoid that is logged, is no layer
    passed = {layer.name for turn in made for layer in turn.layers if layer.signal is not None}
    bare = set(FUNCTIONS.values()) - passed
    return [replace(turn, layers=[layer for layer in turn.layers if layer.name not in bare]) for turn in made]


def turn(model: Model, update: Update, batch: Batch) -> Turn:
    at = At(0, 0, 1)
    with Watch(model) as watch:
        loss: Loss = update.loss(batch, at)
        mean = loss.total / loss.count
        mean.backward()  # type: ignore[no-untyped-call]
    for path, module in model.named_modules():
        grads = [p.grad for p in module.parameters(recurse=False) if p.grad is not None]
        if grads and path in watch.layers:
            watch.layers[path].gradient = norm(grads)
    return Turn(update.optimizer, float(mean.detach()), list(watch.layers.values()))


class Watch(TorchFunctionMode):
    """Records the outputs of modules without children, of modules with parameters of their own, and of FUNCTIONS."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.layers = model, dict[str, Layer]()
        self.inside: list[tuple[str, bool]] = [("", False)]  # modules in whose forward we are: path, is a leaf
        self.quiet = False  # while we compute statistics ourselves

    def __enter__(self) -> Watch:
        self.hooks = [h for path, m in self.model.named_modules() for h in self.hooked(path, m)]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for hook in self.hooks:
            hook.remove()

    def hooked(self, path: str, module: nn.Module) -> Iterator[Any]:
        leaf = not any(module.children())
        watched = bool(path) and (leaf or any(True for _ in module.parameters(recurse=False)))

        def before(m: nn.Module, inputs: Any) -> None:
            self.inside.append((path, leaf))

        def after(m: nn.Module, inputs: Any, output: Any) -> None:
            self.inside.pop()
            if watched and isinstance(output, Tensor):
                self.record(path, type(m).__name__, output, sum(p.numel() for p in m.parameters(recurse=False)))

        yield module.register_forward_pre_hook(before)
        yield module.register_forward_hook(after, always_call=False)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        name = FUNCTIONS.get(function)
        path, leaf = self.inside[-1]
        # a leaf module's own function is the leaf
        if name and not leaf and not self.quiet and isinstance(output, Tensor):
            self.record(f"{path}.{name}".lstrip("."), name, output, 0)
        return output

    def record(self, name: str, kind: str, output: Tensor, parameters: int) -> None:
        if name in self.layers and kind in FUNCTIONS.values() and self.layers[name].calls:
            name = self.numbered(name, output)
        if name in self.layers:
            self.layers[name].calls += 1
            return
        with self.silence(), torch.no_grad():
            x = output.detach().double()
            layer = Layer(name, kind, tuple(x.shape), x.mean().item(), deviation(x), dead(x), parameters)
        self.layers[name] = layer
        if output.requires_grad:
            output.register_hook(self.receiver(layer))  # type: ignore[no-untyped-call]

    def numbered(self, name: str, output: Tensor) -> str:
        """A function that one module calls several times on its way: relu, relu_2 …, told apart by their shapes."""
        known = [name, *(f"{name}_{k}" for k in range(2, 1000))]
        return next(n for n in known if n not in self.layers or self.layers[n].shape == tuple(output.shape))

    def receiver(self, layer: Layer) -> Callable[[Tensor], None]:
        def receive(gradient: Tensor) -> None:
            layer.signal = norm([gradient])

        return receive

    @contextmanager
    def silence(self) -> Iterator[None]:
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before


def norm(tensors: Sequence[Tensor]) -> float:
    """Of all numbers together."""
    return float(sum(float(t.detach().double().square().sum()) for t in tensors) ** 0.5)


def deviation(x: Tensor) -> float:
    return float(x.std(correction=0)) if x.numel() else 0.0


def dead(x: Tensor) -> float:
    """Share of units with one and the same output for all items and places: (B, C, …) has C units, (B, T, C) too.

    So found are units of a ReLU that never open, and whatever a saturated layer no longer passes on."""
    if x.ndim < 2 or x.numel() == 0:
        return 0.0
    units = x.flatten(0, 1) if x.ndim == 3 else x.transpose(0, 1).flatten(1).T  # (values, units)
    spread = units.amax(0) - units.amin(0)
    scale = max(deviation(x), torch.finfo(torch.float32).tiny)
    return float((spread <= STILL * scale).double().mean())


def random_batch(spec: Spec, count: int, seed: int = 0) -> Batch:
    """Values that fit a spec: each number uniform in its range (on its grid), each category as likely."""
    g = generator(seed, "layers", "data")

    def draw(f: Field) -> Tensor:
        if f.categories:
            return torch.randint(f.categories, (count, *f.shape), generator=g)
        unit = torch.rand(count, *f.shape, generator=g)
        return f.from_unit((unit * (f.levels - 1)).round() / (f.levels - 1) if f.levels > 1 else unit)

    def drawn(fields: Mapping[str, Field]) -> Batch:
        lengths = {k: torch.full((count,), f.shape[0]) for k, f in fields.items() if f.length}
        return Batch({k: draw(f) for k, f in fields.items()}, lengths)

    known = {**spec.condition, **spec.target}
    if not spec.domains:
        return drawn({**spec.fields, **known})
    return Batch(drawn(known).values, domains={name: drawn(spec.fields) for name in spec.domains})
