"""The path from one item to another through the codes between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.core import Batch, Items, Latents, Samples
from reverie.errors import Problem
from reverie.kinds.find import module
from reverie.maths.paths import evened, straight, unevenness
from reverie.maths.paths import spherical as arc
from reverie.metrics import features
from reverie.training.files import write, write_text

from .codes import able, decoded, encoded, files
from .explain import inputs
from .latent import among, called, items_of, points, space_of
from .project import projected
from .sample import BLOCK, block, conditions, options
from .sheet import sheet, shown
from .vectors import parts, raw_of

if TYPE_CHECKING:
    from reverie.training.run import Run

FRAME = 120  # milliseconds of a picture in the animation
MOST = 1_000  # items on a path
ENDS = 4  # frames that either end stays
FINE = 8  # places between two steps by which a path is evened


@dataclass(frozen=True)
class Between:
    """`raw`: the items along the path, both ends with it, in the data's own form."""

    kind: str
    raw: Any
    ends: Any | None  # the two items themselves, where there are some
    uneven: float  # longest step over mean step; NaN where the path goes nowhere
    space: str  # in which steps are measured
    words: tuple[str, str]  # what the ends are called
    notes: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return len(self.raw)

    def save(self, file: str | Path) -> Path:
        """Pictures as a strip, PNG, the two items themselves at its ends; else as the kind shows several items. Raises
        NoRoom."""
        place = Path(file)
        if isinstance(self.raw[0], str):
            write_text(place, "\n".join(self.raw) + "\n")
            return place
        if self.kind != "image":
            module(self.kind).show(self.raw, place)
            return place
        made, heads = list(shown(self.raw)), [f"{k / (self.steps - 1):.2f}" for k in range(self.steps)]
        if self.ends is not None:
            a, b = shown(self.ends)
            made, heads = [a, *made, b], ["A", *heads, "B"]
        page = sheet([made], heads=heads)
        write(place, lambda part: page.save(part, "PNG"))
        return place

    def animate(self, file: str | Path) -> Path:
        """There and back, a GIF. Raises Problem where items are no pictures; NoRoom."""
        if self.kind != "image":
            raise Problem(f"--gif {file}: only pictures move, and this run makes {self.kind}. Leave it out")
        frames = [Image.fromarray(one) for one in shown(self.raw)]
        order = [*frames, *frames[-2:0:-1]]
        times = [FRAME * (ENDS if one is frames[0] or one is frames[-1] else 1) for one in order]
        first, *rest = order

        def fill(part: Path) -> None:
            first.save(part, "GIF", save_all=True, append_images=rest, duration=times, loop=0)

        write(Path(file), fill)
        return Path(file)


def interpolate(
    run: Run,
    a: str = "",
    b: str = "",
    *,
    steps: int = 10,
    spherical: bool = False,
    even: bool = False,
    seed: int = 0,
    space: str = "",
) -> Between:
    """Items on the way from a to b, both with it: files of one item each, of sentences also the words themselves, or
    one file of two items. Without them from sample 0 to sample 1 of that seed. Codes lie on a straight line, or on an
    arc; `even`: at places of it where each step changes the item as much as the others, in the values that the model
    sees. `space` names the space that they are of, of a model whose samples come from codes but which has no encoder:
    there the pictures a and b are projected first. Raises Problem."""
    if steps < 2:
        raise Problem(f"--steps {steps}: a path has two ends. Give 2 or more")
    if steps > MOST:
        raise Problem(f"--steps {steps}: more items than a page holds. Give {MOST:,} or fewer")
    if even and inputs(run.spec) == "tokens":
        raise Problem("--even: of items that are numbers, and these are tokens. Leave it out")
    along = Along(run, arc if spherical else straight, steps, even)
    if space or (isinstance(run.model, Latents) and "encode" not in run.family.abilities):
        return through(run, space_of(run, space), along, seed, [one for one in (a, b) if one])
    able(run, "encode", "decode")
    if a:
        batch, ends, named, notes = given(run, a, b)
    else:
        batch, ends, named, notes = drawn(run, seed)
    codes = encoded(run, batch)
    path = along.walked(codes[0], codes[1], lambda between, _: decoded(run, between))
    return measured(run, path, ends, named, notes)


@dataclass(frozen=True)
class Along:
    """A way between two codes."""

    run: Run
    way: Callable[[Tensor, Tensor, int | Tensor], Tensor]
    steps: int
    even: bool

    def walked(self, a: Tensor, b: Tensor, make: Callable[[Tensor, Tensor], dict[str, Tensor]]) -> dict[str, Tensor]:
        """What lies on the way from code a to code b; `make`: items of codes (n, d) at places from 0 to 1 (n,)."""
        at = torch.linspace(0, 1, self.steps, dtype=a.dtype)
        if self.even:
            fine = torch.linspace(0, 1, FINE * (self.steps - 1) + 1, dtype=a.dtype)
            at = evened(values(self.run, make(self.way(a, b, fine), fine)).double(), self.steps).to(a.dtype)
        return make(self.way(a, b, at), at)


