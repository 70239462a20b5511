"""DCGAN on Fashion-MNIST in ten minutes of two cores: every class is there.

Radford et al. 2016, arXiv:1511.06434; no published number."""

from reverie.recipes import Recipe
from reverie.recipes.classes import measure, ready

RECIPE = Recipe(
    title="DCGAN on Fashion-MNIST, ten minutes on two cores: the rarest class's share of 10,000 samples",
    source="Radford et al. 2016, arXiv:1511.06434",
    published="none",
    data="fashion-mnist",
    model="dcgan",
    set="small",
    time="10m",
    measure=measure,
    ready=ready,
    goal=0.04,
    higher=True,
)
