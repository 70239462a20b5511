"""log.jsonl: one line a look, in step with the checkpoints; and TensorBoard where it is asked for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reverie.errors import NoRoom, Problem

from .files import cause, write_text


class Log:
    """Appends to a run's log.jsonl. Opening it at a step cuts what was written after that step."""

    def __init__(self, folder: Path, step: int, tensorboard: bool = False):
        self.path = folder / "log.jsonl"
        lines = [line for line in read(self.path) if line["step"] <= step]
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in lines))
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self.board = board(folder, step) if tensorboard else None

    def write(self, step: int, items: int, seconds: float, values: Mapping[str, float]) -> None:
        """Raises NoRoom."""
        line = {"step": step, "items": items, "seconds": round(seconds, 3), **values}
        try:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        except OSError as error:
            raise NoRoom(f"{self.path}: {cause(error)}. The last checkpoint is whole") from error
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        self.file.close()
        if self.board:
            self.board.close()


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log; a last line cut by a kill is left out."""
    lines = []
    if path.is_file():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                lines.append(line)
    return lines


def board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise Problem("--tensorboard: TensorBoard is not installed. Run: pip install 'reverie[logs]'") from None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
