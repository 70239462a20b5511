"""Truncation, as every generator of normal noise has it."""

import pytest
import torch

from reverie.catalog import find
from reverie.core import Field, Spec
from reverie.errors import Problem

SPEC = Spec(
    "image", {"image": Field((1, 16, 16), levels=256)}, condition={"label": Field((), categories=2, names=("a", "b"))}
)


def built(name, **fields):
    module = find(name).load()
    config = module.Config.tiny().config
    model = next(one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__
                 and hasattr(one, "optimizers"))  # fmt: skip
    return model(type(config)(**{**vars(config), **fields}), SPEC), module.Sampling


def noise(model, how):
    return torch.stack([model.noise(torch.Generator().manual_seed(k), how) for k in range(100)])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("gan", {"prior": "normal"}),
        ("cgan", {"prior": "normal"}),
        ("dcgan", {"prior": "normal"}),
        ("wgan", {}),
        ("wgan_gp", {}),
        ("sagan", {}),
        ("biggan", {}),
    ],
)
def test_noise_lies_within_what_is_asked_for_and_an_item_keeps_its_ranks(name, fields):
    model, sampling = built(name, **fields)
    whole, none, cut = noise(model, None), noise(model, sampling()), noise(model, sampling(truncation=0.8))
    assert torch.equal(whole, none)
    assert whole.abs().max() > 2
    assert 0.7 < cut.abs().max() <= 0.8
    assert torch.equal(whole.flatten().argsort(), cut.flatten().argsort())
    with pytest.raises(Problem, match="--truncation -1: not a number from 0 up"):
        noise(model, sampling(truncation=-1))


@pytest.mark.parametrize("name", ["gan", "cgan", "dcgan"])
def test_uniform_noise_has_no_tails_to_cut(name):
    model, sampling = built(name, prior="uniform")
    assert torch.equal(noise(model, None), noise(model, sampling()))
    with pytest.raises(Problem, match=r"--truncation 0\.5: cuts the tails of normal noise, and this run's is uniform"):
        noise(model, sampling(truncation=0.5))
