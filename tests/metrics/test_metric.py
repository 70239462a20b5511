"""Intervals and names."""

import pytest
from scipy.stats import binomtest

from reverie.metrics import Metric, size_name, wilson


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (3, 10), (0, 50), (50, 50), (912, 1000)])
def test_wilsons_interval_is_scipys(hits, count):
    theirs = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits, count) == pytest.approx((theirs.low, theirs.high), abs=1e-7)


def test_no_trials_have_no_interval():
    with pytest.raises(ValueError, match="0 trials"):
        wilson(0, 0)


def test_sizes_read_as_people_write_them():
    assert [size_name(n) for n in (1, 999, 1000, 1500, 10_000)] == ["1", "999", "1k", "1500", "10k"]


def test_json_leaves_out_what_does_not_apply():
    found = Metric("kid_2k", 0.5, "squared MMD", 2000, "how", floor=0.0).to_json()
    rest = {"unit": "squared MMD", "samples": 2000, "protocol": "how", "floor": 0.0}
    assert found == {"name": "kid_2k", "value": 0.5, **rest}
