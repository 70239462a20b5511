"""How like the data's the statistics of samples are: their bigrams of characters, at one common length."""

from __future__ import annotations

from reverie.metrics import Metric, size_name

from . import cut, divergence
from .seen import Seen


def measure(seen: Seen) -> list[Metric]:
    """The floor is what training text scores in the samples' place, the reference what the untrained model's do."""
    train = seen.train or None
    sets = [texts for texts in (seen.real, seen.fake, train, seen.untrained) if texts is not None]
    length = min(sum(map(len, texts)) for texts in sets)
    if length < 2:
        return []

    def against(texts: list[str] | None) -> float | None:
        return None if texts is None else divergence(cut(texts, length), cut(seen.real, length))

    protocol = f"Jensen-Shannon divergence of character bigrams, first {length} characters of samples and "
    protocol += f"{seen.sets.what} text"
    protocol += "; floor: training text in their place" if train is not None else ""
    protocol += "; reference: the untrained model's samples" if seen.untrained is not None else ""
    value = against(seen.fake)
    assert value is not None
    name, count = f"bigram_js_{size_name(length)}", len(seen.fake)
    return [Metric(name, value, "bits", count, protocol, floor=against(train), reference=against(seen.untrained))]
