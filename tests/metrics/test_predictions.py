"""Measures of predictions against their definitions."""

import numpy as np
import pytest

from reverie.metrics import Metric
from reverie.metrics.predictions import calibrated, calibration_error, of_classes, of_intervals, of_labels, of_numbers

RNG = np.random.default_rng(0)


def named(metrics: list[Metric]) -> dict[str, float]:
    return {m.name.rsplit("_", 1)[0] if m.name[-1].isdigit() else m.name: m.value for m in metrics}


def table(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows)


def test_classes_by_hand():
    share = table([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]])
    truth = np.array([0, 1, 1, 0])
    found = named(of_classes(share, truth, ("no", "yes")))
    assert found["accuracy"] == 0.75
    assert found["accuracy[no]"] == 1.0
    assert found["accuracy[yes]"] == 0.5
    assert found["balanced_accuracy"] == 0.75
    assert found["f1_macro"] == pytest.approx((2 * 2 / 5 + 2 * 1 / 3) / 2)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.8]).mean())
    assert found["brier"] == pytest.approx((0.02 + 0.72 + 0.18 + 0.08) / 4)
    assert found["roc_auc"] == 1.0  # every yes is above every no


def test_auc_is_the_share_of_pairs_in_the_right_order():
    score, truth = RNG.random(200).round(2), RNG.integers(0, 2, 200)  # rounded: ties count half
    pairs = score[truth == 1][:, None] - score[truth == 0][None]
    wanted = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert named(of_classes(np.stack([1 - score, score], 1), truth))["roc_auc"] == pytest.approx(wanted)


def test_auc_of_several_classes_is_the_mean_over_each_against_the_rest():
    share, truth = RNG.dirichlet(np.ones(3), 150), RNG.integers(0, 3, 150)
    wanted = []
    for k in range(3):
        pairs = share[truth == k, k][:, None] - share[truth != k, k][None]
        wanted.append(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert named(of_classes(share, truth))["roc_auc"] == pytest.approx(np.mean(wanted))


def test_average_precision_is_the_mean_precision_at_each_positive():
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    truth = np.array([1, 0, 1, 0, 1])
    found = named(of_classes(np.stack([1 - score, score], 1), truth))
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)


def test_rare_classes_weigh_as_much_as_others_in_balanced_accuracy():
    truth = np.array([0] * 90 + [1] * 10)
    always = np.tile([0.8, 0.2], (100, 1))
    found = {m.name: m for m in of_classes(always, truth)}
    assert found["accuracy_100"].value == found["accuracy_100"].reference == 0.9
    assert found["balanced_accuracy_100"].value == found["balanced_accuracy_100"].reference == 0.5


@pytest.mark.filterwarnings("error")
def test_a_class_that_is_said_and_never_true_weighs_nothing():
    found = named(of_classes(table([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]), np.array([0, 1, 1])))
    assert found["balanced_accuracy"] == 0.75


def test_one_class_alone_leaves_out_what_needs_two():
    assert "roc_auc" not in named(of_classes(table([[0.7, 0.3], [0.4, 0.6]]), np.array([0, 0])))


def test_a_calibrated_predictor_has_no_error_beyond_chance_and_an_overconfident_one_has():
    logits = 2 * RNG.standard_normal((4_000, 3))
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([RNG.choice(3, p=p) for p in share])
    good = calibrated(share, truth, "ece", "toy")
    assert good.value < good.floor
    sharp = share**3 / (share**3).sum(1, keepdims=True)
    bad = calibrated(sharp, truth, "ece", "toy")
    assert bad.value > 3 * bad.floor


