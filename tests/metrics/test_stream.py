"""A set of any size in bounded memory, the same number however it is cut."""

import weakref

import numpy as np
import pytest
import torch

from reverie.errors import Problem
from reverie.metrics import evenly, features
from reverie.metrics.distances import Statistics, frechet
from reverie.metrics.features.pictures import recut


def pictures(count=5, size=(6, 5), channels=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *size, channels), generator=g).numpy().astype(np.uint8)


class Watched:
    """Colour means, which counts how many of the tensors that it gave are still held whenever it is called."""

    name, dim = "mean-rgb", 3

    def __init__(self):
        self.given = []
        self.most = 0

    def __call__(self, images):
        found = features.pixels(images).mean((2, 3))
        self.given.append((weakref.ref(found), len(found)))
        self.most = max(self.most, sum(count for ref, count in self.given if ref() is not None))
        return found


def blocks(count, held, size=40):
    """That many blocks, which counts how many of them are still held whenever the next is asked for."""
    alive = []
    for k in range(count):
        block = pictures(size, seed=k)
        alive.append(weakref.ref(block))
        yield block
        del block
        held.append(sum(ref() is not None for ref in alive))


def test_memory_does_not_grow_with_the_number_of_pictures(monkeypatch):
    """Neither pictures nor features: what is alive at most is the same for 20 blocks and for 200."""
    monkeypatch.setattr(features.pictures, "PIECE", 100)
    most = []
    for count in (20, 200):
        held, extractor = [], Watched()
        found = features.stream(blocks(count, held), extractor, keep=50)
        assert found.statistics.count == 40 * count
        assert found.kept.shape == (50, 3)
        assert found.kept.untyped_storage().nbytes() == 50 * 3 * 4  # no view of something larger
        most.append((max(held), extractor.most))
    assert most[0] == most[1]
    assert most[0][0] <= 4  # blocks of 40 that make up one piece of 100
    assert most[0][1] <= 200  # a piece's features, and the next one's


def test_the_cut_into_blocks_changes_no_bit(monkeypatch):
    monkeypatch.setattr(features.pictures, "PIECE", 50)
    x, extractor = pictures(123, (28, 28)), features.cheap()
    whole = features.stream(x, extractor, keep=60)
    for size in (1, 7, 25, 122):
        parts = features.stream((x[k : k + size] for k in range(0, 123, size)), extractor, keep=60)
        assert torch.equal(parts.kept, whole.kept)
        assert torch.equal(parts.statistics.mean, whole.statistics.mean)
        assert torch.equal(parts.statistics.scatter, whole.statistics.scatter)


def test_another_order_moves_the_distance_by_rounding_alone():
    """Pairs of float64 sums in another order: 1e-12 of the distance, where the features are the same."""
    x, y = pictures(90, seed=1), pictures(80, seed=2) // 2
    one, two = (features.stream(part, Watched()).statistics for part in (x, y))
    again = features.stream(x[::-1], Watched()).statistics
    assert frechet(again, two) == pytest.approx(frechet(one, two), rel=1e-12)


def test_the_statistics_are_those_of_all_features_and_say_whose():
    x = pictures(70)
    found = features.stream(iter([x[:30], x[30:]]), Watched(), keep=10, source="70 pictures")
    whole = Statistics.of(features.pixels(x).mean((2, 3)))
    assert (found.statistics.extractor, found.statistics.source) == ("mean-rgb", "70 pictures")
    assert found.statistics.count == 70
    torch.testing.assert_close(found.statistics.covariance, whole.covariance, rtol=1e-9, atol=1e-9)
    assert torch.equal(found.kept, Watched()(x[:10]))


def test_features_are_kept_of_the_pictures_that_are_named_however_they_come():
    x, index = pictures(130), evenly(130, 40)
    assert index[-1] == 126
    for size in (7, 50, 130):
        found = features.stream((x[k : k + size] for k in range(0, 130, size)), Watched(), index)
        assert torch.equal(found.kept, Watched()(x[index]))
        assert found.statistics.count == 130


def test_a_cached_stream_computes_once(monkeypatch, tmp_path):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    x, extractor = pictures(70), Watched()
    first = features.stream(x, extractor, cached=True)
    calls = len(extractor.given)
    second = features.stream((x[k : k + 9] for k in range(0, 70, 9)), extractor, cached=True)
    assert len(extractor.given) == calls
    assert torch.equal(first.statistics.scatter, second.statistics.scatter)


def test_nothing_and_nan_are_one_line():
    class Broken(Watched):
        def __call__(self, images):
            found = super().__call__(images)
            found[3] = torch.nan
            return found

    with pytest.raises(Problem, match="0 pictures"):
        features.stream(iter([]), Watched())
    with pytest.raises(Problem, match=r"features: not all finite \(1 of 70 rows\)"):
        features.stream(pictures(70), Broken())


@pytest.mark.parametrize("sizes", [[0, 3, 0], [60, 1, 64], [125], [25, 25, 50, 25], [1] * 53])
def test_recutting_keeps_every_picture_in_its_place(sizes, monkeypatch):
    monkeypatch.setattr(features.pictures, "PIECE", 50)
    x = pictures(sum(sizes))
    found = list(recut(iter(np.split(x, np.cumsum(sizes)[:-1]))))
    assert np.array_equal(np.concatenate(found), x)
    assert all(len(part) == 50 for part in found[:-1])


def test_large_pictures_are_held_a_block_at_a_time(monkeypatch):
    monkeypatch.setattr(features.pictures, "PIECE_BYTES", 1000)
    assert [len(part) for part in recut(pictures(60))] == [25, 25, 10]


def test_pictures_of_two_sizes_are_one_line():
    with pytest.raises(Problem, match=r"pictures \(5, 6, 3\) uint8 after \(6, 5, 3\) uint8: one size and type only"):
        list(recut(iter([pictures(2), pictures(2, (5, 6))])))
