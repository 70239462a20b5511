"""Who is told how training goes."""

from collections.abc import Mapping
from typing import Protocol


class Reporter(Protocol):
    """Shows a run's progress: in a terminal, in a log file, or nowhere."""

    def say(self, line: str) -> None: ...

    def start(self, steps: int, done: int) -> None: ...

    def step(self, step: int, logs: Mapping[str, float], speed: float, seconds_left: float) -> None:
        """`speed` in items a second."""
        ...

    def measure(self, step: int, name: str, value: float) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Says nothing: the library's default."""

    def say(self, line: str) -> None: ...

    def start(self, steps: int, done: int) -> None: ...

    def step(self, step: int, logs: Mapping[str, float], speed: float, seconds_left: float) -> None: ...

    def measure(self, step: int, name: str, value: float) -> None: ...

    def close(self) -> None: ...
