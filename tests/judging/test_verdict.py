"""A verdict follows from the numbers, either way, and holds its evidence."""

from dataclasses import replace

import pytest

from reverie.judging.course import Course
from reverie.judging.numbers import stem
from reverie.judging.verdict import verdicts
from reverie.metrics import Metric

DONE = Course(5000, 5000, 40.0)


def metric(name, value, **more):
    return Metric(name, value, "", 2000, "", **more)


GOOD = [
    metric("frechet_2k", 500.0, floor=300.0, reference=3000.0),
    metric("precision_2k", 0.6, floor=0.8),
    metric("recall_2k", 0.3, floor=0.8),
    metric("spread_2k", 0.95, floor=1.0),
    metric("repeats_2k", 0.01, floor=0.005),
    metric("modes_2k", 10.0, reference=10.0),
    metric("share[cat]", 0.1, floor=0.1),
    metric("copies_2k", 0.01, floor=0.01, p=0.5),
    metric("copies_exact_2k", 0.0, floor=0.0, p=1.0),
    metric("nearer_training_2k", 0.51, p=0.2),
    metric("nearer_training_pixels_2k", 0.5, p=0.5),
]


def but(*changed):
    names = {m.name for m in changed}
    return [m for m in GOOD if m.name not in names] + list(changed)


def names(metrics, course=DONE):
    return [v.name for v in verdicts(metrics, course)]


def falling(values, measure="frechet_cheap_500", **more):
    looks = [(100 * (k + 1), float(v)) for k, v in enumerate(values)]
    return Course(5000, 5000, 40.0, measure, looks, **more)


def test_a_good_run_has_no_fault():
    assert names(GOOD) == ["good"]


ROWS = [
    metric("marginals_2k", 0.05, floor=0.03, reference=0.5),
    metric("pairs_2k", 0.03, floor=0.01, reference=0.1),
]
TEXT = metric("bits_per_character", 2.0, reference=3.0)
FAR = metric("frechet_2k", 2000.0, floor=300.0, reference=3000.0)  # 37 % of the way


@pytest.mark.parametrize(
    ("metrics", "course", "says"),
    [
        (but(FAR), Course(50, 5000, 0.4), "undertrained"),
        (but(FAR), Course(4000, 5000, 0.4), "undertrained"),
        (but(FAR), falling(range(100, 80, -1)), "undertrained"),
        (but(FAR), falling([100, 60, 50, 50, 51, 50, 49, 50, 50]), "unclear"),
        (but(metric("copies_exact_2k", 0.01, floor=0.0, p=1e-6)), DONE, "memorising"),
        (but(metric("copies_2k", 0.03, floor=0.01, p=1e-6)), DONE, "memorising"),
        (but(metric("nearer_training_2k", 0.7, p=1e-9)), DONE, "memorising"),
        (but(metric("nearer_training_pixels_2k", 0.7, p=1e-9)), DONE, "memorising"),
        (but(metric("spread_2k", 0.4, floor=1.0)), DONE, "collapsed"),
        (but(metric("repeats_2k", 0.2, floor=0.005)), DONE, "collapsed"),
        (but(metric("recall_2k", 0.05, floor=0.8)), DONE, "collapsed"),
        (but(metric("recall_2k", 0.11, floor=0.8)), DONE, "narrow"),
        (but(metric("recall_2k", 0.05, floor=0.8)), Course(1000, 5000, 6.0), "narrow"),  # early: it may come
        (but(metric("precision_2k", 0.2, floor=0.8)), DONE, "unreal"),
        (but(metric("recall_2k", 0.05, floor=0.8), metric("precision_2k", 0.2, floor=0.8)), DONE, "unreal"),
        (but(metric("recall_2k", 0.05, floor=0.8), metric("sharpness_2k", 0.5, floor=1.0)), DONE, "blurred"),
        ([*ROWS, metric("detection", 0.97, floor=0.5, low=0.95)], DONE, "told"),
        ([*ROWS, metric("detection", 0.97, floor=0.5, low=0.85)], DONE, "good"),  # not surely
        ([*ROWS, metric("detection", 0.97, floor=0.7, low=0.95)], DONE, "good"),  # the parts themselves differ
        (but(metric("modes_2k", 8.0, reference=10.0), metric("share[cat]", 0.0, floor=0.1)), DONE, "collapsed"),
        (GOOD, falling([100, 60, 50, 45, 44, 46, 55, 65, 70], "held_out_nats"), "overfitted"),
        (GOOD, falling([100, 60, 50, 45, 44, 46, 55, 65, 70]), "worsened"),
        (but(metric("spread_2k", 0.4, floor=1.0)), falling([100, 60, 50, 45, 44, 46, 55, 65, 70]), "collapsed"),
        ([TEXT, metric("copied_32", 0.5, floor=0.01, p=0.0)], DONE, "memorising"),
        ([TEXT, metric("distinct_2", 0.1, floor=0.9)], DONE, "collapsed"),
        ([metric("bits_per_character", 4.0, reference=3.0)], Course(10, 2000, 0.1), "undertrained"),
        ([metric("bits_per_character", 2.7, reference=3.0)], falling(range(100, 80, -1)), "undertrained"),
        ([metric("bits_per_character", 2.7, reference=3.0)], DONE, "unclear"),
        ([TEXT], DONE, "good"),
        (ROWS, DONE, "good"),
        ([ROWS[0], metric("pairs_2k", 0.09, floor=0.01, reference=0.1)], DONE, "unclear"),  # columns alone are no rows
        ([ROWS[0], metric("pairs_2k", 0.02, floor=0.015, reference=0.02)], DONE, "good"),  # nothing hangs together
        ([*ROWS, metric("copies_exact_2k", 0.02, floor=0.0, p=1e-9)], DONE, "memorising"),
        ([*ROWS, metric("copies_exact_2k", 0.9, floor=0.88, p=0.02)], DONE, "good"),  # a table of few different rows
        ([*ROWS, metric("copies_exact_2k", 0.9)], DONE, "good"),  # nothing to hold it against
        ([metric("spectrum_1k", 0.3, floor=0.02, reference=0.4)], Course(10, 2000, 0.1), "undertrained"),
    ],
)  # fmt: skip
def test_each_fault_has_its_name(metrics, course, says):
    assert names(metrics, course) == [says]