def test_calibration_error_by_hand():
    """Two bins: 0.95 said and 0.5 right, 0.55 said and 1.0 right."""
    error = calibration_error(np.array([0.95, 0.95, 0.55, 0.55]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert error == pytest.approx(0.5 * 0.45 + 0.5 * 0.45)


def test_labels_are_right_at_a_half():
    found = named(of_labels(table([[0.9, 0.2], [0.4, 0.6]]), np.array([[1, 1], [0, 1]]), ("a", "b")))
    assert found["accuracy"] == 0.75
    assert found["accuracy[a]"] == 1.0
    assert found["accuracy[b]"] == 0.5


def test_numbers_by_hand():
    found = of_numbers(np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 4.0]), "kg")
    by_name = named(found)
    assert by_name["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert by_name["mae"] == 1.0
    assert by_name["r2"] == pytest.approx(1 - (5 / 3) / 2)
    assert found[0].reference == pytest.approx(np.sqrt(2))
    assert found[0].low < found[0].value < found[0].high


def test_the_best_constant_explains_nothing():
    truth = RNG.standard_normal((50, 4))
    constant = np.broadcast_to(truth.mean(0), truth.shape)
    found = {m.name: m for m in of_numbers(constant, truth, "1")}
    assert found["r2_50"].value == pytest.approx(0)
    assert found["rmse_50"].value == pytest.approx(found["rmse_50"].reference)


def test_coverage_and_width_of_intervals():
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    covered, width = of_intervals(np.full(4, 0.5), np.full(4, 2.0), truth, 0.9)
    assert (covered.value, width.value, covered.reference) == (0.5, 1.5, 0.9)


def test_labels_are_judged_together_and_alone():
    share = table([[0.9, 0.2, 0.7], [0.8, 0.6, 0.1], [0.3, 0.7, 0.4], [0.4, 0.1, 0.2]])
    truth = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]])
    metrics = {m.name: m for m in of_labels(share, truth, ("a", "b", "c"))}
    found = named(list(metrics.values()))
    assert found["accuracy"] == pytest.approx(10 / 12)
    assert found["exact_match"] == 0.5
    assert metrics["exact_match_4"].reference == 0.25  # four rows, four combinations
    assert found["f1_micro"] == pytest.approx(2 * 4 / (2 * 4 + 1 + 1))
    assert found["f1_macro"] == pytest.approx(np.mean([2 * 2 / 5, 2 * 1 / 3, 1.0]))
    assert found["roc_auc[a]"] == pytest.approx(2 / 3)
    assert found["roc_auc[b]"] == found["roc_auc[c]"] == 1.0
    assert found["roc_auc_macro"] == pytest.approx((2 / 3 + 2) / 3)
    right = table([[0.9, 0.8, 0.7], [0.8, 0.4, 0.9], [0.3, 0.7, 0.6], [0.6, 0.9, 0.8]])
    assert found["log_loss"] == pytest.approx(-np.log(right).sum(1).mean())


def test_a_label_that_always_holds_has_no_curve_and_weighs_nothing_in_a_mean():
    share = RNG.random((40, 2))
    truth = np.stack([np.ones(40), np.arange(40) % 2], 1).astype(int)
    names = [m.name for m in of_labels(share, truth, ("always", "half"))]
    assert "roc_auc[always]" not in names
    found = named(of_labels(share, truth, ("always", "half")))
    assert found["roc_auc_macro"] == found["roc_auc[half]"]
    only = [m.name for m in of_labels(share[:, :1], truth[:, :1])]
    assert not [name for name in only if "macro" in name]


def test_one_item_has_no_interval():
    share, held = table([[0.9, 0.1]]), np.array([[True, False]])
    one = {m.name: m for m in [*of_classes(share, np.array([0])), *of_numbers(np.ones(1), np.zeros(1), "kg")]}
    several = {m.name: m for m in of_labels(share, held)}
    for m in (one["log_loss_1"], one["rmse_1"], several["log_loss_1"]):
        assert (m.low, m.high) == (None, None)


def test_intervals_of_means_are_of_unbiased_variances():
    """Of two items: half of the difference is the deviation over sqrt 2."""
    nats = -np.log([0.9, 0.4])
    found = {m.name: m for m in of_classes(table([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))}["log_loss_2"]
    assert found.high - found.value == pytest.approx(1.959964 * abs(nats[0] - nats[1]) / 2)
