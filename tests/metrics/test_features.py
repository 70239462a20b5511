"""Features of pictures of every form: the same picture gives the same features."""

import sys
import types

import numpy as np
import pytest
import torch

from reverie.errors import Problem
from reverie.metrics import features


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    return tmp_path


def pictures(count=5, size=(28, 20), channels=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *size, channels), generator=g).numpy().astype(np.uint8)


class Mean:
    """Colour means: an extractor that counts its calls."""

    name, dim = "mean-rgb", 3

    def __init__(self):
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        return features.pixels(images).mean((2, 3))


def test_grey_is_repeated():
    grey = pictures(channels=1)
    assert torch.equal(features.pixels(grey), features.pixels(np.repeat(grey, 3, axis=3)))


def test_sixteen_bits_are_the_same_picture_as_eight():
    eight = pictures()
    assert torch.equal(features.pixels(eight.astype(np.uint16) * 257), features.pixels(eight))


def test_sixteen_bits_are_not_rounded():
    assert float(features.pixels(np.full((1, 1, 1, 1), 129, np.uint16))[0, 0]) == pytest.approx(129 / 257)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparency_is_composited_on_white(channels, depth):
    top = np.iinfo(depth).max
    picture = np.zeros((1, 1, 3, channels), depth)
    picture[..., -1] = [0, top, top // 5]  # clear, opaque, a fifth of black
    assert features.pixels(picture)[0, 0, 0].tolist() == pytest.approx([255, 0, 204])


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 5), np.uint8), np.zeros((2, 4, 4, 3), np.float32)],
)
def test_what_is_no_picture_is_one_line(wrong):
    with pytest.raises(Problem, match=r"not pictures. Give \(N, H, W, C\)") as caught:
        features.default()(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (17, 90), (200, 3)])
@pytest.mark.parametrize("extractor", [features.default, features.cheap])
def test_any_size_gives_finite_features(extractor, size):
    chosen = extractor()
    found = chosen(pictures(2, size))
    assert found.shape == (2, chosen.dim)
    assert found.dtype == torch.float32
    assert bool(torch.isfinite(found).all())


def test_no_pictures_give_no_features():
    assert features.cheap()(pictures(0)).shape == (0, 80)


@pytest.mark.parametrize("extractor", [features.default, features.cheap])
def test_features_do_not_depend_on_company_or_order(extractor, monkeypatch):
    """To 1e-5 of the largest feature: three times the error that float32 itself has (below)."""
    x, chosen = pictures(9), extractor()
    whole = chosen(x)
    rounding = 1e-5 * float(whole.abs().max())
    torch.testing.assert_close(chosen(x[::-1]), whole.flip(0), rtol=0, atol=rounding)
    torch.testing.assert_close(torch.cat([chosen(x[:1]), chosen(x[1:])]), whole, rtol=0, atol=rounding)
    monkeypatch.setattr(features.pictures, "BLOCK", 2)
    torch.testing.assert_close(chosen(x), whole, rtol=0, atol=rounding)


@pytest.mark.parametrize("extractor", [features.default, features.cheap])
def test_the_network_always_sees_as_many_pictures(extractor):
    """So that its kernels round alike, whatever is asked for."""
    seen, chosen = [], extractor()
    hook = chosen.network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    stem = chosen.network.stem.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    for count in (1, 25, 26, 60):
        chosen(pictures(count))
    hook.remove()
    stem.remove()
    assert seen == [25] * 7


@pytest.mark.parametrize("extractor", [features.default, features.cheap])
def test_float32_features_are_float64s_to_rounding(extractor):
    """50 layers, each rounding to 6e-8: 3e-6 of the largest feature in the worst case, which is what is measured."""
    x, chosen = pictures(25), extractor()
    exact = features.EfficientNetFeatures(chosen.side, chosen.blocks)
    exact.network.double()
    y = features.pictures.at_side(x, chosen.side).double()
    with torch.inference_mode():
        expected = exact.network.stages(y, chosen.blocks).mean((2, 3)) if chosen.blocks else exact.network.features(y)
    assert float((chosen(x) - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_the_name_says_what_moves_the_numbers():
    names = [features.default(side).name for side in (28, 64, 65, 128, 129, 1024)] + [features.cheap().name]
    assert names == [
        "efficientnet-lite0-in64-bilinear-aa-pool1280",
        "efficientnet-lite0-in64-bilinear-aa-pool1280",
        "efficientnet-lite0-in128-bilinear-aa-pool1280",
        "efficientnet-lite0-in128-bilinear-aa-pool1280",
        "efficientnet-lite0-in224-bilinear-aa-pool1280",
        "efficientnet-lite0-in224-bilinear-aa-pool1280",
        "efficientnet-lite0-in32-bilinear-aa-block8-pool80",
    ]


def test_shrinking_averages_instead_of_skipping():
    """A checkerboard of single pixels is grey from afar: 2/3 … 1/3 at most off the mean is what aliasing would give."""
    board = np.indices((256, 256)).sum(0) % 2 * 255
    x = features.pixels(np.repeat(board[None, :, :, None], 3, 3).astype(np.uint8))
    small = features.resized(x, 32)
    assert float((small - 127.5).abs().max()) < 1


def test_real_features_are_computed_once(own_cache):
    x, extractor = pictures(), Mean()
    first, second = features.of(x, extractor), features.of(x.copy(), extractor)
    assert extractor.calls == 1
    assert torch.equal(first, second)


@pytest.mark.parametrize("change", ["pixel", "depth", "shape", "extractor"])
def test_other_pictures_or_another_extractor_are_computed_anew(own_cache, change):
    x, extractor = pictures(), Mean()
    features.of(x, extractor)
    other = {"depth": x.astype(np.uint16), "shape": x.reshape(5, 20, 28, 3)}.get(change, x.copy())
    if change == "pixel":
        other[0, 0, 0, 0] ^= 1
    if change == "extractor":
        extractor.name = "another"
    features.of(other, extractor)
    assert extractor.calls == 2


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00"])
def test_a_broken_cache_is_done_without(own_cache, content):
    x, extractor = pictures(), Mean()
    expected = features.of(x, extractor)
    (file,) = own_cache.rglob("*.npy")
    file.write_bytes(content)
    assert torch.equal(features.of(x, extractor), expected)
    assert torch.equal(torch.from_numpy(np.load(file)), expected)  # and mended


def test_a_cache_that_would_run_code_is_done_without(own_cache):
    x, extractor = pictures(), Mean()
    expected = features.of(x, extractor)
    (file,) = own_cache.rglob("*.npy")
    np.save(file, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    assert torch.equal(features.of(x, extractor), expected)


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "file"))
    assert features.of(pictures(), Mean()).shape == (5, 3)


def test_blocks_give_what_the_whole_gives(own_cache):
    x = pictures(7)
    for keep in (True, False):
        assert torch.equal(features.gather(iter([x[:3], x[3:]]), Mean(), keep), features.gather(x, Mean()))
    assert features.gather([], Mean()).shape == (0, 3)


def test_inception_without_weights_says_where_they_belong(tmp_path):
    with pytest.raises(Problem, match=r"w\.pth: Inception's weights are not there"):
        features.inception(tmp_path / "w.pth")


def test_inception_without_its_package_names_the_command(tmp_path, monkeypatch):
    (tmp_path / "w.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch_fidelity", types.ModuleType("torch_fidelity"))  # holds no extractor
    with pytest.raises(Problem, match="Run: pip install torch-fidelity"):
        features.inception(tmp_path / "w.pth")
