"""What file names say: {label}_{speaker}_{take} reads 3_anna_12.wav as label 3, speaker anna, take 12."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from reverie.errors import Problem


def columns(pattern: str, files: Sequence[str]) -> dict[str, list[str]]:
    """A value for each file (its name without folder and suffix) of each {word} of the pattern. Raises Problem where
    the pattern has no word, or a file does not fit it."""
    words = re.findall(r"\{(\w+)\}", pattern)
    if not words or len(set(words)) < len(words):
        raise Problem(f"--names {pattern}: write words in braces, each once, such as {{label}}_{{speaker}}_{{take}}")
    parts = re.split(r"\{\w+\}", pattern)
    form = re.compile("(.+?)".join(map(re.escape, parts)))
    found: dict[str, list[str]] = {word: [] for word in words}
    for file in files:
        fits = form.fullmatch(PurePath(file).stem)
        if not fits:
            raise Problem(f"{file}: does not fit --names {pattern}. Rename it, or give another pattern")
        for word, value in zip(words, fits.groups()):
            found[word].append(value)
    return found
