"""What a model can make of a table's columns, where nobody predicts one of them.

Numbers and dates stay within the training part's least and largest value, with as many decimals as the file has. A gap
is a thing that a row says, as any other: of a number it is a field of its own, of yes and no, of a category one of its
names. So samples have gaps as often as the data, where the model learns that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reverie.errors import Problem

from .codec import CLASSES, MISSING, MIXED, NAMED, OTHER, Cells, Codec, Column, fit, seconds
from .files import Table, number, some
from .made import FORMS

DECIMALS = 9  # of a number, at most: more are float's own, not a person's
SAID = {
    "number": "numbers, kept within those of the training part",
    "date": "dates, kept within those of the training part",
    "category": "categories",
    "constant": "always the same",
}


def codec(table: Table, places: Sequence[int], drop: Sequence[str], notes: list[str]) -> Codec:
    """Of the training rows at those places; `notes` gets a line for each thing to be said. Raises Problem where no
    column varies."""
    columns, left = [], []
    for name, cells in table.columns.items():
        if name in drop:
            continue
        found = fit_made(name, [cells[i] for i in places], table.columns)
        if isinstance(found, Column):
            columns.append(found)
        else:
            left.append(f"{name} ({found})")
    made = Codec(tuple(columns), None)
    if not made.seen:
        why = f": left out are {some(left)}" if left else ""
        raise Problem(f"{table.where}: no column that a model can make, and that is not always the same{why}")
    notes += said(table, places, columns, SAID, "which are made too", left)
    return made


def said(
    table: Table,
    places: Sequence[int],
    columns: Sequence[Column],
    kinds: Mapping[str, str],
    gaps: str,
    left: Sequence[str],
) -> list[str]:
    """A line for each of the kinds of columns, for those with gaps, which are so and so, and for what is left out."""
    lines = []
    for kind, what in kinds.items():
        names = [c.name for c in columns if c.type == kind]
        if names:
            lines.append(f"{what}: {some(names)}")
    lacking = [f"{c.name} ({sum(table.columns[c.name][i] is None for i in places):,})" for c in columns if c.missing]
    if lacking:
        lines.append(f"with gaps, {gaps}: {some(lacking)}")
    slips = {c.name: slip(c, [table.columns[c.name][i] for i in places]) for c in columns}
    if mixed := [f"{name} ({word[:40]!r})" for name, word in slips.items() if word]:
        lines.append(f"numbers but for a few words, and so read as words; leave such cells empty: {some(mixed)}")
    if left:
        lines.append(f"left out: {some(left)}")
    return lines


def slip(column: Column, cells: Cells) -> str:
    """A word that stands in a column of numbers, which is one of words for it; "" where there is none."""
    present = [cell for cell in cells if cell is not None] if column.type in ("category", "hash") else []
    if len(set(present)) <= CLASSES:
        return ""
    words = [cell for cell in present if number(cell) is None]
    return words[0] if 0 < len(words) < MIXED * len(present) else ""


def varies(found: Column | str) -> bool:
    """Is there something to be made?"""
    return isinstance(found, Column) and found.type != "constant"


def fit_made(name: str, cells: Cells, others: Collection[str] = ()) -> Column | str:
    """What a column is, from its training cells; or why no model makes it. `others`: names that are taken."""
    found = fit(name, cells)
    present = [cell for cell in cells if cell is not None]
    if isinstance(found, str):
        return Column(name, "constant", names=(present[0],)) if found.startswith("always ") else found
    if found.type == "hash":
        return f"{len(set(present)):,} different words: a model can make {NAMED}"
    if found.type == "molecule":
        return "molecules, which --kind molecule makes"
    if found.type == "category":
        return found
    distinct = set(present)
    if found.type == "number" and found.whole and len(set(map(float, distinct))) == len(distinct) <= CLASSES:
        names = (OTHER, *((MISSING,) if found.missing else ()), *sorted(distinct, key=float))
        return Column(name, "category", names=names, missing=found.missing)
    gap = f"{name} is missing" if found.missing else ""
    while gap in others:
        gap += "?"
    read = [value for cell in present if (value := (number if found.type == "number" else seconds)(cell)) is not None]
    found = replace(found, gap=gap, low=min(read), high=max(read))
    if found.type == "date":
        return replace(found, form=form(present))
    return replace(found, digits=0 if found.whole else decimals(present))


def decimals(cells: Sequence[str]) -> int:
    """Of the number that has most; -1 where one is not written plainly, or is longer than a person's."""
    most = 0
    for cell in cells:
        whole, _, after = cell.partition(".")
        if not (whole.lstrip("+-").isdecimal() or not whole.lstrip("+-")) or not (after.isdecimal() or not after):
            return -1
        most = max(most, len(after))
    return most if most <= DECIMALS else -1


def form(cells: Sequence[str]) -> str:
    """The way in which all dates are written; "" where they are written otherwise, or in several ways."""
    return next((one for one in FORMS if all(written(cell, one) for cell in cells)), "")


def written(cell: str, one: str) -> bool:
    try:
        return datetime.strptime(cell, one).strftime(one) == cell
    except ValueError:
        return False
