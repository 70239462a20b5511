"""A classifier of Fashion-MNIST, by which the samples of other recipes are counted.

The set's README lists two-layer convolutional networks at 0.916 to 0.934 (Xiao, Rasul & Vollgraf 2017,
arXiv:1708.07747)."""

from reverie.recipes import Recipe
from reverie.recipes.accuracy import measure

RECIPE = Recipe(
    title="Convolutional classifier on Fashion-MNIST; accuracy on the test set",
    source="Fashion-MNIST's README, Xiao et al. 2017, arXiv:1708.07747",
    published="0.916–0.934 for two-layer convolutional networks",
    data="fashion-mnist",
    model="convolutional",
    set="small",
    measure=measure,
    goal=0.91,
    higher=True,
)
