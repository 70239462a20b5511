"""Confidence: a temperature that is found again, and sets and intervals that cover as promised."""

import re
from math import ceil, log, sqrt

import numpy as np
import pytest
import torch

from reverie.core import Field
from reverie.errors import Problem
from reverie.tasks.calibrate import Calibration, fitted, ranked, temperature

CLASSES = Field((), categories=4)
NUMBER = Field((), 0.0, 0.0)


def drawn(count: int, heat: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are `heat` times as large as those that the classes were drawn by."""
    g = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, 4, generator=g, dtype=torch.float64)
    truth = torch.multinomial(logits.softmax(1), 1, generator=g)[:, 0]
    return heat * logits, truth


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(heat):
    logits, truth = drawn(20_000, heat)
    assert log(temperature(logits, truth, CLASSES) / heat) == pytest.approx(0, abs=0.04)


def test_the_temperature_of_labels_is_found_too():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(8_000, 3, generator=g, dtype=torch.float64)
    truth = torch.bernoulli(torch.sigmoid(logits), generator=g).long()
    found = temperature(2 * logits, truth, Field((3,), categories=2))
    assert log(found / 2) == pytest.approx(0, abs=0.08)


def test_a_quantile_is_the_score_of_its_rank():
    """Of n scores, the ceil((n + 1) level)-th smallest."""
    trust = ranked(torch.tensor([[0.9], [0.1], [0.8], [0.2], [0.7], [0.3], [0.6], [0.4], [0.5]], dtype=torch.float64))
    for level, score in ((0.5, 0.5), (0.55, 0.6), (0.8, 0.8), (0.9, 0.9)):
        assert trust.quantile(level).tolist() == [score]
    with pytest.raises(Problem, match=re.escape("--conformal 0.95: 9 calibration items promise at most 0.9.")):
        trust.quantile(0.95)
    with pytest.raises(Problem, match="0 calibration items"):
        Calibration().quantile(0.5)


@pytest.mark.parametrize("level", [0.07, 0.29, 0.55, 0.57, 0.58])  # times 100 these are a hair above a whole number
def test_a_rank_is_that_of_the_level_as_written(level):
    trust = ranked(torch.arange(1, 100, dtype=torch.float64)[:, None])
    assert trust.quantile(level)[0] == round(100 * level)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_of_numbers_cover_as_promised(level):
    """Over many draws of calibration and test items together, coverage is exactly rank / (n + 1); of skewed errors that
    no Gaussian describes."""
    n, m, draws = 99, 50, 400
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(draws):
        error = torch.from_numpy(rng.exponential(size=n + m) - 0.3)
        trust = fitted(torch.zeros(n, dtype=torch.float64), error[:n], NUMBER)
        covered.append(float((error[n:].abs() <= trust.quantile(level)[0]).double().mean()))
    exact = ceil((n + 1) * level) / (n + 1)
    spread = float(np.std(covered)) / sqrt(draws)
    assert abs(float(np.mean(covered)) - exact) < 4 * spread


def test_sets_of_classes_cover_as_promised():
    """However wrong the network's confidence is."""
    level, n, covered = 0.8, 400, []
    for seed in range(60):
        logits, truth = drawn(2 * n, 5.0, seed)
        trust = fitted(logits[:n], truth[:n], CLASSES)
        share = (logits[n:] / trust.temperature).softmax(1)
        inside = 1 - share[torch.arange(n), truth[n:]] <= trust.quantile(level)[0]
        covered.append(float(inside.double().mean()))
    spread = float(np.std(covered)) / sqrt(len(covered))
    assert abs(float(np.mean(covered)) - ceil((n + 1) * level) / (n + 1)) < 4 * spread


def test_each_number_of_an_item_has_its_own_interval():
    truth = torch.stack([torch.linspace(0, 1, 99), torch.linspace(0, 10, 99)], 1).double()
    found = fitted(torch.zeros(99, 2, dtype=torch.float64), truth, Field((2,), 0.0, 0.0)).quantile(0.9)
    assert found[1] == pytest.approx(10 * found[0])


def test_few_kept_scores_still_promise_as_much_as_all():
    """The next larger score that is kept: never a smaller quantile, and hardly a larger one."""
    count = 5_001
    wide = torch.arange(1, count + 1, dtype=torch.float64)[:, None].expand(count, 100)
    trust = ranked(wide)
    assert (trust.items, len(trust.ranks), len(trust.scores)) == (count, 2_000, 100)
    for level in (0.011, 0.1, 0.5, 0.9, 0.999):
        exact, found = ceil((count + 1) * level), trust.quantile(level)
        assert exact <= found[0] <= exact + 3
        assert (found == found[0]).all()
