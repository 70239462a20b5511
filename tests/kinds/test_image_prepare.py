"""What pictures become: size, channels, depth, which are held out, and by which rule numbers become levels."""

import numpy as np
import pytest
import torch
from PIL import Image

from kinds.picture_sets import everything, png, prepared, write_folder
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import open as open_images
from reverie.kinds.image.sources import split

pytestmark = pytest.mark.usefixtures("own_cache")


# ---------------------------------------------------------------------------------------------------- size, mode, split


def test_without_a_wish_small_pictures_of_one_size_stay_and_others_are_brought_to_64(tmp_path):
    def size_of(*sizes):
        folder = tmp_path / "-".join(f"{h}x{w}" for h, w in sizes)
        folder.mkdir()
        for i, (h, w) in enumerate(sizes):
            (folder / f"{i}.png").write_bytes(png(np.full((h, w, 1), i, np.uint8)))
        return prepared(folder).codec.size

    assert size_of((100, 128), (100, 128)) == (100, 128)
    assert size_of((150, 300), (150, 300)) == (32, 64)
    assert size_of((300, 200), (600, 400)) == (64, 43)
    assert size_of((300, 200), (200, 300)) == (64, 64)
    assert size_of((30, 20), (20, 30), (25, 25)) == (30, 30)  # the median longer side: nothing to gain above it


def test_the_persons_size_overrules_the_models(tmp_path, raw):
    root = write_folder(tmp_path / "d", raw, "{i}.png")
    assert prepared(root, size=(8, 9)).codec.size == (8, 9)
    assert open_images(str(root), DataOptions(size=(4, 3))).prepare((8, 9)).codec.size == (4, 3)
    assert open_images(str(root), DataOptions(size=(7,))).prepare((8, 9)).codec.size == (7, 7)
    for wrong in ((0, 4), (1, 2, 3), (-5,)):
        with pytest.raises(Problem, match="--size"):
            open_images(str(root), DataOptions(size=wrong))


def test_what_is_prepared_is_what_the_codec_reads_from_the_file(tmp_path, raw):
    for fit in ("crop", "pad", "stretch"):
        root = write_folder(tmp_path / fit, raw, "{i:02d}.png")
        data = open_images(str(root), DataOptions(size=(4, 9), fit=fit)).prepare()
        wanted = sorted(data.codec.read(file).tobytes() for file in root.iterdir())
        assert sorted(p for _, _, p in everything(data)) == wanted


@pytest.mark.parametrize(
    ("modes", "channels", "bits"),
    [
        ("L", 1, 8),
        ("L RGB", 3, 8),
        ("RGB RGBA", 4, 8),
        ("L LA", 2, 8),
        ("LA RGB", 4, 8),
        ("I;16 L", 1, 16),
        ("I;16 RGB", 3, 16),
    ],
)
def test_of_mixed_pictures_the_richest_wins_and_it_is_said(tmp_path, modes, channels, bits):
    for i, mode in enumerate(modes.split()):
        Image.new(mode, (5, 4), 1000 if mode == "I;16" else 0).save(tmp_path / f"{i}.png")
    data = prepared(tmp_path)
    assert (data.codec.channels, data.codec.bits) == (channels, bits)
    assert any(note.startswith("mixed pictures") for note in data.notes) == (" " in modes)
    if "I;16" in modes:
        assert data.codec.read(tmp_path / "0.png").max() == 1000


@pytest.mark.parametrize(
    ("count", "share", "kept"),
    [(1, 0.5, 0), (2, 0.001, 1), (2, 0.99, 1), (100, 0.1, 10), (300_000, 0.1, 10_000), (50, 0, 0)],
)
def test_the_held_out_share_is_drawn_once_for_all(count, share, kept):
    train, out, _ = split(count, None, share)
    assert len(out) == kept
    assert sorted([*train, *out]) == list(range(count))
    again = split(count, None, share)
    np.testing.assert_array_equal(out, again[1])
    if kept > 5:
        assert not np.array_equal(out, np.arange(kept))  # not simply the first


def test_pictures_held_out_that_are_trained_on_too_are_said(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(png(np.full((4, 4, 1), i // 2, np.uint8)))
    data = prepared(tmp_path, held_out=0.3)
    train = {p for where, _, p in everything(data) if where == "train"}
    both = sum(p in train for where, _, p in everything(data) if where == "test")
    assert both > 0
    assert f"{both} of the 6 held-out pictures are in the training part too" in data.notes


def test_bad_options_are_one_line_each(tmp_path, raw):
    root = str(write_folder(tmp_path / "d", raw, "{i}.png"))
    for options, said in (
        (DataOptions(fit="squash"), "--aspect squash"),
        (DataOptions(held_out=1.0), "--held-out 1.0"),
    ):
        with pytest.raises(Problem, match=said):
            open_images(root, options)


# ------------------------------------------------------------------------------------------------------- arrays' values


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([0, 0.2, 1.0]), [0, 51, 255]),
        (np.array([-1, 0.0, 1.0]), [0, 128, 255]),
        (np.array([0, 127.6, 255.0], np.float32), [0, 128, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([0, 7, 256], np.int64), [0, 7, 256]),
        (np.array([0, 7, 65535], ">u2"), [0, 7, 65535]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_numbers_become_levels_by_the_stated_rule_and_it_is_said(tmp_path, values, wanted):
    array = np.repeat(values, 4).reshape(1, 3, 4).repeat(2, axis=0)
    np.save(tmp_path / "a.npy", array)
    data = prepared(tmp_path / "a.npy")
    assert data.train.raw(torch.tensor([0]))[0, :, 0, 0].tolist() == wanted
    assert data.codec.bits == (16 if max(wanted) > 255 else 8)
    said = any("kept as" in n or "fractions" in n or "truth" in n for n in data.notes)
    assert said == (values.dtype.kind != "u")


def test_channels_first_arrays_are_turned(tmp_path, raw):
    np.save(tmp_path / "a.npy", raw.transpose(0, 3, 1, 2))
    data = prepared(tmp_path / "a.npy")
    assert sorted(p for _, _, p in everything(data)) == sorted(p.tobytes() for p in raw)


def test_arrays_are_resized_as_files_are(tmp_path, raw):
    np.save(tmp_path / "a.npy", raw)
    root = write_folder(tmp_path / "d", raw, "{i:02d}.png")
    a, b = prepared(tmp_path / "a.npy", size=(4, 4)), prepared(root, size=(4, 4))
    assert everything(a) == everything(b)
    assert a.fingerprint == b.fingerprint
