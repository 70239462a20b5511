"""Pieces <-> tokens. Of few voices: what sounds at each step (`Grid`); of all other music: its notes one by one
(`Events`). To harmonise melodies: a grid whose melody is known ahead (`Led`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverie.errors import Problem

from .events import Events
from .grid import Grid
from .led import Led

__all__ = ["Codec", "Events", "Grid", "Led"]


FORMS: dict[str, Any] = {"grid": Grid, "events": Events, "led": Led}


class Codec:
    """Reads any of them from a run's JSON."""

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grid | Events | Led:
        try:
            made: Grid | Events | Led = FORMS[data["form"]].from_json(data)
            return made
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"music codec: {error}. Take it from a run.json that fit wrote.") from None
