"""Schedules against their formulas, worked by hand."""

from math import cos, pi

import pytest

from reverie.maths.schedules import cosine, warm_up, warm_up_then_cosine
from reverie.spec import At


def at(step: int, steps: int = 2_000) -> At:
    return At(step, 12 * step, steps)


def test_warm_up_rises_in_equal_parts_and_stays():
    """Over 4 of 40 steps: fifths, so that neither the first step is lost nor the last one is full already."""
    found = [warm_up(at(step, 40), 0.1) for step in range(6)]
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0], rel=1e-12)


def test_without_a_share_there_is_no_warm_up():
    assert [warm_up(at(step), 0.0) for step in (0, 1, 999)] == [1.0, 1.0, 1.0]
    assert warm_up(at(0, 0), 0.5) == 1.0  # a run of no steps


def test_cosine_is_half_a_period():
    found = [cosine(at(step)) for step in (0, 500, 1_000, 1_500, 2_000, 9_999)]
    assert found == pytest.approx([1, 0.5 + 0.25 * 2**0.5, 0.5, 0.5 - 0.25 * 2**0.5, 0, 0], abs=1e-12)


def test_cosine_ends_at_its_floor_and_begins_after_its_share():
    assert cosine(at(1_000), floor=0.2, after=0.5) == 1.0
    assert cosine(at(1_500), floor=0.2, after=0.5) == pytest.approx(0.6, rel=1e-12)
    assert cosine(at(2_000), floor=0.2, after=0.5) == pytest.approx(0.2, rel=1e-12)
    assert cosine(at(5), floor=0.3, after=1.0) == 1.0


def test_the_two_in_turn_are_nanogpt_s_rule():
    """100 steps up, then down to a tenth at step 2,000: its formula in its own words, over every step and beyond."""

    def rule(step):
        if step < 100:
            return 1e-3 * (step + 1) / 101
        if step > 2_000:
            return 1e-4
        return 1e-4 + 0.5 * (1 + cos(pi * (step - 100) / 1_900)) * (1e-3 - 1e-4)

    for step in range(2_100):
        assert 1e-3 * warm_up_then_cosine(at(step), 0.05, 0.1) == pytest.approx(rule(step), rel=1e-12)
