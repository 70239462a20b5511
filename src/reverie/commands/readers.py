"""Readers: functions from a word of the command line to a value, each made for one flag. A word that can't be read is a
Problem that names the flag, the value and the cure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from reverie.errors import Problem

Reader = Callable[[str], Any]


def named(metavar: str) -> Callable[[Reader], Reader]:
    """Sets how a reader's value is called in --help."""

    def mark(read: Reader) -> Reader:
        read.metavar = metavar  # type: ignore[attr-defined]
        return read

    return mark


def whole(flag: str, least: int | None = None) -> Reader:
    @named("N")
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d[\d_]*", text):
            raise Problem(f"{flag} {text}: not a whole number. Write one, like {flag} {max(least or 0, 1)}")
        number = int(text.replace("_", ""))
        if least is not None and number < least:
            raise Problem(f"{flag} {text}: below {least}. Give {least} or more")
        if abs(number) >= 2**63:
            raise Problem(f"{flag} {text}: too large. Give less than 2^63")
        return number

    return read


def real(flag: str, low: float | None = None) -> Reader:
    @named("X")
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise Problem(f"{flag} {text}: not a number. Write one, like {flag} 0.5") from None
        if not math.isfinite(number):
            raise Problem(f"{flag} {text}: not a finite number. Write one, like {flag} 0.5")
        if low is not None and number < low:
            raise Problem(f"{flag} {text}: below {low:g}. Give {low:g} or more")
        return number

    return read


def one_of(flag: str, choices: Iterable[str]) -> Reader:
    known = [str(c) for c in choices]

    @named("{" + ",".join(known) + "}")
    def read(text: str) -> str:
        if text not in known:
            near = get_close_matches(text, known, n=1)
            cure = f"Did you mean {near[0]}? " if near else ""
            raise Problem(f"{flag} {text}: not one of its values. {cure}There are: {', '.join(known)}")
        return text

    return read


def text(flag: str) -> Reader:
    @named("TEXT")
    def read(value: str) -> str:
        return value

    return read


def truth(flag: str) -> Reader:
    @named("{yes,no}")
    def read(value: str) -> bool:
        if value.lower() not in ("yes", "no", "true", "false"):
            raise Problem(f"{flag} {value}: neither yes nor no. Write {flag} or --no-{flag[2:]}")
        return value.lower() in ("yes", "true")

    return read


def several(flag: str, one: Reader, count: int = 0) -> Reader:
    """Values with commas between."""

    @named(f"{getattr(one, 'metavar', 'X')},…")
    def read(value: str) -> tuple[Any, ...]:
        bare = value.strip()
        if bare[:1] + bare[-1:] in ("()", "[]"):  # around all of them, as Python writes it; a name may end in one
            bare = bare[1:-1]
        parts = [part.strip() for part in bare.split(",") if part.strip()]
        if count and len(parts) != count:
            raise Problem(f"{flag} {value}: {len(parts)} values and it takes {count}. Write them with commas between")
        return tuple(one(part) for part in parts)

    return read


def assigned(flag: str) -> Reader:
    """NAME=NUMBER, with commas between several."""
    one = real(flag)

    @named("NAME=X,…")
    def read(value: str) -> dict[str, float]:
        found = {}
        for part in filter(None, (part.strip() for part in value.split(","))):
            name, sign, number = part.rpartition("=")
            if not sign or not name:
                raise Problem(f"{flag} {part}: not a name and a number. Write them as {flag} NAME=1")
            found[name.strip()] = one(number.strip())
        return found

    return read


def size(flag: str) -> Reader:
    @named("64|48x64")
    def read(value: str) -> tuple[int, ...]:
        if not re.fullmatch(r"\d{1,9}(?:[x×]\d{1,9})?", value):
            raise Problem(f"{flag} {value}: not a size. Write 64, or height x width as 48x64")
        numbers = tuple(int(n) for n in re.split("[x×]", value))
        if min(numbers) < 1:
            raise Problem(f"{flag} {value}: an empty size. Write 64, or height x width as 48x64")
        return numbers

    return read


def shape(flag: str) -> Reader:
    @named("3x64x64")
    def read(value: str) -> tuple[int, ...]:
        if not re.fullmatch(r"\d{1,9}(?:[x×]\d{1,9}){0,3}", value) or "0" in re.split("[x×]", value):
            raise Problem(f"{flag} {value}: not a shape. Write channels x height x width as 3x64x64, or tokens as 128")
        return tuple(int(n) for n in re.split("[x×]", value))

    return read


def reader(flag: str, kind: Any) -> Reader:
    """Of a field's type: int, float, str, bool, Literal, a tuple of these, or one of these or None."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        rest = [k for k in inner if k is not type(None)]
        one = reader(flag, rest[0])
        return lambda value: None if value == "none" else one(value)
    if origin is Literal:
        pick = one_of(flag, map(str, inner))
        back = {str(c): c for c in inner}
        return named("{" + ",".join(back) + "}")(lambda value: back[pick(value)])
    if origin is tuple:
        count = 0 if inner[-1] is Ellipsis else len(inner)
        many = several(flag, reader(flag, inner[0]), count)
        if count or inner[0] is str:  # a word may be "none"
            return many
        called = getattr(many, "metavar", "X,…")
        return named(called)(lambda value: () if value.strip().lower() == "none" else many(value))
    plain: dict[Any, Callable[[str], Reader]] = {int: whole, float: real, bool: truth, str: text}
    return plain[kind](flag)


def shown(value: Any) -> str:
    """A field's value as it is written on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(shown, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def type_name(kind: Any) -> str:
    """A field's type in words for people and JSON."""
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    return getattr(kind, "__name__", str(kind)) if not get_origin(kind) else str(kind)