@pytest.mark.parametrize(
    ("metrics", "course"),
    [
        (but(metric("copies_exact_2k", 0.01, floor=0.009, p=0.4)), DONE),  # as many as honest data has
        (but(metric("copies_2k", 0.012, floor=0.01, p=1e-9)), DONE),  # sure, and too little to matter
        (but(metric("nearer_training_2k", 0.9, p=0.1)), DONE),  # one neighbour, by chance
        (but(metric("nearer_training_2k", 0.55, p=1e-9)), DONE),
        (GOOD, falling([100, 60, 50, 48, 53, 47, 52, 48, 51])),  # noise
        (GOOD, falling([100, 60, 50, 45, 44, 46, 55, 65, 70], keeps_best=True)),  # the weights are the best look's
        (GOOD, falling([100, 60, 50, 45, 44, 46, 55, 70, 45])),  # back again
        (GOOD, Course(10, 5000, 0.1)),  # good already
        (but(metric("recall_2k", 0.21, floor=0.8)), DONE),  # a good model after ten minutes
    ],
)
def test_what_is_no_fault_is_not_called_one(metrics, course):
    assert names(metrics, course) == ["good"]


def test_what_is_far_and_precise_by_chance_is_not_called_narrow():
    flat = falling([100, 60, 50, 50, 51, 50, 49, 50, 50])
    noise = but(FAR, metric("recall_2k", 0.0, floor=0.8), metric("precision_2k", 1.0, floor=0.8))
    assert names(noise, flat) == ["unclear"]


def test_early_samples_that_are_all_alike_are_not_called_collapsed():
    assert names(but(FAR, metric("spread_2k", 0.1, floor=1.0)), Course(50, 5000, 0.4)) == ["undertrained"]


def test_early_collapse_is_called_so_once_the_curve_is_flat():
    looks = [(k, v) for k, v in enumerate([100.0, 80, 79, 81, 80, 80, 80, 79, 81])]
    flat = Course(400, 5000, 1.5, "frechet_cheap_500", looks)
    assert names(but(FAR, metric("spread_2k", 0.1, floor=1.0)), flat) == ["collapsed"]


