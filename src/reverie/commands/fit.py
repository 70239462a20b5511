"""`reverie fit DATA`: train a model, or go on where its run was."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reverie.catalog import find
from reverie.spec import PRECISIONS, STOPS
from reverie.terminal import Terminal, duration

from .arguments import Parser, add_data, add_fields, data_options, given_fields, known_family, model_in, value_of
from .readers import one_of, real, text, whole

if TYPE_CHECKING:
    from reverie.training.run import Run

HELP = "train a model on data, or go on where a run was"
DATA = "a file, a folder, or a named set such as demo-fashion; two of pictures are two domains to translate between"
TRAINING = ("batch", "clip", "ema_items", "precision")  # flags that are fields of Training
STOP_HELP = "auto: end where the measure on held-out data no longer improves by more than its noise (default never)"


def parser(words: Sequence[str]) -> Parser:
    """The fields of the model that --model names, or of the run in --out, are flags too."""
    asked = value_of(words, "--model")
    family = find(asked) if asked and not asked.startswith("-") else known_family(model_in(value_of(words, "--out")))
    epilog = "" if family else "With --model M, the fields of M are flags too: reverie fit --model dcgan --help"
    made = Parser("fit", f"{HELP[0].upper()}{HELP[1:]}.", epilog)
    made.hint = f"It is none of {family.name}: leave it out" if family else "Name the model by --model"
    made.add_argument("data", metavar="DATA", nargs="+", help=DATA)
    made.value("--model", text("--model"), "see `reverie models` (default: chosen, and said why)", metavar="M")
    made.value("--out", text("--out"), "the run's folder (default runs/DATA-M)", metavar="RUN")
    made.value("--steps", whole("--steps", 1), "training steps (default: as many as the set says)")
    made.value("--time", text("--time"), "instead of --steps: 90s, 10m or 1.5h", metavar="10m")
    made.value("--stop", one_of("--stop", STOPS), STOP_HELP)
    sets = "a named set of the model's values (default: the size --time is enough for, else small)"
    made.value("--set", text("--set"), sets, metavar="NAME")
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)")
    made.value("--batch", whole("--batch", 1), "items an update (default: the set's)")
    made.value("--clip", real("--clip", 0), "largest norm of a gradient; 0: as it is (default: the set's)")
    made.value("--ema-items", real("--ema-items", 0), "half-life of averaged weights, in items (default: the set's)")
    precision = "of matrix products; auto: bf16 where the device is made for it (default: the set's, float32)"
    made.value("--precision", one_of("--precision", PRECISIONS), precision)
    made.value("--shards", whole("--shards", 1), "equal parts of a batch, over all processes (default 1)")
    made.value("--threads", whole("--threads", 1), "processor cores to use (default: all)")
    made.switch("--retry", "go on after a divergence, with other chance from the last good checkpoint on")
    made.switch("--tensorboard", "also log for TensorBoard")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    add_data(made)
    if family:
        add_fields(made, f"fields of {family.name} (defaults: the paper's; --set names others)", family.fields())
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    use_threads(args.threads, screen)
    from reverie.training.fit import fit

    training = {name: getattr(args, name) for name in TRAINING if getattr(args, name) is not None}
    made = fit(
        args.data[0],
        args.model or "",
        out=args.out or "",
        steps=args.steps or 0,
        time=args.time or "",
        set=args.set or "",
        seed=args.seed or 0,
        options=data_options(args),
        fields=given_fields(args),
        training=training,
        reporter=screen,
        shards=args.shards or 1,
        retry=args.retry,
        tensorboard=args.tensorboard,
        stop=args.stop or "",
    )
    return tell(made, screen)


def use_threads(count: int | None, screen: Terminal) -> None:
    """Before torch is imported: OpenMP reads its settings once."""
    if count:
        os.environ["OMP_NUM_THREADS"] = str(count)
        import torch

        torch.set_num_threads(count)
        return
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if cores > 1 and busy > cores / 2 and "OMP_WAIT_POLICY" not in os.environ:
        # waiting threads spin: beside other work, several can be slower than one
        screen.notes.append(f"note: the machine is busy (load {busy:.1f} on {cores} cores); --threads 1 may be faster")


def tell(made: Run, screen: Terminal) -> dict[str, Any]:
    """What the run holds, and what to do next."""
    from reverie.core import Says
    from reverie.training.log import read

    log = read(made.path / "log.jsonl")
    last = log[-1] if log else {}
    losses = {k: v for k, v in last.items() if k not in ("step", "items", "seconds")}
    sheets = sorted((made.path / "samples").glob("step-*"))
    names = ("run.json", "weights.safetensors", "calibration.json", "last.ckpt", "best.ckpt", "log.jsonl")
    files = [made.path / name for name in names if (made.path / name).exists()] + sheets[-1:]
    values = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
    screen.tell(f"{made.info['model']}: {last.get('step', 0):,} steps in {duration(last.get('seconds', 0))}  {values}")
    screen.files(files)
    folder = shlex.quote(str(made.path))
    able = made.family.abilities
    if "sample" in able and isinstance(made.model, Says):
        screen.tell(f"note: {made.model.said()}")
    after = [f"reverie sample {folder}"] if "sample" in able else []
    after += [f"reverie predict {folder} FILES"] if "predict" in able else []
    after += [f"reverie translate {folder} FILES"] if "translate" in able else []
    screen.tell("next: " + " or ".join([*after, f"reverie evaluate {folder}"]))
    return {
        "run": made.path,
        "model": made.info["model"],
        "steps": last.get("step", 0),
        "seconds": last.get("seconds", 0),
        "losses": losses,
        "files": files,
    }
