"""Checkpoints and weights on disk: whole at any kill, and nothing in them can run code."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn

from reverie.errors import Problem, out_of_memory

from .files import write


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Tensors, numbers, strings, lists and dicts. Raises NoRoom."""
    write(path, lambda part: torch.save(dict(state), part))


def load(path: Path) -> dict[str, Any]:
    """Raises Problem where the file is not a whole checkpoint of ours."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise Problem(f"{path}: no such checkpoint. Start a new run in another folder by --out") from None
    except Exception as error:
        raise Problem(
            f"{path}: not a whole checkpoint ({type(error).__name__}). Remove it to go on from best.ckpt, or train anew"
            " in another folder by --out"
        ) from error
    if not isinstance(state, dict) or "trainer" not in state:
        raise Problem(f"{path}: not a checkpoint of reverie. Train anew in another folder by --out")
    return state


@contextmanager
def of_this_model(path: Path) -> Iterator[None]:
    """Loading its parts into a model and its optimisers. Raises Problem where they don't fit."""
    try:
        yield
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        if out_of_memory(error):
            raise
        line = str(error).splitlines()[-1].strip()[:200]
        raise Problem(f"{path}: of another model ({line}). Bring its own back, or train anew by --out") from error


def save_weights(path: Path, model: nn.Module, facts: Mapping[str, Any]) -> None:
    """Parameters and buffers as safetensors, with facts as JSON in its header. Equal tensors give equal bytes."""
    # contiguous() puts channels-last weights into the plain order that the format needs; clone() parts tied ones
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    header = {"reverie": json.dumps(dict(facts), sort_keys=True)}
    write(path, lambda part: part.write_bytes(serialised(tensors, header)))  # save_file's are readable by nobody else


def load_weights(path: Path) -> dict[str, Tensor]:
    """Raises Problem where the file is missing or not whole."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise Problem(f"{path}: no weights yet. Let `reverie fit` go on until its first checkpoint") from None
    except (SafetensorError, OSError) as error:
        raise Problem(f"{path}: not whole ({error}). `reverie fit` on the same folder writes it anew") from error
