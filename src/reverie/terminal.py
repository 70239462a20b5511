"""What a person sees: lines, tables, and progress that is live in a terminal and plain lines in a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reverie.errors import plain
from reverie.training.health import NORM

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY = 10.0  # seconds between lines of progress in a file


class Terminal:
    """Writes to standard output. With `json` progress goes to standard error and results, which the JSON holds, are not
    told again; of several processes the first alone speaks. Is the `Reporter` of `fit`."""

    def __init__(self, json: bool = False):
        self.json, quiet = json, os.environ.get("RANK", "0") != "0"
        # markup off: data and paths may hold [brackets]
        self.console = Console(stderr=json, quiet=quiet, markup=False, highlight=False, emoji=False)
        if not self.console.is_terminal:
            self.console.width = 10_000  # in a file nothing is cut or wrapped
        self.live: Progress | None = None
        self.task: TaskID | None = None
        self.steps, self.told = 0, 0.0
        self.notes: list[str] = []  # said when training starts: an error before it stays one line

    # ------------------------------------------------------------------------------------------------ lines and tables

    def say(self, line: str = "") -> None:
        """A line of progress, never broken: a terminal wraps it, a file keeps it whole."""
        self.console.print(Text(plain(line)), soft_wrap=True)

    def tell(self, *lines: str) -> None:
        """Lines of the result."""
        for line in () if self.json else lines:
            self.say(line)

    def write(self, text: str) -> None:
        """A part of the result as it comes, without a line's end."""
        if not self.json:
            self.console.print(Text(plain(text)), end="", soft_wrap=True)
            self.console.file.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
        """Columns named in `right` are set right; the last one wraps in a terminal."""
        if self.json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for k, name in enumerate(columns):
            wrap = self.console.is_terminal and k == len(columns) - 1
            head = plain(name)
            table.add_column(head, justify="right" if name in right else "left", no_wrap=not wrap, overflow="fold")
        for row in rows:
            table.add_row(*(Text(plain(word)) for word in row))
        self.console.print(table)

    def first(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], most: int) -> None:
        """The first rows of a table, numbers to four digits, and how many more there are."""
        self.table(columns, [[cell(row[name]) for name in columns] for row in rows[:most]])
        if len(rows) > most:
            self.tell(f"and {len(rows) - most:,} more")

    def files(self, files: Iterable[Any]) -> None:
        """Names what was written."""
        self.tell(*(f"wrote {file}" for file in files))

    # --------------------------------------------------------------------------------------------------------- progress

    def start(self, steps: int, done: int) -> None:
        self.steps, self.told = steps, 0.0
        for note in self.notes:
            self.say(note)
        if done:
            self.say(f"goes on at step {done:,} of {steps:,}")
        if self.console.is_terminal:
            self.live = bar(self.console)
            self.task = self.live.add_task("step", total=steps, completed=done, numbers="", speed="", left="")
            self.live.start()

    def step(self, step: int, logs: Mapping[str, float], speed: float, seconds_left: float) -> None:
        """Shows the latest values, without gradients' norms (the log has them); in a file at most a line every ten
        seconds, and the last."""
        values = "  ".join(f"{plain(name)} {value:.4g}" for name, value in logs.items() if not name.startswith(NORM))
        pace, left = f"{amount(speed)} items/s", f"{duration(seconds_left)} left"
        if self.live is not None and self.task is not None:
            self.live.update(self.task, completed=step, numbers=values, speed=pace, left=left)
            return
        now = time.monotonic()
        if now - self.told >= EVERY or step >= self.steps:
            self.told = now
            self.say(f"step {step:,} of {self.steps:,}  {values}  {pace}  {left}")

    def measure(self, step: int, name: str, value: float) -> None:
        self.say(f"step {step:,}: {name} {value:.4g}")

    def close(self) -> None:
        """Ends the live display; may be called twice."""
        if self.live is not None:
            self.live.stop()
            self.live = self.task = None


def bar(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    texts = [TextColumn("{task.fields[" + name + "]}", markup=False) for name in ("numbers", "speed", "left")]
    return Progress(
        TextColumn("step"), MofNCompleteColumn(), BarColumn(20), *texts, console=console, refresh_per_second=4
    )


def duration(seconds: float) -> str:
    """8 s, 2 min 05 s, 1 h 20 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def amount(number: float) -> str:
    """Three digits: 0.123, 12.3, 1,230."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def cell(value: Any) -> str:
    """Of a table: four digits of a number."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
