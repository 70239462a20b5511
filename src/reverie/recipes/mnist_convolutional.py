"""A residual network on MNIST, moved at random by two pixels (LeCun et al. 1998: LeNet-5 with distortions 0.992)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Residual convolutional network on MNIST, digits moved by up to two pixels; accuracy on the test set",
    source="LeCun et al. 1998, figure 9; ensembles of convolutional networks since",
    published="0.992 for LeNet-5 with distortions; 0.998 for ensembles",
    published_value=0.992,
    tolerance=0.0017,  # 1.96 √(0.992 · 0.008 / 10,000): the 95 % interval of that share of the test items
    differs="LeNet-5 of 1998 there; here a residual network, and the mean over five views of a digit",
    data="mnist",
    model="convolutional",
    set="small",
    steps=4_000,
    fields={"form": "residual", "width": 16, "shift": 2, "smoothing": 0.05, "views": 5},
    options={"predict": "labels", "calibration": 0.0},
    measure=measure,
    goal=0.996,
    higher=True,
)
