"""Why a predictor answers as it does: what of an item its answer rests on, or which columns of a table it leans on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import torch

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.maths.targets import form
from reverie.spec import Spec

from .explained import Explanation
from .explaining import of_numbers, of_rows, of_tokens
from .fresh import read
from .importance import Importance, importance
from .predict import units
from .predictor import predictor, predicts
from .questions import named

if TYPE_CHECKING:
    from reverie.training.run import Run

Inputs = Literal["pictures", "signals", "columns", "tokens"]

METHODS: dict[str, tuple[Inputs, ...]] = {  # and what they can explain; of each the first that fits is taken
    "gradients": ("pictures", "signals"),
    "saliency": ("pictures", "signals"),
    "permutation": ("columns",),
    "occlusion": ("columns", "tokens"),
}
ITEMS, REPEATS = 24, 10  # where nobody says
JUDGED = 2_000  # rows by which columns are weighed, at most
FEWEST = 20  # rows below which a permutation says little


@dataclass(frozen=True)
class Ask:
    """What a person wants; 0 and "" are chosen, and said. Each field is a flag."""

    method: str = ""
    of: str = ""  # a class, label, number or channel; "": the one that is predicted
    baseline: str = ""
    steps: int = 0
    repeats: int = 0
    items: int = 0


USED = {
    "of": ("gradients", "saliency", "occlusion"),
    "items": ("gradients", "saliency", "occlusion"),
    "baseline": ("gradients",),
    "steps": ("gradients",),
    "repeats": ("permutation",),
}


def explain(run: Run, files: Sequence[str] = (), ask: Ask | None = None) -> Explanation:
    """Of pictures, sounds and series the inputs that each item's answer rests on, by integrated gradients or saliency;
    of a table's rows and of sentences by leaving one input out (occlusion); of a table as a whole how much the model
    leans on each column (permutation), on the files' rows where they say the answers, else, without files, on the
    held-out ones. Raises Problem."""
    wish = ask or Ask()
    if predicts(run) == "sequence":
        raise Problem(f"{run.path}: it predicts a sequence, and what is explained is one number. Take another run")
    what = inputs(run.spec)
    if wish.method and wish.method not in METHODS:
        raise Problem(f"--method {wish.method}: no such method. There are: {', '.join(METHODS)}")
    if wish.method and what not in METHODS[wish.method]:
        fitting = " or ".join(name for name, known in METHODS.items() if what in known)
        raise Problem(f"--method {wish.method}: not of {what}. Pass --method {fitting}")
    if not files and (what != "columns" or wish.method == "occlusion"):
        raise Problem("nothing to explain. Name files or folders after the run")
    unseen = read(run, files) if files else None
    method, notes = chosen(what, wish, unseen)
    unused(wish, method)
    if method == "permutation":
        return of_columns(run, unseen, wish, notes)
    assert unseen is not None
    return of_items(run, what, method, unseen, wish, notes)


def inputs(spec: Spec) -> Inputs:
    """What a model of that spec sees. Raises Problem."""
    found = list(spec.fields.values())
    if all(not field.shape for field in found):
        return "columns"
    if len(found) == 1:
        field, sides = found[0], len(found[0].shape)
        if field.categories and sides == 1:
            return "tokens"
        if not field.categories and sides in (1, 2):
            return "signals"
        if not field.categories and sides == 3:
            return "pictures"
    raise Problem(f"a {spec.kind} of {', '.join(spec.fields)}: neither a picture, a signal, a row nor a sentence")


def chosen(what: Inputs, ask: Ask, unseen: Unseen | None) -> tuple[str, list[str]]:
    """The method, and what to say of the choice. Raises Problem."""
    notes = [] if unseen is None else list(unseen.notes)
    if what != "columns" or ask.method:
        method = ask.method or next(name for name, known in METHODS.items() if what in known)
        if method == "permutation" and unseen is not None and not unseen.truth:
            raise Problem("--method permutation: the files don't say the answers. Name none, for the held-out rows")
        return method, notes
    if unseen is None or (unseen.truth and len(unseen.items) >= FEWEST):
        return "permutation", [*notes, "--method occlusion explains single rows"]
    why = f"fewer than {FEWEST} rows" if unseen.truth else "the files don't say the answers"
    return "occlusion", [*notes, f"row by row ({why}); without files, the columns are weighed on the held-out rows"]


def unused(ask: Ask, method: str) -> None:
    """Raises Problem for what the method has no use for."""
    for one in fields(ask):
        value = getattr(ask, one.name)
        if value and method not in USED.get(one.name, METHODS):
            raise Problem(f"--{one.name} {value}: only of {', '.join(USED[one.name])}; this is {method}. Leave it out")


def of_items(run: Run, what: Inputs, method: str, unseen: Unseen, ask: Ask, notes: list[str]) -> Explanation:
    """A row and a piece an item."""
    count = min(len(unseen.items), ask.items or ITEMS)
    if count < len(unseen.items):
        notes.append(f"the first {count:,} of {len(unseen.items):,} items; --items explains more")
    several = form(run.spec.predicted[1]) == "numbers" and len(named(*run.spec.predicted)) > 1
    if several and not ask.of:
        notes.append(f"--of explains another of {', '.join(named(*run.spec.predicted)[:20])}")
    make = {"pictures": of_numbers, "signals": of_numbers, "columns": of_rows, "tokens": of_tokens}[what]
    told = unit_note(run, method)
    columns, pieces = make(run, method, unseen, range(count), ask, notes)
    notes.append(told)
    columns["rests most on"] = [", ".join(piece.most()) for piece in pieces]
    return Explanation(method, columns, pieces, notes)


def unit_note(run: Run, method: str) -> str:
    name, target = run.spec.predicted
    own = "the answer's unit" if target.shape else f"the unit of {name}"
    unit = own if form(target) == "numbers" else "nats, of the answer's log-odds"
    if method == "saliency":
        return f"weights: size of the slope, {unit} for each unit of what the network sees"
    return f"weights in {unit}: above 0 they speak for the answer"


def of_columns(run: Run, unseen: Unseen | None, ask: Ask, notes: list[str]) -> Explanation:
    """How much the model leans on each column, the most first."""
    items = unseen.items if unseen else run.prepared.held_out
    if len(items) < 2:
        raise Problem(f"--method permutation: {len(items)} rows: none to change places with. Name files with answers")
    count = min(JUDGED, len(items))
    batch = items.take(torch.arange(count) * len(items) // count).to(run.device)
    answer = run.spec.predicted
    unit = torch.ones(answer[1].shape, dtype=torch.float64)
    if form(answer[1]) == "numbers":
        unit = torch.as_tensor((units(run, unit[None]) - units(run, 0 * unit[None]))[0])
    model = predictor(run)
    found = importance(model.predict, batch, list(run.spec.fields), answer, unit, ask.repeats or REPEATS)
    found.sort(key=lambda each: -each.loss)
    measure = "rmse" if form(answer[1]) == "numbers" else "error"
    columns: dict[str, list[Any]] = {
        measure if head == "measure" else head: list(values) for head, values in zip(Importance._fields, zip(*found))
    }
    of, loss = answer[0], "mean squared error" if measure == "rmse" else "nats an item"
    more = f"root mean squared error, in the unit of {of}" if measure == "rmse" else "share of wrong answers"
    where = "rows of the files" if unseen else "held-out rows"
    notes += [
        f"loss: by how much the {loss} rises when a column's values change places, with a 95 % interval",
        f"{measure}: by how much the {more} rises",
        f"{count:,} {where}, {ask.repeats or REPEATS} permutations of each column",
        "columns that say the same stand in for each other: each of them may look as if it didn't matter",
    ]
    return Explanation("permutation", columns, [], notes)
