"""Features of pictures: what the picture measures are computed on. An extractor's name holds everything that moves the
numbers: network, weights, input size, resize rule, layer. Numbers under different names are not comparable, and none of
them is the FID of the literature unless the name says Inception.

An extractor is anything that meets `Extractor`: `default()` works offline; `inception()` and `inception_clean()` need
torch-fidelity and its weights file; `of_module` wraps a network of one's own, `of_classifier` a trained classifier,
which has `probabilities` too."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from reverie.errors import Problem

from .efficient import SIDES, EfficientNetFeatures, cheap, default
from .inception import INCEPTION_FILE, InceptionClean, InceptionFeatures, inception, inception_clean
from .own import ClassifierFeatures, ModuleFeatures, of_classifier, of_module
from .pictures import BLOCK, Extractor, pixels, resized
from .stream import LIMIT, Streamed, gather, of, stream

NAMES = ("default", "inception", "inception-clean")

__all__ = [
    "BLOCK", "INCEPTION_FILE", "LIMIT", "NAMES", "SIDES", "ClassifierFeatures", "EfficientNetFeatures", "Extractor",
    "InceptionClean", "InceptionFeatures", "ModuleFeatures", "Streamed", "cheap", "default", "gather", "inception",
    "inception_clean", "named", "of", "of_classifier", "of_module", "pixels", "resized", "stream",
]  # fmt: skip


def named(what: object, side: int = 64, weights: str | Path = "") -> Extractor:
    """The extractor of that name, for pictures up to `side` pixels wide or high; an extractor is itself. `weights`:
    Inception's file, where it does not lie in torch's cache. Raises Problem on another name, on a bare network (whose
    name and input must be said), and where weights or a package are missing."""
    if isinstance(what, str):
        makers = {
            "default": lambda: default(side),
            "inception": lambda: inception(weights),
            "inception-clean": lambda: inception_clean(weights),
        }
        if what not in makers:
            raise Problem(f"{what!r}: no such extractor. Pass one of {', '.join(NAMES)}")
        return makers[what]()
    if isinstance(what, Extractor):
        return what
    if isinstance(what, nn.Module):
        kind = type(what).__name__
        raise Problem(f"{kind}: a network without a name or an input size. Pass features.of_module({kind}, name, side)")
    raise Problem(f"{type(what).__name__}: not an extractor. Pass one of {', '.join(NAMES)}, or an Extractor")