def values(run: Run, path: dict[str, Tensor]) -> Tensor:
    """Items as the model sees them: (n, D)."""
    return torch.cat(parts(run.spec, Batch({k: v for k, v in path.items() if k in run.spec.fields})), 1)


def measured(run: Run, path: dict[str, Tensor], ends: Any, named: tuple[str, str], notes: list[str]) -> Between:
    raw = raw_of(run, path)
    if inputs(run.spec) == "pictures":
        judge = features.default(max(run.spec.only[1].shape[1:]))
        points, space = judge(raw), judge.name
    else:
        points = values(run, path)
        space = "the values that the model sees" if inputs(run.spec) != "tokens" else "counts of words"
    uneven = unevenness(points.double())
    if isnan(uneven):
        notes.append("the path goes nowhere: every item on it is the same")
    return Between(run.spec.kind, raw, ends, uneven, space, named, notes)


# ----------------------------------------------------------------------------------------------------------- both ends


class Two:
    """Items in one batch, and as they are."""

    def __init__(self, batch: Batch, held: Any):
        self.batch, self.held = batch, held

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        named = (self.batch.values, self.batch.lengths, self.batch.masks)
        values, lengths, masks = ({k: v[index] for k, v in one.items()} for one in named)
        return Batch(values, lengths, masks)

    def raw(self, index: Tensor) -> Any:
        return self.held[index.numpy()] if isinstance(self.held, np.ndarray) else [self.held[i] for i in index.tolist()]


Ends = tuple[Items, Any, tuple[str, str], list[str]]


def given(run: Run, a: str, b: str) -> Ends:
    """The items that a person named. Raises Problem."""
    names = [name for name in (a, b) if name]
    if inputs(run.spec) == "tokens" and not any(Path(name).exists() for name in names):
        if not b:
            raise Problem(f"{a}: the path to where? Name a second sentence")
        batch = run.codec.encode([a, b])
        return Two(batch, [a, b]), [a, b], (a, b), []
    unseen = [files(run, [name]) for name in names]
    counts = [len(one.items) for one in unseen]
    if sum(counts) != 2:
        said = ", ".join(f"{name} holds {count:,}" for name, count in zip(names, counts))
        raise Problem(f"{said}: a path takes two items. Name two files of one item, or one of two")
    held = [one.items.raw(torch.arange(len(one.items))) for one in unseen]
    ends = np.concatenate(held) if isinstance(held[0], np.ndarray) else [item for part in held for item in part]
    called = [name for one in unseen for name in one.names]
    items = unseen[0].items if len(unseen) == 1 else Two(run.codec.encode(ends), ends)
    return items, ends, (called[0], called[1]), [note for one in unseen for note in one.notes]


def drawn(run: Run, seed: int) -> Ends:
    """Samples 0 and 1 of that seed, read as data would be. Raises Problem where the model makes none."""
    if not isinstance(run.model, Samples):
        raise Problem(f"{run.family.name} makes no samples. Name two items: reverie interpolate {run.path} A B")
    fields = block(run.model, run.spec, range(BLOCK), seed, options(run.sampling, {}), None)
    raw = run.codec.decode({name: value[:2].cpu() for name, value in fields.items()})
    batch = run.codec.encode(raw)
    labels = {k: v[:2] for k, v in conditions(run.spec, range(2), seed, None, torch.device("cpu")).items()}
    batch = Batch({**batch.values, **labels}, batch.lengths, batch.masks)
    return Two(batch, raw), raw, ("sample 0", "sample 1"), [f"between samples 0 and 1 of seed {seed}"]


def through(run: Run, space: str, along: Along, seed: int, places: Sequence[str]) -> Between:
    """In a space that samples come from: between two projected pictures, each half of the path of the class that its
    end was found with; else between samples 0 and 1, all of sample 0's class, which is said."""
    ends = None
    if places:
        found = projected(run, places, space)
        codes, given, ends = found.codes, found.given, found.true
        first, second = (one["item"] for one in found.rows())
        named = (first, second)
        notes = [f"{one['item']}: projected, {one['psnr_db']:.1f} dB" for one in found.rows()] + found.notes
    else:
        codes, given = points(run, range(2), seed, space)
        named, notes = ("sample 0", "sample 1"), [f"between samples 0 and 1 of seed {seed}, in {space}"]
        if any(not torch.equal(*value) for value in given.values()):
            kept = f"label {called(run, given['label'])[0]}" if "label" in given else ", ".join(given)
            named = ("sample 0", "sample 1's code")
            notes.append(f"all with sample 0's {kept}: the path ends at sample 1's code, and not at sample 1 itself")

    def make(between: Tensor, at: Tensor) -> dict[str, Tensor]:
        whose = (at > 0.5).long().tolist() if places else [0] * len(at)
        return items_of(run, between, among(given, whose), space)

    path = along.walked(codes[0], codes[1], make)
    return measured(run, path, ends, named, notes)


def sentence(between: Between) -> Sequence[str]:
    """What is said of the path."""
    if isnan(between.uneven):
        return between.notes
    said = (
        f"longest step over mean step: {between.uneven:.3g} (1: even; at most {between.steps - 1}), in {between.space}"
    )
    return [*between.notes, said]
