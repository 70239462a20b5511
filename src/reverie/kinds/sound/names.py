"""What the names of files say: {label}_{speaker}_{take} reads 7_jackson_32.wav."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePosixPath

from reverie.errors import Problem

_WORD = re.compile(r"\{([^{}]*)\}")


class Pattern:
    """A name with {word}s in it. A word reads one character or more, none of them the mark that stands right beside it
    ("_" above) or "/": a name can be read in one way only. A pattern with "/" is of the whole path below the data's
    folder, one without of the file's name alone; neither has the suffix. Raises Problem."""

    def __init__(self, text: str):
        self.text, self.words = text, tuple(_WORD.findall(text))
        cure = f"Write one like {{label}}_{{speaker}}_{{take}}, not {text!r}"
        if not self.words:
            raise Problem(f"--names {text}: no word in braces. {cure}")
        for word in self.words:
            if not word.isidentifier() or word == "item":
                raise Problem(f"--names {text}: {{{word}}} can't name what is read. {cure}")
        if len(set(self.words)) < len(self.words):
            raise Problem(f"--names {text}: a word comes twice. {cure}")
        between = _WORD.split(text)[::2]  # what stands before, between and after the words
        if any("{" in part or "}" in part for part in between):
            raise Problem(f"--names {text}: a brace without its other. {cure}")
        if not all(between[1:-1]):
            raise Problem(f"--names {text}: two words with nothing between them. {cure}")
        whole = re.escape(between[0])
        for before, after in pairwise(between):
            marks = {c for c in (before[-1:], after[:1]) if c and not c.isalnum()} | {"/"}
            whole += f"([^{re.escape(''.join(sorted(marks)))}]+)" + re.escape(after)
        self._form = re.compile(whole)

    def read(self, name: str) -> dict[str, str] | None:
        """Word by word, of a path below the data's folder; None where it is not of this form."""
        path = PurePosixPath(name)
        found = self._form.fullmatch(str(path.with_suffix("")) if "/" in self.text else path.stem)
        return dict(zip(self.words, found.groups())) if found else None
