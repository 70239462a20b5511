"""A linear layer laid out for few rows is the same layer, in each of its layouts."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.product import packs, product

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs
SHAPES = [(260, 500), (260, 501), (12, 7)]  # a megabyte in float64, which has halves or none; small


def layer(shape: tuple[int, int], bias: bool, dtype: torch.dtype) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(*shape, bias).to(dtype)


def wanted(linear: nn.Linear, x: torch.Tensor, gelu: str | None) -> torch.Tensor:
    y = linear(x)
    return y if gelu is None else F.gelu(y, approximate=gelu)


@pytest.mark.parametrize("gelu", [None, "none", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.no_grad()
def test_whatever_its_layout_it_is_the_same_layer(shape, rows, bias, gelu):
    linear, x = layer(shape, bias, torch.float64), torch.randn(rows, shape[0], dtype=torch.float64)
    torch.testing.assert_close(product(linear, rows, gelu)(x), wanted(linear, x, gelu), **CLOSE)


def test_halves_of_a_large_matrix_take_no_memory():
    linear = layer((260, 500), True, torch.float64)
    assert product(linear, 1).args[0].data_ptr() == linear.weight.data_ptr()  # type: ignore[attr-defined]


@pytest.mark.parametrize("gelu", [None, "none", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(400, 500), (64, 1024)], ids=str)
@torch.no_grad()
def test_a_packed_layer_is_the_same_to_rounding(shape, bias, gelu):
    linear, x = layer(shape, bias, torch.float32), torch.randn(9, shape[0])
    if not packs(linear.weight):
        pytest.skip("this torch has no oneDNN")
    own = product(linear, 9, gelu)
    large = shape == (400, 500)  # the other one is packed for its GELU alone
    assert getattr(own, "__qualname__", "").startswith("packed") == (large or gelu is not None)
    exact = wanted(linear.double(), x.double(), gelu)
    # sums of n numbers below 3 in size, weights below 1 / sqrt(n): rounding grows with sqrt(n)
    torch.testing.assert_close(own(x).double(), exact, rtol=0, atol=3e-7 * shape[0] ** 0.5)


@torch.no_grad()
def test_each_row_of_a_packed_layer_is_a_function_of_itself():
    linear, x = layer((400, 500), True, torch.float32), torch.randn(9, 400)
    own = product(linear, 9, "tanh")
    other = torch.randn(9, 400)
    other[4] = x[4]
    assert torch.equal(own(x)[4], own(other)[4])


def test_other_numbers_and_places_are_not_packed():
    assert not packs(torch.zeros(3, 3, dtype=torch.float64))
    assert not packs(torch.zeros(3, 3, dtype=torch.bfloat16))
    assert not packs(torch.zeros(3, 3, device="meta"))
