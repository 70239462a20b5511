"""A model's network in the ONNX format, of any batch size, run beside the original by onnxruntime."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from reverie.core import Batch, Conditioned, Exports, Field, Model, Network, Predicts, Samples
from reverie.errors import Problem
from reverie.training.seeds import generator

from .export import TOLERANCE, difference

if TYPE_CHECKING:
    from reverie.training.run import Run

EMBEDDED = 1_900_000_000  # bytes of weights that one file holds: the format ends at 2 GiB
TRACED = 2  # items that the network is traced with
BATCHES = (1, 5)  # sizes that it is checked with
DRAWS = 1_000  # inputs that the description's numbers are taken over


class Sampler(nn.Module):
    """noise, and one value for each condition -> the fields of the items."""

    def __init__(self, model: Model, conditions: tuple[str, ...], how: Any):
        super().__init__()
        self.model, self.conditions, self.how = model, conditions, how

    def forward(self, noise: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        assert isinstance(self.model, Samples)
        made = self.model.sample(noise, dict(zip(self.conditions, values)), self.how)
        return tuple(made[name] for name in self.model.spec.fields)


class Predictor(nn.Module):
    """One field of the items -> the target's logits or numbers."""

    def __init__(self, model: Model):
        super().__init__()
        self.model, self.name = model, model.spec.only[0]

    def forward(self, items: Tensor) -> Tensor:
        assert isinstance(self.model, Predicts)
        return self.model.predict(Batch({self.name: items}))


def network(run: Run, model: Model) -> Network:
    """What leaves. Raises Problem for a model that neither samples nor predicts."""
    if isinstance(model, Exports):
        return model.network()
    if isinstance(model, Samples):
        names = model.conditions if isinstance(model, Conditioned) else ()
        how = run.sampling() if run.sampling else None

        def draw(chance: torch.Generator) -> dict[str, Tensor]:
            labels = {name: value(run.spec.condition[name], chance) for name in names}
            return {"noise": model.noise(chance, how), **labels}

        return Network(Sampler(model, names, how), draw, tuple(run.spec.fields))
    if isinstance(model, Predicts):
        name, field = run.spec.only
        return Network(Predictor(model), lambda chance: {name: value(field, chance)}, ("prediction",))
    raise Problem(f"{run.info['model']}: neither samples nor predicts. Export it by --format safetensors")


def value(field: Field, chance: torch.Generator) -> Tensor:
    """A random one of a field."""
    if field.categories:
        return torch.randint(field.categories, field.shape, generator=chance)
    return field.from_unit(torch.rand(field.shape, generator=chance))


def inputs(found: Network, count: int, seed: int) -> dict[str, Tensor]:
    """Fresh ones of `count` items."""
    items = [found.draw(generator("export", seed, i)) for i in range(count)]
    return {name: torch.stack([item[name] for item in items]) for name in items[0]}


@torch.no_grad()
def write(run: Run, model: Model, file: Path) -> dict[str, Any]:
    """Writes the file, compares it with the model, and says what goes in and out. Raises Problem."""
    found = network(run, model)
    found.module.eval()
    size = sum(t.numel() * t.element_size() for t in found.module.state_dict().values())
    try:
        with quiet():
            traced(found).save(file, external_data=size > EMBEDDED)
    except torch.onnx.errors.OnnxExporterError as error:
        why = " ".join(str(error.__cause__ or error).split())[:120]
        cure = "Export it by --format safetensors"
        raise Problem(f"--format onnx: {run.info['model']} can't be written so ({why}). {cure}") from error
    gap = compared(found, file)
    if not gap <= TOLERANCE:
        cure = "Export it by --format safetensors"
        raise Problem(f"--format onnx: the file's output differs by {gap:.2g}, and {TOLERANCE:g} is allowed. {cure}")
    import onnxruntime

    how = f"onnxruntime {onnxruntime.__version__}, fresh inputs, batches of {' and '.join(map(str, BATCHES))}"
    check = {"difference": gap, "tolerance": TOLERANCE, "how": how}
    return {"inputs": described(found), "outputs": list(found.outputs), "check": check}


def traced(found: Network) -> torch.onnx.ONNXProgram:
    """The network with its batch axis, and what other axes it names, left free; without the exporter's notes, which
    hold the source's paths."""
    example = inputs(found, TRACED, seed=0)
    batch = torch.export.Dim("batch")
    shapes: list[Any] = []
    for name in example:
        free = {axis: torch.export.Dim(word, max=most) for axis, (word, most) in found.axes.get(name, {}).items()}
        shapes.append({0: batch, **free})
    if isinstance(found.module, Sampler) and len(shapes) > 1:  # what follows the noise is one tuple to the tracer
        shapes = [shapes[0], tuple(shapes[1:])]
    program = torch.onnx.export(
        found.module,
        tuple(example.values()),
        dynamo=True,
        dynamic_shapes=tuple(shapes),
        input_names=list(example),
        output_names=list(found.outputs),
        verbose=False,
    )
    assert program is not None
    graph = program.model.graph
    graph.metadata_props.clear()
    for node in graph.all_nodes():
        node.metadata_props.clear()
    for known in (*graph.inputs, *graph.initializers.values(), *(v for n in graph.all_nodes() for v in n.outputs)):
        known.metadata_props.clear()
    return program


def compared(found: Network, file: Path) -> float:
    """Largest difference from the file's output, over batches and, where an axis is free, its shortest and longest."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed, count in enumerate(BATCHES, 1):
        whole = inputs(found, count, seed)
        for given in (whole, {name: shortest(x, found.axes.get(name, {})) for name, x in whole.items()}):
            ours = found.module(*given.values())
            theirs = session.run(list(found.outputs), {name: x.numpy() for name, x in given.items()})
            for a, b in zip(ours if isinstance(ours, tuple) else (ours,), theirs, strict=True):
                worst = max(worst, difference(a, torch.from_numpy(b)))
    return worst


def shortest(x: Tensor, axes: Mapping[int, tuple[str, int]]) -> Tensor:
    for axis in axes:
        x = x.narrow(axis, 0, 1)
    return x


def described(found: Network) -> list[dict[str, Any]]:
    """Each input: its shape and, as many programs must make it themselves, how it is spread over random draws."""
    drawn, rows = inputs(found, DRAWS, seed=0), []
    for name, x in drawn.items():
        free = found.axes.get(name, {})
        shape = ["batch", *(free[axis][0] if axis in free else size for axis, size in enumerate(x.shape) if axis)]
        numbers = x.double()
        spread = {
            "lowest": float(numbers.min()),
            "highest": float(numbers.max()),
            "mean": float(numbers.mean()),
            "deviation": float(numbers.std(correction=0)),
        }
        longest = dict(free.values())
        kind = str(x.dtype).removeprefix("torch.")
        rows.append({"name": name, "shape": shape, "longest": longest, "type": kind, "draws": DRAWS, **spread})
    return rows


@contextmanager
def quiet() -> Iterator[None]:
    """Without the exporter's own remarks (packages that are not needed, functions that torch will rename)."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