def test_a_narrow_span_after_few_steps_is_undertrained_though_the_rate_has_fallen_to_nothing():
    looks = [(k, v) for k, v in enumerate([100.0, 80, 79, 81, 80, 80, 80, 79, 81])]
    flat = Course(1000, 5000, 6.0, "frechet_cheap_500", looks)
    on_its_way = metric("frechet_2k", 1500.0, floor=300.0, reference=3000.0)
    assert names(but(on_its_way, metric("recall_2k", 0.03, floor=0.8)), flat) == ["undertrained"]


def test_far_from_the_data_no_class_is_missed():
    flat = falling([100, 60, 50, 50, 51, 50, 49, 50, 50])
    assert names(but(FAR, metric("modes_2k", 5.0, reference=10.0)), flat) == ["unclear"]


def test_several_faults_are_all_named():
    both = but(metric("spread_2k", 0.2, floor=1.0), metric("copies_exact_2k", 0.9, floor=0.0, p=0.0))
    assert names(both) == ["memorising", "collapsed"]


def test_the_evidence_stands_in_the_verdict():
    faults = but(metric("modes_2k", 9.0, reference=10.0), metric("share[dog]", 0.001, floor=0.1))
    (found,) = verdicts(faults, DONE)
    assert "1 of 10 classes are missing (dog)" in found.evidence
    assert found.line == f"Collapsed: {found.evidence}. {found.advice}."
    (good,) = verdicts(GOOD, DONE)
    assert all(number in good.evidence for number in ("92.6", "500", "3000", "300"))


def test_without_a_measure_of_distance_nothing_is_claimed():
    assert verdicts([metric("accuracy_2k", 0.9, reference=0.1)], DONE) == []


@pytest.mark.parametrize(
    ("name", "first"),
    [("frechet_2k", "frechet"), ("nearer_training_pixels_500", "nearer_training_pixels"), ("copied_32", "copied")],
)
def test_a_name_is_known_without_its_size(name, first):
    assert stem(name) == first
    assert stem("bits_per_character") == "bits_per_character"


def test_a_courses_noise_is_that_of_its_looks():
    """Looks of deviation 1 about a constant: the estimate is within 4 standard errors of 1: that of the median of n
    second differences, which overlap, is below 1.2 sqrt(3 / n)."""
    import torch

    values = 10 + torch.randn(2000, generator=torch.Generator().manual_seed(0))
    assert falling(values.tolist()).noise == pytest.approx(1, abs=4 * 1.2 * (3 / 1000) ** 0.5)


def test_a_plateau_is_seldom_called_worse_and_a_rise_is_seen():
    """16 looks: from 100 to 50, with a noise of a tenth of that. Of 400 plateaus 4 in 100 may be accused; of as many
    that rise over the last third by 6 tenths of what was gained, 3 in 4 are found."""
    import torch

    noise = 5 * torch.randn(2, 400, 16, generator=torch.Generator().manual_seed(0))
    course = torch.tensor([100.0, 75] + [50.0] * 14)
    rise = torch.zeros(16)
    rise[11:] = torch.linspace(6, 30, 5)
    accused = sum(falling(one.tolist()).worsened > 0 for one in course + noise[0])
    found = sum(falling(one.tolist()).worsened > 0 for one in course + rise + noise[1])
    assert accused <= 16
    assert found >= 300


def test_more_than_the_whole_way_is_not_said():
    (found,) = verdicts(but(metric("frechet_2k", 300.0, floor=420.0, reference=3000.0)), DONE)
    assert "have come 100 % of the way" in found.evidence


def test_few_looks_prove_nothing():
    assert not falling([4, 3, 2, 1]).improving
    assert falling([1, 2, 3, 4]).worsened == 0
    assert Course(5, 5, 1.0).worsened == 0


def test_music_that_stands_in_the_training_pieces_is_memorised():
    copied = Metric("copied_chords_8", 0.6, "share", 77, "", floor=0.02, p=1e-9)
    (found,) = verdicts(but(copied), DONE)
    assert found.name == "memorising"
    assert "60 % of the samples' runs of chords stand in the training data (held-out data: 2.0 %)" in found.evidence
    assert names(but(replace(copied, value=0.1))) == ["good"]


def test_music_has_come_as_far_as_what_is_furthest_away():
    ways = [
        Metric(f"{name}_2k", value, "bits", 77, "", floor=0.01, reference=0.41)
        for name, value in (("interval_js", 0.05), ("chord_js", 0.25))
    ]
    (found,) = verdicts(ways, DONE)
    assert "chords have come 40 % of the way" in found.evidence
    assert found.name != "good"
