"""A residual network on CIFAR-10 in twenty minutes of two cores (He et al. 2016, arXiv:1512.03385: ResNet-20 reaches
0.9125 after 64,000 steps of 128, 164 epochs)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Residual convolutional network on CIFAR-10, seven epochs; accuracy on the test set",
    source="He et al. 2016, arXiv:1512.03385, table 6 (ResNet-20)",
    published="0.9125 after 164 epochs, on the original; here 7 epochs on its JPEG copy where that is what is there",
    data="cifar10",
    model="convolutional",
    set="augmented",
    steps=2_700,
    options={"predict": "labels", "calibration": 0.0},
    measure=measure,
    goal=0.85,
    higher=True,
)
