"""Voices under melodies: every note of a melody kept, by a model that was given melodies in training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Batch, Continues, Prompt, Samples, Scores
from reverie.errors import Problem
from reverie.kinds.music.fresh import melodies
from reverie.kinds.music.led import Led
from reverie.kinds.music.midi import written
from reverie.kinds.music.piece import Piece
from reverie.kinds.music.under import under
from reverie.kinds.writing import write
from reverie.maths.sampling import collected
from reverie.training.seeds import generator

from .sample import BLOCK, Label, Wish, conditions, wished

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Asked:
    """How melodies are to be harmonised."""

    n: int = 1  # times that each is
    tries: int = 1  # of which the most probable is kept, each time
    voices: int = 4  # that sound wherever the melody does, itself among them; 0: as many as the model likes
    seed: int = 0
    label: Label = ""
    how: Mapping[str, Any] = field(default_factory=dict)  # fields of the model's Sampling
    free: bool = False  # fifths and octaves in parallel as the model has them; else they are avoided where they can be


@dataclass(frozen=True)
class Harmony:
    """Pieces, n of the first melody, n of the second …, and what each was made of."""

    pieces: list[Piece]
    melodies: list[Piece]
    nats: list[float]  # what each costs the model, a step
    notes: list[str]


def harmonise(run: Run, places: Sequence[str], asked: Asked | None = None) -> Harmony:
    """Voices under the highest voice of every tune in files, folders and zips. Raises Problem."""
    codec = harmoniser(run)
    notes: list[str] = []
    found = melodies(places, codec.beat, notes)
    if not found:
        raise Problem("no files. Name files of music, or folders with some, after the run")
    made = harmonised(run, found, asked)
    return replace(made, notes=[*notes, *made.notes])


def wanted(label: Label, asked: Mapping[str, Any]) -> Asked:
    """Fields of `Asked` by name; all others are of the model's Sampling."""
    own = {name: value for name, value in asked.items() if name in ("n", "tries", "voices", "seed", "free")}
    return Asked(**own, label=label, how={name: value for name, value in asked.items() if name not in own})


def harmoniser(run: Run) -> Led:
    """The codec of a run that harmonises. Raises Problem of another, with how to train one."""
    if run.spec.kind != "music":
        raise Problem(f"{run.path}: a run of {run.spec.kind}; melodies are harmonised by one of music")
    if not isinstance(run.codec, Led):
        where = run.info["source"]["where"]
        cure = f"Train one that was: reverie fit {where} --given melody"
        raise Problem(f"{run.path}: this model was not given melodies, so that it can't harmonise one. {cure}")
    if not isinstance(run.model, Continues):
        raise Problem(f"{run.path}: {run.info['model']} writes nothing token by token. Train recurrent_lm or gpt")
    return run.codec


@torch.inference_mode()
def harmonised(run: Run, tunes: Sequence[Piece], asked: Asked | None = None) -> Harmony:
    """Voices under melodies on the run's grid: attempt k at one is a function of the melody, the seed and k, in blocks
    of a fixed size. Raises Problem."""
    asked = asked or Asked()
    harmoniser(run)
    for name, value in (("-n", asked.n), ("--tries", asked.tries)):
        if value < 1:
            raise Problem(f"{name} {value}: ask for at least 1")
    wish = wished(run, asked.label, None, asked.how)
    jobs = [(tune, k) for tune in tunes for k in range(asked.n * asked.tries)]
    parts = (jobs[begin : begin + BLOCK] for begin in range(0, len(jobs), BLOCK))
    found = [pair for part in parts for pair in block(run, part, asked, wish)]
    made, nats = list[Piece](), list[float]()
    for begin in range(0, len(jobs), asked.tries):
        piece, least = min(found[begin : begin + asked.tries], key=lambda pair: pair[1])
        tune = jobs[begin][0]
        made.append(piece._replace(name=tune.name, tempo=tune.tempo, bar=tune.bar))
        nats.append(least)
    return Harmony(made, [tune for tune in tunes for _ in range(asked.n)], nats, [])


def block(run: Run, jobs: list[tuple[Piece, int]], asked: Asked, wish: Wish) -> list[tuple[Piece, float]]:
    """A piece and its nats a step for each melody and number. The network runs on as many always, the last repeated; on
    one where there is one."""
    model, codec = run.model, harmoniser(run)
    assert isinstance(model, Continues)
    assert isinstance(model, Samples)
    full = jobs + jobs[-1:] * (BLOCK - len(jobs)) if len(jobs) > 1 else jobs
    tunes, numbers = [tune for tune, _ in full], [k for _, k in full]
    device = next(model.parameters()).device
    noise = torch.stack([model.noise(generator(asked.seed, "harmonise", k), wish.how) for k in numbers]).to(device)
    told = conditions(run.spec, numbers, asked.seed, wish.label, device)
    prompt = Prompt.empty(noise, told, under(codec, tunes, asked.voices, not asked.free))
    rows = collected(list(model.written(prompt, noise, wish.how)), noise)
    costs = cost(run, rows, told, [tune.steps for tune in tunes])
    return list(zip(codec.decode({run.spec.only[0]: rows.cpu()}), costs))[: len(jobs)]


def cost(run: Run, rows: Tensor, told: Mapping[str, Tensor], steps: Sequence[int]) -> list[float]:
    """Nats of each row a step of its melody; 0 of a model that has no likelihood."""
    if not isinstance(run.model, Scores):
        return [0.0] * len(rows)
    lengths = (rows != 0).sum(1) + 1  # the end counts
    batch = Batch({run.spec.only[0]: rows, **told}, {run.spec.only[0]: lengths})
    nats, _ = run.model.nll(batch, 1)
    return [float(x) / max(1, n) for x, n in zip(nats, steps)]


def save(made: Harmony, folder: Path) -> list[Path]:
    """A .mid of each piece, named as its tune is; numbered where a name comes again. Raises NoRoom."""
    files, taken = list[Path](), set[str]()
    for piece in made.pieces:
        plain = re.sub(r"[^\w.-]+", "-", Path(piece.name).stem).strip("-.") or "melody"
        stem = next(name for k in count(1) if (name := f"{plain}-{k}" if k > 1 else plain) not in taken)
        taken.add(stem)
        files.append(folder / f"{stem}.mid")
        write(files[-1], written(piece))
    return files
