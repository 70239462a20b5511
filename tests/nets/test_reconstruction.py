"""What a reconstruction costs, term by term."""

from dataclasses import replace

import pytest
import torch

from reverie.core import Batch, Field, Spec
from reverie.nets.flat import Flat
from reverie.nets.reconstruction import reconstruction, squared_error

SPEC = Spec(
    "table",
    {"free": Field((), 0.0, 0.0, missing=True), "bounded": Field((2,)), "job": Field((), categories=3)},
)


def drawn():
    values = {
        "free": torch.tensor([0.7, 5.0]),
        "bounded": torch.tensor([[-1.0, 0.2], [0.5, 1.0]]),
        "job": torch.tensor([0, 2]),
    }
    flat = Flat(SPEC)
    seen = flat.seen(Batch(values, masks={"free": torch.tensor([True, False])}))
    torch.manual_seed(0)
    return flat, seen, torch.randn(2, flat.size)


@pytest.mark.parametrize("error", ["cross_entropy", "squared"])
def test_each_kind_of_number_costs_what_it_should(error):
    flat, seen, outputs = drawn()
    free = 0.5 * (outputs[:, 0] - seen.x[:, 0]).square() * torch.tensor([1.0, 0.0])  # a gap costs nothing
    p, x = outputs[:, 1:3].sigmoid(), seen.x[:, 1:3]
    bounded = {
        "cross_entropy": -(x * p.log() + (1 - x) * (1 - p).log()).sum(1),
        "squared": 0.5 * (p - x).square().sum(1),
    }[error]
    job = -torch.stack([row.log_softmax(0)[k] for row, k in zip(outputs[:, 3:], (0, 2))])
    assert torch.allclose(reconstruction(flat, seen, outputs, error), free + bounded + job, atol=1e-6)


def test_the_squared_error_is_of_numbers_that_are_there():
    flat, seen, outputs = drawn()
    error = (outputs[:, 1:3].sigmoid() - seen.x[:, 1:3]).square().sum(1)
    error = error + (outputs[:, 0] - seen.x[:, 0]).square() * torch.tensor([1.0, 0.0])
    assert torch.allclose(squared_error(flat, seen, outputs), error)


def test_bounded_numbers_alone_cost_the_same_as_beside_others():
    _, seen, outputs = drawn()
    alone = Flat(replace(SPEC, fields={"bounded": SPEC.fields["bounded"]}))
    mine = alone.seen(Batch({"bounded": SPEC.fields["bounded"].from_unit(seen.x[:, 1:3])}))
    p, x = outputs[:, 1:3].sigmoid(), seen.x[:, 1:3]
    wanted = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    assert torch.allclose(reconstruction(alone, mine, outputs[:, 1:3], "cross_entropy"), wanted, atol=1e-6)
