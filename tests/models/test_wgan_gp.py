"""WGAN-GP against algorithm 1 and closed forms."""

import pytest
import torch
from torch import nn

from reverie.core import At, Batch, Field, Finishes, Samples, Spec
from reverie.models.adversarial.wgan_gp import WGANGP, Config, critic_loss
from reverie.nets.norm import BatchNorm
from reverie.nets.resnet import Down, Flat, Up

AT = At(0, 0, 1)
NETWORKS = ["resnet", "convolutional"]


def spec_of(*shape):
    return Spec("image", {"image": Field(shape, levels=256)})


def build(shape=(1, 28, 28), seed=0, **fields):
    torch.manual_seed(seed)
    return WGANGP(Config(**{"latents": 8, "width": 4, **fields}), spec_of(*shape))


def batch_of(shape, n=6, seed=3, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return Batch({"image": (torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1)})


def count(network):
    return sum(p.numel() for p in network.parameters())


# -------------------------------------------------------------------------------------------------------------- losses


class Line(nn.Module):
    """D(x) = a·x, summed over all numbers of an item."""

    def __init__(self, slope):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(slope, dtype=torch.float64))

    def forward(self, x):
        return self.a * x.flatten(1).sum(1)


@pytest.mark.parametrize(("shift", "weight"), [(3.0, 10.0), (6.0, 10.0), (1.0, 10.0), (3.0, 2.0)])
def test_a_critic_between_two_normals_reports_the_distance_that_the_penalty_allows(shift, weight):
    """N(W, 1) against N(0, 1): -a W + λ (|a| - 1)² is least at a = 1 + W/2λ, where D(x) - D(x̃) = W (1 + W/2λ). The two
    samples are quantiles, so that their means differ by W exactly."""
    p = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    fake = torch.special.ndtri(p)[:, None]
    real = fake.flip(0) + shift
    critic = Line(0.2)
    step = torch.optim.SGD(critic.parameters(), lr=0.25 / weight)
    g = torch.Generator().manual_seed(0)
    for _ in range(60):  # the error halves with every step: 2λ · 0.25 / λ
        eps = torch.rand(64, generator=g, dtype=torch.float64)
        loss = critic_loss(critic, real, fake, eps, weight)
        step.zero_grad()
        (loss.total / loss.count).backward()
        step.step()
    reported = loss.logs["distance"].item() / loss.count
    assert reported == pytest.approx(shift * (1 + shift / (2 * weight)), rel=1e-9)
    assert critic.a.item() == pytest.approx(1 + shift / (2 * weight), rel=1e-9)
    assert loss.logs["penalty"].item() / loss.count == pytest.approx((shift / (2 * weight)) ** 2, rel=1e-9)
    assert loss.total.item() == pytest.approx(
        weight * loss.logs["penalty"].item() - loss.logs["distance"].item(), rel=1e-12
    )


def test_the_loss_is_a_sum_over_items():
    real, fake, eps = torch.randn(8, 3).double(), torch.randn(8, 3).double(), torch.rand(8).double()
    whole = critic_loss(Line(2.0), real, fake, eps, 10.0)
    parts = [critic_loss(Line(2.0), real[k : k + 1], fake[k : k + 1], eps[k : k + 1], 10.0) for k in range(8)]
    assert whole.count == 8
    assert whole.total.item() == pytest.approx(sum(p.total.item() for p in parts), rel=1e-12)


def with_known_pictures(slope=1.0, n=4000, **fields):
    """A model whose fakes are zeros and whose critic is a line that remembers what it saw; pictures of ones."""

    class Zeros(nn.Module):
        def __init__(self):
            super().__init__()
            self.b = nn.Parameter(torch.zeros((), dtype=torch.float64))

        def forward(self, z):
            assert torch.is_grad_enabled() == self.learns
            return self.b + torch.zeros(len(z), 1, 28, 28, dtype=torch.float64)

    class Remembers(Line):
        def forward(self, x):
            self.shown = [*getattr(self, "shown", []), x.detach()]
            return super().forward(x)

    model = build(**fields)
    model.generator, model.critic = Zeros(), Remembers(slope)
    model.generator.learns = False
    return model, Batch({"image": torch.ones(n, 1, 28, 28, dtype=torch.float64)})


