"""Pictures as a source lists them: encoded, one read at a time, or decoded, in one array; with classes and parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

TRAIN = ("train", "training")
TEST = ("test", "testing", "t10k", "eval")
VALIDATION = ("val", "valid", "validation", "dev")


@dataclass
class Listing:
    """What a source holds. `labels` are numbers of `classes`; `test` marks the source's own test part."""

    names: Sequence[str]  # of each picture, for messages
    labels: np.ndarray | None = None  # (N,) int64
    classes: tuple[str, ...] = ()
    test: np.ndarray | None = None  # (N,) bool
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class Encoded(Listing):
    """Pictures as files."""

    read: Callable[[int], bytes] = lambda i: b""  # of any thread; raises Unreadable or OSError
    lost: list[tuple[str, str]] = field(default_factory=list)  # name and trouble of what could not even be listed


@dataclass
class Decoded(Listing):
    """Pictures as numbers."""

    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1, 1), np.uint8))  # (N, H, W, C) uint8 or uint16


class Numbers(Sequence[str]):
    """ "row 0", "row 1" …: names of pictures that have none."""

    def __init__(self, count: int, before: str = "picture "):
        self.total, self.before = count, before

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(self.total))]
        if not -self.total <= i < self.total:
            raise IndexError(i)
        return f"{self.before}{i % self.total}"


def part(name: str) -> str:
    """train | test | validation | "": the part of the data that a folder's or file's name stands for. A whole word of
    the name counts: train-00000-of-00002, emnist-letters-test-images."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    for known, group in (("train", TRAIN), ("test", TEST), ("validation", VALIDATION)):
        if any(word in group for word in words):
            return known
    return ""


def parted(parts: Sequence[str]) -> tuple[np.ndarray | None, list[str]]:
    """Which items are held out by the data's own parts, and what to say of it. Validation serves as test where there is
    no test part, and joins the training part otherwise."""
    has = set(parts)
    if "train" not in has or not has & {"test", "validation"}:
        return None, []
    out = "test" if "test" in has else "validation"
    notes = [f"judged on the data's own {out} part"]
    if out == "test" and "validation" in has:
        notes.append("the data's validation part joins the training part")
    return np.array([p == out for p in parts]), notes


def in_order(names: set[str]) -> tuple[str, ...]:
    """Class names, sorted; as numbers where all are."""
    whole = all(name.isascii() and name.isdigit() for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if whole else 0, name)))


def numbered(labels: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as numbers, and the classes that these stand for."""
    classes = in_order(set(labels))
    number = {name: k for k, name in enumerate(classes)}
    return np.array([number[label] for label in labels], np.int64), classes
