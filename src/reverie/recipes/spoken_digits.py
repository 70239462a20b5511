"""A residual network on the spectrograms of spoken digits, official split: takes 0 to 4 of each digit and speaker are
the test part (Jackson et al. 2018, "Free Spoken Digit Dataset", v1.0.10)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Residual convolutional network on log-mel spectrograms of spoken digits; accuracy on takes 0 to 4",
    source="Jackson et al. 2018, Free Spoken Digit Dataset, v1.0.10",
    published="about 0.97–0.99 for convolutional networks on spectrograms, without a common protocol",
    data="spoken-digits",
    model="convolutional",
    set="spoken",
    options={
        "predict": "labels",
        "names": "{label}_{speaker}_{take}",
        "test_where": "take=0,1,2,3,4",
        "size": (8_000,),
        "calibration": 0.0,
    },
    measure=measure,
    goal=0.985,
    higher=True,
)