def test_the_penalised_points_are_uniform_on_the_line_between_each_real_and_fake_item():
    """Kolmogorov's distance of n uniform draws exceeds 2.6 / √n with chance 3e-6. All pixels of an item share ε."""
    model, batch = with_known_pictures()
    torch.manual_seed(0)
    loss = model.critic_loss(batch, AT)
    both, mixed = model.critic.shown
    assert both.shape[0] == 8000  # real and fake in one pass
    assert (both[:4000] == 1).all()
    assert (both[4000:] == 0).all()
    eps = mixed.flatten(1)
    assert (eps == eps[:, :1]).all()
    ordered = eps[:, 0].sort().values
    distance = (ordered - (torch.arange(4000) + 0.5) / 4000).abs().max()
    assert distance < 2.6 / 4000**0.5
    assert ordered.min() >= 0
    assert ordered.max() <= 1
    # D(1) - D(0) = 784 slopes; |gradient| = √784 = 28
    assert loss.logs["distance"].item() / 4000 == pytest.approx(784.0, rel=1e-12)
    assert loss.logs["penalty"].item() / 4000 == pytest.approx(27.0**2, rel=1e-12)
    assert loss.total.item() / 4000 == pytest.approx(10 * 27.0**2 - 784, rel=1e-12)


def test_the_critics_gradient_holds_the_penaltys_share():
    """d/da of -784 a + λ (28 |a| - 1)² at a = 1: without the second derivative only -784 would be left."""
    model, batch = with_known_pictures(n=4, penalty=7.0)
    loss = model.critic_loss(batch, AT)
    (loss.total / loss.count).backward()
    assert model.critic.a.grad.item() == pytest.approx(-784 + 7.0 * 2 * 27 * 28, rel=1e-12)
    assert model.generator.b.grad is None


def test_the_generator_climbs_the_critic():
    """-D(x̃) of fakes at b: -784 a b, whose derivative in b is -784 a."""
    model, batch = with_known_pictures(slope=0.5, n=4)
    model.generator.learns = True
    loss = model.generator_loss(batch, AT)
    assert loss.count == 4
    (loss.total / loss.count).backward()
    assert model.generator.b.grad.item() == pytest.approx(-784 * 0.5, rel=1e-12)


# ------------------------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize("network", NETWORKS)
def test_every_parameter_of_the_turn_gets_a_gradient_and_the_critic_has_no_batch_norm(network):
    model, batch = build(network=network).double(), batch_of((1, 28, 28))
    optimizers = model.optimizers()
    for update in model.updates():
        model.zero_grad()
        update.loss(batch, AT).total.backward()
        held = [p for g in optimizers[update.optimizer].param_groups for p in g["params"]]
        assert {id(p) for p in held} == {id(p) for p in getattr(model, update.optimizer).parameters()}
        assert all(p.grad is not None and p.grad.abs().max() > 1e-12 for p in held)
        if update.optimizer == "critic":
            assert all(p.grad is None for p in model.generator.parameters())
    assert not [m for m in model.critic.modules() if isinstance(m, BatchNorm)]
    assert [m for m in model.generator.modules() if isinstance(m, BatchNorm)]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_critic_judges_each_item_alone(network):
    model, x = build(network=network).double(), batch_of((1, 28, 28))["image"]
    alone = torch.cat([model.critic(x[k : k + 1]) for k in range(6)])
    torch.testing.assert_close(model.critic(x), alone, rtol=1e-10, atol=1e-12)


def test_updates_and_optimisers_are_those_of_algorithm_1():
    config, training = Config.paper()
    model = WGANGP(config, training.spec)
    critic, generator = model.updates()
    assert (critic.optimizer, critic.repeat, generator.optimizer, generator.repeat) == ("critic", 5, "generator", 1)
    for optimizer in model.optimizers().values():
        assert type(optimizer) is torch.optim.Adam
        assert optimizer.defaults["betas"] == (0.0, 0.9)
        assert optimizer.defaults["lr"] == 2e-4
    for update in (critic, generator):
        assert [update.rate(At(k, 0, 100)) for k in (0, 25, 100, 150)] == [1.0, 0.75, 0.0, 0.0]
    assert (config.penalty, training.batch, training.steps, training.ema_items) == (10.0, 64, 100_000, 0.0)
    constant = WGANGP(Config(network="convolutional", width=4, decay="none"), spec_of(1, 28, 28)).updates()
    assert [u.rate(At(90, 0, 100)) for u in constant] == [1.0, 1.0]


