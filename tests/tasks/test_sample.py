"""What a person asks of samples."""

import numpy as np
import pytest
import torch
from torch import nn

from reverie import core
from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.training.run import Run


class Dyer(core.Model):
    """Makes pictures as bright as their class's number."""

    conditions = ("label",)

    def __init__(self, spec):
        super().__init__()
        self.spec, self.weight = spec, nn.Parameter(torch.zeros(()))

    def optimizers(self):
        return {}

    def updates(self):
        return []

    def noise(self, generator, how):
        return torch.zeros(1)

    def sample(self, noise, condition, how):
        bright = condition["label"].float().view(-1, 1, 1, 1) / 127.5 - 1
        return {"image": bright.expand(-1, *self.spec.only[1].shape)}


@pytest.fixture
def run(tmp_path):
    """Of three classes, whose names are numbers, each another one's."""
    made, codec = (
        Run(tmp_path, {"model": "dyer", "source": {"where": "nowhere"}}),
        Codec((2, 2), 1, classes=("2", "0", "1")),
    )
    vars(made).update(spec=codec.spec, codec=codec, model=Dyer(codec.spec).eval(), sampling=None)
    return made


@pytest.mark.parametrize("k", [0, 1, np.int64(2)])
def test_a_class_is_asked_for_by_a_word_or_a_number_alike(run, k):
    """A name comes before a number, however it is written."""
    made = run.sample(5, label=k)
    assert np.array_equal(made, run.sample(5, label=str(k)))
    assert set(made.ravel()) == {("2", "0", "1").index(str(k))}


def test_none_is_no_class(run):
    assert np.array_equal(run.sample(20, label=None), run.sample(20))
    assert len(np.unique(run.sample(20, label=None))) == 3


@pytest.mark.parametrize("label", ["²", "3", "-1", -1, "one"])
def test_what_is_no_class_is_said(run, label):
    with pytest.raises(Problem, match=f"--label {label}: no such class. There are: 2, 0, 1"):
        run.sample(1, label=label)
