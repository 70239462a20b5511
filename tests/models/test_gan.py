"""The GAN against the paper's equations and settings."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import At, Batch, Field, Finishes, Samples, Spec
from reverie.errors import Problem
from reverie.models.adversarial.gan import GAN, Config
from reverie.nets.adversaries import Maxout
from reverie.training.trainer import Plan, Trainer
from toys import Values, rows, series

AT = At(0, 0, 1)


def spec_of(*shape):
    return Spec("image", {"image": Field(shape, levels=256)})


def build(shape=(1, 8, 8), seed=0, **fields):
    torch.manual_seed(seed)
    small = {"latents": 4, "hidden": (16, 16), "judge": (8,), "generator_range": 0.0, "discriminator_range": 0.0}
    return GAN(Config(**{**small, **fields}), spec_of(*shape))


def batch_of(shape=(1, 8, 8), n=6, dtype=torch.float64):
    g = torch.Generator().manual_seed(3)
    return Batch({"image": torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1})


# -------------------------------------------------------------------------------------------------------------- losses


class Line(nn.Module):
    """D's logit: a · (the mean of an item)."""

    def __init__(self, slope):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(slope, dtype=torch.float64))

    def forward(self, x):
        return self.a * x.mean(1)


class Level(nn.Module):
    """A generator of items that are b throughout."""

    def __init__(self, level):
        super().__init__()
        self.b = nn.Parameter(torch.tensor(level, dtype=torch.float64))

    def forward(self, z):
        return self.b + torch.zeros(len(z), 64, dtype=torch.float64)


def played(slope, level, **fields):
    """The gradient by which a generator of b moves against a discriminator σ(a x)."""
    model = build(**fields)
    model.generator, model.discriminator = Level(level), Line(slope)
    loss = model.generator_loss(batch_of(), AT)
    assert loss.count == 6
    (found,) = torch.autograd.grad(loss.total / loss.count, model.generator.b)
    return found.item()


@pytest.mark.parametrize("level", [-9.0, -1.0, 0.0, 2.0])
def test_the_generators_gradient_is_minus_d_or_d_minus_one_times_the_slope(level):
    """d/db log(1 - σ(ab)) = -a σ(ab), d/db -log σ(ab) = -a (1 - σ(ab)): one way, and at b = -9 8,000 times as long."""
    sigma = torch.tensor(2.0 * level, dtype=torch.float64).sigmoid().item()
    assert played(2.0, level, loss="minimax") == pytest.approx(-2.0 * sigma, rel=1e-12)
    assert played(2.0, level, loss="non_saturating") == pytest.approx(-2.0 * (1 - sigma), rel=1e-12)


def test_the_best_discriminator_says_the_share_of_real_items_and_the_value_is_the_divergence():
    """Proposition 1: D = p / (p + q). Data of two points at 3 : 1, made items at 1 : 3; D is a free number a point. The
    discriminator's loss is then log 4 - 2 JSD (theorem 1)."""
    p = torch.tensor([0.75, 0.25], dtype=torch.float64)

    class Free(nn.Module):
        def __init__(self):
            super().__init__()
            self.logit = nn.Parameter(torch.zeros(2, dtype=torch.float64))

        def forward(self, x):
            return self.logit[(x[:, 0] > 0).long()]

    class Made(nn.Module):
        def forward(self, z):
            return torch.where(torch.arange(len(z)) % 4 == 0, -1.0, 1.0).double()[:, None].expand(-1, 64)

    model, batch = (
        build(),
        Batch({"image": torch.tensor([-1.0, -1, -1, 1] * 2).double().view(8, 1, 1, 1).expand(8, 1, 8, 8)}),
    )
    model.discriminator, model.generator = Free(), Made()
    step = torch.optim.SGD(model.discriminator.parameters(), lr=2.0)
    for _ in range(100):  # the curvature is 1/4: each step halves the error
        loss = model.discriminator_loss(batch, AT)
        step.zero_grad()
        (loss.total / loss.count).backward()
        step.step()
    torch.testing.assert_close(model.discriminator.logit.detach().sigmoid(), p)
    mixed = 0.5
    divergence = (p * (p / mixed).log()).sum() / 2 + (p.flip(0) * (p.flip(0) / mixed).log()).sum() / 2
    expected = torch.tensor(4.0).log().item() - 2 * divergence.item()
    assert loss.total.item() / loss.count == pytest.approx(expected, rel=1e-6)
    assert loss.logs["real"].item() / 8 == pytest.approx((p * p).sum().item(), rel=1e-6)
    assert loss.logs["fake"].item() / 8 == pytest.approx((p * p.flip(0)).sum().item(), rel=1e-6)


