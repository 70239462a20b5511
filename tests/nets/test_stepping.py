"""One token at a time without modules: the same logits as the network's own, whatever it is made of."""

import pytest
import torch

from reverie.nets.stepping import Steps
from reverie.nets.transformer import Form, Transformer

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs
FORMS = [
    Form(), Form(bias=False), Form(positions="rotary"), Form(norm="rms"), Form(dense="swiglu"), Form(dense="gelu_erf"),
    Form(groups=2),
    Form("rotary", "rms", "swiglu", 1, False),
]  # fmt: skip


def build(form: Form, context: int = 9) -> Transformer:
    torch.manual_seed(0)
    net = Transformer(11, context, 16, 2, 4, 0.1, form).double().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return net


def text(*shape: int) -> torch.Tensor:
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("told", [False, True])
def test_steps_say_what_a_whole_pass_says(form, count, told):
    net, x = build(form), text(count, 9)
    added = torch.randn(count, 1, 16, dtype=torch.float64) if told else None
    steps = Steps(net, net.cache(count), added)
    with torch.no_grad():
        found = torch.stack([steps.step(x[:, place]) for place in range(9)], 1)
        torch.testing.assert_close(found, net(x, added), **CLOSE)


@pytest.mark.parametrize("form", [FORMS[0], FORMS[-1]], ids=str)
def test_steps_and_passes_take_turns_on_one_cache(form):
    net, x = build(form), text(2, 9)
    cache = net.cache(2)
    steps = Steps(net, cache)
    with torch.no_grad():
        whole = net(x)
        torch.testing.assert_close(net.logits(net.features(x[:, :3], cache)), whole[:, :3], **CLOSE)
        torch.testing.assert_close(steps.step(x[:, 3]), whole[:, 3], **CLOSE)
        torch.testing.assert_close(net.logits(net.features(x[:, 4:8], cache)), whole[:, 4:8], **CLOSE)
        torch.testing.assert_close(steps.step(x[:, 8]), whole[:, 8], **CLOSE)
    assert cache.seen == 9


def test_a_cache_grows_and_is_used_anew():
    """70 places, of which it makes room for 32, 64, 70; then others from the first place on, with old keys behind."""
    net = build(FORMS[0], context=70)
    steps = Steps(net, net.cache(2))
    with torch.no_grad():
        for x in (text(2, 70), 10 - text(2, 70)):
            found = torch.stack([steps.step(x[:, place]) for place in range(70)], 1)
            torch.testing.assert_close(found, net(x), **CLOSE)
            assert steps.cache.room == 70
            steps.cache.clear()


def test_dropout_is_of_training_alone():
    net, x = build(FORMS[0]).train(), text(2, 1)
    assert torch.equal(*(Steps(net, net.cache(2)).step(x[:, 0]).detach() for _ in range(2)))
