"""Measures are checked with their shapes: beartype reads the jaxtyping annotations of what is imported after this."""

from jaxtyping import install_import_hook

NAMES = ("distances", "neighbours", "efficientnet", "features", "image", "spread")
modules = [f"reverie.metrics.{name}" for name in NAMES]
install_import_hook(modules, "beartype.beartype")