# ------------------------------------------------------------------------------------------------------------ settings


def test_paper_has_the_published_networks_optimiser_and_start():
    config, training = Config.paper()
    model = GAN(config, training.spec)
    made = [m for m in model.generator.modules() if isinstance(m, nn.Linear)]
    told = [m for m in model.discriminator.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in made] == [(100, 1200), (1200, 1200), (1200, 784)]
    assert [(m.in_features, m.out_features) for m in told] == [(784, 1200), (240, 1200), (240, 1)]
    assert [type(m) for m in told] == [Maxout, Maxout, nn.Linear]
    assert [m.p for m in model.discriminator.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.5, 0.5]
    assert not [m for m in model.generator.modules() if isinstance(m, nn.Dropout)]
    for layers, spread in ((made, 0.05), (told, 0.005)):
        for m in layers:
            assert m.weight.abs().max() <= spread
            assert m.weight.std().item() == pytest.approx(spread / 3**0.5, rel=5 / m.weight.numel() ** 0.5)
            assert (m.bias == 0).all()
    for optimizer in model.optimizers().values():
        assert type(optimizer) is torch.optim.SGD
        assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.1, 0.5)
    assert training.batch == 100
    rate = model.updates()[0].rate
    assert rate(At(1000, 0, 1)) == pytest.approx(1.000004**-1000, rel=1e-12)
    assert rate(At(10**8, 0, 1)) == pytest.approx(1e-6 / 0.1)


def test_each_update_moves_its_own_network_alone():
    model, batch = build().double(), batch_of()
    for update in model.updates():
        model.zero_grad()
        torch.manual_seed(0)
        update.loss(batch, AT).total.backward()
        held = list(getattr(model, update.optimizer).parameters())
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in held)
        if update.optimizer == "discriminator":
            assert all(p.grad is None for p in model.generator.parameters())


@pytest.mark.parametrize(("prior", "fourth"), [("uniform", 9 / 5), ("normal", 3.0)])
def test_noise_has_deviation_one_and_the_priors_shape_in_training_and_in_sampling(prior, fourth):
    """Five standard errors at 40,000 numbers: of a square √((m4 - 1)/n)."""
    model = build(prior=prior, latents=40_000)
    torch.manual_seed(0)
    for z in (model.draw(torch.zeros(1, 1)).flatten(), model.noise(torch.Generator().manual_seed(0), None)):
        assert abs(z.mean()) < 5 / 200
        assert abs(z.square().mean() - 1) < 5 * (fourth - 1) ** 0.5 / 200
        assert (z.abs().max() <= 3**0.5) == (prior == "uniform")


# ------------------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 56), (4, 96, 64), (2, 3, 5)])
def test_pictures_of_any_size_are_made_within_range(shape):
    model = build(shape).eval()
    made = model.sample(torch.randn(3, 4), {}, None)
    assert made["image"].shape == (3, *shape)
    assert made["image"].abs().max() <= 1
    assert isinstance(model, Samples)
    assert isinstance(model, Finishes)


