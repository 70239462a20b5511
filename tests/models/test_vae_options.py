"""The VAE's options: each moves its number as its paper says."""

from dataclasses import replace
from math import log, pi

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Bounds, Conditioned, Field, Spec
from reverie.models.autoencoders.vae import VAE, Config, Sampling
from reverie.nets.flat import Seen
from reverie.training.health import health
from reverie.training.trainer import Plan, Trainer
from toys import Values, pictures, rows, series

AT = At(0, 0, 1)
UNIT = Spec("row", {"x": Field((5,), low=0.0, high=1.0)})
LABELLED = replace(UNIT, condition={"label": Field((), categories=2)})
EIGEN = torch.tensor([4.0, 1.5, 0.2, 0.1, 0.05])  # variances of `ellipse`, in units of NOISE²
NOISE = 0.3  # of a linear VAE's p(x|z)


def ellipse() -> torch.Tensor:
    """2,000 points whose covariance is exactly diagonal: NOISE² · EIGEN."""
    g = torch.Generator().manual_seed(0)
    x = torch.linalg.qr(torch.randn(2_000, 5, generator=g))[0] * 2_000**0.5
    x = torch.linalg.qr(x - x.mean(0))[0] * 2_000**0.5
    return x * NOISE * EIGEN.sqrt()


def linear(steps: int = 600, **fields) -> dict[str, float]:
    """What a linear VAE with five latents logs in the end, with the noise held fixed."""
    config = Config(
        latents=5, hidden=(), decoder="gaussian", mean="linear", deviation=NOISE, learning_rate=0.05, decay="cosine"
    )
    torch.manual_seed(0)
    model = VAE(replace(config, **fields), UNIT)
    t = Trainer(model, Values({"x": ellipse()}), Plan(batch=2_000), Fabric(accelerator="cpu", devices=1))
    for _ in range(steps):
        logs = t.advance(steps)
    return {name: float(value) for name, value in logs.items()}


@pytest.mark.parametrize(("beta", "in_use"), [(0.5, 2), (1.0, 2), (2.0, 1), (8.0, 0)])
def test_the_rate_is_what_theory_says_of_beta(beta, in_use):
    """A linear VAE of noise s² is probabilistic PCA; beta makes it one of noise beta · s². Its rate is half the log of
    each variance beside that, where it is above (Lucas et al. 2019, arXiv:1911.02469; Tipping & Bishop 1999)."""
    logs = linear(beta=beta)
    rate = 0.5 * (EIGEN / beta).log().clamp(min=0).sum()
    assert logs["kl"] == pytest.approx(float(rate), abs=0.03)
    assert logs["active_units"] == in_use
    assert ("posterior collapse" in health(logs, {})) == (not in_use)


def test_free_bits_keep_units_in_use():
    """Three of five directions vary less than the noise: they cost more than they tell, unless what they cost is
    free."""
    assert linear()["active_units"] == 2
    logs = linear(free_bits=0.3)
    assert logs["active_units"] == 5
    assert logs["kl"] > 5 * 0.3 * 0.9  # each latent's bits are used


def test_free_bits_are_the_least_that_a_latent_costs_over_the_batch():
    torch.manual_seed(0)
    model = VAE(Config(latents=3, hidden=(4,), free_bits=0.5), UNIT).double()
    rate = torch.tensor([[0.2, 2.0, 0.9], [0.4, 4.0, 0.3]], dtype=torch.float64)
    assert float(model.charged(rate)) == pytest.approx(2 * (0.5 + 3.0 + 0.6))
    model.cfg = replace(model.cfg, free_bits=0.0)
    assert float(model.charged(rate)) == pytest.approx(float(rate.sum()))


def test_the_weight_of_the_divergence_rises_to_beta():
    """Bowman et al. 2016: from the first step's 1/6 on, over half of ten steps."""
    torch.manual_seed(0)
    model = VAE(Config(latents=3, hidden=(4,), beta=3.0, warm_up=0.5), UNIT).double()
    batch = Batch({"x": torch.rand(8, 5, dtype=torch.float64)})
    for step in range(10):
        loss = model.loss(batch, At(step, 8 * step, 10))
        weight = 3.0 * min(1.0, (step + 1) / 6)
        whole = loss.logs["reconstruction"] + weight * loss.logs["kl"]
        assert float(loss.total.detach()) == pytest.approx(float(whole.detach()), rel=1e-12)


