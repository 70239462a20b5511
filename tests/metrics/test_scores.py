"""Scores of a classifier against closed forms, against torchmetrics and against their own spread."""

from math import exp, log

import pytest
import torch
from torch import nn
from torchmetrics.image.inception import InceptionScore

from reverie.errors import Problem
from reverie.metrics.scores import class_hits, class_shares, inception_score


def soft(count, classes, sharpness=2.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(count, classes, generator=g)).softmax(1)


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("splits", [1, 3])
def test_sure_and_even_over_n_classes_scores_n(classes, splits):
    one_hot = torch.eye(classes).repeat(splits, 1)
    found = inception_score(one_hot, splits)
    assert found.value == pytest.approx(classes, rel=1e-12)
    assert found.error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("p", [torch.full((20, 5), 0.2), torch.eye(5)[:1].repeat(20, 1), soft(1, 5).repeat(20, 1)])
def test_the_same_answer_for_all_scores_one(p):
    assert inception_score(p).value == pytest.approx(1, rel=1e-6)  # rows add up to 1 in float32 only


def test_two_groups_score_their_mutual_information():
    """A quarter surely of class 0, the rest even between 1 and 2: exp I = exp(H(p(y)) - E H(p(y|x)))."""
    p = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    marginal = [0.25, 0.375, 0.375]
    expected = exp(-sum(q * log(q) for q in marginal) - 0.75 * log(2))
    assert inception_score(p).value == pytest.approx(expected, rel=1e-12)


class Logits(nn.Module):
    """Pictures whose first pixels are their logits, as torchmetrics wants an extractor."""

    num_features = 6

    def forward(self, x):
        return x[:, 0, 0, :6].float() / 40


@pytest.mark.parametrize("splits", [1, 7])
def test_the_score_agrees_with_torchmetrics(splits):
    """Which shuffles before it splits, by torch's global generator."""
    x = torch.randint(0, 256, (203, 3, 2, 6), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    theirs = InceptionScore(feature=Logits(), splits=splits)
    theirs.update(x)
    torch.manual_seed(3)
    mean, spread = map(float, theirs.compute())
    torch.manual_seed(3)
    chunks = Logits()(x).softmax(1)[torch.randperm(203)].chunk(splits)
    assert len({len(c) for c in chunks}) == 1  # theirs cuts by chunk, ours evenly: alike where both are even
    found = inception_score(torch.cat(chunks), splits)
    assert found.value == pytest.approx(mean, rel=1e-5)
    if splits > 1:
        assert found.error == pytest.approx(spread / splits**0.5, rel=1e-3)


def test_the_scores_error_is_its_spread_over_new_items():
    """Over 400 sets: a standard deviation of 400 is known to 1 / √800 = 3.5 %, four of which are 14 %."""
    found = [inception_score(soft(300, 5, seed=k)) for k in range(400)]
    spread = float(torch.tensor([f.value for f in found]).double().std())
    assert float(torch.tensor([f.error for f in found]).mean()) == pytest.approx(spread, rel=0.14)


def test_the_scores_error_is_the_jackknifes():
    """Each item left out in turn, of classes that are not met evenly: alike to first order in 1 / n, so to 2 %."""
    p = soft(300, 5) * torch.tensor([9.0, 3, 1, 1, 1])
    p = p / p.sum(1, keepdim=True)
    without = [inception_score(torch.cat([p[:k], p[k + 1 :]])).value for k in range(300)]
    jackknife = 299 * float(torch.tensor(without).double().var(correction=0))
    assert inception_score(p).error == pytest.approx(jackknife**0.5, rel=0.02)


def test_order_does_not_matter():
    p = soft(100, 5)
    assert inception_score(p.flip(0)) == pytest.approx(inception_score(p), rel=1e-12)


@pytest.mark.parametrize(("count", "splits", "least"), [(1, 1, 2), (29, 3, 30), (9, 1000, 10_000)])
def test_too_few_items_for_a_score_are_one_line(count, splits, least):
    with pytest.raises(Problem, match=rf"{count} items: .* needs at least {least}$"):
        inception_score(soft(count, 10), splits)


@pytest.mark.parametrize(
    "wrong", [torch.randn(4, 3), torch.full((4, 3), 0.5), torch.tensor([[0.5, 0.5], [float("nan"), 1]])]
)
def test_what_is_no_probability_is_one_line(wrong):
    for score in (inception_score, class_shares):
        with pytest.raises(Problem, match=r"row \d of \d: not probabilities of \d classes. Give softmax's, not logits"):
            score(wrong)


def test_shares_count_the_most_probable_class():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0.9, 0.1, 0.0]])
    assert class_shares(p).tolist() == [0.75, 0.25, 0]


def test_hits_are_of_the_class_that_was_asked_for():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0.0, 0.1, 0.9]])
    hits, asked = class_hits(p, torch.tensor([0, 0, 0, 2]))
    assert hits.tolist() == [2, 0, 1]
    assert asked.tolist() == [3, 0, 1]


def test_a_class_that_the_classifier_does_not_know_is_one_line():
    with pytest.raises(Problem, match=r"class 3: the classifier knows 0 … 2"):
        class_hits(soft(2, 3), torch.tensor([0, 3]))
