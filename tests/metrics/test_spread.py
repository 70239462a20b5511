"""How varied samples are beside data, and the noise of the distance that a run watches."""

import numpy as np
import pytest
import torch

from clothes import clothes
from reverie.metrics import features, image, text
from reverie.metrics.neighbours import apart


@pytest.fixture(scope="module", name="clothes")
def the_clothes():
    return clothes(1200)[0]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_the_mean_distance_of_pairs_is_counted_by_hand():
    """A triangle of sides 3, 4 and 5; one row has no pair."""
    assert apart(torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])) == pytest.approx(4.0)
    assert apart(torch.ones(1, 2)) == apart(torch.ones(0, 2)) == 0.0


def test_real_pictures_beside_real_ones_spread_about_alike(clothes):
    """A mean over pairs has a standard error of at most 2 σ / √n (Hoeffding 1948), σ² the variance over items of an
    item's mean distance to the others; of a ratio of two such means √2 that, relative to the mean. Five of them."""
    x = features.cheap()(clothes[:1000]).double()
    own = torch.cdist(x, x).sum(1) / 999
    error = 2**0.5 * 2 * float(own.std() / own.mean()) / 64**0.5
    for k in range(4):
        found = image.spread(clothes[64 * k : 64 * (k + 1)], clothes[600 + 64 * k : 664 + 64 * k])
        assert found == pytest.approx(1, abs=5 * error)
    assert image.spread(clothes[:64], clothes[:64]) == pytest.approx(1, rel=1e-6)


def test_pictures_that_are_all_the_same_do_not_spread_and_few_kinds_spread_less(clothes):
    same = np.repeat(clothes[:1], 64, axis=0)
    assert image.spread(clothes[:64], same) == pytest.approx(0, abs=1e-6)
    # each of 4 sixteen times: 15 of 63 partners are the picture itself
    four = image.spread(clothes[:64], np.repeat(clothes[:4], 16, axis=0))
    assert four == pytest.approx(48 / 63 * image.spread(clothes[:64], clothes[:4]), rel=1e-5)
    assert image.spread(same, clothes[:64]) == 1.0  # nothing to be beside


def test_of_text_spread_is_the_share_of_different_runs_beside_the_data_s():
    assert text.spread(["abcde", "fghij"], ["abcde", "fghij"]) == 1.0
    assert text.spread(["abcde", "fghij"], ["aaaaa", "aaaaa"]) == pytest.approx(1 / 6)
    assert text.spread(["abcdef"], ["abcabcabc"]) == pytest.approx(3 / 4)  # both cut to six characters
    assert text.spread(["ab", "cd"], ["ab", "ab"]) == 1.0


def test_the_distance_without_a_group_is_the_cheap_one_of_the_rest(clothes):
    real, fake = clothes[:120], clothes[200:320]
    dealt = list(torch.randperm(120, generator=torch.Generator().manual_seed(0)).tensor_split(7))
    found = image.left_out(real, fake, dealt)
    for group, value in zip(dealt, found, strict=True):
        rest = np.setdiff1d(np.arange(120), group.numpy())
        assert value == pytest.approx(image.cheap(real[rest], fake[rest])[1], rel=1e-6)
    real, fake = ["abab", "bcbc", "caca", "abcd"], ["abca", "bcbb", "cccc", "abab"]
    found = text.left_out(real, fake, [torch.tensor([0, 2]), torch.tensor([1, 3])])
    halves = [text.cheap(real[k::2], fake[k::2])[1] for k in (1, 0)]
    assert found == pytest.approx(halves)


def test_the_noise_of_the_distance_is_how_much_it_varies_over_other_pictures(clothes):
    """The jackknife's standard error of the distance between 100 clothes and 100 lighter ones, against the spread over
    five disjoint sets. Five values know their own deviation to 1 / √8, five jackknives theirs to 1 / √190: three errors
    of their ratio are a factor of 1 + 3 √(1/8 + 1/190). Efron & Stein 1981 ("The Jackknife Estimate of Variance",
    Annals of Statistics 9) have the jackknife err upwards."""
    light = np.clip(clothes.astype(int) + 40, 0, 255).astype(np.uint8)
    values, errors = [], []
    for k in range(5):
        real, fake = clothes[200 * k : 200 * k + 100], light[200 * k + 100 : 200 * k + 200]
        dealt = list(torch.arange(100).tensor_split(20))
        left = np.array(image.left_out(real, fake, dealt))
        values.append(image.cheap(real, fake)[1])
        errors.append(np.sqrt(19 / 20 * ((left - left.mean()) ** 2).sum()))
    factor = 1 + 3 * (1 / 8 + 1 / 190) ** 0.5
    assert 1 / factor < np.sqrt(np.mean(np.square(errors))) / np.std(values, ddof=1) < 2 * factor