def test_the_bound_rises_with_the_number_of_draws():
    """Burda et al. 2015, theorem 1; and a loss of k draws is the estimator of k draws."""
    losses, batch = [], Batch({"x": torch.rand(1, 5, dtype=torch.float64).repeat(2_000, 1)})
    for k in (1, 5, 50):
        torch.manual_seed(0)
        model = VAE(Config(latents=2, hidden=(4,), importance=k), UNIT).double()
        torch.nn.init.normal_(model.encoder[-1].weight)  # a posterior far from the true one
        torch.nn.init.normal_(model.decoder[0].weight)
        with torch.no_grad():
            torch.manual_seed(1)
            losses.append(float(model.loss(batch, AT).total) / 2_000)
            torch.manual_seed(1)
            draws = model.nll(batch, k)[0]
        error = float(draws.std()) / 2_000**0.5 if k == 1 else 0.0  # with one, the divergence is not drawn
        assert losses[-1] == pytest.approx(float(draws.mean()), abs=5 * error + 1e-9)
    assert losses[0] > losses[1] + 0.05
    assert losses[1] > losses[2] + 0.02


def log_weights(model: VAE, x: torch.Tensor, k: int) -> torch.Tensor:
    """log p(x, z) / q(z|x) at k draws: (k, B)."""
    bottom = model.posterior(Seen(x))
    return model.drawn(Seen(x), None, bottom, model.noises(bottom, k)).log_weight().view(k, -1)


def test_its_gradient_weighs_draws_by_their_importance():
    """Burda et al. 2015, equations 13 and 14, from the weights themselves."""
    torch.manual_seed(0)
    model = VAE(Config(latents=2, hidden=(4,), importance=6), UNIT).double()
    x = torch.rand(3, 5, dtype=torch.float64)
    torch.manual_seed(1)
    (slope,) = torch.autograd.grad(model.loss(Batch({"x": x}), AT).total, model.decoder[-1].bias)
    torch.manual_seed(1)
    weights = log_weights(model, x, 6)  # (6, 3)
    share = weights.detach().softmax(0)
    (wanted,) = torch.autograd.grad(-(share * weights).sum(), model.decoder[-1].bias)
    assert torch.allclose(slope, wanted, rtol=1e-10)


def test_the_gradient_of_one_resampled_draw_is_in_expectation_that_of_all():
    """Within five standard errors over 300 losses; the loss itself is the same bound."""
    torch.manual_seed(0)
    model = VAE(Config(latents=1, hidden=(), importance=4), UNIT).double()
    batch = Batch({"x": torch.rand(2, 5, dtype=torch.float64)})
    found: dict[bool, torch.Tensor] = {}
    for resampled in (False, True):
        model.cfg = replace(model.cfg, resampled=resampled)
        torch.manual_seed(1)
        first = float(model.loss(batch, AT).total.detach())
        rows = [torch.autograd.grad(model.loss(batch, AT).total, model.encoder[0].weight)[0] for _ in range(300)]
        found[resampled] = torch.stack(rows)
        if resampled:
            model.cfg = replace(model.cfg, resampled=False)
            torch.manual_seed(1)
            assert float(model.loss(batch, AT).total.detach()) == pytest.approx(first, rel=1e-12)
    error = sum(g.var(0) / len(g) for g in found.values()).sqrt()
    assert ((found[True].mean(0) - found[False].mean(0)).abs() < 5 * error).all()


# ------------------------------------------------------------------------------------------------------------- layers


def test_with_two_layers_the_likelihood_is_the_closed_form():
    """x = a z + noise, z = w y + noise, all linear and normal, with z and y numbers: then the ladder holds the exact
    posterior, and every single draw's weight is p(x)."""
    torch.manual_seed(0)
    a, w, s, sigma = torch.tensor([0.7, -1.1, 0.4, 0.9, 0.2], dtype=torch.float64), 1.3, 0.6, 0.25
    config = Config(latents=1, upper=(1,), between=0, hidden=(), decoder="gaussian", mean="linear", deviation=sigma)
    model = VAE(config, UNIT).double()
    precision = a @ a / sigma**2  # of x about z
    spread = w**2 + s**2 + 1 / precision  # of the estimate of z
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.decoder[0].weight.copy_(a[:, None])
        model.encoder[0].weight[0].copy_(a / (a @ a))
        model.encoder[0].bias[1] = -precision.log()
        model.ladder.down[0][0].weight[0] = w
        model.ladder.down[0][0].bias[1] = 2 * log(s)
        model.ladder.up[0][0].weight[0, 0] = w / spread  # mean of y given the estimate
        model.ladder.up[0][0].bias[1] = (1 - w**2 / spread).log()
        x = torch.randn(7, 5, dtype=torch.float64)
        cov = (w**2 + s**2) * torch.outer(a, a) + sigma**2 * torch.eye(5, dtype=torch.float64)
        exact = torch.distributions.MultivariateNormal(torch.zeros(5, dtype=torch.float64), cov).log_prob(x)
        weights = log_weights(model, x, 9)
        bound = model.loss(Batch({"x": x.repeat(4_000, 1)}), AT).total / 28_000
    assert torch.allclose(weights, exact.expand(9, 7), rtol=1e-10)
    assert float(bound) == pytest.approx(-float(exact.mean()), abs=0.02)


