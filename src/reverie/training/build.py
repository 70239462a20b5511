"""A model from its Config and a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from reverie.catalog import Family, families
from reverie.core import Model, Spec
from reverie.errors import Problem


def build_config(config: type, values: Mapping[str, Any]) -> Any:
    """A Config from JSON: lists become tuples."""
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def model_class(module: ModuleType) -> type[Model]:
    """The one Model of a family's file."""
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Model)]
    return next(c for c in found if c.__module__ == module.__name__)


def build_model(family: Family, config: Any, spec: Spec) -> Model:
    """Raises Problem where this model can't make such items."""
    one_set(family, spec.domains)
    try:
        model: Model = model_class(family.load())(config, spec)
    except ValueError as error:
        raise Problem(f"{family.name}: {error}") from error
    return model


def one_set(family: Family, sets: Sequence[str]) -> None:
    """Raises Problem where there are several sets, and a model that does not translate between them."""
    if len(sets) > 1 and "translate" not in family.abilities:
        able = ", ".join(one.name for one in families() if "translate" in one.abilities)
        both = " and ".join(sets)
        raise Problem(f"{family.name}: learns from one set, and {both} are two. Name one place, or --model {able}")
