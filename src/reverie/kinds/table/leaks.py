"""Columns that give the answer away."""

from __future__ import annotations

import numpy as np

from .codec import Codec
from .files import Table

NEAR = 0.9  # rank correlation with a numeric target from which a column is suspect
SURE = 0.99  # share of rows whose class one column alone says
LEAST = 30  # rows without which nothing can be said


def leaks(table: Table, codec: Codec, rows: np.ndarray) -> list[str]:
    """A line for each column that alone follows the target so closely that it may be made from it. From the training
    part."""
    if len(rows) < LEAST:
        return []
    target, found = codec.target, []
    truth, _ = target.encode([table.columns[target.name][i] for i in rows], table.where)
    for column in codec.columns:
        values, there = column.encode([table.columns[column.name][i] for i in rows], table.where)
        if there.sum() < LEAST:
            continue
        said = (_rank if target.type == "number" else _classes)(column.type, values[there], truth[there])
        if said:
            cure = f"if it is made from it, leave it out: --drop {column.name!r}"
            found.append(f"{column.name} follows {target.name} closely ({said}): {cure}")
    return found


def _rank(kind: str, values: np.ndarray, truth: np.ndarray) -> str:
    from scipy.stats import spearmanr

    if kind not in ("number", "date") or len(np.unique(values)) < 3:
        return ""
    near = abs(float(spearmanr(values, truth).statistic))
    return f"rank correlation {near:.2f}" if near >= NEAR else ""


def _classes(kind: str, values: np.ndarray, truth: np.ndarray) -> str:
    """How often the column's value alone says the class. Values that are almost all different say nothing by that."""
    order, place = np.unique(values, return_inverse=True)
    if kind in ("number", "date") and len(order) > 20:  # by its order: neighbours of one class
        ranked = truth[np.argsort(values, kind="stable")]
        changes = int((ranked[1:] != ranked[:-1]).sum())
        classes = len(np.unique(truth))
        if changes <= max(classes - 1, (1 - SURE) * len(truth)):
            return f"in its order the class changes {changes} times in {len(truth):,} rows"
        return ""
    if len(order) > len(values) // 5:
        return ""
    table = np.zeros((len(order), int(truth.max()) + 1))
    np.add.at(table, (place.reshape(-1), truth), 1)
    right = float(table.max(1).sum() / len(truth))
    often = float(table.sum(0).max() / len(truth))
    return f"its value alone says {right:.1%} of the classes" if right >= SURE > often else ""
