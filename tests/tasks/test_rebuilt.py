"""Errors of what was rebuilt, column by column, against hand-made values."""

import torch
from torch import Tensor

from reverie.core import Batch, Field, Spec
from reverie.tasks.bank import NEAREST, Bank, seen_as
from reverie.tasks.rebuilt import columns, named
from reverie.tasks.unlike import drawn


def f(values: list) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def test_numbers_with_bounds_count_in_units_of_their_range():
    spec = Spec("image", {"image": Field((1, 1, 2))})  # from -1 to 1
    found = columns(spec, Batch({"image": f([[[[1.0, -1.0]]]])}), {"image": f([[[[0.0, 1.0]]]])})
    assert found.tolist() == [[0.5**2, 1.0**2]]  # of a picture each place


def test_a_picture_has_an_error_a_place_and_a_large_one_on_a_grid():
    """Means over channels; 64 pixels to 32 places in blocks of two, 40 in overlapping ones: their mean is kept where
    blocks do not overlap."""
    for size, grid in (((3, 5, 7), (5, 7)), ((2, 64, 8), (32, 8))):
        spec = Spec("image", {"image": Field(size)})
        made = torch.randn(4, *size, generator=torch.Generator().manual_seed(0))
        found = columns(spec, Batch({"image": torch.zeros(4, *size)}), {"image": made}).view(4, *grid)
        true = (made.double() / 2).square().mean(1)
        if size[1] > 32:
            true = true.view(4, 32, 2, 8).mean(2)
        assert torch.allclose(found, true, atol=1e-12)


def test_a_picture_that_lies_a_pixel_off_is_half_as_far():
    """A stripe moved by a pixel differs in 2 columns of 16, by two in 4. At half its size two pixels count in full, one
    is half an edge; smaller pictures are compared as they are."""
    x = torch.zeros(3, 1, 16, 16)
    x[0, ..., 4:8], x[1, ..., 5:9], x[2, ..., 6:10] = 1, 1, 1
    seen = seen_as(Spec("image", {"image": Field((1, 16, 16))}), Batch({"image": x}))
    far = 4 * (seen - seen[0]).square().sum(1)  # a place is four pixels
    assert far.tolist() == [0, 2 * 16 / 2, 4 * 16]
    small = x[..., :15]
    assert torch.equal(seen_as(Spec("image", {"image": Field((1, 16, 15))}), Batch({"image": small})), small.flatten(1))


def test_of_a_category_counts_whether_another_came_back():
    spec = Spec("table", {"a": Field((), 0.0, 0.0), "job": Field((), categories=3)})
    batch = Batch({"a": f([1.0, 2.0]), "job": torch.tensor([0, 2])})
    assert columns(spec, batch, {"a": f([1.0, -1.0]), "job": torch.tensor([1, 2])}).tolist() == [[0, 1], [9, 0]]


def test_what_is_not_there_counts_as_nothing():
    spec = Spec("table", {"a": Field((), 0.0, 0.0, missing=True)})
    batch = Batch({"a": f([0.0, 0.0])}, masks={"a": torch.tensor([False, True])})
    assert columns(spec, batch, {"a": f([5.0, 5.0])}).tolist() == [[0.0], [25.0]]


def test_places_beyond_an_items_length_count_as_nothing():
    spec = Spec("sentences", {"text": Field((4,), categories=9, length=True)})
    batch = Batch({"text": torch.tensor([[1, 2, 0, 0], [1, 2, 3, 4]])}, {"text": torch.tensor([2, 4])})
    made = {"text": torch.tensor([[1, 5, 6, 7], [1, 5, 6, 7]])}
    assert columns(spec, batch, made).tolist() == [[1 / 2], [3 / 4]]


def test_a_window_has_a_column_a_channel():
    field = Field((2, 3), 0.0, 0.0, names=("x", "y", "z"))
    spec = Spec("series", {"window": field})
    batch = Batch({"window": f([[[0, 0, 0], [0, 0, 0]]])})
    found = columns(spec, batch, {"window": f([[[1, 2, 0], [1, 0, 0]]])})
    assert found.tolist() == [[1.0, 2.0, 0.0]]
    assert named(spec) == ["x", "y", "z"]
    assert named(Spec("table", {"a": field, "b": Field(())})) == ["a x", "a y", "a z", "b"]


def test_a_code_is_as_far_away_as_its_nearest_neighbours_are_on_average():
    bank = torch.arange(20.0, dtype=torch.float64)[:, None]
    assert NEAREST == 5
    assert Bank.of(bank).away(f([[-1.0]]).double()).item() == (1 + 2 + 3 + 4 + 5) / 5
    assert Bank.of(bank[:2]).away(bank[:3]).tolist() == [0.5, 0.5, 1.5]  # of a bank of fewer, all


def test_some_of_a_sets_items_have_every_phase_of_a_period():
    """An even choice of a series' windows would see two of twelve phases."""
    assert set((drawn(3_000, 500) % 12).tolist()) == set(range(12))
    assert sorted(drawn(50, 500).tolist()) == list(range(50))
