"""Pictures <-> tensors, exactly; the rules of resizing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.kinds.image.items import Pictures
from reverie.kinds.image.picture import as_channels, as_depth, fitted


@st.composite
def pictures(draw):
    """Any number of pictures of any size, channels and depth."""
    shape = draw(st.tuples(*(st.integers(1, top) for top in (4, 9, 9, 4))))
    return draw(hnp.arrays(draw(st.sampled_from([np.uint8, np.uint16])), shape))


def codec_of(raw: np.ndarray, **more) -> Codec:
    return Codec(raw.shape[1:3], raw.shape[3], 8 * raw.itemsize, **more)


@settings(max_examples=100, deadline=None)
@given(pictures())
def test_decoding_what_was_encoded_gives_every_bit_back(raw):
    codec = codec_of(raw)
    again = codec.decode(codec.encode(raw).values)
    assert again.dtype == raw.dtype
    np.testing.assert_array_equal(again, raw)


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (16, np.uint16)])
def test_every_level_survives_and_lies_where_the_spec_says(bits, kind):
    levels = np.arange(1 << bits, dtype=kind).reshape(-1, 1, 1, 1)
    codec = Codec((1, 1), 1, bits)
    field = codec.spec.fields["image"]
    values = codec.encode(levels).values["image"]
    assert (values.min().item(), values.max().item()) == (field.low, field.high) == (-1.0, 1.0)
    assert field.levels == 1 << bits
    # field.to_unit * (levels - 1) is the level itself, up to float32's rounding of values near 1 (6e-8 a rounding, two)
    exact = torch.from_numpy(levels.astype(np.int64)).reshape(-1)
    unit = field.to_unit(values).reshape(-1).double() * (field.levels - 1)
    assert (unit - exact).abs().max() < 2 * 6e-8 * field.levels
    np.testing.assert_array_equal(codec.decode({"image": values}), levels)


def test_the_batch_has_the_specs_shape_channels_last_and_float32():
    codec = Codec((5, 7), 3)
    image = codec.encode(np.zeros((2, 5, 7, 3), np.uint8))["image"]
    assert tuple(image.shape[1:]) == codec.spec.fields["image"].shape == (3, 5, 7)
    assert image.dtype == torch.float32
    assert image.is_contiguous(memory_format=torch.channels_last)


def test_values_outside_the_range_are_clamped_and_rounded_to_the_nearest_level():
    codec = Codec((1, 5), 1)
    step = 2 / 255
    x = torch.tensor([-3.0, 9.0, float("nan"), -1 + 10.4 * step, -1 + 10.6 * step]).reshape(1, 1, 1, 5)
    assert codec.decode({"image": x}).ravel().tolist() == [0, 255, 0, 10, 11]
    half = codec.decode({"image": x.to(torch.bfloat16)})  # decoding is done in float32 whatever the model's type
    assert half.ravel().tolist()[:3] == [0, 255, 0]


def test_a_codec_is_itself_after_json_and_says_its_classes_only_where_there_are_two():
    import json

    codec = Codec((3, 4), 4, 16, "pad", ("cat", "dog"))
    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    assert codec.spec.classes == 2
    assert codec.spec.condition["label"].names == ("cat", "dog")
    assert Codec((3, 4), classes=("cat",)).spec.classes == 0


@pytest.mark.parametrize(
    "change",
    [{"size": (0, 4)}, {"size": (4,)}, {"channels": 5}, {"bits": 12}, {"fit": "squash"}, {"size": (4, 10**6)}],
)
def test_a_codec_that_can_not_be_is_a_problem(change):
    with pytest.raises(Problem, match="not a codec"):
        Codec(**({"size": (4, 4)} | change))
    broken = Codec((4, 4)).to_json() | {k: list(v) if isinstance(v, tuple) else v for k, v in change.items()}
    with pytest.raises(Problem, match="not a codec"):
        Codec.from_json(broken)


def test_a_codecs_json_of_another_kind_is_a_problem():
    for data in ({}, {"size": 3}, Codec((4, 4)).to_json() | {"tokens": 3}):
        with pytest.raises(Problem, match="image codec"):
            Codec.from_json(data)


def test_pictures_of_another_shape_or_type_are_not_encoded():
    codec = Codec((4, 4), 3)
    for wrong in (np.zeros((1, 4, 5, 3), np.uint8), np.zeros((1, 4, 4, 3), np.uint16), np.zeros((4, 4, 3), np.uint8)):
        with pytest.raises(Problem, match="pictures"):
            codec.encode(wrong)


@settings(max_examples=50, deadline=None)
@given(pictures(), st.data())
def test_items_are_the_encoded_pictures_of_their_rows_and_the_raw_ones_stay_untouched(raw, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=6)))
    labels = np.arange(len(raw)) % 2
    codec, before = codec_of(raw, classes=("a", "b")), raw.copy()
    items = Pictures(raw, labels, rows, codec)
    index = torch.tensor(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6)))
    batch = items.take(index, vary=True)
    chosen = rows[index.numpy()]
    assert torch.equal(batch["image"], codec.encode(raw[chosen])["image"])
    assert batch["image"].is_contiguous(memory_format=torch.channels_last)
    assert batch["label"].tolist() == labels[chosen].tolist()
    assert batch["label"].dtype == torch.int64
    np.testing.assert_array_equal(items.raw(index), raw[chosen])
    np.testing.assert_array_equal(raw, before)


# ------------------------------------------------------------------------------------------------------------ resizing


@settings(max_examples=60, deadline=None)
@given(pictures(), st.tuples(st.integers(1, 12), st.integers(1, 12)), st.sampled_from(["crop", "pad", "stretch"]))
def test_any_picture_takes_any_size_and_keeps_channels_and_depth(raw, size, fit):
    out = fitted(raw[0], size, fit)
    assert out.shape == (*size, raw.shape[3])
    assert out.dtype == raw.dtype
    np.testing.assert_array_equal(fitted(raw[0], raw.shape[1:3], fit), raw[0])


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_resized_as_8_bits_are(fit, channels, rng):
    """The same filter: 8-bit results differ from the exact ones by the rounding of two passes. Levels are kept
    from black and white: 8 bits are cut off between the passes too."""
    small = torch.randint(64, 192, (23, 31, channels), generator=rng).numpy().astype(np.uint8)
    if channels in (2, 4):
        small[..., -1] = 255
    wide = fitted(small.astype(np.uint16) * 257, (9, 12), fit)
    narrow = fitted(small, (9, 12), fit)
    # each of two passes rounds to half a level; lanczos weights' absolute sum is below 1.5, so the first grows to 0.75
    assert np.abs(wide / 257 - narrow).max() <= 0.5 + 0.75 + 1e-3


def test_reducing_averages_so_that_nothing_aliases():
    """A checkerboard of single pixels is grey when reduced: nearest or plain bilinear would leave black and white."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None]
    inner = fitted(board, (8, 8), "stretch")[1:-1, 1:-1]
    assert np.abs(inner.astype(int) - 127.5).max() <= 3


