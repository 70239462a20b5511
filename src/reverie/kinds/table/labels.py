"""Several labels of a row: in one cell with a sign between them, or each in a column of 0 and 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from reverie.errors import Problem

from .files import Table, number

SIGNS = ("|", ";")  # that stand between labels
OFTEN = 0.01  # share of cells with a sign in them, from which it is one
MOST = 256  # labels
YES, NO = frozenset(("1", "1.0", "yes", "true", "y", "t")), frozenset(("0", "0.0", "no", "false", "n", "f"))
Cells = Sequence[str | None]


def split(cell: str, sign: str) -> list[str]:
    return [part.strip() for part in cell.split(sign) if part.strip()]


def sign(cells: Cells) -> str:
    """What stands between the labels of a column, "" where each cell is one class: a sign that is in one cell of a
    hundred at least, whose parts come again, some of them beside other ones."""
    present = [cell for cell in cells if cell is not None]
    for one in SIGNS:
        if sum(one in cell for cell in present) < max(1, OFTEN * len(present)):
            continue
        rows = Counter(present)
        beside = Counter(label for cell in rows for label in set(split(cell, one)))
        seen = sum(len(split(cell, one)) * count for cell, count in rows.items())
        if 2 <= len(beside) <= min(MOST, seen // 2) and max(beside.values()) > 1:
            return one
    return ""


def names(cells: Cells, between: str) -> tuple[str, ...]:
    """The labels that occur, in order."""
    found = {label for cell in cells if cell is not None for label in split(cell, between)}
    numeric = all(number(label) is not None for label in found)
    return tuple(sorted(found, key=lambda label: (float(label) if numeric else 0.0, label)))


def encoded(cells: Cells, known: Sequence[str], between: str) -> np.ndarray:
    """(N, labels) int64: 1 where a label holds. One that is not known holds nowhere."""
    place = {label: k for k, label in enumerate(known)}
    found = np.zeros((len(cells), len(known)), np.int64)
    for i, cell in enumerate(cells):
        for label in split(cell or "", between):
            if label in place:
                found[i, place[label]] = 1
    return found


def unknown(cells: Iterable[str | None], known: Sequence[str], between: str) -> list[str]:
    """Labels that training has not seen."""
    found = {label for cell in cells if cell is not None for label in split(cell, between)}
    return sorted(found - set(known))


# -------------------------------------------------------------------------------------------------------- a column each


def apart(predict: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Of `--predict a,b,c` the columns a, b and c; () where it is one column's name. Raises Problem."""
    if predict in columns or "," not in predict:
        return ()
    wanted = tuple(dict.fromkeys(name.strip() for name in predict.split(",") if name.strip()))
    if len(wanted) < 2:
        raise Problem(f"--predict {predict}: one column. Write its name without a comma")
    return wanted


def between(wanted: Sequence[str]) -> str:
    """A sign that is in none of the names."""
    return next(one for one in (*SIGNS, "\x1f") if not any(one in name for name in wanted))


def joined(table: Table, wanted: Sequence[str]) -> list[str | None]:
    """The labels that hold in each row as one cell; None where one of them is missing. Raises Problem for a column that
    holds anything but 0 and 1, or yes and no."""
    rows: list[list[str] | None] = [[] for _ in range(len(table))]
    for name in wanted:
        for i, cell in enumerate(table.columns[name]):
            state, row = None if cell is None else cell.lower(), rows[i]
            if state is None:
                rows[i] = None
            elif state not in YES | NO:
                raise Problem(
                    f"{table.place(i)}, {name}: {cell!r} is neither 0 nor 1, as labels in columns of their own are. "
                    "Mend it, or predict one column"
                )
            elif state in YES and row is not None:
                row.append(name)
    sign = between(wanted)
    return [None if row is None else sign.join(row) for row in rows]


def with_answers(table: Table, predict: str, wanted: Sequence[str]) -> Table:
    """The same table and one column more, of the joined labels."""
    if not wanted:
        return table
    return replace(table, columns={**table.columns, predict: joined(table, wanted)})
