"""Items of any spec lie in one vector, from which they come back."""

import pytest
import torch

from reverie.core import Batch, Field, Spec
from reverie.nets.flat import Flat

MIXED = Spec(
    "table",
    {
        "age": Field((), 0.0, 0.0, missing=True),
        "job": Field((), categories=3),
        "pair": Field((2,), low=-1, high=3),
        "flags": Field((2,), categories=2),
    },
)


def batch() -> Batch:
    values = {
        "age": torch.tensor([0.5, 9.0]),
        "job": torch.tensor([2, 0]),
        "pair": torch.tensor([[-1.0, 1.0], [3.0, 0.0]]),
        "flags": torch.tensor([[0, 1], [1, 1]]),
    }
    return Batch(values, masks={"age": torch.tensor([True, False])})


def test_numbers_come_first_scaled_where_they_have_bounds_then_categories_as_ones():
    seen = Flat(MIXED).seen(batch())
    wanted = [[0.5, 0.0, 0.5, 0, 0, 1, 1, 0, 0, 1], [0.0, 1.0, 0.25, 1, 0, 0, 0, 1, 0, 1]]
    assert torch.equal(seen.x, torch.tensor(wanted))
    assert torch.equal(seen.there, torch.tensor([[True, True, True], [False, True, True]]))


def test_an_encoder_is_told_of_gaps():
    flat = Flat(MIXED)
    inputs = flat.input(flat.seen(batch()))
    assert inputs.shape == (2, flat.inputs)
    assert inputs[:, -1].tolist() == [0, 1]


def test_a_gap_costs_nothing():
    flat = Flat(MIXED)
    seen = flat.seen(batch())
    assert flat.summed(torch.full((2, 3), 7.0), seen).tolist() == [21, 14]


def test_categories_cost_their_cross_entropy():
    flat = Flat(MIXED)
    seen, outputs = flat.seen(batch()), torch.zeros(2, flat.size)
    outputs[:, flat.count] = 2.0  # of job 0
    job = torch.tensor([2.0, 0, 0]).log_softmax(0)
    half = torch.tensor(0.5).log()
    wanted = torch.stack([job[2] + 2 * half, job[0] + 2 * half])
    assert torch.allclose(flat.log_categories(seen, outputs), wanted)


def test_what_a_decoder_is_sure_of_comes_back():
    flat = Flat(MIXED)
    x = flat.seen(batch()).x
    outputs = torch.cat([x[:, :1], x[:, 1:3].logit(1e-6), 9 * x[:, 3:]], 1)
    made = flat.decoded(outputs)
    raw = batch()
    assert torch.equal(made["age"], torch.tensor([0.5, 0.0]))
    assert torch.allclose(made["pair"], raw["pair"], atol=1e-4)
    assert torch.equal(made["job"], raw["job"])
    assert torch.equal(made["flags"], raw["flags"])


def test_copies_of_items_lie_one_set_after_another():
    seen = Flat(MIXED).seen(batch()).repeat(2)
    assert torch.equal(seen.x[:2], seen.x[2:])
    assert seen.there is not None
    assert torch.equal(seen.there[:2], seen.there[2:])


def test_ragged_items_are_refused():
    with pytest.raises(ValueError, match="one after the other"):
        Flat(Spec("text", {"text": Field((9,), categories=5, length=True)}))
