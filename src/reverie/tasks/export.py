"""A run's model as a file for other programs, checked against the original before it takes its name.

Beside FILE stands FILE.json: model, config, spec and codec, the network's inputs and outputs, the check's number and
the files' SHA-256. A file that is there already is replaced only if the JSON beside it says that it was exported from
the same run and has not changed since.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from hashlib import blake2b, file_digest
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from reverie.core import Model
from reverie.errors import NoRoom, Problem
from reverie.training import checkpoint
from reverie.training.files import ESCAPED, cause

if TYPE_CHECKING:
    from reverie.training.run import Run

FORMATS = ("onnx", "safetensors")
MADE_BY = "reverie export"
TOLERANCE = 1e-4  # largest difference of an output, as a share of its largest value where that is above 1
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class Exported(NamedTuple):
    files: tuple[Path, ...]  # the file, its description, and its weights where they don't fit in it
    difference: float  # between its output and the run's, at most, as TOLERANCE has it


def export(run: Run, format: str, out: Path | None = None) -> Path:
    """The file that `exported` writes."""
    return exported(run, format, out).files[0]


def exported(run: Run, format: str, out: Path | None = None) -> Exported:
    """Writes a run's averaged, finished model to `out` (default: model.FORMAT in the run's folder). As safetensors,
    its weights, bit for bit; as onnx, the network `noise -> item` of a model that samples in one pass,
    `tokens -> logits` of one that writes token by token, `item -> prediction` of a predictor.

    Raises Problem for an unknown format, a file in the way, missing packages, a model that has no such network, and
    where the file's output differs; NoRoom where it can't be written."""
    if format not in FORMATS:
        raise Problem(f"--format {format}: not known. Pass one of {', '.join(FORMATS)}")
    file = out or run.path / f"model.{format}"
    if file.suffix != f".{format}":
        raise Problem(f"--out {file}: not named as {format}. Name it {file.stem or 'model'}.{format}")
    replaceable(file, run)
    if format == "onnx":
        installed()
    model = run.model if run.device.type == "cpu" else deepcopy(run.model).cpu()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=file.parent) as folder:
            made = written(run, model, format, Path(folder) / file.name)
            return Exported(moved(Path(folder), file), made["check"]["difference"])
    except OSError as error:
        raise NoRoom(f"{file}: {cause(error)}. What was there before is whole") from error


def written(run: Run, model: Model, format: str, file: Path) -> Mapping[str, Any]:
    """The file and its description, which is returned."""
    if format == "onnx":
        from .onnx import write

        facts = write(run, model, file)
    else:
        facts = weights(run, model, file)
    parts = sorted(file.parent.iterdir())
    description = {
        "made_by": MADE_BY,
        "version": version("reverie"),
        "run": identity(run),
        "format": format,
        **{k: run.info[k] for k in ("model", "config", "spec", "codec")},
        "sampling": asdict(run.sampling()) if run.sampling else {},
        **facts,
        "files": {part.name: digest(part) for part in parts},
    }
    text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
    beside(file).write_text(text, encoding="utf-8", errors=ESCAPED)
    return description


def weights(run: Run, model: Model, file: Path) -> dict[str, Any]:
    """Every parameter and buffer, read back and compared bit for bit."""
    checkpoint.save_weights(file, model, {k: run.info[k] for k in ("model", "config", "spec")})
    kept, state = checkpoint.load_weights(file), model.state_dict()
    if kept.keys() != state.keys() or not all(torch.equal(kept[k], v.cpu()) for k, v in state.items()):
        raise Problem(f"{file.name}: reads back otherwise than it was written. Is the disk sound?")
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    networks = {name: count for name, count in counts.items() if count}  # not what only augments
    return {"parameters": networks, "check": {"difference": 0.0, "tolerance": 0.0, "how": "read back, bit for bit"}}


def moved(folder: Path, file: Path) -> tuple[Path, ...]:
    """Synced files take their names: the description and the weights first, the file itself last."""
    for part in sorted(folder.iterdir(), key=lambda part: part.name == file.name):
        with open(part, "rb+") as opened:
            os.fsync(opened.fileno())
        os.replace(part, file.parent / part.name)
    return (file, *(part for part in (beside(file), external(file)) if part.exists()))


def beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def external(file: Path) -> Path:
    """Weights that a file has no room for."""
    return file.with_name(f"{file.name}.data")


# ----------------------------------------------------------------------------------------------------- what may be lost


def replaceable(file: Path, run: Run) -> None:
    """Raises Problem where a file in the way is not an export of the same run, untouched since."""
    there = [part for part in (file, external(file), beside(file)) if part.exists() or part.is_symlink()]
    known = description(beside(file))
    ours = known.get("made_by") == MADE_BY and known.get("run") == identity(run)
    kept = known.get("files") if ours else None
    for part in there:
        same = part == beside(file) or (isinstance(kept, dict) and kept.get(part.name) == digest(part))
        if not (ours and same):
            what = "has changed since it was exported" if ours else "there already, and no export of this run"
            raise Problem(f"{part}: {what}. Move it away, or name another file by --out")


def description(file: Path) -> dict[str, Any]:
    """An export's JSON; nothing where there is none, or where it is something else."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def identity(run: Run) -> str:
    """Of a run, however long it has trained: another model, config, data or seed is another run."""
    key = [run.info[k] for k in ("model", "config", "spec")]
    key += [run.info["source"]["fingerprint"], run.info["plan"]["seed"]]
    return blake2b(json.dumps(key, sort_keys=True).encode(), digest_size=16).hexdigest()


def digest(file: Path) -> str:
    """SHA-256; nothing of what is no file."""
    if not file.is_file():
        return ""
    with open(file, "rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def installed() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise Problem(f"--format onnx: needs {', '.join(missing)}. Install by: pip install 'reverie[export]'")


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest one between two outputs, in units of the largest value where that is above 1; NaN counts as infinite."""
    if ours.shape != theirs.shape:
        return float("inf")
    gap = float((ours.double() - theirs.double()).abs().max()) / max(1.0, float(ours.double().abs().max()))
    return gap if gap == gap else float("inf")
