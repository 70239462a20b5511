"""What can go wrong in a way that a person can mend. Imports nothing, so that an argument error costs no start-up."""


class Problem(Exception):
    """Bad input: one line that names the value and the cure. The command line prints it and exits with `code`."""

    code = 2


class Diverged(Problem):
    """Training hit NaN or diverged; the last good checkpoint is kept."""

    code = 3


class Stopped(Problem):
    """Ctrl-C, or a disk that is full: what was learnt up to the last checkpoint is kept."""

    code = 130


class NoRoom(Problem):
    """A file could not be written; what was there before is whole."""

    code = 4


def out_of_memory(error: BaseException) -> bool:
    """Python says so by an error of its own, torch by a RuntimeError."""
    said = str(error)
    known = "out of memory" in said or "can't allocate memory" in said
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and known)


# of names, labels and texts that others have written: what steers a terminal, or turns the order of letters around
STEERING = {
    code: f"\\u{code:04x}" for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_SHOWN = STEERING | {ord("\t"): "\t", ord("\n"): "\n"}


def plain(text: str) -> str:
    """What may be shown: characters that steer a terminal are written as `\\u001b`. A line's end and tabs stay."""
    return text.replace("\r\n", "\n").translate(_SHOWN)


def listed(names: list[str]) -> str:
    """As a sentence has several: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
