"""The size of nanoGPT's CPU settings with rotary positions and SwiGLU, on Tiny Shakespeare's characters."""

from dataclasses import replace

from reverie.recipes.gpt_shakespeare import RECIPE as SMALL

# Six minutes of one thread's processor time; the kept result's seconds are of a machine with eight other programs on
# it.
RECIPE = replace(
    SMALL,
    title="GPT, 4 layers, 2 heads, 128 wide, context 128, batch 8, 2,700 steps; rotary positions, SwiGLU, no biases",
    source="none: a goal of ours, for half an hour on two cores; this takes a few minutes of one",
    published="nothing of this size; nanoGPT's README has 1.88 for its settings for a CPU",
    published_value=None,
    tolerance=0.0,
    differs="",
    set="small",
    steps=2_700,
    fields={
        "heads": 2, "bias": False, "positions": "rotary", "dense": "swiglu", "learning_rate": 3e-3, "floor": 0.0,
    },
    training={"batch": 8},
    options={"size": (128,)},
    goal=1.60,
)  # fmt: skip
