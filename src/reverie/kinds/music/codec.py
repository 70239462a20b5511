"""Pieces <-> tokens. Of few voices: what sounds at each step (`Grid`); of all other music: its notes one by one
(`Events`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverie.errors import Problem

from .events import Events
from .grid import Grid

__all__ = ["Codec", "Events", "Grid"]


class Codec:
    """Reads either from a run's JSON."""

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grid | Events:
        try:
            if data["form"] not in (Grid.form, Events.form):
                raise ValueError(f"form {data['form']}")
            return (Grid if data["form"] == Grid.form else Events).from_json(data)
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"music codec: {error}. Take it from a run.json that fit wrote.") from None