def test_layers_can_hold_what_one_can_and_log_what_each_says():
    """The sum of what the layers say is the divergence, and the upper one is in use where the lower is given it."""
    torch.manual_seed(0)
    model = VAE(Config(latents=6, upper=(3, 2), hidden=(16,)), UNIT).double()
    loss = model.loss(Batch({"x": torch.rand(16, 5, dtype=torch.float64)}), AT)
    parts = [float(loss.logs[f"kl_{k}"].detach()) for k in (1, 2, 3)]
    assert sum(parts) == pytest.approx(float(loss.logs["kl"].detach()))
    code = model.encode(Batch({"x": torch.rand(4, 5, dtype=torch.float64)}))
    assert code.shape == (4, 11)
    moved = code.clone()
    moved[:, -1] += 1.0  # of the top layer alone
    assert not torch.allclose(model.decode(code)["x"], model.decode(moved)["x"])
    assert model.noise(torch.Generator(), Sampling("no")).shape == (11,)


def test_a_code_costs_what_sampling_would_draw_it_for():
    model = VAE(Config(latents=2, upper=(1,), hidden=(4,)), UNIT)
    code = torch.tensor([[0.5, -1.0, 2.0]])
    assert float(model.code_nll(code)) == pytest.approx(0.5 * (0.25 + 1 + 4) + 1.5 * log(2 * pi))


# --------------------------------------------------------------------------------------------------------- conditional


def trained(spec: Spec, items: Values, config: Config, steps: int = 250) -> VAE:
    torch.manual_seed(0)
    t = Trainer(VAE(config, spec), items, Plan(batch=32), Fabric(accelerator="cpu", devices=1))
    for _ in range(steps):
        t.advance(steps)
    return t.weights()  # type: ignore[return-value]


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_samples_obey_their_class_and_codes_carry_it(network):
    """Stripes in three phases: the phase of a sample is its class's. What the class says costs nothing, so that a beta
    of 4 drives it out of the rest of the code."""
    spec, items = pictures(192, (8, 8))
    config = Config(
        latents=2, network=network, hidden=(32,), activation="relu", width=8, decoder="gaussian", conditional=True,
        beta=4.0, learning_rate=1e-2, decay="cosine",
    )  # fmt: skip
    model = trained(spec, items, config, steps=600)
    assert isinstance(model, Conditioned)
    label = torch.arange(3).repeat(20)
    noise = torch.stack([model.noise(torch.Generator().manual_seed(i), Sampling()) for i in range(60)])
    with torch.no_grad():
        made = model.sample(noise, {"label": label}, Sampling())["image"]
        batch = items.take(torch.arange(60))
        code = model.encode(batch)
        turned = torch.cat([code[:, :2], code[:, 2:].roll(1, 1)], 1)
        other = model.decode(turned)["image"]
        bare = model.encode(Batch({"image": batch["image"]}))
    means = torch.stack([items.values["image"][items.values["label"] == c].mean(0) for c in range(3)])

    def phase(x: torch.Tensor) -> torch.Tensor:
        return torch.cdist(x.flatten(1), means.flatten(1)).argmin(1)

    assert float((phase(made) == label).float().mean()) >= 0.9  # without the class, a third
    assert torch.equal(code[:, 2:].argmax(1), batch["label"])
    assert torch.equal(phase(other), (batch["label"] + 1) % 3)
    assert torch.equal(bare, code)  # where nobody says the class, the likeliest is the true one


def test_without_the_option_no_class_is_obeyed():
    spec, items = pictures(192, (8, 8))
    model = trained(spec, items, Config(latents=2, hidden=(32,), decoder="gaussian"), steps=5)
    assert not isinstance(model, Conditioned)
    noise = torch.randn(6, 2)
    first, second = (model.sample(noise, {"label": torch.full((6,), c)}, None)["image"] for c in (0, 1))
    assert torch.equal(first, second)


# -------------------------------------------------------------------------------------------------------- other items


