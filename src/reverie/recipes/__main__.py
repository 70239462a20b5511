"""Runs a recipe. The verb `reproduce` will stand on this."""

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import reverie.recipes as package
from reverie.errors import Problem
from reverie.recipes import Recipe


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
    """Train, measure, and keep the result beside the run."""
    from reverie.kinds import DataOptions
    from reverie.terminal import Terminal
    from reverie.training.files import write_json
    from reverie.training.fit import fit
    from reverie.training.log import read

    recipe = load(name)
    run = fit(
        recipe.data, recipe.model, out=out, steps=recipe.steps, time=recipe.time, set=recipe.set, seed=seed,
        fields=recipe.fields, training=recipe.training, options=DataOptions(**recipe.options), reporter=Terminal(),
    )  # fmt: skip
    begun = time.monotonic()
    measured = dict(recipe.measure(run))
    log = read(run.path / "log.jsonl")
    result = {
        "recipe": name,
        "title": recipe.title,
        "source": recipe.source,
        "published": recipe.published,
        "goal": recipe.goal,
        "reached": recipe.reached(float(measured["value"])),
        **measured,
        "seed": seed,
        "steps": log[-1]["step"],
        "training_seconds": log[-1]["seconds"],
        "measuring_seconds": round(time.monotonic() - begun, 1),
        "environment": run.info["segments"][-1],
    }
    write_json(run.path / "result.json", result)
    return result


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
