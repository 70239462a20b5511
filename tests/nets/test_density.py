"""The code's density: its tables in whole numbers say what the density says, and what is drawn follows it."""

from math import log

import pytest
import torch

from reverie.core import Tables
from reverie.nets.density import Density, Logistics


@torch.no_grad()
def density(each_place=True, spread=1.0, groups=1) -> Density:
    torch.manual_seed(0)
    made = Density((4, 2, 3), each_place, 3, groups, 8)
    for p in made.logistics.parameters():
        p.add_(spread * torch.randn_like(p))
    for p in made.contexts.parameters():
        p.add_(0.1 * torch.randn_like(p))
    return made


def shares(tables: Tables) -> torch.Tensor:
    return tables.frequencies.double() / tables.frequencies.sum(1, keepdim=True)


def told(made: Density, code: torch.Tensor) -> torch.Tensor:
    """-log of each number's share in its table: (B, n)."""
    coding, costs = made.coding(), []
    tables = next(coding)
    whole = None
    try:
        for part in code.long().split(made.sizes, 1):
            rows, low = (t.expand(len(code), -1) for t in (tables.rows, tables.low))
            column = part.flatten(1) - low
            last = tables.frequencies.shape[1] - 1
            assert bool(((column >= 0) & (column < last)).all())
            costs.append(-shares(tables)[rows].gather(-1, column[..., None])[..., 0].log())
            tables = coding.send(part.flatten(1))
    except StopIteration as end:
        whole = end.value
    assert torch.equal(whole, code.long())
    return torch.cat(costs, 1)


@pytest.mark.parametrize("each_place", [True, False])
@torch.no_grad()
def test_the_factorised_table_is_the_density_at_whole_numbers_and_adds_up_to_1(each_place):
    """The scale's step moves the logarithm of a probability by 1.6 % of itself and 1.6 %, the shares' by 0.4 %."""
    made = density(each_place)
    tables = next(made.coding())
    assert tables.open
    assert len(tables.frequencies) == (24 if each_place else 4)
    assert float(shares(tables).sum(1).sub(1).abs().max()) < 1e-12
    assert float(shares(tables)[:, -1].max()) < 2**-10 + 1e-6
    held = shares(tables)[tables.rows]
    for column in range(tables.frequencies.shape[1] - 1):
        code = (tables.low + column).view(1, 4, 2, 3)
        likely = held[:, column] > 1e-6
        true = -made.double().each(code.double()).flatten()
        assert torch.allclose(held[likely, column].log(), true[likely], rtol=0.016, atol=0.02)


@torch.no_grad()
def test_in_groups_a_number_costs_what_the_density_says_given_the_groups_before():
    """Means are told to a 16th of a step and scales to 3 %: 2 % of the cost of a code, at most."""
    made = density(groups=3)
    assert made.sizes == [1, 1, 2]
    code = made.drawn(torch.rand(50, 2, 24)).clamp(-40, 40)
    said, true = told(made, code).sum(1), made.each(code).flatten(1).sum(1)
    assert torch.allclose(said.float(), true, rtol=0.02)
    shuffled = code.clone()
    shuffled[:, 0] = code.roll(1, 0)[:, 0]
    other = made.each(shuffled)
    assert torch.equal(other[:, 0], made.each(code.roll(1, 0))[:, 0])
    assert not torch.allclose(other[:, 1:], made.each(code)[:, 1:])  # the first group is heard by those after it


@torch.no_grad()
def test_a_group_is_not_moved_by_itself_or_by_those_after_it():
    """Else no decoder could follow."""
    made = density(groups=3)
    code = made.drawn(torch.rand(8, 2, 24))
    changed = code.clone()
    changed[:, 2:] += 3
    assert torch.equal(made.each(changed)[:, :2], made.each(code)[:, :2])


@pytest.mark.parametrize("groups", [1, 3])
@torch.no_grad()
def test_drawn_numbers_cost_as_much_as_their_own_probabilities_say(groups):
    """A histogram of what is drawn has the density's probabilities: five standard errors."""
    made = density(groups=groups)
    drawn = made.drawn(torch.rand(20_000, 2, 24, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(drawn, drawn.round())
    first = drawn[:, 0, 0, 0]
    for value in range(-3, 4):
        code = torch.full((1, 4, 2, 3), float(value))
        p = float((-made.each(code)[0, 0, 0, 0]).exp())
        assert abs(float((first == value).double().mean()) - p) < 5 * (p / 20_000) ** 0.5 + 1e-4


@torch.no_grad()
def test_it_begins_as_wide_as_the_codes():
    """A logistic of scale s has deviation pi / sqrt(3) · s."""
    for places in ((2, 3), (1, 1)):
        made = Logistics(2, places, 1)
        y = 7.0 * torch.randn(4_000, 2, 2, 3) + 4.0
        made.begin(y)
        assert torch.allclose(made.mean, torch.tensor(4.0), atol=0.5)
        assert torch.allclose(made.log_scale, torch.tensor(log(7 * 3**0.5 / torch.pi)), atol=0.05)
