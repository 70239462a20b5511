"""Paths have their ends, their length and their evenness."""

from math import pi

import pytest
import torch

from reverie.maths.paths import evened, spherical, straight, unevenness


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("path", [straight, spherical])
def test_both_ends_are_there_exactly(path):
    a, b = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    made = path(a, b, 9)
    assert made.shape == (9, 7)
    assert torch.equal(made[0], a)
    assert torch.equal(made[-1], b)


def test_a_line_is_even_and_its_middle_the_mean():
    a, b = vector(0, 4, -2), vector(2, 0, 6)
    assert unevenness(straight(a, b, 11)) == pytest.approx(1)
    assert torch.allclose(straight(a, b, 3)[1], (a + b) / 2)


def test_an_arc_between_equal_lengths_keeps_the_length_and_equal_angles():
    a, b = vector(3, 0, 0), vector(0, 3, 0)
    made = spherical(a, b, 4)
    assert torch.allclose(made.norm(dim=1), torch.full((4,), 3.0, dtype=torch.float64))
    angles = (made / 3 @ a / 3).clamp(-1, 1).acos()
    assert torch.allclose(angles, torch.linspace(0, pi / 2, 4, dtype=torch.float64))
    assert float(straight(a, b, 3)[1].norm()) == pytest.approx(3 / 2**0.5)


@pytest.mark.parametrize("b", [vector(2, 4), vector(-1, -2), vector(0, 0)])
def test_where_no_arc_is_the_one_arc_a_line_is_taken(b):
    a = vector(1, 2)
    assert torch.equal(spherical(a, b, 5), straight(a, b, 5))


def test_one_jump_is_as_uneven_as_there_are_steps():
    path = torch.zeros(6, 3)
    path[4:] = 1
    assert unevenness(path) == pytest.approx(5)
    assert unevenness(torch.zeros(6, 3)) != unevenness(torch.zeros(6, 3))  # NaN: it goes nowhere


@pytest.mark.parametrize("way", [straight, spherical])
def test_places_say_where_on_the_path_a_point_lies(way):
    a, b = vector(3, 0, 0), vector(0, 4, 1)
    assert torch.allclose(way(a, b, torch.linspace(0, 1, 5).double()), way(a, b, 5))
    assert torch.equal(way(a, b, vector(0.25)), way(a, b, vector(0, 0.25, 1))[1:2])


def test_evened_places_make_even_steps_of_what_the_path_gives():
    def gives(t: torch.Tensor) -> torch.Tensor:
        return torch.stack([t**3, -(t**3)], 1)  # slow, then fast, on a line

    places = evened(gives(torch.linspace(0, 1, 2001).double()), 6)
    assert torch.allclose(places, torch.linspace(0, 1, 6).double() ** (1 / 3), atol=1e-4)
    assert unevenness(gives(places)) == pytest.approx(1, abs=1e-3)
    assert unevenness(gives(torch.linspace(0, 1, 6).double())) > 2


def test_evened_places_skip_where_nothing_changes_and_are_even_where_nothing_does():
    path = vector(0, 0, 0, 1, 1)[:, None]  # stands, jumps, stands
    assert torch.allclose(evened(path, 3), vector(0, 0.625, 1))
    assert torch.allclose(evened(torch.zeros(5, 2).double(), 3), vector(0, 0.5, 1))
