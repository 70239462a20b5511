"""BigGAN against the paper: parameter counts, the orthogonal penalty, truncation, standing statistics, accumulation."""

import pytest
import torch
from lightning_fabric import Fabric

from halves import halves, nearest
from reverie.core import At, Batch, Conditioned, Field, Finishes, Latents, Spec
from reverie.errors import Problem
from reverie.models.adversarial.biggan import BigGAN, Config, Sampling
from reverie.nets.norm import BatchNorm2d
from reverie.nets.spectral import Spectral
from reverie.training.trainer import Plan, Trainer
from toys import Values

AT = At(0, 0, 1)
FABRIC = Fabric(accelerator="cpu", devices=1)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}  # float64: only the order of summation differs


def spec_of(*shape, classes=3):
    label = {"label": Field((), categories=classes)} if classes else {}
    return Spec("image", {"image": Field(shape, levels=256)}, label)


def build(shape=(1, 16, 16), classes=3, seed=0, **fields):
    torch.manual_seed(seed)
    return BigGAN(Config(**{"latents": 9, "width": 4, "shared": 4, **fields}), spec_of(*shape, classes=classes))


def batch_of(shape=(1, 16, 16), n=6, dtype=torch.float64):
    g = torch.Generator().manual_seed(3)
    x = torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1
    return Batch({"image": x, "label": torch.arange(n) % 3})


def count(network):
    return sum(p.numel() for p in network.parameters())


# ------------------------------------------------------------------------------------------------------------ networks


def test_paper_has_the_known_parameter_counts_at_128():
    """As the authors' PyTorch code counts at 128×128, ch 96, 1000 classes."""
    config, training = Config.paper()
    with torch.device("meta"):
        model = BigGAN(config, training.spec)
    assert (count(model.generator), count(model.discriminator)) == (70_433_988, 87_982_370)
    assert (training.batch, round(0.5 ** (training.batch / training.ema_items), 6)) == (2_048, 0.9999)
    assert model.generator.parts == [20] * 6
    assert model.generator.blocks[model.generator.at].size == (64, 64)  # table 4: the non-local block
    assert model.generator.shared.weight.shape == (1000, 128)


def test_cifar_has_the_counts_of_the_authors_script():
    """4 · 64 channels everywhere, a gain and a bias for each class, no attention: by hand."""
    config, training = Config.cifar()
    with torch.device("meta"):
        model = BigGAN(config, training.spec)
    wide, classes = 256, 10
    block = 2 * (9 * wide * wide + wide) + wide * wide + wide  # with a short cut
    generator = 128 * 16 * wide + 16 * wide + 3 * (block + 4 * classes * wide) + 2 * wide + 27 * wide + 3
    first = 9 * 3 * wide + wide + 9 * wide * wide + wide + 3 * wide + wide
    flat = 2 * (9 * wide * wide + wide)
    assert count(model.generator) == generator
    assert count(model.discriminator) == first + block + 2 * flat + wide + 1 + classes * wide
    assert [(u.optimizer, u.repeat) for u in model.updates()] == [("discriminator", 4), ("generator", 1)]
    assert (training.batch, round(0.5 ** (training.batch / training.ema_items), 6)) == (50, 0.9999)


def test_the_optimisers_are_the_papers():
    model = BigGAN(Config(width=4), spec_of(1, 16, 16))
    found = {k: (o.defaults["lr"], o.defaults["betas"]) for k, o in model.optimizers().items()}
    assert found == {"discriminator": (2e-4, (0.0, 0.999)), "generator": (5e-5, (0.0, 0.999))}
    assert [(u.optimizer, u.repeat) for u in model.updates()] == [("discriminator", 2), ("generator", 1)]


def test_weights_start_orthogonal_or_normal():
    model = build(width=8)
    for m in model.modules():
        if isinstance(m, Spectral):
            w = m.weight.detach().flatten(1)
            torch.testing.assert_close(torch.linalg.svdvals(w), torch.ones(min(w.shape)), rtol=0, atol=1e-5)
            assert m.sigma().item() == pytest.approx(1, abs=1e-5)
    normal = torch.cat([p.flatten() for p in build(width=8, start="normal").parameters() if p.ndim > 1])
    assert abs(normal.std() / 0.02 - 1) < 5 / (2 * normal.numel()) ** 0.5


