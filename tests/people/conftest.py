"""Reverie as a person meets it: commands as processes, in a folder of one's own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie.cli import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON object and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def refused(self, *says: str, code: int = 2) -> None:
        """One line on standard error that says all of these; no traceback."""
        assert "Traceback" not in self.err + self.out
        assert self.code == code, self.err
        assert self.err.startswith("reverie: ")
        assert self.err.count("\n") == 1, self.err
        for words in says:
            assert words in self.err


@dataclass(frozen=True)
class Desk:
    """A folder to work in."""

    folder: Path

    def reverie(self, *words: object, input: bytes | None = None, **env: str) -> Done:
        command = [sys.executable, "-m", "reverie", *map(str, words)]
        given = {**os.environ, "REVERIE_CACHE": str(self.folder / ".cache"), "OMP_NUM_THREADS": "1", **env}
        done = subprocess.run(command, cwd=self.folder, env=given, input=input, capture_output=True, timeout=300)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def files(self) -> dict[str, bytes]:
        """All there is, but caches."""
        found = (p for p in self.folder.rglob("*") if p.is_file() and ".cache" not in p.parts)
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in found}


def pictures(folder: Path, count: int = 30, size: tuple[int, int] = (16, 20)) -> Path:
    folder.mkdir(parents=True)
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8)):
        Image.fromarray(x).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture
def typed(office, monkeypatch, capsys):
    """The same without a process of its own, where many commands need torch: its import takes seconds."""
    monkeypatch.chdir(office.folder)
    monkeypatch.setenv("REVERIE_CACHE", str(office.folder / ".cache"))

    def run(*words: object) -> Done:
        code = main(list(map(str, words)))
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def at(monkeypatch, capsys):
    """The same in any folder."""

    def place(folder: Path) -> Any:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        return lambda *words: Done(main(list(map(str, words))), *capsys.readouterr())

    return place


@pytest.fixture
def bare(desk, monkeypatch, capsys):
    """The same in an empty folder, where no named set is but those of the package."""
    monkeypatch.chdir(desk.folder)
    monkeypatch.delenv("REVERIE_DATA", raising=False)
    monkeypatch.setenv("REVERIE_CACHE", str(desk.folder / ".cache"))
    return lambda *words: Done(main(list(map(str, words))), *capsys.readouterr())


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Desk:
    """A folder with pictures, a text and a finished run of each, for tests that change nothing."""
    desk = Desk(tmp_path_factory.mktemp("office"))
    pictures(desk.folder / "pictures")
    (desk.folder / "words.txt").write_text("to be or not to be, that is the question. " * 200)
    small = ("--model", "vae", "--set", "tiny", "--batch", 8)
    done = desk.reverie("fit", "pictures", *small, "--steps", 4, "--out", "run")
    assert done.code == 0, done.err
    return desk
