"""What is said of molecules follows from their measures, either way."""

import pytest

from reverie.judging.course import Course
from reverie.judging.verdict import verdicts
from reverie.judging.words import headline
from reverie.metrics import Metric


def metric(name, value, **more):
    return Metric(name, value, "", 3000, "", **more)


GOOD = [
    metric("fcd_3k", 0.6, floor=0.5),
    metric("fcd_scaffolds_3k", 1.2, floor=1.1),
    metric("intdiv1_3k", 0.85, floor=0.86),
    metric("filters_3k", 0.99, floor=1.0),
    metric("snn_3k", 0.45, floor=0.47),
    metric("frag_3k", 0.99, floor=0.998),
    metric("scaf_3k", 0.6, floor=0.7),
    metric("logp_w1_3k", 0.05, floor=0.02, reference=0.7),
    metric("novelty_3k", 0.7, floor=1.0),
    metric("nearer_training_3k", 0.51, floor=0.5, p=0.3),
    metric("validity_3k", 0.95, floor=1.0, reference=0.0),
    metric("unique_1k", 1.0, floor=1.0),
]
DONE, BEGUN = Course(5000, 5000, 3.0), Course(100, 5000, 0.05)


def but(*changed):
    names = {m.name for m in changed}
    return [m for m in GOOD if m.name not in names] + list(changed)


@pytest.mark.parametrize(
    ("metrics", "course", "says"),
    [
        (GOOD, DONE, "good"),
        (but(metric("validity_3k", 0.3, floor=1.0)), BEGUN, "undertrained"),
        (but(metric("validity_3k", 0.6, floor=1.0)), DONE, "unclear"),
        (but(metric("logp_w1_3k", 0.5, floor=0.02, reference=0.7)), DONE, "unclear"),
        (but(metric("frag_3k", 0.5, floor=0.998)), DONE, "unclear"),
        (but(metric("nearer_training_3k", 0.8, floor=0.5, p=1e-9)), DONE, "memorising"),
        (but(metric("novelty_3k", 0.2, floor=1.0)), DONE, "good"),  # of a dense set a perfect model, too
        (but(metric("unique_1k", 0.5, floor=1.0)), DONE, "collapsed"),
        (but(metric("unique_1k", 0.5, floor=0.5)), DONE, "good"),  # the data repeat themselves as often
        (but(metric("intdiv1_3k", 0.3, floor=0.86)), DONE, "collapsed"),
    ],
)
def test_the_verdict_on_molecules_names_what_is_wrong_and_nothing_else(metrics, course, says):
    assert [one.name for one in verdicts(metrics, course)] == [says]


def test_the_part_that_is_furthest_away_is_told():
    (one,) = verdicts(but(metric("validity_3k", 0.4, floor=1.0)), BEGUN)
    assert "40 % of the samples are molecules (training molecules: 100 %)" in one.evidence
    (one,) = verdicts(but(metric("logp_w1_3k", 0.6, floor=0.02, reference=0.7)), BEGUN)
    assert "values of logp have come 15 % of the way" in one.evidence


def test_the_words_hold_the_numbers_of_the_test_part_and_not_of_scaffolds():
    said = " ".join(headline(GOOD))
    assert "95.0 % of 3,000 samples are molecules; of the first 3,000 of these 100 % are different; 70 % are no" in said
    assert "Fréchet ChemNet distance 0.6 (training molecules 0.5)" in said
    assert "likeness of scaffolds 0.6 (training molecules 0.7)" in said
    assert "99.0 % of the molecules pass MOSES's filters (training molecules: 100 %)" in said


def test_without_fcd_the_rest_is_said():
    said = " ".join(headline([m for m in GOOD if not m.name.startswith("fcd")]))
    assert "ChemNet" not in said
    assert "likeness to the nearest held-out molecule 0.45" in said
