"""A residual network on CIFAR-10 in twenty minutes of two cores (He et al. 2016, arXiv:1512.03385: ResNet-20 reaches
0.9125 after 64,000 steps of 128, 164 epochs)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Residual convolutional network on CIFAR-10, seven epochs; accuracy on the test set",
    source="He et al. 2016, arXiv:1512.03385, table 6 (ResNet-20)",
    published="0.9125 after 164 epochs",
    published_value=0.9125,
    tolerance=0.0055,  # 1.96 √(0.9125 · 0.0875 / 10,000): the 95 % interval of that share of the test items
    differs="164 epochs there, 7 here; the original pictures there, their JPEG copy here where that is what is there",
    data="cifar10",
    model="convolutional",
    set="augmented",
    steps=2_700,
    options={"predict": "labels", "calibration": 0.0},
    measure=measure,
    goal=0.85,
    higher=True,
)
