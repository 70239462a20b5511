"""The VAE against mathematics: each slip of the family's list fails one of these."""

from dataclasses import replace
from math import log, pi

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Field, Loss, Spec
from reverie.models.autoencoders.vae import VAE, Config, stages
from reverie.nets.flat import Seen
from reverie.training.trainer import Plan, Trainer
from toys import Values, pictures

AT = At(0, 0, 1)


def bernoulli_vae(**fields) -> VAE:
    """One latent, four pixels: small enough to integrate."""
    torch.manual_seed(0)
    spec = Spec("row", {"x": Field((4,), low=0.0, high=1.0)})
    return VAE(Config(latents=1, hidden=(3,), **fields), spec).double()


def map_detached(loss: Loss) -> Loss:
    return Loss(loss.total.detach(), loss.count, {k: v.detach() for k, v in loss.logs.items()})


def exact_nll(model: VAE, x: torch.Tensor) -> torch.Tensor:
    """-log of the integral of p(x|z) p(z) over a fine grid of z."""
    z = torch.linspace(-10, 10, 20_001, dtype=torch.float64)[:, None]
    prior = -0.5 * z.square().sum(1) - 0.5 * log(2 * pi)
    joint = torch.stack([model.log_likelihood(Seen(row.expand(len(z), -1)), z) for row in x], 1) + prior[:, None]
    return -(torch.logsumexp(joint, 0) + log(20 / 20_000))


def test_importance_sampling_reaches_the_integral():
    """From a proposal wider than the prior, so that the weights are bounded: standard error below 0.3 % at 20,000."""
    model, x = bernoulli_vae(), torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.float64)
    with torch.no_grad():
        model.encoder[-1].weight.zero_()
        model.encoder[-1].bias.copy_(torch.tensor([0.3, 0.5]))  # mu, log_var
        exact = exact_nll(model, x)
        torch.manual_seed(1)
        nats, units = model.nll(Batch({"x": x}), 20_000)
    assert units.tolist() == [4, 4]
    assert torch.allclose(nats, exact, atol=0.012)  # four standard errors


def test_the_bound_falls_as_draws_rise_and_one_draw_is_the_elbo():
    model = bernoulli_vae()
    for layer in (model.encoder[-1], model.decoder[0]):  # a posterior far from the true one: a loose bound
        torch.nn.init.normal_(layer.weight, std=1.0)
    x = torch.tensor([[0, 1, 1, 0]], dtype=torch.float64).repeat(4_000, 1)
    with torch.no_grad():
        torch.manual_seed(1)
        bounds = [float(model.nll(Batch({"x": x}), k)[0].mean()) for k in (1, 5, 50)]
        exact = float(exact_nll(model, x[:1]))
        torch.manual_seed(2)
        loss = model.loss(Batch({"x": x}), AT)
    assert bounds[0] > bounds[1] > bounds[2] > exact - 0.01
    assert float(loss.total) / loss.count == pytest.approx(bounds[0], abs=0.05)


def test_loss_is_the_kl_of_the_posterior_plus_the_expected_reconstruction():
    """Term by term against torch.distributions, with the very draw that the loss took."""
    model = bernoulli_vae()
    x = torch.rand(6, 4, dtype=torch.float64)
    torch.manual_seed(3)
    loss = model.loss(Batch({"x": x}), AT)
    torch.manual_seed(3)
    mu, log_var = model.posterior(Seen(x)).chunk(2, 1)
    posterior = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    z = mu + posterior.scale * torch.randn_like(mu)
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum()
    decoded = model.decoder(z)
    reconstruction = -(x * decoded.sigmoid().log() + (1 - x) * (1 - decoded.sigmoid()).log()).sum()
    assert loss.count == 6
    assert loss.total.requires_grad
    loss, kl, reconstruction = map_detached(loss), kl.detach(), reconstruction.detach()
    assert float(loss.logs["kl"]) == pytest.approx(float(kl), rel=1e-12)
    assert float(loss.logs["reconstruction"]) == pytest.approx(float(reconstruction), rel=1e-12)
    assert float(loss.total) == pytest.approx(float(kl + reconstruction), rel=1e-12)