def test_paper_has_the_blocks_and_the_parameter_count_of_the_cifar_network():
    config, training = Config.paper()
    model = WGANGP(config, training.spec)
    assert [type(b) for b in model.generator.blocks] == [Up] * 3
    assert [type(b) for b in model.critic.blocks] == [Down, Down, Flat, Flat]
    w, conv = 128, 9 * 128 * 128
    up = 2 * conv + w * w + 4 * w  # two 3×3, one 1×1, two batch norms
    generator = (128 + 1) * 16 * w + 3 * up + 2 * w + (9 * w + 1) * 3
    first = (9 * 3 + 1) * w + (conv + w) + (3 + 1) * w
    critic = first + (2 * (conv + w) + w * w + w) + 2 * 2 * (conv + w) + w
    assert (count(model.generator), count(model.critic)) == (generator, critic)


def test_a_critic_of_its_networks_learns_to_tell_apart_and_the_distance_rises():
    model = build(network="convolutional", width=8, learning_rate=1e-3)
    batch = Batch({"image": torch.full((16, 1, 28, 28), 0.8) + 0.1 * torch.randn(16, 1, 28, 28)})
    optimizer, distances = model.optimizers()["critic"], []
    torch.manual_seed(0)
    for _ in range(60):
        loss = model.critic_loss(batch, AT)
        optimizer.zero_grad()
        (loss.total / loss.count).backward()
        optimizer.step()
        distances.append(loss.logs["distance"].item() / 16)
    # fakes start near 0, so that the two lie 28 · 0.8 = 22 apart
    assert distances[0] < 5
    assert 11 < distances[-1] < 22 * (1 + 22 / 20)


# ------------------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(28, 28), (31, 45), (32, 32), (64, 64), (40, 56), (96, 64)])
def test_samples_of_any_size_are_exact_and_within_range(size, channels, network):
    model = build((channels, *size), network=network, width=2).eval()
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        made = model.sample(torch.stack([model.noise(g, None) for _ in range(3)]), {}, None)
        assert list(made) == ["image"]
        assert made["image"].shape == (3, channels, *size)
        assert made["image"].abs().max() <= 1
        assert model.critic(made["image"]).shape == (3,)


def test_noise_is_standard_normal_in_training_and_in_sampling():
    """Five standard errors at 40,000 numbers."""
    model = build(latents=40_000, network="convolutional")
    torch.manual_seed(0)
    for z in (model.draw(torch.zeros(1, 1, 28, 28)).flatten(), model.noise(torch.Generator().manual_seed(0), None)):
        assert abs(z.mean()) < 5 / 200
        assert abs(z.square().mean() - 1) < 5 * 2**0.5 / 200
        assert abs(z.pow(4).mean() - 3) < 5 * 96**0.5 / 200


@pytest.mark.parametrize("network", NETWORKS)
def test_finish_gives_samples_the_statistics_that_training_had(network):
    model = build(network=network, width=8)
    for p in model.generator.parameters():  # away from the start
        if p.ndim == 4:
            p.data *= 2
    batch = batch_of((1, 28, 28), 64, dtype=torch.float32)
    torch.manual_seed(1)
    z = torch.randn(512, 8)
    with torch.no_grad():
        in_batch = model.generator(z)
        before = (model.eval().generator(z) - in_batch).square().mean()
        model.train()
        model.finish(lambda k: batch)
        after = (model.eval().generator(z) - in_batch).square().mean()
    assert after < 0.05 * in_batch.var()
    assert after < before / 2
    assert isinstance(model, Finishes)
    assert isinstance(model, Samples)


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 13, 30), {}, "13x30: wgan_gp makes 14x14 and larger. Pass the nearest: --size 14x30"),
        ((1, 30, 7), {"network": "convolutional"}, "30x7: wgan_gp makes 8x8 and larger. Pass the nearest: --size 30x8"),
        ((1, 28, 28), {"penalty": -1.0}, "penalty -1.0: too small. Pass 0 or more"),
        ((1, 28, 28), {"critic_turns": 0}, "critic_turns 0: too small. Pass 1 or more"),
        ((1, 28, 28), {"beta2": 1.0}, r"beta2 1.0: not in \[0, 1\)"),
        ((16,), {}, "wgan_gp takes pictures"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
