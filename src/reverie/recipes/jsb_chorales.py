"""Boulanger-Lewandowski, Bengio & Vincent 2012 (arXiv:1206.6392), table 1: chorales; nats a frame."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reverie.recipes import Recipe

if TYPE_CHECKING:
    from reverie.training.run import Run


def measure(run: "Run") -> Mapping[str, Any]:
    """Exact nats of each frame's unordered set of pitches, mean over all frames of the 77 test chorales, the first of
    each among them. The token that ends a chorale is counted in the value; `without_ends` is without it."""
    from reverie.judging.likelihood import likelihood

    held_out = run.prepared.held_out
    found = {metric.name: metric for metric in likelihood(run, samples=len(held_out))}
    whole = found[f"nats_per_frame_{len(held_out)}"]
    return {
        "value": whole.value,
        "unit": whole.unit,
        "low": whole.low,
        "high": whole.high,
        "without_ends": found[f"nats_per_frame_endless_{len(held_out)}"].value,
        "items": len(held_out),
        "frames": sum(held_out.frames),  # type: ignore[attr-defined]
    }


# Width, rate, batch and dropout were searched on the valid part, by which the kept weights are chosen, too; the test
# part was not looked at.
RECIPE = Recipe(
    title="two layers of LSTMs over tokens, 256 wide; a frame is its pitches from high to low, then a token",
    source="Boulanger-Lewandowski et al. 2012, arXiv:1206.6392, table 1",
    published="RNN-NADE 5.56, RNN-RBM 6.27; Bai et al. 2018, arXiv:1803.01271, table 1: TCN 8.10, LSTM 8.45",
    published_value=5.56,
    tolerance=0.2,  # 1.96 standard errors over the 77 test chorales, each about 0.1 here
    differs="the published sets have no ends; here the token that ends a chorale costs, too",
    data="jsb-chorales",
    model="recurrent_lm",
    set="music",
    steps=350,
    measure=measure,
    goal=6.0,
)
