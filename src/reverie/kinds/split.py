"""Which items are learnt from, which judge, and which calibrate: one rule for every kind that is predicted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.errors import Problem

from . import DataOptions

SEED = 20240229  # seeds what is drawn: the same for every run, so that runs can be compared
MOST = 10_000  # items of a drawn part: more makes no measure better
CALIBRATING = 5_000  # items at most that are kept from training for calibration
DIGITS = 18  # of a seed, at most: torch takes 64 bits
FEWEST = 20  # below that many there is nothing to calibrate by

Columns = Mapping[str, Sequence[str]]  # what is known of each item, by name


@dataclass(frozen=True)
class Parts:
    """Rows of each part, sorted, and what to say of them."""

    train: np.ndarray
    held_out: np.ndarray
    calibration: np.ndarray
    notes: tuple[str, ...]


def parts(
    count: int,
    options: DataOptions,
    *,
    own: np.ndarray | None = None,
    columns: Columns | None = None,
    classes: np.ndarray | None = None,
    kept_together: Sequence[str] | None = None,
) -> Parts:
    """Split `count` items. The first of these that is given decides what is held out: `options.test_where`, the data's
    `own` test part (a mask), `options.fold`, `options.order` (the latest), a share drawn by a fixed seed, of each of
    the `classes` (integers) alike. Items that share the value of `options.group`, or an entry of `kept_together` (such
    as their text, where there are duplicates), stay in one part. Raises Problem, also where --fold or --order would
    change nothing."""
    if not 0 <= options.held_out < 1:
        raise Problem(f"--held-out {options.held_out:g}: not a share. Give one from 0 to below 1, such as 0.1")
    known = columns or {}
    groups = grouped(count, options, known, kept_together)
    if options.test_where:
        mask, note = chosen(count, options, known), f"where {options.test_where}"
        leak(groups, mask, options)
    elif own is not None and own.any() and not own.all():
        idle = "fold" if options.fold else "order" if options.order and not options.calibration else ""
        if idle:
            asked = f"--{idle} {getattr(options, idle)}"
            cure = f"Leave --{idle} out, or name the training part alone"
            raise Problem(f"{asked}: the data has a test part of its own, which is what is held out. {cure}")
        mask, note = own.astype(bool), "the data's own test part"
    elif options.fold:
        mask, note = fold(count, options.fold, groups, classes), f"part {options.fold}"
    elif options.order:
        values = column(known, options.order, "--order")
        mask, note = latest(times(values, options.order), options.held_out, groups), f"the latest by {options.order}"
    else:
        mask, note = drawn(count, options.held_out, MOST, groups, classes, SEED), "drawn by a fixed seed"
    if options.group:
        note += f"; each {options.group} in one part"
    rest, out = np.flatnonzero(~mask), np.flatnonzero(mask)
    if not len(rest):
        raise Problem(f"all {count:,} items are held out ({note}): nothing to learn from. Hold out fewer")
    share = options.calibration
    inner = np.unique(groups[rest], return_inverse=True)[1].reshape(-1)  # numbered anew: no group without items
    if share and round(share * len(rest)) >= FEWEST:
        if options.order:
            aside = latest(times(column(known, options.order, "--order"), options.order)[rest], share, inner)
        else:
            aside = drawn(len(rest), share, CALIBRATING, inner, None if classes is None else classes[rest], SEED + 1)
    else:
        aside = np.zeros(len(rest), bool)
    train, calibration = rest[~aside], rest[aside]
    said = f"{len(train):,} items to learn from, {len(out):,} held out: {note}"
    if len(calibration):
        said += f"; {len(calibration):,} of the rest kept to calibrate by (--calibration 0: none)"
    return Parts(train, out, calibration, (said,))


def key(options: DataOptions) -> list[object]:
    """What of the options moves an item from one part to another: part of a source's fingerprint. Of --test that it is
    given, not where it lies: its items are in the fingerprint themselves."""
    return [
        options.predict, options.held_out, options.calibration, options.group, options.order,
        "given" if options.test else "", options.test_where, options.fold,
    ]  # fmt: skip


def grouped(count: int, options: DataOptions, columns: Columns, together: Sequence[str] | None) -> np.ndarray:
    """A number for each item (N,): items with the same one stay in one part."""
    values = column(columns, options.group, "--group") if options.group else together
    if values is None:
        return np.arange(count)
    return numbered(values)


def numbered(values: Sequence[str]) -> np.ndarray:
    """The place of each value among the sorted different ones (N,), as np.unique numbers them (which ends a string
    before its last NULs), without an array in which every value is as long as the longest."""
    plain = [value.rstrip("\0") for value in values]
    places = {value: k for k, value in enumerate(sorted(set(plain)))}
    return np.fromiter((places[value] for value in plain), np.int64, len(plain))


def column(columns: Columns, name: str, flag: str) -> Sequence[str]:
    """Raises Problem with the columns that are there."""
    if name not in columns:
        there = f"There are: {', '.join(columns)}" if columns else "This data has none"
        raise Problem(f"{flag} {name}: no such column. {there}")
    return columns[name]


def chosen(count: int, options: DataOptions, columns: Columns) -> np.ndarray:
    """take=0,1,2 -> where the column's value is one of those."""
    name, sign, values = options.test_where.partition("=")
    if not sign or not values:
        raise Problem(f"--test-where {options.test_where}: write COLUMN=VALUE or COLUMN=VALUE,VALUE")
    wanted = {v.strip() for v in values.split(",")}
    held = column(columns, name.strip(), "--test-where")
    mask = np.fromiter((v in wanted for v in held), bool, count)
    if not mask.any():
        some = ", ".join(sorted(set(held))[:10])
        raise Problem(f"--test-where {options.test_where}: no item is so. {name} has {some}")
    return mask


