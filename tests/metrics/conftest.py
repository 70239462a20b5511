"""Measures are checked with their shapes: beartype reads the jaxtyping annotations of what is imported after this."""

from jaxtyping import install_import_hook

modules = [f"reverie.metrics.{name}" for name in ("distances", "neighbours", "efficientnet", "features", "image")]
install_import_hook(modules, "beartype.beartype")
