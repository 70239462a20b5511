"""Does code parse? Of texts that are Python, the share of samples whose whole statements are Python too."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from reverie.metrics import Metric, wilson

from .seen import Seen

LENGTHS = (1, 4, 8, 16)  # lines: groups begin at these, as a longer text has more places to go wrong
MARK = re.compile(r"^\s*(def \w+\(|class \w+|import \w|from [\w.]+ import |return\b|self\.\w|elif .*:$|except\b.*:$)")
OPENS = re.compile(r"^(?!(?:else|elif|except|finally)\b)[A-Za-z_@]")  # a line that begins a statement of its own
PYTHON = 0.02  # share of lines that only Python has, at least
LINES = 40  # of held-out text, at least, to know


def measure(seen: Seen) -> list[Metric]:
    """All, and by how many lines there are. The floor is what held-out text scores, cut in the same way: a window may
    begin within a string."""
    if not is_python(seen.real):
        return []
    fake, real = ([whole(text) for text in texts] for texts in (seen.fake, seen.real))
    out = []
    for low, high in [(1, 0), *zip(LENGTHS, [*LENGTHS[1:], 0])]:
        value, count = share(fake, low, high)
        if not count:
            continue
        floor, truths = share(real, low, high)
        lines = f"{low} to {high - 1} lines" if high else f"{low} lines or more"
        protocol = (
            f"share of samples that ast.parse reads, of those with {lines} from their first whole statement up to "
        )
        protocol += f"their last (one that is cut does not count); floor: of {truths} {seen.sets.what} texts"
        below, above = wilson(value * count, count)
        name = f"parses_from_{low}_lines" if (low, high) != (1, 0) else "parses"
        out.append(Metric(name, value, "share", count, protocol, below, above, floor if truths else None))
    return out


def is_python(texts: Sequence[str]) -> bool:
    """By lines that stand in nothing else."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    return len(lines) >= LINES and sum(bool(MARK.match(line)) for line in lines) >= PYTHON * len(lines)


def whole(text: str) -> str:
    """From the first line that begins a statement outside all others up to, and without, the last such line: what lies
    before and behind may be cut. The text's first line may be, too. Nothing where there are no two such lines."""
    lines = text.split("\n")
    starts = [k for k, line in enumerate(lines) if k and OPENS.match(line)]
    return "\n".join(lines[starts[0] : starts[-1]]) if len(starts) > 1 else ""


def share(texts: Sequence[str], low: int, high: int) -> tuple[float, int]:
    """Of texts with low to high - 1 lines (0: no end), which share parses, and how many they are."""
    sizes = [len([line for line in text.split("\n") if line.strip()]) for text in texts]
    chosen = [text for text, n in zip(texts, sizes) if n >= low and (not high or n < high)]
    return (sum(map(parses, chosen)) / len(chosen) if chosen else 0.0), len(chosen)


def parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a string is no fault
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
