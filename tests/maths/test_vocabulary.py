"""The cost of tokens in one pass against torch's own, value and gradient."""

import pytest
import torch
from beartype import beartype
from jaxtyping import jaxtyped
from torch.nn import functional as F

from reverie.maths import vocabulary

token_nats = jaxtyped(typechecker=beartype)(vocabulary.token_nats)


def some(tokens: int, words: int = 7, width: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(tokens, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(words, width, dtype=torch.float64, requires_grad=True)
    return x, weight, torch.randint(words, (tokens,))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("tokens", [1, vocabulary.ROWS, 2 * vocabulary.ROWS + 3])
def test_it_is_cross_entropy(tokens, smoothing):
    x, weight, wanted = some(tokens)
    total, nats = token_nats(x, weight, wanted, smoothing)
    reference = F.cross_entropy(x @ weight.T, wanted, reduction="sum", label_smoothing=smoothing)
    assert total.item() == pytest.approx(reference.item(), rel=1e-12)
    assert torch.allclose(nats, F.cross_entropy(x @ weight.T, wanted, reduction="none"), rtol=1e-12)
    found = torch.autograd.grad(3 * total, (x, weight))
    for one, other in zip(found, torch.autograd.grad(3 * reference, (x, weight))):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_its_gradient_is_that_of_finite_differences(smoothing):
    x, weight, wanted = some(5)
    assert torch.autograd.gradcheck(lambda x, w: token_nats(x, w, wanted, smoothing)[0], (x, weight))


def test_nats_of_each_token_have_no_gradient():
    x, weight, wanted = some(5)
    assert not token_nats(x, weight, wanted)[1].requires_grad


def test_inputs_stay_as_they_are():
    x, weight, wanted = (t.detach() for t in some(5))
    before = x.clone(), weight.clone()
    token_nats(x, weight, wanted, 0.1)
    assert torch.equal(x, before[0])
    assert torch.equal(weight, before[1])
