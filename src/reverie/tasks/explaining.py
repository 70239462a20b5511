"""One item at a time: how its answer is explained, by the form of what the model sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.core import Batch, Items
from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.spec import Field
from reverie.training.seeds import generator

from . import attribution
from .explained import Cells, Piece, Pixels, Signal, Words
from .questions import question, said, score

if TYPE_CHECKING:
    from reverie.training.run import Run

    from .explain import Ask

BASELINES = ("black", "mean", "zero", "noise")
SEED = 20_170_304  # of the noise
UNKNOWN = 1  # the token of a word that training has not seen
STEPS = 64  # where nobody says
AVERAGED = 1_000  # training items of a mean baseline


def one(run: Run, items: Items, k: int) -> Batch:
    return items.take(torch.tensor([k])).to(run.device)


def of_numbers(
    run: Run, method: str, unseen: Unseen, which: range, ask: Ask, notes: list[str]
) -> tuple[dict[str, list[Any]], list[Piece]]:
    """Pictures, sounds and series, by gradients."""
    name, field = run.spec.only
    begin, how = baseline(run, field, name, ask.baseline) if method == "gradients" else (None, "")
    columns: dict[str, list[Any]] = {"item": [], "of": [], "answer": []}
    pieces: list[Piece] = []
    for k in which:
        batch = one(run, unseen.items, k)
        asked = question(run, said(run, batch), ask.of)
        if begin is None:
            found = attribution.saliency(score(run, asked), batch, name)
            row: dict[str, Any] = {}
        else:
            point = begin(batch[name], length(batch, name))
            found = attribution.integrated_gradients(score(run, asked), batch, name, point, ask.steps or STEPS)
            row = {"baseline": found.baseline, "sum": float(found.values.sum()), "residual": found.residual}
            row["steps"] = found.steps
        row = {"item": unseen.names[k], "of": asked.name, "answer": found.answer, **row}
        for head, value in row.items():
            columns.setdefault(head, []).append(value)
        pieces.append(piece(run, f"{unseen.names[k]}: {asked.name}", batch, found.values.float().numpy()))
    if begin is not None:
        notes.append(f"baseline: {how}")
        notes.append(completeness(columns))
    return columns, pieces


def completeness(columns: Mapping[str, Sequence[float]]) -> str:
    """What the sums miss of the change that they explain, at most."""
    shares = [
        abs(missed) / max(abs(answer - base), 1e-12)
        for missed, answer, base in zip(columns["residual"], columns["answer"], columns["baseline"])
    ]
    said = f"the weights of an item sum to its answer's difference from the baseline, but for {max(shares):.2%} at most"
    return said if max(shares) <= 0.05 else f"{said}: pass more --steps than {max(columns['steps'])}"


def baseline(run: Run, field: Field, name: str, wish: str) -> tuple[Callable[[Tensor, int], Tensor], str]:
    """What the way of integrated gradients to an item (1, *shape), so much of which is there, begins at; and what to
    say of it. What is as the baseline itself gets no weight: the paper's black picture makes dark things invisible, so
    pictures begin at their mean, where the data is there. Raises Problem."""
    standard = field.low == field.high  # without bounds, mean 0 and deviation 1
    kind = wish or ("noise" if field.rate else "zero" if standard else "mean")
    other = "" if wish else "; --baseline names another"
    if kind not in BASELINES:
        raise Problem(f"--baseline {kind}: no such baseline. There are: {', '.join(BASELINES)}")
    if kind == "black" and (standard or field.rate):
        raise Problem("--baseline black: only pictures have a black. Pass --baseline zero")
    if kind == "mean":
        try:
            train = run.prepared.train
            count = min(AVERAGED, len(train))
            mean = train.take(torch.arange(count) * len(train) // count)[name].mean(0)
            return lambda x, length: cut(mean.to(x), x), f"the mean of {count:,} training items{other}"
        except Problem:
            if wish:
                raise
            kind = "black"
    if kind == "noise":
        # silence is a poor start: a network that hears in decibels makes everything of the first whisper after it
        return noise, f"white noise with the item's own mean and deviation{other}"
    plain = "the mean of the training rows" if standard else "silence" if field.rate else "a grey picture"
    said = "a black picture: what is black itself has no weight" if kind == "black" else plain
    value = field.low if kind == "black" else (field.low + field.high) / 2
    return lambda x, length: torch.full_like(x[0], value), said + other


def noise(x: Tensor, length: int) -> Tensor:
    """The same chance for every item."""
    there = x[0, :length]
    drawn = torch.randn(x.shape[1:], generator=generator(SEED, "noise")).to(x)
    point = there.mean() + there.std(correction=0) * drawn
    point[length:] = x[0, length:]
    return point


def cut(point: Tensor, x: Tensor) -> Tensor:
    """To the length of an item (1, *shape)."""
    return point[tuple(slice(0, n) for n in x.shape[1:])]


def length(batch: Batch, name: str) -> int:
    """Of one item, along its first axis."""
    return int(batch.lengths[name][0]) if name in batch.lengths else batch[name].shape[1]


def piece(run: Run, title: str, batch: Batch, weights: np.ndarray) -> Piece:
    """The weights (*shape) of a picture or a signal, beside what they are of."""
    name, field = run.spec.only
    x = batch[name].cpu()
    if len(field.shape) == 3:
        picture = field.to_unit(x[0]).permute(1, 2, 0).numpy()
        return Pixels(title, picture, weights.sum(0))
    count = length(batch, name)
    values = np.asarray(run.codec.decode({name: x})[0], dtype=float).reshape(x.shape[1], -1)[:count]
    weights = weights.reshape(weights.shape[0], -1)[:count]
    names = field.names if len(field.names) == values.shape[1] else ()
    names = names or tuple(f"{name} {c + 1}" if values.shape[1] > 1 else name for c in range(values.shape[1]))
    return Signal(title, values, weights, names, field.rate)


# --------------------------------------------------------------------------------------------------- rows and sentences


def of_rows(
    run: Run, method: str, unseen: Unseen, which: range, ask: Ask, notes: list[str]
) -> tuple[dict[str, list[Any]], list[Piece]]:
    """Rows of a table, each column in turn at its mean or its most frequent value."""
    points = usual_values(run, unseen, notes)
    spoken = spoken_values(run, points)
    columns: dict[str, list[Any]] = {"item": [], "of": [], "answer": []}
    pieces: list[Piece] = []
    raws = unseen.items.raw(torch.tensor(list(which)))
    for k in which:
        batch = one(run, unseen.items, k)
        asked = question(run, said(run, batch), ask.of)
        answer, falls = attribution.without_columns(score(run, asked), batch, points)
        for head, value in (("item", unseen.names[k]), ("of", asked.name), ("answer", float(answer))):
            columns[head].append(value)
        cells = tuple("" if raws[k][name] is None else str(raws[k][name]) for name in points)
        title = f"{unseen.names[k]}: {asked.name}"
        pieces.append(Cells(title, tuple(points), cells, spoken, falls[0].numpy()))
    notes.append("baseline: each column's mean or most frequent value, the others as they are")
    return columns, pieces


def usual_values(run: Run, unseen: Unseen, notes: list[str]) -> dict[str, float | int]:
    """Of each column what the codec makes of its mean, or its most frequent category in the training part."""
    try:
        items = run.prepared.train
    except Problem as problem:
        items = unseen.items
        notes.append(f"{problem}; what is most frequent is counted in the files")
    batch = items.take(torch.arange(len(items)))
    counted = {k: torch.bincount(batch[k]).argmax() for k, field in run.spec.fields.items() if field.categories}
    return {k: int(counted[k]) if k in counted else 0.0 for k in run.spec.fields}


def spoken_values(run: Run, points: Mapping[str, float | int]) -> tuple[str, ...]:
    """The same as the data has them."""
    values = {k: torch.tensor([value]) for k, value in points.items()}
    (row,) = run.codec.decode(values)
    return tuple(f"{row[k]:.6g}" if isinstance(row[k], float) else str(row[k]) for k in points)


def of_tokens(
    run: Run, method: str, unseen: Unseen, which: range, ask: Ask, notes: list[str]
) -> tuple[dict[str, list[Any]], list[Piece]]:
    """Sentences, each token in turn unknown."""
    name, _ = run.spec.only
    columns: dict[str, list[Any]] = {"item": [], "of": [], "answer": []}
    pieces: list[Piece] = []
    for k in which:
        batch = one(run, unseen.items, k)
        asked = question(run, said(run, batch), ask.of)
        answer, falls = attribution.without_tokens(score(run, asked), batch, name, UNKNOWN)
        for head, value in (("item", unseen.names[k]), ("of", asked.name), ("answer", answer)):
            columns[head].append(value)
        tokens = batch[name][0, : len(falls), None].cpu()
        words = tuple(str(word) for word in run.codec.decode({name: tokens}))
        pieces.append(Words(f"{unseen.names[k]}: {asked.name}", words, falls.numpy()))
    notes.append("each word in turn is replaced by an unknown one")
    return columns, pieces
