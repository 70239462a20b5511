"""Where scores come from: the columns that were rebuilt worst, and the items of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reverie.core import Items, Spec

from .anomalies_page import Shown
from .codes import BLOCK, blocks
from .rebuilt import error, named, rebuilt
from .unlike import Looks, Usual

if TYPE_CHECKING:
    from reverie.training.run import Run

NAMES = 3  # columns that a row names
OFTEN = 2.0  # times the usual error, below which a column is not named


def of_columns(spec: Spec, seen: Looks, known: Usual) -> list[str]:
    """Of each item, the columns that were rebuilt worst against what is usual for them; [] where an item has but one,
    or nothing was rebuilt."""
    if seen.errors is None or known.errors is None or seen.errors.shape[1] < 2:
        return []
    names, ratio = named(spec), seen.errors / known.errors
    best = ratio.topk(min(NAMES, len(names)), dim=1)
    return [
        ", ".join(f"{names[k]} ({x:.3g} times)" for x, k in zip(values, places) if x >= OFTEN)
        for values, places in zip(best.values.tolist(), best.indices.tolist())
    ]


def lacking(spec: Spec, items: Items) -> list[list[str]]:
    """Of each item, the columns that hold nothing though no training item lacked them: a model sees their mean there,
    which is unlike nothing."""
    names = [name for name, field in spec.fields.items() if not field.shape and not field.missing]
    if not names:  # pictures and the like: nothing to read them once more for
        return [[] for _ in range(len(items))]
    out: list[list[str]] = []
    for batch, kept in blocks(items):
        gone = {name: ~batch.masks[name][:kept] for name in names if name in batch.masks}
        out += [[name for name, row in gone.items() if row[i]] for i in range(kept)]
    return out


@torch.inference_mode()
def shown(run: Run, items: Items, columns: Mapping[str, Sequence[Any]], known: Usual, worst: int) -> list[Shown]:
    """The items that score highest, beside what was rebuilt of them."""
    order = np.argsort(-np.array(columns["score"]), kind="stable")[:worst]
    out: list[Shown] = []
    for first in range(0, len(order), BLOCK):
        index = torch.from_numpy(order[first : first + BLOCK].copy())
        raw = items.raw(index)
        made, heat = again(run, items, index) if known.errors is not None else (None, None)
        for k, i in enumerate(index.tolist()):
            row = {name: values[i] for name, values in columns.items()}
            out.append(Shown(row, raw[k], None if made is None else made[k], None if heat is None else heat[k]))
    return out


def again(run: Run, items: Items, index: torch.Tensor) -> tuple[Any, np.ndarray | None]:
    """What is rebuilt of those items, raw, and of pictures the error of each pixel (N, H, W), over its channels."""
    filled = torch.cat([index, index[-1:].expand(BLOCK - len(index))])  # as in scoring: a block is always whole
    batch = items.take(filled).to(run.device)
    made = rebuilt(run.model, batch)
    raw = run.codec.decode({name: value[: len(index)].cpu() for name, value in made.items()})
    name, field = next(iter(run.spec.fields.items()))
    if len(run.spec.fields) > 1 or len(field.shape) != 3 or field.categories:
        return raw, None
    size = error(name, field, batch, made[name])[0][: len(index)]
    return raw, size.view(-1, *field.shape).sum(1).sqrt().cpu().numpy()
