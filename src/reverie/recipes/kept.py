"""Results of recipes that a checkout keeps in benchmarks/results/; an installed package has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from reverie.errors import Problem
from reverie.recipes import Recipe
from reverie.recipes.reproduce import load, names, of_seeds, settings

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Kept:
    """What is kept of one recipe: a result of each seed, in the order of the seeds."""

    name: str
    recipe: Recipe
    results: tuple[Mapping[str, Any], ...]

    @property
    def whole(self) -> Mapping[str, Any]:
        """The one result, or the seeds' mean with their deviation."""
        return self.results[0] if len(self.results) == 1 else of_seeds(self.name, self.recipe, self.results)

    @property
    def seconds(self) -> float:
        """Of training and measuring one seed."""
        return mean(float(one["training_seconds"] + one["measuring_seconds"]) for one in self.results)

    @property
    def older(self) -> str:
        """In which way a result is one of an older recipe; "" where all are of today's."""
        return next((said for result in self.results if (said := older(self.recipe, result))), "")


def every(folder: Path = FOLDER) -> list[Kept]:
    """Each recipe's kept results, by name. Raises Problem for a file that is no result, or whose recipe is gone."""
    known = names()
    found: dict[str, list[Mapping[str, Any]]] = {}
    for file in sorted(folder.glob("**/result*.json")):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            name, _, _ = result["recipe"], float(result["value"]), result["seed"]
        except (ValueError, KeyError, TypeError):
            raise Problem(f"{file}: no result of a recipe. Remove it from {folder}") from None
        if name not in known:
            raise Problem(f"{file}: of {name}, and there is no such recipe. Remove the file, or bring the recipe back")
        found.setdefault(name, []).append(result)
    by_seed = {name: tuple(sorted(found[name], key=lambda one: one["seed"])) for name in sorted(found)}
    return [Kept(name, load(name), results) for name, results in by_seed.items()]


def older(recipe: Recipe, result: Mapping[str, Any]) -> str:
    """In which way a result is of other settings than the recipe's; "" where it is not."""
    if recipe.steps and result["steps"] != recipe.steps:
        return f"{result['steps']:,} steps, and the recipe has {recipe.steps:,}"
    before, now = result.get("settings", {}), settings(recipe)  # results of before settings were kept have none
    changed = [name for name, value in before.items() if now.get(name) != value]
    return f"another {', '.join(changed)} than the recipe has" if changed else ""
