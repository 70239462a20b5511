"""Runs a recipe to its end: trains, or goes on where that was cut; measures; keeps the result beside the run."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import reverie.recipes as package
from reverie.errors import Problem
from reverie.recipes import Recipe

if TYPE_CHECKING:
    from reverie.training.progress import Reporter
    from reverie.training.run import Run

# what a run hangs on: a result of other settings is one of an older recipe
SETTINGS = ("data", "model", "set", "steps", "time", "fields", "training", "options", "folds", "repeats")
OF_ONE = ("low", "high", "standard_error")  # intervals of one run: their mean over runs is no interval


# ------------------------------------------------------------------------------------------------------ which there are


def names() -> list[str]:
    """Every file of this folder that holds a recipe; read and not imported, which would cost seconds."""
    files = sorted(file for folder in package.__path__ for file in Path(folder).glob("*.py"))
    return [file.stem for file in files if re.search(r"^RECIPE\b", file.read_text(encoding="utf-8"), re.M)]


def load(name: str) -> Recipe:
    """Raises Problem, with the names that are near, for a recipe that is not there."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.6) or [n for n in known if name and name in n]
        cure = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}"
        raise Problem(f"{name}: no such recipe. {cure}")
    recipe: Recipe = import_module(f"reverie.recipes.{name}").RECIPE
    return recipe


def settings(recipe: Recipe) -> dict[str, Any]:
    """What the recipe's run hangs on, as JSON gives it back."""
    found: dict[str, Any] = json.loads(json.dumps({name: getattr(recipe, name) for name in SETTINGS}))
    return found


def usual(name: str, seed: int) -> Path:
    """A recipe's folder where nobody names one."""
    return Path("runs") / f"recipe-{name}-seed{seed}"


# ------------------------------------------------------------------------------------------------------------- one seed


def reproduce(name: str, out: Path, seed: int, reporter: Reporter | None = None) -> dict[str, Any]:
    """Train, measure, and keep the result beside the run; of cross-validation, beside the folds' runs. What is done
    already, by the same settings, is not done again. Raises Problem where the folder holds something else."""
    from reverie.recipes.verdict import judged
    from reverie.training.files import write_json
    from reverie.training.progress import Silent

    recipe, reporter = load(name), reporter or Silent()
    folders = parts(recipe, out)
    old = already(out / "result.json", name, seed)
    if old and old.get("settings") == settings(recipe) and old.get("weights") == weights([f for f, _ in folders]):
        result = {**old, **judged(recipe, old)}  # goals and tolerances may have changed since
        reporter.say(f"{out}: trained and measured already; remove {out / 'result.json'} to measure it again")
    else:
        if recipe.ready:
            recipe.ready()
        result = measured(name, recipe, [trained(recipe, *one, seed, reporter) for one in folders], seed)
    if result != old:
        write_json(out / "result.json", result)
    return {**result, "files": [out / "result.json"]}


def parts(recipe: Recipe, out: Path) -> list[tuple[Path, str]]:
    """The folder of each run, and the part that it holds out: "" where there is one run alone."""
    if recipe.folds == 1:
        return [(out, "")]
    return [
        (out / f"fold-{k}{again.replace('/', '-')}", f"{k}/{recipe.folds}{again}")
        for again in ("", *(f"/{r}" for r in range(1, recipe.repeats)))
        for k in range(1, recipe.folds + 1)
    ]


def already(file: Path, name: str, seed: int | None) -> dict[str, Any] | None:
    """The result that a file holds, of one seed or, for None, of several; None where there is no file. Raises Problem
    where it is another recipe's or seed's: that is not overwritten."""
    if not file.is_file():
        return None
    cure = f"Name another folder than {file.parent} by --out"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        whose = found["recipe"], found.get("seed")
    except (ValueError, KeyError, TypeError):
        raise Problem(f"{file}: no result of a recipe. {cure}") from None
    if whose != (name, seed):
        raise Problem(f"{file}: of {whose[0]}, {'several seeds' if whose[1] is None else f'seed {whose[1]}'}. {cure}")
    return found


