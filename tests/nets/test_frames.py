"""What an item becomes before a network reads it."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from reverie.core import Field, Spec
from reverie.nets.frames import Look, Patches, PixelRows, Rows, Sounds, Steps, Tokens, front, own_future
from toys import pictures, rows, sentences, series, sounds

LOOK = Look(embedding=5, mels=12, hop=0.02, join=1)


def test_a_token_becomes_its_vector_and_a_batch_is_as_long_as_its_longest():
    spec, items = sentences()
    _, read = front(spec, LOOK, "it")
    text, lengths = items.values["text"][:4], torch.tensor([3, 1, 0, 2])
    steps = read(text, lengths, None, False)
    assert torch.equal(steps.x, read.vectors.weight[text[:, :3]] * 5**0.5)
    assert steps.lengths.tolist() == [3, 1, 1, 2]  # one without a token counts as of one
    assert read(text, None, None, False).there is None
    assert steps.there.tolist() == [[True, True, True], [True, False, False], [True, False, False], [True, True, False]]


def test_tokens_vectors_begin_with_the_size_of_sinusoids():
    """√D · N(0, 1/D): mean square 1, within five deviations of a mean of 100 · 64 squares."""
    torch.manual_seed(0)
    read = Tokens(Field((5,), categories=100), 64)
    x = read(torch.arange(100)[None], None, None, False).x
    assert abs(x.square().mean().item() - 1) < 5 * (2 / 6400) ** 0.5


@pytest.mark.parametrize("join", [1, 3])
def test_a_sound_becomes_its_own_log_mel_frames(join):
    spec, items = sounds()
    _, read = front(spec, replace(LOOK, join=join), "it")
    x, lengths = items.values["sound"][:6], items.lengths["sound"][:6]
    steps = read(x, lengths, None, False)
    assert steps.lengths.tolist() == [-(-(n // 160 + 1) // join) for n in lengths.tolist()]
    assert steps.x.shape[1:] == (max(steps.lengths.tolist()), 12 * join)
    assert steps.x.shape[1] <= read.longest
    for i, n in enumerate(lengths.tolist()):
        own = read.mel(x[i : i + 1, :n])[0].T  # (frames, mels)
        wanted = F.pad(own, (0, 0, 0, -len(own) % join)).reshape(-1, 12 * join)
        assert torch.allclose(steps.x[i, : len(wanted)], wanted, atol=1e-4)
        assert not steps.x[i, len(wanted) :].any()


def test_what_is_beyond_a_sounds_length_is_not_heard():
    spec, items = sounds()
    _, read = front(spec, LOOK, "it")
    x, lengths = items.values["sound"][:6], items.lengths["sound"][:6]
    loud = torch.where(torch.arange(x.shape[1]) < lengths[:, None], x, 1.0)
    assert torch.equal(read(loud, lengths, None, False).x, read(x, lengths, None, False).x)


def test_a_sound_varies_only_where_asked():
    spec, items = sounds()
    _, read = front(spec, replace(LOOK, shift=3, mask_time=0.2, mask_bands=0.2), "it")
    x, lengths = items.values["sound"][:6], items.lengths["sound"][:6]
    still = read(x, lengths, None, False)
    torch.manual_seed(0)
    varied = read(x, lengths, None, True)
    assert not torch.equal(varied.x, still.x)
    assert torch.equal(varied.lengths, still.lengths)
    assert varied.x[~varied.there].abs().max() == 0
    assert torch.equal(read(x, lengths, None, False).x, still.x)
    assert read(x, None, None, True).x.isfinite().all()


def test_a_row_says_what_is_missing_of_it():
    field = Field((4, 2), 0.0, 0.0, missing=True, length=True)
    read = Rows(field, 1)
    x = torch.arange(1.0, 9.0).view(1, 4, 2)
    there = torch.tensor([[[True, False], [True, True], [True, True], [True, True]]])
    steps = read(x, torch.tensor([2]), there, False)
    assert steps.x.tolist() == [[[1, 0, 0, 1], [3, 4, 0, 0]]]
    assert steps.lengths.tolist() == [2]


def test_joined_rows_stand_side_by_side_and_the_last_are_filled_up():
    read = Rows(Field((5, 1), 0.0, 0.0, length=True), 2)
    x = torch.arange(1.0, 6.0).view(1, 5, 1)
    assert (read.width, read.longest) == (2, 3)
    assert read(x, None, None, False).x.tolist() == [[[1, 2], [3, 4], [5, 0]]]
    steps = read(x.expand(2, 5, 1), torch.tensor([3, 4]), None, False)
    assert steps.x.tolist() == [[[1, 2], [3, 0]], [[1, 2], [3, 4]]]
    assert steps.lengths.tolist() == [2, 2]


def test_patches_are_what_a_convolution_of_that_stride_sees():
    torch.manual_seed(0)
    read, x = Patches(Field((3, 8, 12)), 4), torch.randn(2, 3, 8, 12)
    weight = torch.randn(7, 3, 4, 4)
    wanted = F.conv2d(x, weight, stride=4).flatten(2).transpose(1, 2)  # (B, patches, 7)
    steps = read(x, None, None, False)
    assert torch.allclose(steps.x @ weight.flatten(1).T, wanted, atol=1e-4)
    assert (read.width, read.longest) == (48, 6) == (steps.x.shape[2], steps.x.shape[1])


def test_a_picture_that_the_patch_does_not_divide_is_filled_up_with_grey():
    torch.manual_seed(0)
    read, x = Patches(Field((1, 5, 7)), 4), torch.randn(2, 1, 5, 7)
    steps = read(x, None, None, False)
    assert read.longest == steps.x.shape[1] == 4
    whole = torch.zeros(2, 1, 8, 8)
    whole[..., :5, :7] = x
    assert torch.equal(steps.x, Patches(Field((1, 8, 8)), 4)(whole, None, None, False).x)


def test_rows_of_pixels_hold_every_channel():
    x = torch.randn(2, 3, 5, 7)
    read = PixelRows(Field((3, 5, 7)))
    steps = read(x, None, None, False)
    assert (read.width, read.longest) == (21, 5)
    assert torch.equal(steps.x[1, 4], x[1, :, 4].flatten())


@pytest.mark.parametrize(
    ("make", "look", "kind"),
    [(sentences, LOOK, Tokens), (sounds, LOOK, Sounds), (series, LOOK, Rows), (pictures, LOOK, PixelRows),
     (pictures, replace(LOOK, patch=4), Patches)],
)  # fmt: skip
def test_each_form_has_a_reader(make, look, kind):
    spec, items = make()
    name, read = front(spec, look, "it")
    assert type(read) is kind
    steps = read(items.values[name][:3], items.lengths[name][:3] if name in items.lengths else None, None, False)
    assert isinstance(steps, Steps)
    assert steps.x.shape[2] == read.width


def test_a_series_own_future_is_of_its_own_channels():
    spec, _ = series()
    assert own_future(spec)
    assert not own_future(Spec("series", spec.fields, target={"future": Field((6, 3), 0.0, 0.0)}))
    assert not own_future(Spec("series", spec.fields, target={"class": Field((), categories=2)}))
    assert not own_future(pictures()[0])


@pytest.mark.parametrize(
    ("spec", "look", "says"),
    [
        (rows()[0], LOOK, r"fields \['a', 'b', 'job'\]: it reads one sequence.*feedforward"),
        (Spec("table", {"x": Field((5,), 0.0, 0.0)}), LOOK, r"x \(5,\) of numbers: it reads.*feedforward"),
        (Spec("table", {"x": Field((), categories=4)}), LOOK, r"x \(\) of categories: it reads"),
        (Spec("image", {"x": Field((1, 8, 8), 0.0, 1.0)}), LOOK, "takes pictures"),
        (sentences()[0], replace(LOOK, shift=1), "of sounds: nothing else has them. Pass 0"),
        (pictures()[0], replace(LOOK, mask_time=0.1), "of sounds: nothing else has them. Pass 0"),
        (sounds()[0], replace(LOOK, mels=400), "Take fewer, or a longer window"),
    ],
)
def test_what_nothing_reads_is_refused_with_the_cure(spec, look, says):
    with pytest.raises(ValueError, match=says):
        front(spec, look, "it")