def test_the_discretised_logistic_s_probabilities_of_all_pictures_add_up_to_1():
    torch.manual_seed(0)
    spec = Spec("image", {"image": Field((1, 1, 2), levels=4)})
    model = VAE(Config(latents=2, hidden=(8,), decoder="logistic"), spec).double()
    level = torch.linspace(-1, 1, 4, dtype=torch.float64)
    every = torch.cartesian_prod(level, level).view(16, 1, 1, 2)
    code = torch.randn(1, 2, dtype=torch.float64).expand(16, 2)
    with torch.no_grad():
        whole = model.log_likelihood(model.flat.seen(Batch({"image": every})), code).exp().sum()
    assert float(whole) == pytest.approx(1.0, abs=1e-12)
    assert not model.density


def test_rows_with_gaps_and_categories():
    """What stands in a gap changes nothing; a gap costs nothing and counts for nothing."""
    spec, items = rows(200)
    config = replace(Config.tiny().config, hidden=(32,))
    model = trained(spec, items, config)
    batch = items.take(torch.arange(50))
    spoilt = Batch({**batch.values, "b": torch.where(batch.masks["b"], batch["b"], 99.0)}, masks=batch.masks)
    with torch.no_grad():
        torch.manual_seed(1)
        nats, units = model.nll(batch, 3)
        torch.manual_seed(1)
        same, _ = model.nll(spoilt, 3)
    assert torch.equal(nats, same)
    assert torch.equal(units, 2 + batch.masks["b"].long())
    noise = torch.stack([model.noise(torch.Generator().manual_seed(i), Sampling()) for i in range(500)])
    with torch.no_grad():
        made = model.sample(noise, {}, Sampling())
        plain = model.sample(noise[:, :4], {}, Sampling("no"))
    assert set(made["job"].tolist()) <= {0, 1, 2, 3}
    assert set(made["job"].tolist()) >= {1, 2, 3}
    assert 0.7 < float(made["a"].std()) < 1.4
    assert float(plain["a"].std()) < float(made["a"].std())  # a mean varies less than what it is the mean of


def test_each_column_has_its_own_deviation():
    """At the optimum the column's own mean squared error, over what is there."""
    spec, items = rows(200)
    model = VAE(Config.tiny().config, spec)
    assert model.log_var.shape == (2,)
    batch = items.take(torch.arange(200))
    seen, code = model.flat.seen(batch), torch.zeros(200, 4)
    with torch.no_grad():
        error = (seen.x[:, :2] - model.observed.mean(model.says(code))).square()
        mean = (error * seen.there).sum(0) / seen.there.sum(0)
        model.log_var.copy_(mean.log())
    (slope,) = torch.autograd.grad(model.log_likelihood(seen, code).sum(), model.log_var)
    assert float(slope.abs().max()) < 1e-2
    assert float((mean[0] / mean[1]).log().abs()) > 0.01  # they differ


def test_a_series():
    spec, items = series()
    spec = Spec("series", spec.fields)
    model = VAE(Config.tiny().config, spec)
    batch = items.take(torch.arange(8))
    assert model.loss(batch, AT).total.isfinite()
    noise = torch.stack([model.noise(torch.Generator().manual_seed(i), None) for i in range(8)])
    assert model.sample(noise, {}, None)["past"].shape == batch["past"].shape


def test_rate_and_distortion_are_the_two_parts_of_the_bound():
    model = VAE(Config(latents=3, upper=(2,), hidden=(4,)), UNIT).double()
    batch = Batch({"x": torch.rand(6, 5, dtype=torch.float64)})
    assert isinstance(model, Bounds)
    with torch.no_grad():
        torch.manual_seed(2)
        mean, rate, distortion = model.bound(batch)
        torch.manual_seed(2)
        loss = model.loss(batch, AT)
    assert mean.shape == rate.shape == (6, 5)
    assert float(rate.sum() + distortion.sum()) == pytest.approx(float(loss.total), rel=1e-12)


@pytest.mark.parametrize(
    ("fields", "spec", "words"),
    [
        ({"conditional": True}, UNIT, "no classes"),
        ({"binarise": True}, rows()[0], "intensities"),
        ({"decoder": "logistic"}, UNIT, "grid"),
        ({"free_bits": 0.1, "importance": 5}, UNIT, "Leave one out"),
        ({"upper": (0,)}, UNIT, "at least 1"),
        ({"warm_up": 1.0}, UNIT, "warm_up"),
        ({"beta": -1.0}, UNIT, "beta"),
        ({"network": "convolutional"}, UNIT, "dense"),
        ({"network": "convolutional", "conditional": True}, LABELLED, "dense"),
    ],
)  # fmt: skip
def test_what_can_t_be_is_refused_in_words(fields, spec, words):
    with pytest.raises(ValueError, match=words):
        VAE(Config(**fields), spec)
