"""`reverie VERB …`: finds the verb, runs it, and turns everything that can go wrong into one line and an exit code.

Codes: 0 done, 1 a bug in reverie, 2 something that the person can mend, 3 training diverged, 4 a file could not be
written, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from reverie import __version__
from reverie.commands import VERBS
from reverie.errors import STEERING, NoRoom, Problem, Stopped, out_of_memory, plain

BUG = 1
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # codes of their own: the person's command was right
REFUSED = (errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


class Ending(NamedTuple):
    """How a command ended badly."""

    code: int
    line: str


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):  # a terminal or pipe that can't show a letter gets "?" in its place
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    as_json = "--json" in words
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # what libraries tell programmers is no news to a person; python -W shows it
                warnings.simplefilter("ignore")
            return perform(words, as_json)
    except BrokenPipeError:  # the reader has gone, as with `| head`: nothing is left to say
        return leave(0)
    except SystemExit as leaving:  # --help; or rich, when the reader has gone
        return leaving.code if isinstance(leaving.code, int) else 0
    except BaseException as error:
        ending = ended(error)
        print(f"reverie: {plain(ending.line)}", file=sys.stderr)
        if as_json and first_process():
            with suppress(OSError):  # the output itself may be what failed
                print(as_text({"error": ending.line, "code": ending.code}), flush=True)
        return leave(ending.code)


def leave(code: int) -> int:
    """The exit code, when what is left in the output's buffer can't be written: else Python complains as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def perform(words: Sequence[str], as_json: bool) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("--version", "-V"):
        print(f"reverie {__version__}")
        return 0
    verb = command(words[0])
    args = verb.parser(words[1:]).take(words[1:])
    from reverie.terminal import Terminal

    yield_when_busy()
    screen = Terminal(as_json)
    if not as_json:
        verb.run(args, screen)
    else:
        with redirect_stdout(sys.stderr):  # whatever a library prints must not mix with the JSON
            result = verb.run(args, screen)
        if first_process():
            print(as_text(jsonable(result)))
    sys.stdout.flush()
    return 0


def yield_when_busy() -> None:
    """Where other work already holds half of the processor's cores, idle threads sleep instead of spinning: spinning
    threads on a busy machine cost many times a step (measured: 30 steps in a minute against 270). Read by OpenMP when
    torch is first imported; a person's own setting stands. Changes no number."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load >= 0.5 * (os.cpu_count() or 1):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def command(word: str) -> ModuleType:
    """The verb's module."""
    if word not in VERBS:
        near = get_close_matches(word, VERBS, n=1, cutoff=0.6)
        cure = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(VERBS)}"
        raise Problem(f"{word}: no such verb. {cure}")
    return import_module(f"reverie.commands.{word}")


def overview() -> str:
    lines = ["usage: reverie VERB …", "", "Generative models of your own data.", ""]
    lines += [f"  {verb:<13}{command(verb).HELP}" for verb in VERBS]
    lines += ["", "reverie VERB --help says more; --json on any verb prints one JSON object and nothing else."]
    lines += ["Start with: reverie fit DATA; DATA is a folder of pictures, a text, or a set such as demo-fashion."]
    return "\n".join(lines)


def ended(error: BaseException) -> Ending:
    """Every way to end, in a line. What nobody foresaw is a bug: its traceback goes to a file."""
    if isinstance(error, Problem):
        return Ending(error.code, one_line(str(error)))
    if isinstance(error, KeyboardInterrupt):
        return Ending(Stopped.code, "stopped. What was saved is whole: the same command goes on from there")
    if isinstance(error, OSError) and error.errno in FULL + REFUSED:
        named = f"{error.filename}: " if error.filename else ""
        what = (error.strerror or str(error)).lower()
        full = error.errno in FULL
        cure = "Make room there, or name another place by --out" if full else "Name another place, or change its rights"
        return Ending(NoRoom.code if full else Problem.code, one_line(f"{named}{what}. {cure}"))
    if out_of_memory(error):
        return Ending(Problem.code, "out of memory. Pass a smaller --batch, --size or --set, or ask for less at once")
    report = keep_traceback(error)
    what = one_line(f"{type(error).__name__}: {error}")[:200]
    return Ending(BUG, f"a bug in reverie ({what}). Please report it with {report}")


def keep_traceback(error: BaseException) -> str:
    """The traceback's file; on standard error where none can be written."""
    text = "".join(traceback.format_exception(error))
    try:
        handle, name = tempfile.mkstemp(prefix="reverie-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(f"reverie {__version__}: {' '.join(sys.argv[1:])}\n{text}")
    except OSError:
        print(text, file=sys.stderr)
        return "the lines above"
    return name


def one_line(text: str) -> str:
    return " ".join(text.split())


def as_text(result: Any) -> str:
    """As JSON, in whose strings nothing steers a terminal."""
    text = json.dumps(result, ensure_ascii=False, allow_nan=False).translate(STEERING)
    return text.encode("utf-8", "backslashreplace").decode()  # a file's name that is no UTF-8: as JSON escapes it


def first_process() -> bool:
    """Of those that torchrun started, one speaks."""
    return os.environ.get("RANK", "0") == "0"


def jsonable(value: Any) -> Any:
    """Numbers that JSON does not have become null; paths become strings."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value.item() if hasattr(value, "item") else str(value)