def leak(groups: np.ndarray, mask: np.ndarray, options: DataOptions) -> None:
    both = np.intersect1d(groups[mask], groups[~mask])
    if options.group and len(both):
        raise Problem(
            f"--test-where {options.test_where}: {len(both):,} values of {options.group} are on both sides, which "
            "--group forbids. Leave one of the two out"
        )


def fold(count: int, text: str, groups: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """k/n[/seed] -> the mask of part k. Parts of one seed are disjoint and cover everything."""
    words = text.split("/")
    if len(words) not in (2, 3) or not all(w.isdecimal() and len(w) <= DIGITS for w in words):
        raise Problem(f"--fold {text}: write k/n, such as 1/10, or k/n/seed, in numbers of at most {DIGITS} digits")
    k, n = int(words[0]), int(words[1])
    most = len(np.unique(groups))
    if not (1 <= k <= n and 2 <= n <= most):
        raise Problem(f"--fold {text}: of {most:,} items, take n from 2 to {most:,} and k from 1 to n")
    order = shuffled(groups, classes, SEED + (int(words[2]) if len(words) == 3 else 0))
    part = np.empty(most, np.int64)
    part[order] = np.arange(most) * n // most
    return np.asarray(part[groups] == k - 1)


def drawn(count: int, share: float, most: int, groups: np.ndarray, classes: np.ndarray | None, seed: int) -> np.ndarray:
    """A share of the items, whole groups: at least 1 of 2 groups, at most `most` items."""
    sizes = np.bincount(groups)
    if not share or len(sizes) < 2:
        return np.zeros(count, bool)
    wanted = min(max(1, round(share * count)), most, count - 1)
    order = shuffled(groups, classes, seed)
    taken = order[np.cumsum(sizes[order]) <= wanted]
    if not len(taken):
        taken = order[np.argmin(sizes[order])][None]
    picked = np.zeros(len(sizes), bool)
    picked[taken] = True
    return np.asarray(picked[groups])


def shuffled(groups: np.ndarray, classes: np.ndarray | None, seed: int) -> np.ndarray:
    """The groups in an order of which every stretch holds the classes in about the data's own proportions: each class
    shuffled by itself, then dealt out evenly. A group is of the class of its first item."""
    import torch

    count = int(groups.max()) + 1 if len(groups) else 0
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    if classes is None:
        return order
    first = np.zeros(count, np.int64)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    kind = classes[first][order]
    place = np.empty(count)
    for value in np.unique(kind):
        at = np.flatnonzero(kind == value)
        place[at] = (np.arange(len(at)) + 0.5) / len(at)
    return order[np.argsort(place, kind="stable")]


def latest(when: np.ndarray, share: float, groups: np.ndarray) -> np.ndarray:
    """The items whose time lies beyond the (1 - share) quantile; equal times stay together. A group goes where its last
    item goes."""
    if not share:
        return np.zeros(len(when), bool)
    ordered = np.sort(when)
    bound = ordered[min(len(when) - 1, int((1 - share) * len(when)))]
    mask = when >= bound
    if mask.all():
        mask = when > ordered[0]
    late = np.zeros(int(groups.max()) + 1, bool)
    late[groups[mask]] = True
    return np.asarray(late[groups])


def times(values: Sequence[str], name: str) -> np.ndarray:
    """Numbers or dates (ISO 8601) as numbers that keep their order. Raises Problem."""
    try:
        return np.asarray(values, dtype=float)
    except ValueError:
        pass
    try:
        return np.asarray(values, dtype="datetime64[s]").astype(np.int64).astype(float)
    except ValueError:
        bad = next(v for v in values if not _is_time(v))
        raise Problem(f"--order {name}: {bad!r} is neither a number nor a date such as 2024-02-29") from None


def _is_time(value: str) -> bool:
    for form in (float, lambda v: np.datetime64(v, "s")):
        try:
            form(value)
        except ValueError:
            continue
        return True
    return False
