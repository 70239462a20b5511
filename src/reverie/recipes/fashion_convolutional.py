"""A residual network on Fashion-MNIST (its README, Xiao et al. 2017, arXiv:1708.07747: a wide ResNet of 8.9 million
parameters with augmentation reaches 0.967)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Residual convolutional network on Fashion-MNIST, mirrored and moved; accuracy on the test set",
    source="Fashion-MNIST's README, Xiao et al. 2017, arXiv:1708.07747",
    published="0.916-0.934 for two-layer convolutional networks, 0.967 for a wide ResNet with augmentation",
    data="fashion-mnist",
    model="convolutional",
    set="augmented",
    steps=3_800,
    fields={"shift": 1, "smoothing": 0.05},
    options={"predict": "labels", "calibration": 0.0},
    measure=measure,
    goal=0.945,
    higher=True,
)
