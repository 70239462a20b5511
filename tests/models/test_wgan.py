"""The Wasserstein GAN against algorithm 1 and distances that are known."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import Absorbs, At, Batch, Field, Spec
from reverie.models.adversarial.wgan import WGAN, Config
from reverie.nets.norm import BatchNorm
from reverie.training.trainer import Plan, Trainer
from toys import Values, series

AT = At(0, 0, 1)


def spec_of(*shape):
    return Spec("image", {"image": Field(shape, levels=256)})


def build(shape=(1, 8, 8), seed=0, **fields):
    torch.manual_seed(seed)
    return WGAN(Config(**{"latents": 4, "width": 4, "long_turns": False, **fields}), spec_of(*shape))


def batch_of(shape=(1, 8, 8), n=6, dtype=torch.float64):
    g = torch.Generator().manual_seed(3)
    return Batch({"image": torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1})


class Still(nn.Module):
    """A generator of items that are b throughout."""

    def __init__(self, level, size):
        super().__init__()
        self.b, self.size = nn.Parameter(torch.tensor(level, dtype=torch.float64)), size

    def forward(self, z):
        return self.b + torch.zeros(len(z), self.size, dtype=torch.float64)


def learnt(model, batch, steps):
    """A critic by its own optimiser and clipping."""
    optimizer = model.optimizers()["critic"]
    for _ in range(steps):
        loss = model.critic_loss(batch, AT)
        optimizer.zero_grad()
        (loss.total / loss.count).backward()
        optimizer.step()
        model.absorb({}, loss.count)
    return model.critic_loss(batch, AT)


@pytest.mark.parametrize(("clip", "apart"), [(0.01, 1.0), (0.05, 1.0), (0.05, 0.25)])
def test_a_linear_critic_between_two_points_reports_its_slope_times_their_distance(clip, apart):
    """D(x) = w·x with |w_i| <= c is c-Lipschitz in the sum of absolute differences. Points at 0.5 and 0.5 - d in each
    of 64 numbers lie 64 d apart: the gap is c · 64 d, and the critic gets there: 100 steps of RMSProp are 10 c long."""
    model = build(network="dense", hidden=(), clip_value=clip, learning_rate=clip / 10).double()
    model.generator = Still(0.5 - apart, 64)
    batch = Batch({"image": torch.full((5, 1, 8, 8), 0.5, dtype=torch.float64)})
    loss = learnt(model, batch, 100)
    assert loss.logs["distance"].item() / loss.count == pytest.approx(clip * 64 * apart, rel=1e-9)
    assert loss.logs["critic"].item() == -loss.logs["distance"].item() == loss.total.item()
    # the generator's way is up the critic: -64 c a unit of b
    (slope,) = torch.autograd.grad(model.generator_loss(batch, AT).total / 5, model.generator.b)
    assert slope.item() == pytest.approx(-clip * 64, rel=1e-9)


def test_a_deep_critic_reports_no_more_than_the_product_of_its_layers_slopes():
    """With h units between and weights in [-c, c], a number's slope is at most h c²: two points 64 d apart have a gap
    of at most h c² 64 d, reached where all units point one way."""
    model = build(network="dense", hidden=(16,), clip_value=0.1, learning_rate=0.01).double()
    model.generator = Still(-0.5, 64)
    batch = Batch({"image": torch.full((5, 1, 8, 8), 0.5, dtype=torch.float64)})
    loss = learnt(model, batch, 200)
    most = 16 * 0.1**2 * 64 * 1.0
    assert most / 3 < loss.logs["distance"].item() / 5 <= most * (1 + 1e-9)


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_every_weight_of_the_critic_is_clipped_from_the_start_and_after_every_update(network):
    spec, items = spec_of(1, 8, 8), Values({"image": batch_of(n=64, dtype=torch.float32)["image"]})
    torch.manual_seed(0)
    model = WGAN(Config(network=network, latents=4, width=4, long_turns=False, learning_rate=0.1), spec)
    assert isinstance(model, Absorbs)
    trainer = Trainer(model, items, Plan(batch=16), Fabric(accelerator="cpu", devices=1))
    largest = [max(p.abs().max().item() for p in model.critic.parameters())]
    for update in [*trainer.list] * 2:
        trainer.turn(update, AT)
        largest.append(max(p.abs().max().item() for p in model.critic.parameters()))
    assert max(largest) == pytest.approx(0.01, rel=1e-6)
    assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.05


def test_the_critics_turns_are_those_of_the_authors_program():
    model = build(long_turns=True)
    critic, generator = model.updates()
    assert (critic.optimizer, generator.optimizer, generator.repeat) == ("critic", "generator", 1)
    turns = {step: critic.repeat(At(step, 0, 1)) for step in (0, 24, 25, 499, 500, 501, 1000)}
    assert turns == {0: 100, 24: 100, 25: 5, 499: 5, 500: 100, 501: 5, 1000: 100}
    assert {build().updates()[0].repeat(At(step, 0, 1)) for step in (0, 500)} == {5}


def test_paper_has_the_published_values():
    config, training = Config.paper()
    with torch.device("meta"):
        model = WGAN(config, training.spec)
    for optimizer in model.optimizers().values():
        assert type(optimizer) is torch.optim.RMSprop
        assert optimizer.defaults["lr"] == 5e-5
        assert optimizer.defaults["momentum"] == 0
    assert (config.clip_value, config.critic_turns, training.batch, training.ema_items) == (0.01, 5, 64, 0.0)
    assert [m for m in model.critic.modules() if isinstance(m, BatchNorm)]
    counts = {k: sum(p.numel() for p in part.parameters()) for k, part in model.named_children()}
    assert counts == {"generator": 3_576_704, "critic": 2_765_568}  # DCGAN's at 64×64


def test_the_loss_is_a_sum_over_items():
    model, batch = build(network="dense", hidden=(8,)).double(), batch_of()
    model.generator = Still(0.0, 64)
    whole = model.critic_loss(batch, AT)
    parts = [model.critic_loss(Batch({"image": batch["image"][k : k + 1]}), AT) for k in range(6)]
    assert whole.count == 6
    assert whole.total.item() == pytest.approx(sum(p.total.item() for p in parts), rel=1e-12)


def test_each_update_moves_its_own_network_alone():
    for network in ("dense", "convolutional"):
        model, batch = build(network=network).double(), batch_of()
        for update in model.updates():
            model.zero_grad()
            update.loss(batch, AT).total.backward()
            held = list(getattr(model, update.optimizer).parameters())
            # a bias that ends the critic cancels in its gap
            assert sum(p.grad is None or p.grad.abs().max() == 0 for p in held) <= (network == "dense")
            if update.optimizer == "critic":
                assert all(p.grad is None for p in model.generator.parameters())


def test_made_items_move_to_the_data_and_the_distance_falls():
    """Grounds of level 0.5, of which a generator knows nothing at the start. Wasserstein's distance of the levels falls
    to a quarter, and the critic's estimate with it."""
    g = torch.Generator().manual_seed(0)
    x = 0.5 + 0.05 * torch.randn(256, 1, 4, 4, generator=g)
    torch.manual_seed(0)
    config = Config(network="dense", latents=4, hidden=(32,), clip_value=0.1, long_turns=False, learning_rate=2e-3)
    model = WGAN(config, spec_of(1, 4, 4))
    plan = Plan(batch=64, ema_items=2_000)
    trainer = Trainer(model, Values({"image": x.clamp(-1, 1)}), plan, Fabric(accelerator="cpu", devices=1))
    apart, told = [], []
    for step in range(81):
        told.append(trainer.advance(81)["distance"].item())
        if step in (0, 80):
            with torch.no_grad():
                made = trainer.weights().sample(torch.randn(256, 4), {}, None)["image"].mean((1, 2, 3))
            apart.append((made.sort().values - x.mean((1, 2, 3)).sort().values).abs().mean().item())
    assert apart[1] < apart[0] / 4
    assert abs(sum(told[-20:]) / 20) < max(told) / 4


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 56), (4, 96, 64), (1, 31, 45)])
def test_pictures_of_any_size_are_made_within_range(shape):
    model = build(shape).eval()
    made = model.sample(torch.randn(3, 4), {}, None)
    assert made["image"].shape == (3, *shape)
    assert made["image"].abs().max() <= 1


def test_dense_networks_make_windows_of_a_series():
    spec, items = series(32)
    torch.manual_seed(0)
    model = WGAN(replace(Config.small().config, hidden=(16,), latents=4), spec)  # auto: dense
    trainer = Trainer(model, items, Plan(batch=16), Fabric(accelerator="cpu", devices=1))
    trainer.advance(1)
    assert trainer.weights().sample(torch.randn(5, 4), {}, None)["past"].shape == (5, 24, 2)


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 7, 30), {}, "7x30: convolutions make 8x8 and larger. .*--size 8x30, or --network dense"),
        ((1, 8, 8), {"clip_value": 0.0}, "clip_value 0.0: not above 0"),
        ((1, 8, 8), {"critic_turns": 0}, "critic_turns 0: too small. Pass 1 or more"),
        ((1, 8, 8), {"hidden": (8, 0)}, r"--hidden \(8, 0\): a layer needs at least 1 unit"),
        ((16,), {}, "--network convolutional: for pictures, and an item is none. Pass --network dense"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
