"""The compressive autoencoder against mathematics: each slip of the family's list fails one of these."""

from dataclasses import replace
from math import log, prod

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Field, Loss, Spec, Tables
from reverie.models.autoencoders.compressive import Compressive, Config
from reverie.training.trainer import Plan, Trainer
from toys import pictures

AT = At(0, 0, 1)
TINY = Config.tiny().config


def built(size=(12, 10), channels=1, **fields) -> tuple[Compressive, Batch]:
    spec, items = pictures(16, size, channels)
    torch.manual_seed(0)
    model, batch = Compressive(replace(TINY, **fields), spec), on_grid(items.take(torch.arange(16)))
    with torch.no_grad():
        model.begin(lambda k: batch)
    return model, batch


def on_grid(batch: Batch) -> Batch:
    """Pictures of 8 bits."""
    return Batch({"image": ((batch["image"] + 1) * 127.5).round() / 127.5 - 1})


def round_trip(model: Compressive, batch: Batch, lossless: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """What comes back, and each item's bits by the tables."""
    coding, bits = model.coding(lossless), torch.zeros(len(batch), dtype=torch.float64)
    tables = next(coding)
    try:
        for symbols in model.symbols(batch, lossless):
            bits += cost(symbols, tables)
            tables = coding.send(symbols)
    except StopIteration as end:
        return end.value["image"], bits
    raise AssertionError("stages are missing")


def cost(symbols: torch.Tensor, tables: Tables) -> torch.Tensor:
    rows, last = tables.rows.expand(len(symbols), -1), tables.frequencies.shape[1] - 1
    often, column = tables.frequencies[rows].double(), symbols - tables.low
    column = torch.where((column < 0) | (column > last), last, column)
    return -(often.gather(-1, column[..., None])[..., 0] / often.sum(-1)).log2().sum(1)


def test_the_loss_is_rate_plus_lambda_times_the_squared_error_at_noisy_codes():
    """Term by term, with the very noise that the loss drew."""
    model, batch = built(residual="none", quality=7.0, groups=1, rounding="noise")
    torch.manual_seed(3)
    loss = model.loss(batch, AT)
    torch.manual_seed(3)
    x = (batch["image"] + 1) / 2
    y = model.analysis(x)
    noisy = y + torch.rand_like(y) - 0.5
    one = model.prior.logistics[0]
    mean, scale, share = one.mean, one.log_scale.exp(), one.logits.softmax(-1)
    upper, lower = (torch.sigmoid((noisy[..., None] + half - mean) / scale) for half in (0.5, -0.5))
    rate = -((upper - lower) * share).sum(-1).log().sum()
    error = (model.synthesis(noisy)[:, :, :12, :10] + 0.5 - x).square().sum()
    rate, error = rate.detach(), error.detach()
    loss = Loss(loss.total.detach(), loss.count, {k: v.detach() for k, v in loss.logs.items()})
    assert loss.count == 16
    assert float(loss.logs["rate"]) == pytest.approx(float(rate), rel=1e-4)
    assert float(loss.logs["distortion"]) == pytest.approx(7 * float(error), rel=1e-4)
    assert float(loss.total) == pytest.approx(float(rate + 7 * error), rel=1e-4)
    assert float(loss.logs["code_bits_per_pixel"]) == pytest.approx(float(rate) / log(2) / 120, rel=1e-4)


def test_mixed_rounding_shows_the_synthesis_what_a_file_holds_and_passes_its_gradient_on():
    model, batch = built(residual="none", quality=7.0, rounding="mixed")
    x = (batch["image"] + 1) / 2
    loss = model.loss(batch, AT)
    rounded = model.analysis(x).round().detach().requires_grad_()
    error = 7 * (model.synthesis(rounded)[:, :, :12, :10] + 0.5 - x).square().sum()
    assert float(loss.logs["distortion"]) == pytest.approx(float(error), rel=1e-5)
    into = torch.autograd.grad(error, rounded)[0]  # what the analysis is told, had it said these numbers itself
    weight = model.analysis.linear.bias
    assert weight is not None
    told = torch.autograd.grad(loss.logs["distortion"], weight)[0]
    assert torch.allclose(told, into.sum((0, 2, 3)), rtol=1e-4, atol=1e-4)


def test_the_mean_gradient_of_the_noisy_rate_is_the_difference_at_the_ends_of_a_step():
    """d/dy of the mean of f over y - 1/2 … y + 1/2 is f(y + 1/2) - f(y - 1/2): what a rounding has no gradient for.
    Six standard errors at 20,000 draws."""
    model, _ = built(groups=1, rounding="noise")
    prior = model.prior.double()
    y = torch.linspace(-3, 3, prod(model.shape), dtype=torch.float64).view(1, *model.shape)
    torch.manual_seed(0)
    draws = (y + torch.rand(20_000, *model.shape, dtype=torch.float64) - 0.5).requires_grad_()
    each = torch.autograd.grad(prior.each(draws).sum(), draws)[0]
    with torch.no_grad():
        true = prior.each(y + 0.5) - prior.each(y - 0.5)
    error = 6 * each.std(0) / 20_000**0.5
    assert bool(((each.mean(0) - true[0]).abs() <= error + 1e-9).all())


def test_the_cost_by_the_tables_is_the_model_s_own_cross_entropy():
    """Within 1.6 %, the step of a scale."""
    model, batch = built()
    _, bits = round_trip(model, batch, lossless=False)
    with torch.no_grad():
        codes = model.encode(batch)
        assert torch.equal(codes, codes.round())
        nats = model.code_nll(codes)
        assert torch.allclose(bits, nats.double() / log(2), rtol=0.016)
        _, whole = round_trip(model, batch, lossless=True)
        pixels = model.lost(codes.unflatten(1, model.shape), (batch["image"] + 1) / 2)
    assert torch.allclose(whole, (nats + pixels).double() / log(2), rtol=0.02)


@pytest.mark.parametrize("size", [(28, 28), (9, 33), (8, 8), (5, 6)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures_of_any_size_come_back_whole(size, channels):
    model, batch = built(size, channels)
    back, _ = round_trip(model, batch, lossless=True)
    assert torch.equal(((back + 1) * 127.5).round(), ((batch["image"] + 1) * 127.5).round())


def test_pictures_of_16_bits_come_back_whole():
    spec = Spec("image", {"image": Field((3, 9, 7), levels=65_536)})
    model = Compressive(TINY, spec)
    whole = torch.randint(0, 65_536, (5, 3, 9, 7))
    batch = Batch({"image": whole.float() / 32_767.5 - 1})
    back, _ = round_trip(model, batch, lossless=True)
    assert torch.equal(((back + 1) * 32_767.5).round().long(), whole)


@pytest.mark.parametrize("residual", ["none", "logistic"])
def test_what_comes_back_of_a_code_is_what_decode_says(residual):
    """But for the exact network's rounding: half a level of 255."""
    model, batch = built(residual=residual)
    back, _ = round_trip(model, batch, lossless=False)
    with torch.no_grad():
        told = model.decode(model.encode(batch))["image"]
    assert float((back - told).abs().max()) < 2 * 0.5 / 255


def trained(quality: float) -> tuple[float, float]:
    """Bits and squared error an item after 250 steps."""
    spec, items = pictures(64, (8, 8))
    torch.manual_seed(0)
    model = Compressive(replace(TINY, residual="none", quality=quality, learning_rate=4e-3), spec)
    t = Trainer(model, items, Plan(batch=32), Fabric(accelerator="cpu", devices=1))
    for _ in range(250):
        t.advance(250)
    batch = items.take(torch.arange(64))
    made = t.weights()
    with torch.no_grad():
        codes = made.encode(batch)
        error = (made.decode(codes)["image"] - batch["image"]).square().sum((1, 2, 3)).mean()
        return float(made.code_nll(codes).mean()), float(error)


def test_a_larger_lambda_spends_more_bits_and_loses_less():
    low, high = trained(3.0), trained(300.0)
    assert high[0] > 1.5 * low[0]
    assert high[1] < 0.7 * low[1]


def test_samples_are_decoded_codes_of_the_prior():
    model, _ = built()
    noise = torch.stack([model.noise(torch.Generator().manual_seed(k), None) for k in range(3)])
    with torch.no_grad():
        codes = model.prior.drawn(noise).flatten(1)
        assert torch.equal(codes, codes.round())
        assert torch.equal(model.sample(noise, {}, None)["image"], model.decode(codes)["image"])


def test_what_it_can_t_make_is_refused_in_words():
    spec = Spec("image", {"image": Field((1, 8, 8), levels=0)})
    with pytest.raises(ValueError, match="8 or 16 bits, not 0 levels"):
        Compressive(TINY, spec)
    assert Compressive(replace(TINY, residual="none"), spec)
    with pytest.raises(ValueError, match="--residual logistic"):
        built(residual="none")[0].symbols(built()[1], lossless=True)
    with pytest.raises(ValueError, match="takes pictures"):
        Compressive(TINY, Spec("row", {"x": Field((9,))}))
