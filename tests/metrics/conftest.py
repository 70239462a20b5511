"""Measures are checked with their shapes: beartype reads the jaxtyping annotations of what is imported after this."""

from jaxtyping import install_import_hook

names = ("distances", "neighbours", "efficientnet", "features", "copies", "image.distribution", "image.spread")
install_import_hook([f"reverie.metrics.{name}" for name in names], "beartype.beartype")
