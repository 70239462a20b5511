"""The network of `spoken_digits` on two speakers of whom it has heard nothing, of the six (Jackson et al. 2018, "Free
Spoken Digit Dataset"): what a stranger may expect of it."""

from dataclasses import replace

from reverie.recipes.spoken_digits import RECIPE as OFFICIAL

RECIPE = replace(
    OFFICIAL,
    title="Residual convolutional network on log-mel spectrograms of spoken digits; accuracy on two speakers held out",
    published="none for this split",
    options={**OFFICIAL.options, "test_where": "speaker=theo,yweweler"},
    goal=None,
)
