"""The page of results, `docs/results.md`: made from the kept results and the recipes, never typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from reverie.recipes.kept import FOLDER, Kept, every
from reverie.recipes.verdict import judged, number, value, wanted, written
from reverie.terminal import duration

SAID = """
Every number here was written by a command that anyone can run: `reverie reproduce NAME`. *Reproduced* is a value that
is the published one, within the tolerance, or better; where a range is published, its best end is meant. The goal is
the recipe's own. *Deviation* is the standard deviation over seeds or folds.
"""


def page(folder: Path = FOLDER) -> str:
    """Recipes, then what benchmarks left beside them: tables of their own. Raises Problem where a result's recipe is
    gone."""
    kept, said = every(folder), ["# Results", " ".join(SAID.split())]
    if kept:
        said += [table(NUMBERS, map(numbers, kept)), "## How each was taken", table(TAKEN, map(taken, kept))]
        said += ["## What was published, and how it differs", table(PUBLISHED, map(published, kept))]
    else:
        said.append("No recipe's result is kept yet.")
    for file in sorted(folder.parent.glob("**/*.md")):
        said.append(re.sub(r"^#", "##", file.read_text(encoding="utf-8"), flags=re.M))
    return "\n\n".join(said) + "\n"


NUMBERS = ("recipe", "measured", "published", "tolerance", "goal", "verdict")


def numbers(kept: Kept) -> Sequence[str]:
    recipe, whole = kept.recipe, kept.whole
    each = f": {', '.join(value(one['value']) for one in kept.results)}" if len(kept.results) > 1 else ""
    older = f"; **of an older recipe**: {kept.older}" if kept.older else ""
    tolerance = f"{recipe.tolerance:g}" if recipe.published_value is not None else "–"
    beside = (number(recipe.published_value), tolerance, wanted(recipe))
    return f"`{kept.name}`", f"{written(whole)}{each}{older}", *beside, judged(recipe, whole)["verdict"]


TAKEN = ("recipe", "what", "seeds", "steps", "training", "measuring", "machine", "command")


def taken(kept: Kept) -> Sequence[str]:
    results = kept.results
    return (
        f"`{kept.name}`",
        kept.recipe.title,
        ", ".join(str(one["seed"]) for one in results),
        ", ".join(f"{one['steps']:,}" for one in results),
        ", ".join(duration(one["training_seconds"]) for one in results),
        ", ".join(duration(one["measuring_seconds"]) for one in results),
        "; ".join(dict.fromkeys(machine(one["environment"]) for one in results)),
        f"`{command(kept.name, [one['seed'] for one in results])}`",
    )


def machine(environment: dict[str, object]) -> str:
    """Where a run was trained."""
    threads = environment["threads"]
    return f"{environment['device']}, {threads} thread{'s' if threads != 1 else ''}, torch {environment['torch']}"


def command(name: str, seeds: Sequence[int]) -> str:
    """What gives those seeds."""
    start = f"reverie reproduce {shlex.quote(name)}"
    if list(seeds) == [0]:
        return start
    if list(seeds) == list(range(len(seeds))):
        return f"{start} --seeds {len(seeds)}"
    return " && ".join(f"{start} --seed {seed}" for seed in seeds)


PUBLISHED = ("recipe", "published", "source", "differs")


def published(kept: Kept) -> Sequence[str]:
    recipe = kept.recipe
    return f"`{kept.name}`", recipe.published, recipe.source, recipe.differs


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
