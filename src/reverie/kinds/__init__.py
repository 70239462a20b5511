"""Kinds of data: one module or package a kind, named as the kind is.

A kind's module has
    recognise(path: Path) -> bool                           is it of this kind? By names and first bytes only
    open(where: str, options: DataOptions) -> Source        cheap: decodes nothing yet
    Codec                                                   a frozen dataclass, with `from_json`
    save(raw, folder: Path, first: int = 0) -> list[Path]   items as files of the data's own kind, numbered
    show(raw, file: Path) -> None                           many items on one page: a grid, a sheet of text
    SHEET                                                   the suffix of what `show` writes
and, where a page of text would not show them,
    pictured(raw) -> np.ndarray                             a picture of each: (N, H, W, 3)
and, where its items can be predicted from,
    TARGETS: tuple[str, ...]                                words that --predict may be, besides a column: ("labels",)
    unseen(where: Sequence[str], codec, options) -> Unseen  new items of that form, in the order of the files
and, where a model can go on from the beginning of one,
    prompt(what: str, codec) -> np.ndarray                  its tokens, without start and end: a text, or a file's name
and of these, where what is given may have to be moved onto the run's grid,
    moved(what, codec) -> list[str]                         what a person should know of that
and of these, where an item that goes on may still lose what was given,
    likeliest(what, codec, nats) -> str                     `what` in the way that costs a model the fewest `nats`
    allowed(what, codec) -> Callable | None                 which tokens may come next, as `core.Prompt.allowed` says
    kept(raw, what: str) -> list[bool]                      which items hold it
and, where they can be compressed,
    unchanged(where, codec, options) -> Unseen              the same, of the codec's own size and form or a Problem
    saved_as(name, codec) -> str                            the name of a file that keeps an item named so as it is
    content(item, suffix) -> bytes                          what is in it
and, where they can be heard,
    play(raw, files: Sequence[Path]) -> list[Path]          a .wav beside each item's file
and imports torch only inside the functions that need it, so that `reverie data --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reverie.errors import Problem

if TYPE_CHECKING:
    from reverie.core import Codec, Items

# in the order in which they are tried
KINDS = ("image", "sound", "music", "molecule", "pairs", "text", "sentences", "series", "table")
PREDICTED = ("image", "sound", "pairs", "sentences", "table", "series")  # the same, where --predict is given

COMPRESSED = ("image",)  # kinds whose items can be compressed
CONTINUED = ("text", "sentences", "music", "molecule")  # kinds whose items can be gone on with
MOVING = ("music",)  # of these: where what is given may have to be moved onto the run's grid
HOLDING = ("molecule",)  # of these: where an item that goes on may still lose what was given
PLAYED = ("music",)  # kinds whose items can be heard


@dataclass(frozen=True)
class DataOptions:
    """How a person wants data read. Kept in `run.json`: another value in an old run folder is an error."""

    kind: str = ""  # one of KINDS; "": what the data looks like
    size: tuple[int, ...] = ()  # of an item: (H, W), or (tokens,); (): chosen by the kind, and said
    fit: str = "crop"  # crop | pad | stretch: what happens to a picture of another aspect
    tokens: str = "characters"  # characters | bytes | bpe; of molecules atoms | selfies; of music grid | events
    vocabulary: int = 4096  # of a BPE
    keys: str = ""  # all | own: whether pieces of music are moved into all keys in training; "": as the data say
    given: str = ""  # melody: a model of music is told each piece's highest voice, and harmonises
    attributes: tuple[str, ...] = ()  # numbers that a model is told of each picture or molecule: columns, or properties
    column: str = ""  # of a Parquet or .jsonl file: the one that holds the items; "": found, and said
    held_out: float = 0.1  # share kept for judging, where the data has no test part of its own
    skip_bad: bool = False  # leave out files that can't be read, instead of stopping at the first
    predict: str = ""  # a column | labels: what a predictor says; "": nothing is predicted
    calibration: float = 0.1  # share of the training part by which probabilities and intervals are set; predictors only
    drop: tuple[str, ...] = ()  # columns that the model may not see
    group: str = ""  # a column: items that share its value stay in one part
    order: str = ""  # a column of times or numbers: the largest are held out, so that none is predicted from its future
    test: str = ""  # a file or folder that is the test part
    test_where: str = ""  # column=value,value: the items that are held out; of a series rows=FIRST:END
    horizon: int = 0  # rows of a series that are predicted; 0: chosen by the kind, and said
    names: str = ""  # of sounds: what their files' names say, {label}_{speaker}_{take}; "": their folders say the class
    fold: str = ""  # k/n or k/n/seed: part k of n is held out, 1/10 … 10/10
    beside: tuple[str, ...] = ()  # the places of further domains; (): the data is one set

    def __post_init__(self) -> None:
        """From Python one value stands for a list of one, and words may be written "a,b". Raises Problem for another
        type than a field's."""
        for one in fields(self):
            value, kind = getattr(self, one.name), type(one.default)
            if kind is tuple:
                value = listed(value)
                right = all(isinstance(item, Integral if one.name == "size" else str) for item in value)
            elif kind is str:
                value = str(value) if isinstance(value, Path) else value
                right = isinstance(value, str)
            else:
                right = isinstance(value, bool) == (kind is bool) and isinstance(
                    value, Real if kind is float else Integral
                )
            if not right:
                wanted = "whole numbers" if one.name == "size" else _WANTED[kind]
                raise Problem(f"{one.name}={value!r:.60}: give {wanted}")
            object.__setattr__(self, one.name, value)


_WANTED = {tuple: "words", str: "a word", int: "a whole number", float: "a number", bool: "True or False"}


def listed(value: Any) -> tuple[Any, ...]:
    """Several values, however a person writes them."""
    if isinstance(value, str):
        return tuple(word for word in value.split(",") if word)
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@dataclass(frozen=True)
class Summary:
    """What `reverie data` says."""

    kind: str
    where: str
    count: int  # items: pictures, or windows of text
    facts: dict[str, Any] = field(default_factory=dict)  # sizes, channels, bit depth, classes …
    bad: Sequence[str] = ()  # a line each: what is wrong with which file, and the cure
    plan: Sequence[str] = ()  # what `fit` would do with it, a line each
    train: int = 0  # items that `fit` would train on
    shape: tuple[int, ...] = ()  # of each: (C, H, W) of pictures, (tokens,) of text
    domains: tuple[str, ...] = ()  # names of the sets that are no one set


@dataclass(frozen=True)
class Prepared:
    """Data ready to train on."""

    codec: Codec
    train: Items
    held_out: Items
    fingerprint: str  # of the content and of the options: another one is other data
    notes: Sequence[str] = ()  # what was chosen and what was left out, a line each; said and logged
    calibration: Items | None = None  # kept from training and from judging: what a predictor's confidence is set by
    domains: Sequence[Mapping[str, Any]] = ()  # of each its name, place, fingerprint and counts


@dataclass(frozen=True)
class Unseen:
    """Items to predict, in the order of the files."""

    items: Items
    names: Sequence[str]  # what a person would call each: a file, a row, a line
    truth: bool = False  # the files say the answers too
    notes: Sequence[str] = ()
    ahead: Sequence[Sequence[str]] = ()  # of answers that go on in time: the times of each item's rows
    labels: Sequence[str] = ()  # what the files call each item's class, known to the run or not; (): they don't say


class Source(Protocol):
    """Where raw items come from."""

    kind: str
    where: str

    def summary(self) -> Summary: ...

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Decodes (once: cached on disk by content), splits, builds the codec. `size` is the model's wish, which
        `DataOptions.size` overrules."""
        ...