def test_crop_keeps_the_middle_and_pad_keeps_the_whole():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (10, 200, 90)
    assert (fitted(wide, (10, 10), "crop") == (10, 200, 90)).all()
    padded = fitted(wide, (30, 30), "pad")
    assert not padded[:10].any()
    assert not padded[20:].any()
    np.testing.assert_array_equal(padded[10:20], wide)
    tall = fitted(wide.transpose(1, 0, 2), (10, 10), "crop")
    assert (tall == (10, 200, 90)).all()


def test_padding_is_transparent_where_there_is_alpha():
    padded = fitted(np.full((2, 4, 4), 255, np.uint8), (4, 4), "pad")
    assert padded[1:3, :, 3].min() == 255
    assert padded[[0, 3], :, 3].max() == 0


@pytest.mark.parametrize(("kind", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_hidden_colours_do_not_bleed(kind, top):
    """Left half opaque green, right half transparent red: what shows after resizing is green only."""
    picture = np.zeros((16, 16, 4), kind)
    picture[:, :8] = (0, top, 0, top)
    picture[:, 8:] = (top, 0, 0, 0)
    small = fitted(picture, (4, 4), "stretch").astype(float)
    seen = small[..., 3] > 0.02 * top
    assert seen.any()
    assert (small[..., 0][seen] <= 0.02 * top).all()
    assert (small[..., 1][seen] >= 0.98 * top).all()


def test_channels_and_depth_change_by_the_stated_rules():
    grey = np.array([[[7]]], np.uint8)
    assert as_channels(grey, 4).tolist() == [[[7, 7, 7, 255]]]
    assert as_channels(grey, 2).tolist() == [[[7, 255]]]
    half = np.array([[[100, 200, 50, 51]]], np.uint8)  # alpha 0.2
    assert as_channels(half, 3).tolist() == [[[20, 40, 10]]]
    assert as_channels(half, 2).tolist() == [[[153, 51]]]  # 29.9 + 117.4 + 5.7
    assert as_channels(half, 1).tolist() == [[[31]]]  # 0.299 20 + 0.587 40 + 0.114 10 = 30.6
    for bits, kind in ((16, np.uint8), (8, np.uint16)):
        levels = np.arange(256, dtype=kind).reshape(1, -1, 1) * kind(1 if bits == 16 else 257)
        np.testing.assert_array_equal(as_depth(as_depth(levels, bits), 24 - bits), levels)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(3)
