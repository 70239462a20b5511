"""WGAN-GP on Fashion-MNIST in ten minutes of two cores: every class is there.

Gulrajani et al. 2017, arXiv:1704.00028; no published number."""

from reverie.recipes import Recipe
from reverie.recipes.classes import measure, ready

RECIPE = Recipe(
    title="WGAN-GP on Fashion-MNIST, ten minutes on two cores: the rarest class's share of 10,000 samples",
    source="Gulrajani et al. 2017, arXiv:1704.00028",
    published="none",
    data="fashion-mnist",
    model="wgan_gp",
    set="small",
    time="10m",
    measure=measure,
    ready=ready,
    goal=0.04,
    higher=True,
)