@pytest.mark.parametrize("data", [rows, series])
def test_rows_and_windows_are_made_in_their_own_form(data):
    spec, items = data(64)
    torch.manual_seed(0)
    model = GAN(Config.tiny().config, spec)
    trainer = Trainer(model, items, Plan(batch=16), Fabric(accelerator="cpu", devices=1))
    trainer.advance(1)
    made = trainer.weights().sample(torch.randn(5, 8), {}, None)
    assert {name: x.shape for name, x in made.items()} == {name: (5, *f.shape) for name, f in spec.fields.items()}
    for name, field in spec.fields.items():
        if field.categories:
            assert made[name].dtype == torch.int64
            assert 0 <= made[name].min() <= made[name].max() < field.categories


def test_it_learns_two_kinds_of_item_and_keeps_both():
    """Grounds of level -0.5 and 0.5, half of each. Wasserstein's distance of the levels is 0.5 for a generator at their
    mean and for one on a single kind; it at least halves."""
    g = torch.Generator().manual_seed(0)
    level = torch.where(torch.arange(256) % 2 == 0, -0.5, 0.5)
    x = level[:, None, None, None] + 0.05 * torch.randn(256, 1, 4, 4, generator=g)
    torch.manual_seed(0)
    config = Config(
        latents=4, prior="normal", hidden=(32, 32), norm=True, judge=(32,), activation="leaky", dropout=0.0,
        input_dropout=0.0, generator_range=0.0, discriminator_range=0.0, optimizer="adam", learning_rate=2e-3,
        decay=0.0,
    )  # fmt: skip
    model = GAN(config, spec_of(1, 4, 4))
    plan = Plan(batch=64, ema_items=2_000)
    trainer = Trainer(model, Values({"image": x.clamp(-1, 1)}), plan, Fabric(accelerator="cpu", devices=1))
    for _ in range(400):
        trainer.advance(400)
    with torch.no_grad():
        made = trainer.weights().sample(torch.randn(256, 4), {}, None)["image"].mean((1, 2, 3))
    assert (made.sort().values - x.mean((1, 2, 3)).sort().values).abs().mean() < 0.25


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"latents": 0}, "latents 0: too small. Pass 1 or more"),
        ({"hidden": ()}, r"--hidden \(\): a layer needs at least 1 unit"),
        ({"judge": (8, 0)}, r"--judge \(8, 0\): a layer needs at least 1 unit"),
        ({"dropout": 1.0}, r"dropout 1.0: not in \[0, 1\)"),
        ({"input_dropout": -0.1}, r"input_dropout -0.1: not in \[0, 1\)"),
        ({"learning_rate": 0.0}, "learning_rate 0.0: not above 0"),
        ({"pieces": 0}, "pieces 0: too small. Pass 1 or more"),
    ],
)
def test_what_it_cannot_be_is_refused_with_the_cure(fields, says):
    with pytest.raises(ValueError, match=says):
        build(**fields)


def test_texts_are_refused():
    spec = Spec("text", {"text": Field((17,), categories=7, start=0)})
    with pytest.raises(ValueError, match="takes pictures, rows and series"):
        GAN(Config(), spec)


@pytest.mark.parametrize(("batch", "shards", "cure"), [(1, 1, 2), (8, 8, 16), (11, 6, 12)])
def test_batch_norm_of_single_items_is_refused_before_the_first_step(batch, shards, cure):
    items, fabric = Values(batch_of(n=20).values), Fabric(accelerator="cpu", devices=1)
    with pytest.raises(Problem, match=f"--batch {batch} --shards {shards}: batch norm .* Pass --batch {cure} or more"):
        Trainer(build(norm=True), items, Plan(batch=batch, shards=shards), fabric)
    for model, plan in (
        (build(norm=True), Plan(batch=cure, shards=shards)),
        (build(norm=False), Plan(batch=batch, shards=shards)),
    ):
        Trainer(model.double(), items, plan, fabric).advance(1)
