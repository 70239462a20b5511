"""What a design has come to: the molecules of the agent that are asked for, beside those of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.molecule.properties import properties
from reverie.metrics.molecule.alerts import passes
from reverie.metrics.molecule.diversity import diversity
from reverie.metrics.molecule.prints import prints

from .design import BATCH, Designer, drawn
from .desired import Worth
from .wishes import RANGE, Wish

TRIES = 20  # times as many as are asked for are drawn, at most
TOLD = ("qed", "logp", "sa", "weight")  # properties that are told whatever the wish
FILTERED = 1_000  # training molecules that say how many pass the filters


@dataclass(frozen=True)
class Designed:
    """`names`: canonical SMILES, in the order in which they were drawn."""

    wishes: tuple[Wish, ...]
    names: list[str]
    scores: list[float]
    first: list[Worth]  # the first that were drawn, as many as were asked for: as they came
    drawn: int
    left: dict[str, int]  # why the others are not among them
    training: Sequence[str]
    known: frozenset[str] = frozenset()  # training molecules that stand among them
    course: list[dict[str, float]] = field(default_factory=list)  # what each step logged

    @property
    def told(self) -> tuple[str, ...]:
        """Properties that are shown: those wished for, then the usual ones."""
        return tuple(dict.fromkeys([*(wish.name for wish in self.wishes), *TOLD]))

    @cached_property
    def before(self) -> dict[str, np.ndarray]:
        return valued(self.training, self.told)

    @cached_property
    def after(self) -> dict[str, np.ndarray]:
        return valued(self.names, self.told)

    @cached_property
    def shifts(self) -> list[dict[str, Any]]:
        """A row a property: what was wished, means and deviations of training and of what was designed, the share of
        training molecules that are in the range that is asked for."""
        wished = {wish.name: wish for wish in self.wishes}
        rows = []
        for name in self.told:
            old, new, wish = self.before[name], self.after[name], wished.get(name)
            row: dict[str, Any] = {"property": name, "wish": wish.said if wish else ""}
            row |= {"training": float(old.mean()), "designed": float(new.mean()), "deviation": float(new.std())}
            row["usual"] = float(np.mean([wish.met(v) for v in old])) if wish and wish.how == RANGE else None
            rows.append(row)
        return rows

    @cached_property
    def facts(self) -> dict[str, float]:
        """Of all that were designed, and of the first that were drawn as they came."""
        valid = [one.name for one in self.first if one.name is not None]
        some = self.training[:FILTERED]
        raw = valued(valid, [wish.name for wish in self.wishes]) if valid else {}
        mean = {f"{name}_drawn": float(values.mean()) for name, values in raw.items()}
        return {
            "designed": len(self.names),
            "drawn": self.drawn,
            "valid": len(valid) / len(self.first),
            "unique": len(set(valid)) / len(valid) if valid else 0.0,
            "new": 1 - len(self.known) / len(self.names),
            "intdiv1": diversity(prints(self.names))[0],
            "intdiv1_drawn": diversity(prints(valid))[0] if valid else 0.0,
            "intdiv1_training": diversity(prints(self.training[: len(self.names)]))[0],
            "filters": float(np.mean([passes(name) for name in self.names])),
            "filters_drawn": float(np.mean([passes(name) for name in valid])) if valid else 0.0,
            "filters_training": float(np.mean([passes(name) for name in some])) if len(some) else 0.0,
            **mean,
        }

    def columns(self) -> dict[str, list[Any]]:
        """The table: the best first."""
        order = sorted(range(len(self.names)), key=lambda i: -self.scores[i])
        chosen = [self.names[i] for i in order]
        rows = [properties(name) or {} for name in chosen]
        named = {name: [round(row[name], 4) for row in rows] for name in rows[0]} if rows else {}
        new = [name not in self.known for name in chosen]
        return {"smiles": chosen, "score": [round(self.scores[i], 4) for i in order], "new": new, **named}


def valued(smiles: Sequence[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """(N,) of each property, of those that are molecules."""
    rows = [row for one in smiles if (row := properties(one, names)) is not None]
    return {name: np.array([row[name] for row in rows]) for name in names}


def designed(designer: Designer, count: int, course: list[dict[str, float]]) -> Designed:
    """The first so many different molecules of the agent that are in every range and pass what they are to pass. Raises
    Problem where there are none."""
    kept: dict[str, float] = {}
    first: list[Worth] = []
    left: Counter[str] = Counter()
    number, most = 0, TRIES * count + BATCH
    while len(kept) < count and number < most:
        batch = drawn(designer.agent, designer.run, range(number, number + BATCH), ("designed", designer.goal.seed))
        for worth in designer.desired(designer.run.codec.decode({designer.name: batch[designer.name].cpu()})):
            if len(kept) == count:
                break
            number += 1
            first += [worth] if len(first) < count else []
            why = reason(worth, kept)
            if why:
                left[why] += 1
            else:
                kept[str(worth.name)] = worth.score
    if not kept:
        raise Problem(
            f"{designer.run.path}: none of {number:,} drawn is what was asked for. Ask for less, or pass more --steps"
        )
    names = list(kept)
    return Designed(
        designer.goal.wishes, names, list(kept.values()), first, number, dict(left), designer.training,
        standing(designer, names), course,
    )  # fmt: skip


def reason(worth: Worth, kept: dict[str, float]) -> str:
    """Why a draw is not among what was asked for; "": it is."""
    if worth.name is None:
        return "no molecules"
    if worth.name in kept:
        return "drawn before"
    return "" if worth.wanted else "not as asked for"


def standing(designer: Designer, names: Sequence[str]) -> frozenset[str]:
    """Those that are training molecules, as the data writes them."""
    import torch

    train, found = designer.run.prepared.train, set[str]()
    wanted = set(names)
    for part in torch.split(torch.arange(len(train)), 65_536):
        found |= wanted.intersection(train.raw(part))
    return frozenset(found)
