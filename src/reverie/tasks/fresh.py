"""New items: of files, as a run's codec takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.kinds.find import located, module
from reverie.training.written import read_options

if TYPE_CHECKING:
    from reverie.training.run import Run


def read(run: Run, places: Sequence[str], take: Callable[..., Any] | None = None) -> Unseen:
    """Items of files, folders or named sets, in their order. `take`: how the kind reads them, where that is not its
    `unseen`. Raises Problem, also where there is no item."""
    take = take or module(run.spec.kind).unseen
    options = read_options(run.info["source"]["options"])
    found: Unseen = take([str(located(place)) for place in places], run.codec, options)
    if not len(found.items):
        raise Problem(f"{places[0]}: no item in it. Name other files")
    return found
