"""SAGAN against the paper: losses, rates, what is iterated when, and that it makes the class asked for."""

import math

import pytest
import torch
from lightning_fabric import Fabric

from halves import halves, nearest
from reverie.core import Absorbs, At, Batch, Conditioned, Field, Spec
from reverie.models.adversarial.sagan import SAGAN, Config
from reverie.nets.spectral import Spectral
from reverie.training.trainer import Plan, Trainer

AT = At(0, 0, 1)
# biases without a gradient: batch norm takes away what the first convolution of a block adds, and what the last block
# does; as long as no item is beyond the hinge's margin, the last bias gains from real ones what it loses by made ones
STILL = {
    "generator": {f"generator.blocks.{k}" for k in ("0.conv1.bias", "1.conv1.bias", "1.conv2.bias", "1.shortcut.bias")},
    "discriminator": {"discriminator.head.linear.bias"},
}
FABRIC = Fabric(accelerator="cpu", devices=1)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}  # float64: only the order of summation differs


def spec_of(*shape, classes=3):
    label = {"label": Field((), categories=classes)} if classes else {}
    return Spec("image", {"image": Field(shape, levels=256)}, label)


def build(shape=(1, 16, 16), classes=3, seed=0, **fields):
    torch.manual_seed(seed)
    return SAGAN(Config(**{"latents": 8, "width": 4, "attention": 1, **fields}), spec_of(*shape, classes=classes))


def batch_of(shape=(1, 16, 16), n=6, dtype=torch.float64):
    g = torch.Generator().manual_seed(3)
    x = torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1
    return Batch({"image": x, "label": torch.arange(n) % 3})


def sigmas(network):
    """The largest singular value of every weight, and what the network holds it for."""
    layers = [m for m in network.modules() if isinstance(m, Spectral)]
    exact = [torch.linalg.matrix_norm(m.weight.detach().flatten(1), 2) for m in layers]
    return torch.stack(exact), torch.stack([m.sigma().detach() for m in layers])


# -------------------------------------------------------------------------------------------------------------- losses


def test_losses_are_the_papers_of_items_that_pass_apart():
    """Real and made pass as one batch, and each gets what it would get alone."""
    model, batch = build().double(), batch_of()
    torch.manual_seed(7)
    loss = model.discriminator_loss(batch, AT)
    torch.manual_seed(7)
    fake = model.generator(torch.randn(6, 8, dtype=torch.float64), batch["label"])
    on_real, on_fake = model.discriminator(batch["image"], batch["label"]), model.discriminator(fake, batch["label"])
    by_hand = torch.relu(1 - on_real).sum() + torch.relu(1 + on_fake).sum()
    torch.testing.assert_close(loss.total, by_hand, **CLOSE)
    torch.testing.assert_close(loss.logs["real"], on_real.sigmoid().sum(), **CLOSE)
    torch.testing.assert_close(loss.logs["fake"], on_fake.sigmoid().sum(), **CLOSE)
    torch.manual_seed(7)
    loss = model.generator_loss(batch, AT)
    torch.testing.assert_close(loss.total, -on_fake.sum(), **CLOSE)
    assert loss.count == 6


def test_each_update_gives_a_gradient_to_all_of_its_network_and_none_to_the_generator_from_the_discriminators():
    model, batch = build().double(), batch_of()
    for m in model.modules():
        if hasattr(m, "gamma"):
            m.gamma.data.fill_(0.5)  # the attention's own weights have none at 0
    for update in model.updates():
        model.zero_grad()
        update.loss(batch, AT).total.backward()
        held = [p for g in model.optimizers()[update.optimizer].param_groups for p in g["params"]]
        assert {id(p) for p in held} == {id(p) for p in getattr(model, update.optimizer).parameters()}
        names = {id(p): k for k, p in model.named_parameters()}
        still = {names[id(p)] for p in held if p.grad is None or not p.grad.abs().max() > 1e-9}
        assert still == STILL[update.optimizer]
        if update.optimizer == "discriminator":
            assert all(p.grad is None for p in model.generator.parameters())


def test_the_two_networks_learn_on_two_time_scales():
    model = SAGAN(Config(width=4, attention=1), spec_of(1, 16, 16))
    found = {k: (o.defaults["lr"], o.defaults["betas"]) for k, o in model.optimizers().items()}
    assert found == {"discriminator": (4e-4, (0.0, 0.9)), "generator": (1e-4, (0.0, 0.9))}
    assert [(u.optimizer, u.repeat) for u in model.updates()] == [("discriminator", 1), ("generator", 1)]
    assert [u.repeat for u in build(discriminator_turns=3).updates()] == [3, 1]


# -------------------------------------------------------------------------------------------------------- spectral norm


def test_sigma_is_right_from_the_start_and_nears_the_truth_with_every_update():
    """Of random weights to 5 % after the first iterations (twice their mean error), never above the truth. Where the
    weights stand still, updates bring it there: of 8×9 to 8×144 matrices 500 leave 0.44 ln(144) / 500."""
    model = build((1, 16, 16), width=8)
    exact, held = sigmas(model)
    assert (held / exact).min() > 0.95
    assert (held / exact).max() < 1 + 1e-5
    for _ in range(500):
        model.absorb({"generator": torch.ones(()), "discriminator": torch.ones(())}, 16.0)
    assert (sigmas(model)[1] / exact).min() > 1 - 0.44 * math.log(144) / 500


