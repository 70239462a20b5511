"""`reverie reproduce RECIPE`: run a published result to its end, and say how near ours is."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem
from reverie.terminal import Terminal, duration

from .arguments import Parser
from .readers import text, whole

if TYPE_CHECKING:
    from reverie.recipes import Recipe
    from reverie.recipes.kept import Kept

HELP = "run a recipe, a published result as code, to its end; without a name: list them"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("reproduce", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("recipe", metavar="RECIPE", nargs="?", default="", help="one of them")
    made.switch("--list", "the recipes with their goals and kept results; with RECIPE: that one. Nothing is run")
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", metavar="S")
    made.value("--seeds", whole("--seeds", 1), "run seeds 0 to K-1, and say their mean and deviation", metavar="K")
    made.value("--out", text("--out"), "the run's folder (default runs/recipe-RECIPE-seedS)", metavar="FOLDER")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    given = {name: value for name in ("seed", "seeds", "out") if (value := getattr(args, name)) is not None}
    if "seed" in given and "seeds" in given:
        raise Problem(f"--seed {args.seed} --seeds {args.seeds}: one seed, or seeds 0 to K-1. Give one of the two")
    for name, value in given.items() if args.list or not args.recipe else ():
        raise Problem(f"--{name} {value}: nothing is run here. Write reverie reproduce RECIPE --{name} {value}")
    if args.list or not args.recipe:
        return listed(args.recipe, screen)
    from reverie.recipes import reproduce as library

    out = Path(args.out) if args.out else None
    if args.seeds:
        return told(library.over_seeds(args.recipe, args.seeds, out, screen), screen)
    seed = args.seed or 0
    return told(library.reproduce(args.recipe, out or library.usual(args.recipe, seed), seed, screen), screen)


def told(result: dict[str, Any], screen: Terminal) -> dict[str, Any]:
    """The number, the published one, the tolerance and the verdict, with the evidence."""
    screen.tell(f"{result['recipe']}: {result['title']}")
    screen.tell(f"published: {result['published']} ({result['source']})")
    if result["differs"]:
        screen.tell(f"differs: {result['differs']}")
    if "values" in result:
        screen.tell(f"seeds: {', '.join(f'{one:.4g}' for one in result['values'])}")
    screen.tell(f"{result['verdict']}: {result['evidence']}")
    screen.files(result["files"])
    after = "reverie reproduce --list"
    screen.tell(f"next: {after}")
    return {**result, "next": after}


# -------------------------------------------------------------------------------------------------------------- listing


def listed(name: str, screen: Terminal) -> dict[str, Any]:
    """One recipe, or all of them, with what is kept of each."""
    from reverie.recipes.kept import every
    from reverie.recipes.reproduce import load, names

    recipes = {one: load(one) for one in ([name] if name else names())}
    kept = {one.name: one for one in every()}
    rows = [described(one, recipe, kept.get(one)) for one, recipe in recipes.items()]
    if name:
        said = {**rows[0], "goal": rows[0]["wanted"]}
        first = ("recipe", "title", "published", "source", "differs", "data", "model")
        keys = (*first, "goal", "kept", "verdict", "older", "took")
        screen.tell(*(f"{key}: {said[key]}" for key in keys if said[key]))
    else:
        columns = ("recipe", "published", "goal", "kept", "verdict", "took", "title")
        screen.table(columns, map(row, rows), right=("published", "goal"))
    after = f"reverie reproduce {shlex.quote(name) if name else 'RECIPE'}"
    screen.tell(f"next: {after}")
    return {"recipes": rows, "next": after}


KEYS = ("title", "source", "published", "published_value", "tolerance", "differs", "data", "model", "goal", "higher")


def described(name: str, recipe: Recipe, kept: Kept | None) -> dict[str, Any]:
    """A recipe as --json gives it; what is kept is null, and its words empty, where there is nothing."""
    from reverie.recipes.verdict import judged, wanted, written

    whole = kept.whole if kept else None
    return {
        "recipe": name,
        **{key: getattr(recipe, key) for key in KEYS},
        "wanted": wanted(recipe),
        "value": whole["value"] if whole else None,
        "kept": written(whole) if whole else "",
        "verdict": judged(recipe, whole)["verdict"] if whole else "",
        "older": kept.older if kept else "",
        "seconds": kept.seconds if kept else None,
        "took": duration(kept.seconds) if kept else "",
    }


def row(one: dict[str, Any]) -> tuple[str, ...]:
    from reverie.recipes.verdict import number, value

    kept = value(one["value"]) if one["kept"] else ""
    verdict = f"{one['verdict']} (older recipe)" if one["older"] else one["verdict"]
    return one["recipe"], number(one["published_value"]), one["wanted"], kept, verdict, one["took"], one["title"]
