"""The judge of pictures, on real ones: it knows good from bad, and says how sure it is."""

import numpy as np
import pytest
import torch

from clothes import clothes
from reverie.metrics import Sets, features, image
from reverie.metrics.image import distribution, diversity


@pytest.fixture(scope="module", name="clothes")
def the_clothes():
    return clothes(1200)[0]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


class Parts:
    """Pictures that come in blocks of another size."""

    def __init__(self, whole, size):
        self.whole, self.size = whole, size

    def __len__(self):
        return len(self.whole)

    def __getitem__(self, index):
        return np.concatenate([self.whole[index[k : k + self.size]] for k in range(0, len(index), self.size)])


def noised(x, share, seed=0):
    """That share of the pixels replaced by noise."""
    g = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 256, x.shape, generator=g).numpy().astype(np.uint8)
    return np.where(torch.rand(x.shape, generator=g).numpy() < share, noise, x)


def values(metrics):
    return {m.name.split("_")[0]: m.value for m in metrics}


def test_real_against_real_is_at_the_floor(clothes):
    found = image.judge(clothes[:400], clothes[400:800], clothes[800:], extractor=features.cheap())
    for m in found:
        if m.name.startswith("kid"):
            assert m.low < 0 < m.high
        elif m.name.startswith("frechet"):
            assert m.value == pytest.approx(m.floor, rel=0.1)
        else:
            assert m.value == pytest.approx(m.floor, abs=4 * (0.25 / 400) ** 0.5 * 2**0.5)  # 4 standard errors


def test_noise_makes_every_measure_worse(clothes):
    """Up to a twentieth of the pixels; beyond it precision rises again for a while, as the balls of outliers are wide
    (Naeem et al. 2020, figure 1), and the others go on."""
    extractor = features.default()
    real, *fakes = (
        features.stream(x, extractor)
        for x in (clothes[:500], *(noised(clothes[500:1000], share) for share in (0, 0.02, 0.05)))
    )
    looks = [distribution.measures(real, fake) for fake in fakes]
    for name in ("frechet", "kid", "precision", "recall", "density", "coverage"):
        better = -1 if name in ("frechet", "kid") else 1
        clean, little, much = (better * look[name].value for look in looks)
        assert clean > little > much, name


def test_the_cheap_distance_follows_the_noise(clothes):
    found = [image.cheap(clothes[:300], noised(clothes[300:600], share)) for share in (0, 0.05, 0.1, 0.2, 0.4, 0.8)]
    assert {name for name, _ in found} == {"frechet_cheap_300"}
    scores = [value for _, value in found]
    assert scores == sorted(scores)
    assert scores[-1] > 10 * scores[0]


def test_a_few_pictures_over_and_over_are_precise_but_have_little_recall(clothes):
    """Copies of 20 pictures: like the data, and far from all of it."""
    extractor = features.cheap()
    found = values(image.judge(clothes[:300], np.repeat(clothes[300:320], 15, axis=0), extractor=extractor))
    everything = values(image.judge(clothes[:300], clothes[300:600], extractor=extractor))
    assert found["coverage"] < everything["coverage"] / 2
    assert found["recall"] < everything["recall"] / 2
    assert found["precision"] > 0.8 * everything["precision"]


def test_each_number_says_how_it_came_about(clothes):
    found = image.judge(clothes[:100], clothes[100:180], clothes[200:290], untrained=noised(clothes[:50], 1.0))
    names = ("frechet", "kid", "precision", "recall", "density", "coverage")
    assert [m.name for m in found] == [f"{name}_80" for name in names]
    for m in found:
        assert m.protocol.startswith(f"{features.default().name}; 80 generated against 100 held-out; ")
        assert "floor: 90 training pictures" in m.protocol
        assert "reference: 50 of the untrained model" in m.protocol
        assert m.samples == 80
        assert None not in (m.floor, m.reference)
    by_name = {m.name: m for m in found}
    assert "fewer pictures than the 1280 dimensions" in by_name["frechet_80"].protocol
    assert "100 subsets of 40" in by_name["kid_80"].protocol
    assert "k=3" in by_name["precision_80"].protocol
    assert "k=5" in by_name["coverage_80"].protocol
    for name in ("kid", "precision", "recall", "density", "coverage"):
        m = by_name[f"{name}_80"]
        assert m.low <= m.value <= m.high
    assert by_name["frechet_80"].reference > by_name["frechet_80"].floor


def test_blocks_whole_and_order_give_the_same_numbers(clothes):
    real, fake = clothes[:60], clothes[60:120]
    whole = values(image.judge(real, fake, extractor=features.cheap()))
    parts = values(image.judge(Parts(real, 17), Parts(fake, 50), extractor=features.cheap()))
    mixed = values(image.judge(real[::-1], fake[::-1], extractor=features.cheap()))
    assert parts == pytest.approx(whole, rel=1e-4)
    assert mixed == pytest.approx(whole, rel=1e-4)


class Colours:
    name, dim = "mean-rgb", 3

    def __call__(self, images):
        return features.pixels(images).mean((2, 3))


def test_of_large_sets_all_classes_are_seen_though_they_are_sorted_by_class(monkeypatch):
    """Ten colours, 200 pictures of each, half as many held out; a tenth is kept. Of heads, the training ones would be
    of one colour and the held-out ones of two, so that recall's floor would be a half."""
    for part in ("seen", "distribution"):
        monkeypatch.setattr(f"reverie.metrics.image.{part}.LIMIT", 200)
    labels = np.arange(2000) // 200
    spot = np.random.default_rng(0).integers(0, 256, (10, 1, 1, 3))
    real, train, fake = (
        (spot[labels] + np.random.default_rng(k).integers(-9, 10, (2000, 4, 4, 3))).clip(0, 255).astype(np.uint8)
        for k in (1, 2, 3)
    )
    names = tuple(map(str, range(10)))
    asked, order = labels, np.random.default_rng(4).permutation(2000)
    sets = Sets(fake[order], real[::2], train, labels=labels, classes=names, extractor=Colours(), asked=asked[order])
    seen = image.prepare(sets)
    found = {m.name: m for m in distribution.measure(seen) + diversity.measure(seen)}
    assert found["recall_2k"].floor > 0.8
    assert (found["modes_200"].value, found["modes_200"].reference) == (10, 10)
    near = image.neighbours(seen, 12, 2).numpy()  # of the first samples, in numbers of `train`
    assert (labels[near] == labels[order[:12]][:, None]).all()
    for i, j in image.suspects(seen, 5):
        assert labels[order[i]] == labels[j]
    assert all("of 200, evenly spaced" in found[f"{name}_2k"].protocol for name in ("precision", "recall"))


@pytest.mark.parametrize("counts", [(5, 50), (50, 5), (0, 50), (50, 0)])
def test_too_few_pictures_give_no_numbers(clothes, counts):
    assert image.judge(clothes[: counts[0]], clothes[: counts[1]], extractor=features.cheap()) == []


def test_the_larger_picture_is_seen_larger():
    large = np.zeros((6, 100, 70, 3), np.uint8)
    large[:, ::2] = np.arange(6, dtype=np.uint8)[:, None, None, None] * 40
    assert all("in128" in m.protocol for m in image.judge(large, large[::-1].copy()))


def test_a_copy_of_a_training_picture_is_found(clothes):
    near = image.neighbours(image.prepare(Sets(clothes[[7, 30]], clothes[40:50], clothes[:40])), 2, 3)
    assert near[:, 0].tolist() == [7, 30]
    assert near.shape == (2, 3)
