"""Copies are found however they were saved, and honest pictures are left in peace."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from clothes import clothes
from reverie.metrics import copies

PLANTED = 60


@pytest.fixture(scope="module", name="clothes")
def the_clothes():
    return clothes()[0]


@pytest.fixture(scope="module")
def bank(clothes):
    return copies.Bank(clothes[:4000])


def jpeg(pictures, quality=75):
    out = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture.squeeze()).save(buffer, "JPEG", quality=quality)
        out.append(np.array(Image.open(buffer)).reshape(picture.shape))
    return np.stack(out)


def moved(pictures, down, right):
    """Moved, the border filled with black."""
    out = np.zeros_like(pictures)
    height, width = pictures.shape[1:3]
    here = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
    there = slice(max(0, -down), height + min(0, -down)), slice(max(0, -right), width + min(0, -right))
    out[:, here[0], here[1]] = pictures[:, there[0], there[1]]
    return out


FORMS = {
    "exact": lambda x: x,
    "mirrored": lambda x: x[:, :, ::-1].copy(),
    "moved right": lambda x: moved(x, 0, 1),
    "moved up and left": lambda x: moved(x, -1, -1),
    "mirrored and moved": lambda x: moved(x[:, :, ::-1], 1, 0),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_is_found_with_its_source_however_it_lies(clothes, bank, form):
    which = torch.arange(PLANTED) * 4000 // PLANTED
    found = copies.nearest(FORMS[form](clothes[which.numpy()]), bank)
    assert bool(found.exact.all())
    assert torch.equal(found.source, which)


def test_a_copy_that_was_saved_as_jpeg_is_found(clothes, bank):
    """At least 95 of 100, as is promised; of 300, all but 8 (4 deviations below 95 %) would do."""
    which = np.arange(300) * 13
    found = copies.nearest(jpeg(clothes[which]), bank)
    assert int((found.copied & (found.source == torch.from_numpy(which))).sum()) >= 285


def test_honest_pictures_are_seldom_taken_for_copies(clothes, bank):
    """Fashion-MNIST has doubles: the rate is stated, not zero, and the one that is exact is the same photograph."""
    found = copies.nearest(clothes[4000:5000], bank)
    assert float(found.copied.double().mean()) < 0.02
    (double,) = found.exact.nonzero()[:, 0].tolist()
    same = clothes[4000 + double].astype(int) - clothes[int(found.source[double])]
    assert abs(same).max() < 10  # of 255: the same photograph, developed twice


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_any_channels_and_depth(channels, depth):
    g = torch.Generator().manual_seed(0)
    top = 256 if depth == np.uint8 else 65536
    pictures = torch.randint(0, top, (20, 9, 14, channels), generator=g).numpy().astype(depth)
    found = copies.nearest(pictures[5:8, :, ::-1], copies.Bank(pictures))
    assert found.source.tolist() == [5, 6, 7]
    assert found.residual.tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_residual_is_what_is_left_of_the_contrast():
    """A picture and the same with noise of a tenth of its deviation: a residual of a tenth, by the law of large numbers
    within 4 / sqrt(2 · 3844 pixels)."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, 64, 64, 1, generator=g) * 2000 + 30_000
    noisy = x + torch.randn(x.shape, generator=g) * 200
    pictures = [y.round().numpy().astype(np.uint16) for y in (x, noisy)]
    found = copies.nearest(pictures[1], copies.Bank(pictures[0]))
    assert float(found.residual) == pytest.approx(0.1 / 1.01**0.5, rel=4 / (2 * 62 * 62) ** 0.5)


def test_large_pictures_are_compared_small():
    g = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (6, 20, 25, 3), generator=g).numpy().astype(np.uint8)
    large = pictures.repeat(8, axis=1).repeat(8, axis=2)  # 160 × 200
    assert copies.scaled(large).shape == (6, 3, 51, 64)
    found = copies.nearest(moved(large, 0, 1)[2:4], copies.Bank(large))
    assert found.source.tolist() == [2, 3]
    assert bool(found.copied.all())


def test_a_set_is_not_compared_with_itself(clothes):
    some = np.concatenate([clothes[:30], clothes[7:8]])
    found = copies.nearest(some, copies.Bank(some), skip=True)
    assert found.exact.nonzero()[:, 0].tolist() == [7, 30]
    assert found.source[[7, 30]].tolist() == [30, 7]


def test_flat_pictures_are_copies_only_of_equal_ones():
    flat = np.full((3, 8, 8, 1), 200, np.uint8)
    flat[1] = 90
    found = copies.nearest(flat[:2], copies.Bank(np.concatenate([flat[2:], np.full((1, 8, 8, 1), 93, np.uint8)])))
    assert found.exact.tolist() == [True, False]
    assert not bool(found.copied[1])


def test_nothing_to_compare_with_is_no_copy(clothes):
    found = copies.nearest(clothes[:3], copies.Bank(clothes[:0]))
    assert not bool(found.copied.any())
    assert len(copies.nearest(clothes[:0], copies.Bank(clothes[:3])).residual) == 0


def test_one_candidate_alone_is_no_copy_unless_it_is_surely_one(clothes):
    """With a bank of one there is no other to be nearer than: only what is as good as equal counts."""
    found = copies.nearest(clothes[:2], copies.Bank(clothes[:1]))
    assert found.copied.tolist() == [True, False]
