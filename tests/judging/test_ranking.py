"""Which model is best follows from the measures of its runs, and is said no surer than they allow."""

from math import sqrt

import pytest

from reverie.judging.comparison import Comparison, Row, Trained
from reverie.judging.order import Order
from reverie.judging.ranking import LEADING, Span, is_named, mean, means, ranked, surely_worse, verdict
from reverie.metrics import Metric


def metric(name, value, low=None, high=None):
    return Metric(name, value, "", 9, "", low, high)


def one(name, value, low=None, high=None):
    return {name: Span(value, low, high, 1)}


def test_the_mean_over_seeds_has_students_interval():
    """Of 1, 2, 4: mean 7/3, deviation sqrt(7/3); Student's 97.5 % quantile of 2 degrees of freedom is 4.302653."""
    span = mean([metric("frechet_2k", x, 0.0, 9.0) for x in (1.0, 2.0, 4.0)])
    half = 4.302653 * sqrt(7 / 3) / sqrt(3)
    assert span == pytest.approx((7 / 3, 7 / 3 - half, 7 / 3 + half, 3), rel=1e-6)


def test_one_run_keeps_the_measures_own_interval():
    assert mean([metric("accuracy_9", 0.5, 0.3, 0.7)]) == Span(0.5, 0.3, 0.7, 1)
    assert mean([metric("frechet_9", 5.0)]) == Span(5.0, None, None, 1)


def test_a_measure_that_some_runs_lack_is_the_mean_of_those_that_have_it():
    found = means([[metric("a", 1.0)], [metric("a", 3.0), metric("b", 5.0)]])
    assert found["a"][0::3] == (2.0, 2)
    assert found["b"] == Span(5.0, None, None, 1)


@pytest.mark.parametrize(
    ("name", "leads"),
    [
        ("frechet_2k", True),
        ("frechet_500", True),
        ("accuracy_1k", True),
        ("bits_per_character", True),
        ("nll_nats_is50", True),
        ("accuracy[cat]", False),
        ("balanced_accuracy_1k", False),
        ("rmse[height]", False),
        ("precision_2k", False),
        ("bits_per_byte", False),
    ],
)
def test_only_whole_measures_lead(name, leads):
    assert any(is_named(name, leading) for leading in LEADING) is leads


def test_less_distance_is_better_and_more_accuracy():
    far = ranked({"a": one("frechet_9", 5.0), "b": one("frechet_9", 3.0), "c": one("frechet_9", 4.0)})
    assert [(s.rank, s.model) for s in far.standings] == [(1, "b"), (2, "c"), (3, "a")]
    right = ranked({"a": one("accuracy_9", 0.5), "b": one("accuracy_9", 0.3)})
    assert [s.model for s in right.standings] == ["a", "b"]


def test_the_measure_is_the_one_that_most_models_have():
    models = {
        "a": one("nll_nats_is50", 1.0),
        "b": one("nll_nats_is50", 2.0),
        "c": one("nll_nats_is50", 3.0) | one("frechet_9", 3.0),
    }
    assert ranked(models).measure == "nll_nats_is50"
    found = ranked({**models, "d": one("frechet_9", 1.0), "e": one("frechet_9", 9.0)})
    assert found.measure == "frechet_9"  # three each: the one that leads
    assert [s.model for s in found.standings] == ["d", "c", "e"]


def test_measures_by_other_samples_are_not_ranked_together():
    found = ranked({"a": one("frechet_9", 5.0), "b": one("frechet_9", 4.0), "c": one("frechet_8", 1.0)})
    assert [s.model for s in found.standings] == ["b", "a"]


def test_a_measure_that_is_no_number_has_no_place():
    found = ranked({"a": one("frechet_9", float("nan")), "b": one("frechet_9", 4.0)})
    assert [s.model for s in found.standings] == ["b"]


@pytest.mark.parametrize(
    ("low", "high", "worse"),
    [(3.1, 5.0, True), (2.9, 5.0, False), (3.0, 5.0, False), (None, None, None)],
)
def test_worse_is_sure_where_the_intervals_lie_apart(low, high, worse):
    best = Span(2.0, 1.0, 3.0, 3)
    assert surely_worse(Span(4.0, low, high, 3), best, higher=False) is worse
    mirrored = Span(-4.0, None if high is None else -high, None if low is None else -low, 3)
    assert surely_worse(mirrored, Span(-2.0, -3.0, -1.0, 3), higher=True) is worse


def three(runs=3):
    spans = {"a": (5.0, 4.5, 5.5), "b": (2.0, 1.0, 3.0), "c": (2.5, 1.5, 3.5), "d": (9.0, 8.0, 10.0)}
    return ranked({model: {"frechet_9": Span(*values, runs)} for model, values in spans.items()})


def test_the_answer_holds_its_evidence_and_says_who_is_surely_worse():
    (said,) = verdict(three(), "in 10 min", {})
    assert said == (
        "b is best for this data in 10 min: Fréchet distance 2 (1 to 3); c with 2.5 (1.5 to 3.5) is not surely worse; "
        "a with 5 (4.5 to 5.5) and d with 9 (8 to 10) are surely worse."
    )


def test_intervals_of_one_run_are_not_taken_for_chance_in_training():
    said = verdict(three(runs=1), "in 10 min", {})
    assert len(said) == 2
    assert "say nothing about chance in training: pass --seeds 3" in said[1]


def test_without_intervals_nobody_is_called_worse():
    said = verdict(ranked({"a": one("frechet_9", 5.0), "b": one("frechet_9", 3.0)}), "in 9 steps", {})
    assert said[0] == "b is best for this data in 9 steps: Fréchet distance 3; a with 5 is behind it."
    assert "more than chance: pass --seeds 3" in said[1]


def test_one_ranked_model_is_not_called_best():
    (said,) = verdict(ranked({"a": one("frechet_9", 5.0, 4.0, 6.0)}), "in 1 h", {})
    assert said == "a is the only model to rank in 1 h: Fréchet distance 5 (4 to 6)."


def test_no_measure_no_best():
    assert verdict(ranked({"a": {}, "b": one("precision_9", 0.5)}), "in 1 h", {}) == [
        "No model has a measure to be ranked by."
    ]


def in_windows(tokens, value):
    protocol = f"9 of 90 held-out windows of {tokens} tokens, each from an empty context; 1 tokens a character"
    return [Metric("bits_per_character", value, "bits", 9, protocol, value - 0.1, value + 0.1)]


@pytest.mark.parametrize(("other", "doubted"), [("1,024", True), ("64", False)])
def test_windows_of_different_lengths_are_a_doubt(tmp_path, other, doubted):
    rows = [
        Row(model, {0: Trained(model, metrics=in_windows(tokens, value))})
        for model, tokens, value in (("gpt", "64", 2.5), ("recurrent_lm", other, 2.0))
    ]
    order = Order("words.txt", ("gpt", "recurrent_lm"), tmp_path, steps=4)
    said = " ".join(Comparison(order, rows, "", ()).verdict)
    assert said.startswith("recurrent_lm is best")
    assert ("different lengths (recurrent_lm's of 1,024 tokens and gpt's of 64 tokens)" in said) is doubted


def test_what_went_wrong_and_who_has_no_rank_is_said():
    said = verdict(three(), "in 1 h", {"e": "e: too small", "g": "out of memory"}, ["f"])
    assert said[1:] == ["Without frechet_9, and so without a rank: f.", "e: too small", "g: out of memory"]