# -------------------------------------------------------------------------------------------------------------- losses


def test_losses_are_the_hinge_of_items_that_pass_apart():
    model, batch = build(orthogonality=0.0).double(), batch_of()
    torch.manual_seed(7)
    loss = model.discriminator_loss(batch, AT)
    torch.manual_seed(7)
    fake = model.generator(torch.randn(6, 9, dtype=torch.float64), batch["label"])
    on_real, on_fake = model.discriminator(batch["image"], batch["label"]), model.discriminator(fake, batch["label"])
    torch.testing.assert_close(loss.total, torch.relu(1 - on_real).sum() + torch.relu(1 + on_fake).sum(), **CLOSE)
    torch.manual_seed(7)
    torch.testing.assert_close(model.generator_loss(batch, AT).total, -on_fake.sum(), **CLOSE)


def test_orthogonality_is_paid_for_once_a_batch_by_all_weights_but_the_class_vectors():
    """β Σ over i ≠ j of (w_i · w_j)², whatever the number of items."""
    with_it, without = (
        build(start="normal", orthogonality=0.5).double(),
        build(start="normal", orthogonality=0.0).double(),
    )
    by_hand = 0.0
    for name, p in with_it.generator.named_parameters():
        if p.ndim > 1 and "shared" not in name:
            rows = p.detach().flatten(1)
            by_hand += sum((rows[i] @ rows[j]) ** 2 for i in range(len(rows)) for j in range(len(rows)) if i != j)
    for n in (6, 12):
        totals = []
        for model in (with_it, without):
            torch.manual_seed(7)
            loss = model.generator_loss(batch_of(n=n), AT)
            totals.append(loss.total / loss.count)
        torch.testing.assert_close((totals[0] - totals[1]).item(), 0.5 * by_hand.item(), rtol=1e-7, atol=1e-9)


def test_a_large_batch_is_accumulated_by_shards():
    """One update of the discriminator on 16 items in four shards, with a generator that knows no batch, is the update
    on 16 at once, to rounding: the trainer adds up what a loss sums."""
    states = []
    for shards in (1, 4):
        model = build(orthogonality=0.0).double()
        model.generator.eval()
        z = torch.randn(16, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        parts = iter(z.chunk(shards))
        model.draw = lambda like, parts=parts: next(parts)
        trainer = Trainer(model, Values(dict(batch_of(n=16).values)), Plan(batch=16, shards=shards), FABRIC)
        trainer.turn(trainer.list[0], trainer.at(1))
        states.append(torch.cat([p.flatten() for p in model.discriminator.parameters()]))
    # Adam's first step is the gradient's sign times the rate: where a gradient is 0 but for rounding, so is the sign
    far = (states[0] - states[1]).abs() > 1e-9
    assert far.double().mean() < 0.01


# ------------------------------------------------------------------------------------------------------------ sampling


def noise_of(model, threshold, n=200):
    how = Sampling(truncation=threshold)
    return torch.stack([model.noise(torch.Generator().manual_seed(i), how) for i in range(n)])


def test_truncation_bounds_z_and_leaves_items_akin():
    model = build()
    whole = torch.stack([model.noise(torch.Generator().manual_seed(i), None) for i in range(200)])
    assert torch.equal(whole, noise_of(model, 0.0))  # none
    for threshold in (0.04, 0.5, 2.0):
        z = noise_of(model, threshold)
        assert z.abs().max() <= threshold
        assert torch.equal(z.sign(), whole.sign())
    # of 1,800 draws of the normal truncated at 1: E[z²] = 0.2911, its deviation 0.29; five standard errors
    assert abs(noise_of(model, 1.0).square().mean() - 0.2911) < 5 * 0.29 / 1800**0.5


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
def test_a_truncation_that_is_no_threshold_is_refused(threshold):
    with pytest.raises(Problem, match=f"--truncation {threshold}: not a number from 0 up. Pass one"):
        noise_of(build(), threshold, 1)


def test_standing_statistics_do_not_depend_on_what_is_made_together():
    model, batch = build().double(), batch_of(n=64)
    z, label = torch.randn(9, 9, dtype=torch.float64), torch.arange(9) % 3
    with torch.no_grad():
        assert not torch.allclose(model.generator(z, label)[:2], model.generator(z[:2], label[:2]), atol=1e-6)
        model.finish(lambda k: batch)
        model.eval()
        torch.testing.assert_close(model.generator(z, label)[:2], model.generator(z[:2], label[:2]), **CLOSE)
    assert isinstance(model, Finishes)
    assert isinstance(model, Latents)
    assert isinstance(model, Conditioned)


def test_standing_statistics_are_of_noise_and_of_all_classes_alike():
    """Whatever the classes of the data, and however few its batches: of the first norm, whose input knows no class, the
    mean over 4,096 draws; of a later one, of evenly drawn classes."""
    model = build(classes=3).double()
    kept = []
    model.generator.blocks[1].norm1.norm.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    lean = Batch({"image": batch_of(n=256)["image"], "label": torch.zeros(256, dtype=torch.long)})
    with torch.no_grad():
        model.finish(lambda k: lean)
        first = model.generator.blocks[0].norm1.norm
        assert isinstance(first, BatchNorm2d)
        # the base is linear in N(0, 1): a channel's mean over places and draws is its bias, its variance |w|², both
        # averaged over places
        w = model.generator.linear.normalised().view(16, -1, len(model.generator.linear.weight[0]))
        bias = model.generator.linear.bias.view(16, -1)
        expected = w.square().sum(2).mean(0) + bias.var(0, correction=0)
        # χ² of few terms: a relative error of √(2 / 4,096) of the mean of 16 places that may go together; five of them
        torch.testing.assert_close(first.var, expected, rtol=5 * (2 / 4096) ** 0.5, atol=0)
        torch.manual_seed(5)
        label = torch.arange(4096) % 3
        kept.clear()
        model.generator(torch.randn(4096, 9, dtype=torch.float64), label)
        even = kept[0].mean((0, 2, 3))
        kept.clear()
        model.generator(torch.randn(4096, 9, dtype=torch.float64), label * 0)
        one = kept[0].mean((0, 2, 3))
    found = model.generator.blocks[1].norm1.norm.mean
    assert (found - even).norm() < 0.2 * (found - one).norm()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 56), (4, 64, 96)])