def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca():
    """Lucas et al. 2019 (arXiv:1911.02469): its optimum is Tipping & Bishop's, with the exact posterior."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2_000, 2, generator=g) @ torch.tensor([[2.0, 1, 0, 0, -1], [0, 0, 1.5, -1, 0]])
    x = 0.2 * (x + 0.5 * torch.randn(2_000, 5, generator=g))
    x = x - x.mean(0)
    spec = Spec("row", {"x": Field((5,), low=0.0, high=1.0)})
    torch.manual_seed(0)
    model = VAE(
        Config(latents=2, hidden=(), decoder="gaussian", mean="linear", learning_rate=0.1, decay="cosine"), spec
    )
    t = Trainer(model, Values({"x": x}), Plan(batch=2_000), Fabric(accelerator="cpu", devices=1))
    for _ in range(2_000):
        t.advance(2_000)
    values = torch.linalg.eigvalsh((x.T @ x / len(x)).double()).flip(0)
    rest = values[2:].mean()
    optimum = 0.5 * (5 * log(2 * pi) + values[:2].log().sum() + 3 * rest.log() + 5)
    with torch.no_grad():
        torch.manual_seed(1)
        bound = torch.stack([model.loss(Batch({"x": x}), AT).total / len(x) for _ in range(20)]).mean()
    assert float(bound) == pytest.approx(float(optimum), abs=0.02)
    assert float(model.log_var.detach().exp()) == pytest.approx(float(rest), rel=0.05)


def test_pixels_are_drawn_anew_each_time_with_their_intensity():
    model = bernoulli_vae(binarise=True)
    x = torch.full((4_000, 4), 0.3, dtype=torch.float64)
    torch.manual_seed(0)
    first, second = model.target(Batch({"x": x})).x, model.target(Batch({"x": x})).x
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)
    assert float(first.mean()) == pytest.approx(0.3, abs=5 * (0.21 / 16_000) ** 0.5)  # five standard errors


@pytest.mark.parametrize(
    ("decoder", "mean"), [("bernoulli", "sigmoid"), ("gaussian", "sigmoid"), ("gaussian", "linear")]
)
def test_the_output_bias_starts_at_the_mean_item(decoder, mean):
    """Over 10,000 items; where a pixel is never on, its logit stays finite."""
    field = Field((3,))
    model = VAE(Config(hidden=(8,), decoder=decoder, mean=mean, output_bias="mean"), Spec("x", {"x": field}))
    bright, dark = torch.tensor([[0.0, 0.2, 0.9]]).expand(64, 3), torch.tensor([[0.0, 0.6, 0.1]]).expand(64, 3)
    asked = []
    with torch.no_grad():
        model.begin(lambda k: asked.append(k) or Batch({"x": field.from_unit(bright if k % 2 else dark)}))
    assert asked == list(range(157))
    expected = (78 * bright[0] + 79 * dark[0]) / 157
    bias = model.decoder[-1].bias
    if mean == "linear":
        assert torch.allclose(bias, expected, atol=1e-6)
    else:
        assert torch.allclose(bias.sigmoid(), expected.clamp(min=1e-3), atol=1e-5)


def test_a_convolutional_decoder_has_no_bias_a_pixel():
    with pytest.raises(ValueError, match="output-bias"):
        VAE(
            Config(network="convolutional", output_bias="mean"),
            Spec("image", {"image": Field((1, 28, 28), levels=256)}),
        )


def test_burda_s_network_has_its_parameters():
    """784-200-200-2×50 and 50-200-200-784, with biases (Burda et al. 2015, section 5)."""
    config, training = Config.burda()
    model = VAE(config, training.spec)
    count = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children() if n != "ladder"}
    assert sum(count.values()) == sum(p.numel() for p in model.parameters())
    assert count == {
        "encoder": 784 * 200 + 200 + 200 * 200 + 200 + 200 * 100 + 100,
        "decoder": 50 * 200 + 200 + 200 * 200 + 200 + 200 * 784 + 784,
    }


def test_burda_s_stages():
    """3,280 epochs: 1 at the first rate, 3 at 10^(-1/7) of it … 2,187 at a tenth."""
    rates = [stages(At(e, e, 3_280)) for e in range(3_280)]
    lengths = [rates.count(10 ** (-i / 7)) for i in range(8)]
    assert lengths == [3**i for i in range(8)]
    assert stages(At(9_999, 0, 3_280)) == pytest.approx(0.1)


@pytest.mark.parametrize("size", [(28, 28), (40, 56), (9, 33), (8, 8)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size(size, channels):
    spec, items = pictures(4, size, channels)
    config, _ = Config.tiny()
    model = VAE(config, spec)
    batch = items.take(torch.arange(4))
    assert model.encode(batch).shape == (4, config.latents)
    assert model.decode(torch.randn(4, config.latents))["image"].shape == (4, channels, *size)
    assert model.loss(batch, AT).total.isfinite()


def test_a_learnt_deviation_settles_at_the_error_s_own():
    """At the optimum s² is the mean squared error (Rybkin et al. 2021, arXiv:2006.13202, equation 6)."""
    spec, _ = pictures(1)
    model = VAE(replace(Config.tiny().config, deviation=0.0), spec)
    x = torch.rand(50, spec.only[1].size)
    z = torch.zeros(50, model.cfg.latents)
    with torch.no_grad():
        error = (x - model.observed.mean(model.says(z))).square().mean()
        model.log_var.fill_(error.log())
    at_error = model.log_likelihood(Seen(x), z).sum()
    (slope,) = torch.autograd.grad(at_error, model.log_var)
    assert float(slope.abs()) < 1e-3 * x.numel()


def test_tokens_are_refused_in_words():
    with pytest.raises(ValueError, match="one after the other"):
        VAE(Config(), Spec("text", {"text": Field((9,), categories=5, start=0)}))


def test_a_linear_mean_is_no_probability():
    with pytest.raises(ValueError, match="--mean linear: of a bernoulli decoder no probability"):
        VAE(Config(mean="linear"), Spec("image", {"image": Field((1, 8, 8), levels=256)}))
