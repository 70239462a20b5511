"""Columns that give the answer away."""

from __future__ import annotations

import numpy as np

from .codec import Codec
from .files import Table

NEAR = 0.9  # rank correlation with a numeric target from which a column is suspect
SURE = 0.99  # share of rows whose class one column alone says; area under the curve of a number and two classes
FEW = 5  # rows of a class below which the area under its curve is chance
LEAST = 30  # rows without which nothing can be said


def leaks(table: Table, codec: Codec, rows: np.ndarray) -> list[str]:
    """A line for each column that alone follows the target so closely that it may be made from it. From the training
    part."""
    if len(rows) < LEAST:
        return []
    target, found = codec.target, []
    places = rows.tolist()
    truth, _ = target.encode([table.columns[target.name][i] for i in places], table.place)
    truths = dict(zip(target.names, truth.T)) if target.type == "labels" else {target.name: truth}
    for column in codec.columns:
        if column.type == "molecule":
            continue
        values, there = column.encode([table.columns[column.name][i] for i in places], table.place)
        if there.sum() < LEAST:
            continue
        for name, answers in truths.items():
            said = (_rank if target.type == "number" else _classes)(column.type, values[there], answers[there])
            if said:
                cure = f"if it is made from it, leave it out: --drop {column.name!r}"
                found.append(f"{column.name} follows {name} closely ({said}): {cure}")
    return found


def _rank(kind: str, values: np.ndarray, truth: np.ndarray) -> str:
    from scipy.stats import spearmanr

    if kind not in ("number", "date") or len(np.unique(values)) < 3:
        return ""
    near = abs(float(spearmanr(values, truth).statistic))
    return f"rank correlation {near:.2f}" if near >= NEAR else ""


def _ordered(values: np.ndarray, truth: np.ndarray) -> str:
    """Of two classes: the area under the ROC curve, which is Mann and Whitney's U over its largest value. Of more: are
    neighbours in the column's order of one class, far more often than by chance?"""
    from scipy.stats import rankdata

    counts = np.bincount(truth)
    counts = counts[counts > 0]
    if len(counts) == 2:
        if counts.min() < FEW:
            return ""
        one = truth == truth.max()
        area = (rankdata(values)[one].sum() - one.sum() * (one.sum() + 1) / 2) / counts.prod()
        area = max(float(area), 1 - float(area))
        return f"area under the curve {area:.3f}" if area >= SURE else ""
    ranked = truth[np.argsort(values, kind="stable")]
    changes = int((ranked[1:] != ranked[:-1]).sum())
    by_chance = len(truth) * (1 - float(np.square(counts / len(truth)).sum()))
    if by_chance >= LEAST and changes <= max(len(counts) - 1, 2 * (1 - SURE) * by_chance):
        return f"in its order the class changes {changes} times in {len(truth):,} rows"
    return ""


def _classes(kind: str, values: np.ndarray, truth: np.ndarray) -> str:
    """How often the column's value alone says the class. Values that are almost all different say nothing by that."""
    order, place = np.unique(values, return_inverse=True)
    if kind in ("number", "date") and len(order) > 20:
        return _ordered(values, truth)
    if len(order) > len(values) // 5:
        return ""
    table = np.zeros((len(order), int(truth.max()) + 1))
    np.add.at(table, (place.reshape(-1), truth), 1)
    right = float(table.max(1).sum() / len(truth))
    often = float(table.sum(0).max() / len(truth))
    return f"its value alone says {right:.1%} of the classes" if right >= SURE > often else ""
