"""Are the samples new, or training text once more? Runs of characters that stand in the training text word for word."""

from __future__ import annotations

import numpy as np
from scipy.stats import mannwhitneyu

from reverie.metrics import Metric, Z

from .seen import Seen
from .spans import RUN


def measure(seen: Seen) -> list[Metric]:
    """The share of the samples' characters in copied runs. The floor is that of as long held-out texts, p that of a
    one-sided Mann-Whitney test that samples hold no more of them."""
    if not seen.length:
        return []
    found, usual = seen.copied, seen.usual
    p = float(mannwhitneyu(found, usual, alternative="greater").pvalue) if len({*found, *usual}) > 1 else 1.0
    protocol = f"share of characters in runs of {RUN} or more that stand in {seen.known.characters:,} characters of "
    protocol += f"training text; first {seen.length} characters of each of {len(found)} samples; "
    protocol += f"floor: of {len(usual)} {seen.sets.what} texts; p: Mann-Whitney over texts, one-sided"
    value, floor = float(np.mean(found)), float(np.mean(usual))
    low, high = None, None
    if len(found) > 1:
        spread = Z * float(np.std(found, ddof=1)) / len(found) ** 0.5
        low, high = max(0.0, value - spread), min(1.0, value + spread)
    return [Metric(f"copied_{RUN}", value, "share", len(found), protocol, low, high, floor, p=p)]
