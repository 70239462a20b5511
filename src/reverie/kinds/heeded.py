"""Which options each kind heeds. One that a person gave and the kind does not know is refused: nothing that was asked
for is left undone in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reverie.errors import Problem, listed
from reverie.kinds import DataOptions

COMMON = frozenset(("kind", "size", "held_out", "skip_bad", "predict", "beside"))  # of every kind
SPLIT = frozenset(("fold", "group", "order", "test", "test_where"))
HELD_OUT = ("test", "test_where", "fold")  # each says by itself which items judge
FLAGS = {"fit": "--aspect"}  # of fields whose flag has another name


@dataclass(frozen=True)
class Heeded:
    """Fields of DataOptions beyond the common ones: `made` of data that a model makes more of, `predicted` where
    something is predicted. `items`: what the kind's items are called."""

    items: str
    made: frozenset[str]
    predicted: frozenset[str]
    cure: str = ""  # for those who want a part of their own to judge by


def heeded(items: str, both: str = "", made: str = "", predicted: str = "", cure: str = "") -> Heeded:
    shared = both.split()
    return Heeded(items, frozenset([*shared, *made.split()]), frozenset([*shared, *predicted.split()]), cure)


KINDS: Mapping[str, Heeded] = {
    "image": heeded("pictures", "fit column attributes test", predicted="calibration fold"),
    "sound": heeded(
        "sounds", "names fold group order test_where", predicted="calibration",
        cure="--test-where holds out items by their names",
    ),
    "music": heeded("music", "tokens keys given fold", cure="folders train and test are parts"),
    "molecule": heeded("molecules", "tokens attributes column fold group order test test_where"),
    "pairs": heeded("pairs of sentences", "vocabulary column fold test test_where", predicted="calibration"),
    "text": heeded("text", "tokens vocabulary column test"),
    "sentences": heeded(
        "sentences", "vocabulary column fold group order test test_where", made="tokens", predicted="calibration",
        cure="folders train and test are parts",
    ),
    "series": heeded(
        "series", "drop test_where horizon", predicted="calibration",
        cure="a series is split by time: its last rows are held out, or those of --test-where rows=FIRST:END",
    ),
    "table": heeded("tables", "drop fold group order test test_where", predicted="calibration"),
}  # fmt: skip


def check(kind: str, where: str, options: DataOptions) -> None:
    """Raises Problem at the first option that data of this kind has no use for, and where two say which items judge."""
    own = KINDS[kind]
    knows = COMMON | (own.predicted if options.predict else own.made)
    for field in fields(options):
        value = getattr(options, field.name)
        if value in (field.default, 0) or field.name in knows:
            continue
        of = [known.items for known in KINDS.values() if field.name in known.made | known.predicted]
        what = f"{flag(field.name)} {shown(value)}"
        if field.name in own.predicted:
            raise Problem(f"{what}: of a model that predicts. Pass --predict too, or leave it out")
        if field.name in own.made:
            raise Problem(f"{what}: of a model that makes {own.items}. Leave it or --predict out")
        cure = f"Leave it out{'; ' * bool(own.cure)}{own.cure}" if field.name in SPLIT else "Leave it out"
        raise Problem(f"{what}: of {listed(of)}, and {where} is read as {own.items}. {cure}")
    named = [f"{flag(name)} {getattr(options, name)}" for name in HELD_OUT if getattr(options, name)]
    if len(named) > 1:
        raise Problem(f"{' '.join(named)}: each says which items are held out. Give one of them")


def flag(name: str) -> str:
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
