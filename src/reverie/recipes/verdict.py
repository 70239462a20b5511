"""What a measured value says of a recipe: the verdict in a few words, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverie.metrics import Z
from reverie.recipes import Recipe


def judged(recipe: Recipe, measured: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of its value: beside the published number, and beside the goal."""
    found = float(measured["value"])
    return {
        "title": recipe.title,
        "source": recipe.source,
        "published": recipe.published,
        "published_value": recipe.published_value,
        "tolerance": recipe.tolerance if recipe.published_value is not None else None,
        "differs": recipe.differs,
        "goal": recipe.goal,
        "higher": recipe.higher,
        "reached": recipe.reached(found),
        "reproduced": recipe.reproduced(found),
        "verdict": verdict(recipe, found),
        "evidence": evidence(recipe, measured),
    }


def verdict(recipe: Recipe, found: float) -> str:
    """`reproduced`, else `goal reached`; `goal missed by …` in any case; `reported` where there is no goal."""
    said = ["reproduced"] if recipe.reproduced(found) else []
    if recipe.goal is not None and not recipe.reached(found):
        said.append(f"goal missed by {abs(found - recipe.goal):.3g}")
    return ", ".join(said) or ("reported" if recipe.goal is None else "goal reached")


def evidence(recipe: Recipe, measured: Mapping[str, Any]) -> str:
    """The value with its unit and spread, beside what was published and beside the goal."""
    said = [written(measured)]
    if recipe.published_value is not None:
        gap = recipe.better_by(float(measured["value"]), recipe.published_value)
        how = f"{abs(gap):.3g} {'better' if gap > 0 else 'worse'} than" if gap else "the same as"
        said.append(f"{how} the published {number(recipe.published_value)} (tolerance {recipe.tolerance:g})")
    if recipe.goal is not None:
        said.append(f"goal {wanted(recipe)}")
    return "; ".join(said)


def written(measured: Mapping[str, Any]) -> str:
    """`0.9024 share (95 %: 0.8964 … 0.9081)`."""
    about = spread(measured)
    return f"{value(measured['value'])} {measured.get('unit', '')}".strip() + (f" ({about})" if about else "")


def wanted(recipe: Recipe) -> str:
    """The goal and the side of it that is good."""
    return "–" if recipe.goal is None else f"{'≥' if recipe.higher else '≤'} {number(recipe.goal)}"


def number(stated: float | None) -> str:
    """As somebody wrote it: without zeros that say nothing."""
    return "–" if stated is None else f"{stated:.4g}"


def value(measured: float) -> str:
    """Four digits, zeros too: they were measured."""
    return f"{measured:#.4g}".rstrip(".")


def spread(measured: Mapping[str, Any]) -> str:
    """How sure a value is: over seeds or folds their deviation, else the 95 % interval over the items judged."""
    if (several := measured.get("deviation_of_seeds")) is not None:
        return f"deviation {several:.2g} over {len(measured['values'])} seeds"
    if "folds" in measured:
        return f"deviation {measured['deviation_of_folds']:.2g} over {len(measured['folds'])} folds"
    bounds = interval(measured)
    return f"95 %: {value(bounds[0])} … {value(bounds[1])}" if bounds else ""


def interval(measured: Mapping[str, Any]) -> tuple[float, float] | None:
    """The measure's own 95 % interval, else one of a likelihood's standard error; None where there is neither."""
    if measured.get("low") is not None and measured.get("high") is not None:
        return measured["low"], measured["high"]
    if "standard_error" in measured:  # of nats an item, of which nats a unit are a constant share
        middle = measured["value"]
        half = Z * measured["standard_error"] * middle / measured["nats_an_item"]
        return middle - half, middle + half
    return None
