"""Sentences as files and on a sheet of text."""

from reverie.kinds.text import save, show

__all__ = ["save", "show"]
