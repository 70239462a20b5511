"""Files of sentences, the same line in each language."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds.texts import lines

_NAME = re.compile(r"(.+?)\.([a-z]{2,3})((?:[-_][A-Za-z]{2,4})?)(\.gz)?")  # train.en, train.zh-CN.gz, dev.eng_Latn
# ISO 639-1, and of longer codes those of some large languages: else main.css and main.cpp were two languages
_WORDS = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
    el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is
    it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms
    mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si
    sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh
    yi yo za zh zu ara bul cat ces cmn dan deu ell eng est eus fin fra gle glg heb hin hrv hun isl ita jpn kor
    lav lit mkd nld nno nob pol por ron rus slk slv spa sqi srp swe tha tur ukr vie zho src tgt trg
"""
_CODES = frozenset(_WORDS.split())


def stems(folder: Path) -> dict[str, dict[str, Path]]:
    """By the files' common name, each language's file: of names that stand for two languages or more. Where a file is
    there plain and packed, the plain one is taken."""
    found: dict[str, dict[str, Path]] = {}
    for name in sorted(os.listdir(folder), reverse=True):
        path = folder / name
        if (code := language(path)) and path.is_file():
            found.setdefault(name.removesuffix(".gz").removesuffix(f".{code}"), {})[code] = path
    return {stem: dict(sorted(files.items())) for stem, files in sorted(found.items()) if len(files) > 1}


def language(path: Path) -> str:
    """What a file's name says of its language; "" where it says nothing. Codes of three letters are known only of some
    languages, or by the script that follows: eng_Latn."""
    fits = _NAME.fullmatch(path.name)
    if not fits or path.name.startswith(".") or not (fits[2] in _CODES or len(fits[3]) == 5):
        return ""
    return fits[2] + fits[3]


class Pair(NamedTuple):
    """The same sentence in two languages."""

    line: int  # of its file, from 1
    source: str
    target: str


def side_by_side(files: dict[str, Path], one: str, other: str, notes: list[str]) -> list[Pair]:
    """The pairs of two languages, those with an empty side left out. Raises Problem where the lines don't match."""
    left, right = (lines(files[name], notes) for name in (one, other))
    if len(left) != len(right):
        raise Problem(
            f"{files[one]} has {len(left):,} lines, {files[other].name} {len(right):,}: no pairs. Give as many to both"
        )
    both = [Pair(k, a, b) for k, (a, b) in enumerate(zip(left, right), 1) if a and b]
    if len(both) < len(left):
        notes.append(f"{files[one].name}: pairs with an empty side, left out: {len(left) - len(both):,}")
    return both
