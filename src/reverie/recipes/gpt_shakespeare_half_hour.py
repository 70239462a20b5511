"""What `gpt` makes of Tiny Shakespeare's characters in half an hour of two cores."""

from dataclasses import replace

from reverie.recipes.gpt_shakespeare_minutes import RECIPE as MINUTES

RECIPE = replace(
    MINUTES,
    title="GPT, 5 layers, 4 heads, 160 wide, context 256, batch 6, 4,000 steps; rotary positions, SwiGLU, no biases",
    source="none: a goal of ours for half an hour on two cores",
    published="nothing; nanoGPT's README has 1.88 of its settings for a CPU, 1.4697 of those for an A100",
    set="medium",
    steps=4_000,
    fields={},
    training={},
    options={},
)