def weights(folders: Sequence[Path]) -> str:
    """By which a result knows its runs: SHA-256 over the weights of each; "" where one is not there."""
    digest = hashlib.sha256()
    for folder in folders:
        file = folder / "weights.safetensors"
        if not file.is_file():
            return ""
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def trained(recipe: Recipe, out: Path, fold: str, seed: int, reporter: Reporter | None = None) -> Run:
    """A recipe's run in its folder, with part `fold` held out where one is named."""
    from reverie.kinds import DataOptions
    from reverie.training.fit import fit

    alike(recipe, out, seed)
    options = DataOptions(**{**recipe.options, **({"fold": fold} if fold else {})})
    return fit(
        recipe.data, recipe.model, out=out, steps=recipe.steps, time=recipe.time, set=recipe.set, seed=seed,
        fields=recipe.fields, training=recipe.training, options=options, reporter=reporter,
    )  # fmt: skip


def alike(recipe: Recipe, out: Path, seed: int) -> None:
    """Raises Problem where the folder's run has another seed, or more steps planned, than the recipe's; of all else
    that differs, `fit` says it."""
    from reverie.training.run import Run

    if not (out / "run.json").is_file():
        return
    info = Run.open(out).info
    cure = "Name another folder by --out"
    if info["plan"]["seed"] != seed:
        raise Problem(f"--seed {seed}: {out} was trained with seed {info['plan']['seed']}. {cure}")
    planned = info["segments"][-1]["steps"] if info["segments"] else 0
    if recipe.steps and planned > recipe.steps:
        raise Problem(f"{out}: a run of {planned} steps, and the recipe has {recipe.steps}. {cure}")


def measured(name: str, recipe: Recipe, runs: Sequence[Run], seed: int) -> dict[str, Any]:
    """The result of finished runs."""
    from reverie.recipes.verdict import judged
    from reverie.training.log import read

    begun = time.monotonic()
    found = [dict(recipe.measure(run)) for run in runs]
    values = over_folds(found) if recipe.folds > 1 else found[0]
    logs = [read(run.path / "log.jsonl")[-1] for run in runs]
    return {
        "recipe": name,
        **judged(recipe, values),
        **values,
        "seed": seed,
        "steps": logs[0]["step"],
        "training_seconds": round(sum(log["seconds"] for log in logs), 3),
        "measuring_seconds": round(time.monotonic() - begun, 1),
        "environment": runs[-1].info["segments"][-1],
        "settings": settings(recipe),
        "weights": weights([run.path for run in runs]),
    }


def over_folds(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The folds' values, their mean and their deviation, and the means of what else was measured."""
    values = [float(one["value"]) for one in found]
    about = {"unit": found[0].get("unit", ""), "items": sum(one.get("items", 0) for one in found)}
    means = {k: mean(one[k] for one in found) for k, v in found[0].items() if isinstance(v, float) and k not in OF_ONE}
    return {**means, "value": mean(values), "deviation_of_folds": stdev(values), "folds": values, **about}


# -------------------------------------------------------------------------------------------------------- several seeds


def over_seeds(name: str, count: int, out: Path | None, reporter: Reporter | None = None) -> dict[str, Any]:
    """Seeds 0 to count - 1, each in a folder of its own: out/seed0 …, or the usual ones. Finished ones are not run."""
    from reverie.training.files import write_json
    from reverie.training.progress import Silent

    recipe, reporter = load(name), reporter or Silent()
    file = out / "result.json" if out else usual(name, 0).with_name(f"recipe-{name}-seeds{count}.json")
    already(file, name, None)
    results = []
    for seed in range(count):
        folder = out / f"seed{seed}" if out else usual(name, seed)
        reporter.say(f"{name}: seed {seed} of 0 to {count - 1}, in {folder}")
        results.append(reproduce(name, folder, seed, reporter))
    result = of_seeds(name, recipe, results)
    write_json(file, result)
    return {**result, "files": [file]}


def of_seeds(name: str, recipe: Recipe, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of several seeds': the mean of their values, with their deviation where there are two or more."""
    from reverie.recipes.verdict import judged

    values = [float(one["value"]) for one in results]
    found = {
        "value": mean(values),
        "unit": results[0].get("unit", ""),
        "deviation_of_seeds": stdev(values) if len(values) > 1 else None,
        "values": values,
        "seeds": [one["seed"] for one in results],
        "seeds_that_reach": sum(bool(recipe.reached(value)) for value in values),
        "steps": [one["steps"] for one in results],
        "training_seconds": round(sum(one["training_seconds"] for one in results), 3),
        "measuring_seconds": round(sum(one["measuring_seconds"] for one in results), 1),
    }
    return {"recipe": name, **judged(recipe, found), **found}
