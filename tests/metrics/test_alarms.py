"""Thresholds keep what they promise, p-values are uniform on normal items, areas are shares of pairs."""

import numpy as np
import pytest
from scipy.stats import beta, binom, kstest

from reverie.errors import Problem
from reverie.metrics.alarms import area, least_rate, p_values, promise


def scores(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, size=count)


def test_a_p_value_is_the_share_at_least_as_large_with_the_item_itself():
    normal = np.array([1.0, 2.0, 2.0, 3.0])
    assert p_values(np.array([0.0, 1.0, 2.0, 2.5, 3.0, 9.0]), normal).tolist() == [1.0, 1.0, 0.8, 0.4, 0.4, 0.2]


def test_p_values_of_fresh_normal_items_are_uniform():
    """Each from normal scores of its own, so that they are independent: of n = 199, multiples of 1 / 200."""
    rng = np.random.default_rng(0)
    found = np.array([p_values(rng.normal(size=1), rng.normal(size=199))[0] for _ in range(2_000)])
    spread = found - rng.random(2_000) / 200  # continuous where each multiple is as likely
    assert kstest(spread, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(("count", "rate"), [(99, 0.01), (1_000, 0.05), (250, 0.1)])
def test_the_rate_of_false_alarms_is_as_promised(count, rate):
    """Over both draws it is floor((n + 1) rate) / (n + 1): fresh items in number that make a binomial of it."""
    trials = 4_000
    hits = 0
    rng = np.random.default_rng(1)
    for _ in range(trials):
        normal, fresh = rng.normal(size=count), rng.normal()
        hits += fresh > promise(normal, rate).threshold
    exact = int((count + 1) * rate + 1e-9) / (count + 1)
    low, high = binom.ppf([5e-5, 1 - 5e-5], trials, exact)
    assert low <= hits <= high


def test_the_interval_holds_the_share_that_a_threshold_really_lets_through():
    """In 95 % of the draws, by their known distribution."""
    rng, inside, trials = np.random.default_rng(2), 0, 2_000
    for _ in range(trials):
        found = promise(rng.random(300), 0.05)
        inside += found.low <= 1 - found.threshold <= found.high  # of uniform scores, the share above
    low, high = binom.ppf([5e-5, 1 - 5e-5], trials, 0.95)
    assert low <= inside <= high


def test_a_promise_is_refused_by_one_item_too_few():
    assert promise(scores(99, 0), 0.01).threshold == scores(99, 0).max()
    with pytest.raises(Problem, match=r"--flag 0.01: .* 99 held-out items or more, and there are 98.*--flag 0.011"):
        promise(scores(98, 0), 0.01)
    assert promise(scores(98, 0), least_rate(98)).threshold == scores(98, 0).max()


@pytest.mark.parametrize("count", [1, 2, 5, 9, 10, 60, 99, 98, 1_234])
def test_the_least_rate_can_be_promised_and_is_little_more_than_needed(count):
    rate = least_rate(count)
    assert 1 / (count + 1) <= rate <= 1.1 / (count + 1)
    promise(scores(count, 0), rate)


@pytest.mark.parametrize("rate", [0.0, 1.0, 1.5])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(Problem, match="--flag"):
        promise(scores(100, 0), rate)


def test_the_threshold_of_a_rate_written_in_decimals_is_exact():
    """0.07 x 100 is 7, and 7.000000000000001 as a float; 0.29 x 100 is 28.999999999999996."""
    normal = np.arange(99.0)
    assert promise(normal, 0.07).threshold == 99 - 7
    assert promise(normal, 0.29).threshold == 99 - 29


def test_an_area_is_the_share_of_pairs_in_order_ties_half():
    normal, other = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    pairs = [(b > a) + 0.5 * (b == a) for a in normal for b in other]
    assert area(normal, other).value == pytest.approx(np.mean(pairs))


def test_the_interval_of_an_area_holds_the_true_one_in_19_of_20_draws():
    """Normal scores N(0, 1), others N(1, 1): the true area is Phi(1 / sqrt 2). DeLong's interval is asymptotic: at 60
    and 80 items its coverage is allowed to be 0.5 % off, beyond what 2,000 draws vary by."""
    from scipy.stats import norm

    true, rng, trials = norm.cdf(2**-0.5), np.random.default_rng(3), 2_000
    found = [area(rng.normal(size=80), rng.normal(1, 1, size=60)) for _ in range(trials)]
    inside = sum(one.low <= true <= one.high for one in found)
    low, high = binom.ppf(5e-5, trials, 0.945), binom.ppf(1 - 5e-5, trials, 0.955)
    assert low <= inside <= high


def test_an_area_of_pairs_that_are_all_right_is_not_called_certain():
    found = area(np.zeros(30), np.ones(10))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(beta.ppf(0.025, 10, 1))  # Clopper & Pearson of 10 of 10


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(Problem, match="1 scores are no numbers"):
        p_values(np.array([1.0, np.nan]), scores(5, 0))
    with pytest.raises(Problem, match="no numbers"):
        area(scores(5, 0), np.array([np.nan]))
    with pytest.raises(Problem, match="0 normal items"):
        area(np.zeros(0), scores(5, 0))
