"""What new items are compared with, kept in the run's folder: so they can be scored where the run's data are not."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from reverie.errors import NoRoom
from reverie.training.files import write

from .calibrate import mark
from .unlike import Usual, looks, some, total, usual

if TYPE_CHECKING:
    from reverie.training.run import Run

FILE = "usual.safetensors"
RULE = 3  # of scores: what was kept by another one is made anew
HELD = 10_000  # held-out items that a promise rests on, at most


@dataclass(frozen=True)
class Reference:
    """What training items say, and the scores of held-out ones (n,)."""

    known: Usual
    held: Tensor


def made(run: Run, parts: tuple[str, ...]) -> Reference:
    """From the run's data, and kept. Raises Problem where the data are not there."""
    known, held_out = usual(run, parts), some(run.prepared.held_out, HELD)
    held = torch.zeros(0)
    if len(held_out):
        held = total(looks(run, held_out, parts, known), known, parts)[0]
    found = Reference(known, held.double())
    with suppress(NoRoom):  # a run that can't be written to is compared anew each time
        leave(run, parts, found)
    return found


def leave(run: Run, parts: tuple[str, ...], found: Reference) -> None:
    """In the run's folder. Raises NoRoom."""
    scale = torch.tensor([found.known.scale[part] for part in parts], dtype=torch.float64)
    tensors = {"held": found.held, "scale": scale, "errors": found.known.errors, "codes": found.known.codes}
    tensors["items"] = found.known.items
    there = {name: x.contiguous() for name, x in tensors.items() if x is not None}
    said = {"reverie": json.dumps(about(run, parts))}
    write(run.path / FILE, lambda part: part.write_bytes(save(there, said)))


def kept(run: Run, parts: tuple[str, ...]) -> Reference | None:
    """What is in the run's folder; None where it is of other weights, other parts or another rule, or not there."""
    try:
        with safe_open(run.path / FILE, "pt") as file:
            if json.loads(file.metadata()["reverie"]) != about(run, parts):
                return None
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        scale = {part: (row[0], row[1]) for part, row in zip(parts, found["scale"].tolist(), strict=True)}
        return Reference(Usual(found.get("errors"), found.get("codes"), found.get("items"), scale), found["held"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def about(run: Run, parts: tuple[str, ...]) -> dict[str, object]:
    return {"weights": mark(run), "parts": list(parts), "rule": RULE}