def test_any_size_learns_and_is_sampled(shape):
    model, batch = build(shape, width=2), batch_of(shape, dtype=torch.float32)
    for update in model.updates():
        update.loss(batch, AT).total.backward()
    model.finish(lambda k: batch)
    made = model.eval().sample(torch.randn(3, 9), {"label": torch.tensor([0, 1, 2])}, None)["image"]
    assert made.shape == (3, *shape)
    assert made.abs().max() <= 1


def test_without_classes_it_learns_unconditionally():
    for model in (build(labels="none"), build(classes=0)):
        assert not isinstance(model, Conditioned)
        for update in model.updates():
            assert update.loss(batch_of(dtype=torch.float32), AT).total.isfinite()
        assert model.eval().sample(torch.randn(2, 9), {}, None)["image"].shape == (2, 1, 16, 16)


# -------------------------------------------------------------------------------------------------------------- learns


def test_it_makes_the_class_that_is_asked_for():
    """By chance a third. Forty steps are enough for all; sixty leave room."""
    means, items = halves()
    model = build(width=8, generator_rate=4e-3, discriminator_rate=4e-3, discriminator_turns=1)
    trainer = Trainer(model, items, Plan(batch=16, ema_items=300), FABRIC)
    for _ in range(60):
        trainer.advance(60)
    z, label = torch.randn(90, 9, generator=torch.Generator().manual_seed(0)), torch.arange(90) % 3
    with torch.no_grad():
        made = trainer.weights().sample(z, {"label": label}, None)["image"]
    assert (nearest(means, made) == label).double().mean() > 0.95


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 15, 30), {}, "15x30: biggan makes 16x16 and larger. Pass the nearest: --size 16x30"),
        ((1, 28, 28), {"latents": 2}, "latents 2: 28x28 takes 3 parts of them. Pass 3 or more"),
        ((1, 28, 28), {"shared": 0}, "shared 0: .* Pass --shared 128"),
        ((1, 28, 28), {"orthogonality": -1.0}, "orthogonality -1.0: too small. Pass 0 or more"),
        (
            (1, 28, 28),
            {"classes": 0, "labels": "projection"},
            "--labels projection: the data has no classes for biggan",
        ),
        ((16,), {}, "biggan takes pictures"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
