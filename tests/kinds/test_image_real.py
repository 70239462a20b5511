"""Real sets, whole: what is known of them is what is found."""

import numpy as np
import pytest
import torch

from reverie.kinds import DataOptions
from reverie.kinds.find import open_source


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_sets_have_their_published_sizes_and_balance(real_data, name):
    data = open_source(str(real_data / name), DataOptions()).prepare()
    assert (len(data.train), len(data.held_out), data.codec.size, data.codec.channels) == (60_000, 10_000, (28, 28), 1)
    whole = data.train.raw(torch.arange(60_000))
    mean = {"mnist": 0.1307, "fashion-mnist": 0.2860}[name]  # as every tutorial normalises them
    assert abs(whole.mean() / 255 - mean) < 5e-5
    counts = np.bincount(data.train.labels.numpy())
    assert (
        counts.tolist()
        == {
            "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            "fashion-mnist": [6000] * 10,
        }[name]
    )


def test_the_package_has_the_test_part_of_fashion_mnist(real_data):
    part = open_source("demo-fashion", DataOptions(held_out=0)).prepare()
    whole = open_source(str(real_data / "fashion-mnist"), DataOptions()).prepare()
    index = torch.arange(10_000)
    np.testing.assert_array_equal(part.train.raw(index), whole.held_out.raw(index))
    assert torch.equal(part.train.labels, whole.held_out.labels)


def test_emoji_keep_their_transparency_and_two_houses_are_two_classes(real_data):
    source = open_source(str(real_data / "emoji"), DataOptions())
    data = source.prepare()
    assert (data.codec.size, data.codec.channels, data.codec.bits) == ((64, 64), 4, 8)
    assert data.codec.classes == ("noto-64", "twemoji-64")
    assert len(data.train) + len(data.held_out) == 2 * 3786
    corners = data.train.raw(torch.arange(500))[:, 0, 0, 3]
    assert (corners == 0).mean() > 0.9  # what is drawn seldom reaches the corner


@pytest.mark.slow
def test_cifar10_is_two_zips_with_a_folder_a_class(real_data):
    data = open_source(str(real_data / "cifar10"), DataOptions()).prepare()
    assert (len(data.train), len(data.held_out), len(data.codec.classes)) == (50_000, 10_000, 10)
    assert np.bincount(data.train.labels.numpy()).tolist() == [5000] * 10
    mean = data.train.raw(torch.arange(50_000)).mean((0, 1, 2)) / 255
    assert np.abs(mean - [0.4914, 0.4822, 0.4465]).max() < 2e-3  # published means; JPEG moves them a little
