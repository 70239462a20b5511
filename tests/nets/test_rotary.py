"""Rotary positions against the paper's complex form and its claim: only distance counts."""

from math import cos, sin

import pytest
import torch

from reverie.nets.rotary import turned, turns

CLOSE = {"rtol": 1e-12, "atol": 1e-12}  # float64


def test_each_pair_of_numbers_is_multiplied_by_exp_of_i_m_theta():
    """Su et al., equations 12 and 15, theta_i = 10000^(-2i/d): numbers i and i + d/2 as one complex number."""
    depth, places = 6, 9
    x = torch.randn(2, places, depth, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = turned(x, turns(places, depth))
    for m in range(places):
        for i in range(3):
            angle = m * 10_000 ** (-2 * i / depth)
            z = complex(cos(angle), sin(angle)) * torch.complex(x[:, m, i], x[:, m, i + 3])
            torch.testing.assert_close(torch.complex(found[:, m, i], found[:, m, i + 3]), z, **CLOSE)


def test_a_score_hangs_on_distance_alone():
    """The same query and key at all places: the table of their products is constant along its diagonals, and not along
    its rows."""
    g = torch.Generator().manual_seed(0)
    q, k = (torch.randn(8, dtype=torch.float64, generator=g).expand(12, 8) for _ in range(2))
    turn = turns(12, 8)
    scores = turned(q, turn) @ turned(k, turn).T
    for distance in range(12):
        along = scores.diagonal(-distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), **CLOSE)
    assert float(scores[11].std()) > 0.1


def test_lengths_stay_and_the_first_place_is_not_turned():
    x = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = turned(x, turns(5, 4))
    torch.testing.assert_close(found.norm(dim=1), x.norm(dim=1), **CLOSE)
    torch.testing.assert_close(found[0], x[0], **CLOSE)


def test_heads_of_an_odd_count_are_refused():
    with pytest.raises(ValueError, match=r"heads of 5 numbers: rotary .* Pass another width or heads"):
        turns(4, 5)
