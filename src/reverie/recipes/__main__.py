"""Runs a recipe. The verb `reproduce` will stand on this."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import reverie.recipes as package
from reverie.errors import Problem
from reverie.recipes import Recipe

if TYPE_CHECKING:
    from reverie.training.run import Run


def names() -> list[str]:
    """Every file of this folder that holds a recipe."""
    found = [m.name for m in iter_modules(package.__path__) if not m.name.startswith("_")]
    return [n for n in found if hasattr(import_module(f"reverie.recipes.{n}"), "RECIPE")]


def load(name: str) -> Recipe:
    if name not in names():
        raise Problem(f"{name}: no such recipe. There are: {', '.join(names())}")
    recipe: Recipe = import_module(f"reverie.recipes.{name}").RECIPE
    return recipe


def reproduce(name: str, out: Path, seed: int) -> dict[str, object]:
    """Train, measure, and keep the result beside the run; of cross-validation, beside the folds' runs."""
    from reverie.training.files import write_json
    from reverie.training.log import read

    recipe = load(name)
    parts = [
        (out / f"fold-{k}{again.replace('/', '-')}", f"{k}/{recipe.folds}{again}")
        for again in ("", *(f"/{r}" for r in range(1, recipe.repeats)))
        for k in range(1, recipe.folds + 1)
    ]
    runs = [trained(recipe, *one, seed) for one in (parts if recipe.folds > 1 else [(out, "")])]
    begun = time.monotonic()
    found = [dict(recipe.measure(run)) for run in runs]
    measured = over_folds(found) if recipe.folds > 1 else found[0]
    logs = [read(run.path / "log.jsonl")[-1] for run in runs]
    result = {
        "recipe": name,
        "title": recipe.title,
        "source": recipe.source,
        "published": recipe.published,
        "goal": recipe.goal,
        "reached": recipe.reached(float(measured["value"])),
        **measured,
        "seed": seed,
        "steps": logs[0]["step"],
        "training_seconds": round(sum(log["seconds"] for log in logs), 3),
        "measuring_seconds": round(time.monotonic() - begun, 1),
        "environment": runs[-1].info["segments"][-1],
    }
    write_json(out / "result.json", result)
    return result


def trained(recipe: Recipe, out: Path, fold: str, seed: int) -> "Run":
    """A recipe's run in its folder, with part `fold` held out where one is named."""
    from reverie.kinds import DataOptions
    from reverie.terminal import Terminal
    from reverie.training.fit import fit

    options = DataOptions(**{**recipe.options, **({"fold": fold} if fold else {})})
    return fit(
        recipe.data, recipe.model, out=out, steps=recipe.steps, time=recipe.time, set=recipe.set, seed=seed,
        fields=recipe.fields, training=recipe.training, options=options, reporter=Terminal(),
    )  # fmt: skip


def over_folds(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The folds' values, their mean and their deviation, and the means of what else was measured."""
    values = [float(one["value"]) for one in found]
    about = {"unit": found[0].get("unit", ""), "items": sum(one.get("items", 0) for one in found)}
    means = {k: mean(one[k] for one in found) for k, v in found[0].items() if isinstance(v, float)}
    return {**means, "value": mean(values), "deviation_of_folds": stdev(values), "folds": values, **about}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m reverie.recipes", description=__doc__)
    parser.add_argument("name", nargs="?", help="leave it out to list them")
    parser.add_argument("--out", type=Path, help="the run's folder (runs/recipe-NAME-seedS)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if not asked.name:
        for name in names():
            recipe = load(name)
            print(f"{name}: {recipe.title}. Published: {recipe.published}. Goal: {recipe.goal}")
        return 0
    try:
        out = asked.out or Path("runs") / f"recipe-{asked.name}-seed{asked.seed}"
        print(json.dumps(reproduce(asked.name, out, asked.seed), indent=2))
    except Problem as problem:
        print(f"reverie: {problem}", file=sys.stderr)
        return problem.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
