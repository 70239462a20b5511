"""A design as a run folder of its own: the agent, what it drew, and a page. A design that was cut goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reverie.errors import Problem, Stopped
from reverie.kinds.find import module
from reverie.training import checkpoint
from reverie.training.files import clean, locked, write, write_json, write_text
from reverie.training.log import Log, read

from .design import BATCH, Designer, Goal
from .design_page import SHOWN, page, words
from .designed import Designed, designed
from .written import save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

CHECKPOINT = "design.ckpt"
SAVE_SECONDS = 60.0  # between checkpoints
Tell = Callable[[int, dict[str, float], float], None]


@dataclass(frozen=True)
class Made:
    folder: Path
    found: Designed
    files: list[Path]
    lines: Sequence[str]  # what came of it


def design(run: Run, goal: Goal, out: str | Path = "", count: int = 1_000, tell: Tell | None = None) -> Made:
    """Learn toward a goal and write the agent's folder: a run, with `count` molecules that are as asked for. `tell`
    gets each step's number, what it logged, and molecules a second. The same call goes on where one was cut. Raises
    Problem, Stopped, NoRoom."""
    if count < 1:
        raise Problem(f"-n {count}: ask for at least 1 molecule")
    folder = Path(out) if out else run.path.with_name(f"{run.path.name}-designed")
    others(folder)
    designer = Designer(run, goal)
    with locked(folder):
        begin(folder, designer)
        learn(folder, designer, tell or (lambda *_: None))
        found = designed(designer, count, read(folder / "log.jsonl"))
        return finish(folder, designer, found)


def others(folder: Path) -> list[str]:
    """What lies in the folder. Raises Problem for things that are no design, and for a file in the folder's place."""
    if folder.exists() and not folder.is_dir():
        raise Problem(f"--out {folder}: a file of that name is there. Name a folder")
    there = sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.is_dir() else []
    if there and CHECKPOINT not in there and any(not name.startswith(".") for name in there):
        raise Problem(f"--out {folder}: not empty, and nothing is overwritten. Name another folder")
    return there


def begin(folder: Path, designer: Designer) -> None:
    """Raises Problem for a folder that holds anything else than a design of this goal, which goes on."""
    clean(folder)
    there = others(folder)
    if not there:
        return
    state = checkpoint.load(folder / CHECKPOINT)
    if state.get("goal") != asked(designer):
        raise Problem(
            f"--out {folder}: a design of another goal was begun there. Name another folder, or remove this one"
        )
    with checkpoint.of_this_model(folder / CHECKPOINT):
        designer.load(state)
    if "run.json" in there and designer.done >= designer.goal.steps:
        raise Problem(f"--out {folder}: done, at step {designer.done}. Pass more --steps, or name another folder")


def asked(designer: Designer) -> dict[str, Any]:
    """What a design is a function of. Its steps may grow."""
    goal = {name: value for name, value in designer.goal.to_json().items() if name != "steps"}
    return {"from": str(designer.run.path), "data": designer.run.info["source"]["fingerprint"], **goal}


def learn(folder: Path, designer: Designer, tell: Tell) -> None:
    """Steps, a checkpoint each minute. Ctrl-C keeps what was learnt. Raises Stopped."""
    goal, begun, first, saved = designer.goal, time.monotonic(), designer.done, time.monotonic()
    if not (folder / CHECKPOINT).exists():  # a kill in the first minute leaves a folder that goes on
        save(folder, designer)
    log = Log(folder, designer.done)
    try:
        while designer.done < goal.steps:
            found = designer.learn()
            passed = time.monotonic() - begun
            log.write(designer.done, designer.done * BATCH, passed, found)
            tell(designer.done, found, (designer.done - first) * BATCH / passed)
            if time.monotonic() - saved > SAVE_SECONDS:
                save(folder, designer)
                saved = time.monotonic()
    except KeyboardInterrupt:
        save(folder, designer)
        said = f"stopped at step {designer.done} of {goal.steps}; the same command goes on from here"
        raise Stopped(said) from None
    finally:
        log.close()
    if designer.done > first:
        save(folder, designer)


def save(folder: Path, designer: Designer) -> None:
    checkpoint.save(folder / CHECKPOINT, {**designer.state(), "goal": asked(designer)})


def finish(folder: Path, designer: Designer, found: Designed) -> Made:
    """Everything that a run has; run.json last, so that a folder with one is whole."""
    run, kind = designer.run, module(designer.run.spec.kind)
    lines = words(found, designer.goal.filters)
    table, sheet, html = folder / "designed.csv", folder / f"designed{kind.SHEET}", folder / "design.html"
    shown = found.names[:SHOWN]
    columns = found.columns()
    save_table(table, columns)
    write_text(folder / "designed.smi", "".join(f"{name}\n" for name in columns["smiles"]))
    write(sheet, lambda part: kind.show(shown, part))
    title = f"{run.info['model']} of {run.path}: {', '.join(wish.said for wish in designer.goal.wishes)}"
    write_text(html, page(title, lines, found, kind.pictured(shown)))
    info = deepcopy(run.info)
    info |= {"default_steps": designer.goal.steps, "segments": []}
    info["designed"] = {**asked(designer), "steps": designer.goal.steps, "found": found.facts}
    info["designed"]["score"] = [one.to_json() for one in designer.desired.steps]
    facts = {"model": info["model"], "config": info["config"], "spec": info["spec"]}
    with torch.no_grad():
        checkpoint.save_weights(folder / "weights.safetensors", designer.agent, facts)
    write_json(folder / "run.json", info)
    return Made(folder, found, [table, folder / "designed.smi", sheet, html], lines)