def test_only_the_network_that_was_updated_is_iterated():
    model, batch = build().double(), batch_of()
    assert isinstance(model, Absorbs)
    for update in model.updates():
        mine = getattr(model, update.optimizer)
        other = model.generator if update.optimizer == "discriminator" else model.discriminator
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.1 * torch.randn_like(p))
        before = [
            [(m, m.u.clone(), m.v.clone()) for m in n.modules() if isinstance(m, Spectral)] for n in (mine, other)
        ]
        loss = update.loss(batch, AT)
        model.absorb(loss.stats, loss.count)
        # a matrix of one row has a u of ±1, one of one column such a v
        stayed = [[torch.equal(m.u, u) and torch.equal(m.v, v) for m, u, v in layers] for layers in before]
        assert not any(stayed[0])
        assert all(stayed[1])


# ------------------------------------------------------------------------------------------------------------ networks


def test_paper_has_the_maps_and_parameters_of_the_authors_form():
    """1024-1024-512-256-128-64 channels from 4×4 to 128×128 and back, self-attention at 32×32, the best of four."""
    config, training = Config.paper()
    with torch.device("meta"):
        model = SAGAN(config, training.spec)
    assert [(b.conv1.in_channels, b.conv1.out_channels) for b in model.generator.blocks] == [
        (1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)
    ]  # fmt: skip
    assert model.generator.attention.query.in_channels == 256
    assert model.generator.blocks[model.generator.at].size == (32, 32)
    assert (training.batch, training.steps, training.ema_items) == (256, 1_000_000, 0.0)
    # every convolution and dense layer with its bias, gains and biases of 1000 classes, the attention without biases
    pairs = [(1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    up = sum(9 * (a * b + b * b) + a * b + 3 * b + 1000 * 2 * (a + b) for a, b in pairs)
    attention = 2 * 256 * 32 + 2 * 256 * 128 + 1
    assert count(model.generator) == 128 * 16384 + 16384 + up + attention + 2 * 64 + 9 * 64 * 3 + 3
    downs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    down = sum(9 * (a * b + b * b) + a * b + 3 * b for a, b in downs) + 2 * (9 * 1024 * 1024 + 1024)
    attention = 2 * 128 * 16 + 2 * 128 * 64 + 1
    assert count(model.discriminator) == down + attention + 1024 + 1 + 1000 * 1024


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_labels_are_the_datas_where_it_has_some():
    assert isinstance(build(), Conditioned)
    for model in (build(labels="none"), build(classes=0)):
        assert not isinstance(model, Conditioned)
        assert model.discriminator.head.embedding is None
        for update in model.updates():
            assert update.loss(batch_of(dtype=torch.float32), AT).total.isfinite()
        made = model.eval().sample(torch.randn(2, 8), {"label": torch.tensor([0, 1])}, None)
        assert made["image"].shape == (2, 1, 16, 16)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 56), (4, 96, 64)])
def test_any_size_learns_and_is_sampled(shape):
    model, batch = build(shape, width=2), batch_of(shape, dtype=torch.float32)
    for update in model.updates():
        update.loss(batch, AT).total.backward()
    model.finish(lambda k: batch)
    made = model.eval().sample(torch.randn(3, 8), {"label": torch.tensor([0, 1, 2])}, None)["image"]
    assert made.shape == (3, *shape)
    assert made.abs().max() <= 1


def test_a_sample_does_not_depend_on_its_company_once_finished():
    model, batch = build().double(), batch_of(n=64)
    z, label = torch.randn(9, 8, dtype=torch.float64), torch.arange(9) % 3
    with torch.no_grad():
        assert not torch.allclose(model.generator(z, label)[:2], model.generator(z[:2], label[:2]), atol=1e-6)
        model.finish(lambda k: batch)
        model.eval()
        torch.testing.assert_close(model.generator(z, label)[:2], model.generator(z[:2], label[:2]), **CLOSE)


def test_augmentation_is_of_what_the_discriminator_sees():
    for kind in ("diff", "ada"):
        model, batch = build((3, 16, 16), augment=kind), batch_of((3, 16, 16), dtype=torch.float32)
        seen = []
        model.augment.register_forward_hook(lambda _, args, out, seen=seen: seen.append((args[0], out)))
        for update in model.updates():
            loss = update.loss(batch, AT)
            model.absorb(loss.stats, loss.count)
        assert [len(x) for x, _ in seen] == [12, 6]
        assert all(not torch.equal(x, y) for x, y in seen) or kind == "ada"  # whose p is 0 at first
        if kind == "ada":
            assert model.augment.updates.item() == 1  # of the discriminator alone


# -------------------------------------------------------------------------------------------------------------- learns


def test_it_makes_the_class_that_is_asked_for():
    """By chance a third. Forty steps are enough for all; sixty leave room."""
    means, items = halves()
    model = build(width=8, generator_rate=4e-3, discriminator_rate=4e-3)
    trainer = Trainer(model, items, Plan(batch=16, ema_items=300), FABRIC)
    for _ in range(60):
        trainer.advance(60)
    z, label = torch.randn(90, 8, generator=torch.Generator().manual_seed(0)), torch.arange(90) % 3
    with torch.no_grad():
        made = trainer.weights().sample(z, {"label": label}, None)["image"]
    assert (nearest(means, made) == label).double().mean() > 0.95


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 15, 30), {}, "15x30: sagan makes 16x16 and larger. Pass the nearest: --size 16x30"),
        ((1, 28, 28), {"attention": 2}, "attention 2: of 28x28"),
        ((1, 28, 28), {"discriminator_turns": 0}, "discriminator_turns 0: too small. Pass 1 or more"),
        ((1, 28, 28), {"generator_rate": 0.0}, "generator_rate 0.0: not above 0"),
        ((1, 28, 28), {"classes": 0, "labels": "projection"}, "--labels projection: the data has no classes for sagan"),
        ((16,), {}, "sagan takes pictures"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
