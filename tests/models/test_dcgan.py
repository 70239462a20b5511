"""DCGAN against the paper, the widely used PyTorch form, and closed forms."""

import math
from copy import deepcopy

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import At, Batch, Field, Finishes, Samples, Spec
from reverie.models.adversarial.dcgan import DCGAN, Config
from reverie.nets.norm import BatchNorm2d
from reverie.training.trainer import Plan, Trainer
from toys import Values

AT = At(0, 0, 1)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}  # float64: only the order of summation differs


def spec_of(*shape):
    return Spec("image", {"image": Field(shape, levels=256)})


def build(shape=(1, 28, 28), seed=0, **fields):
    torch.manual_seed(seed)
    cfg = Config(**{"latents": 8, "width": 4, "kernel": 4, "prior": "normal", **fields})
    return DCGAN(cfg, spec_of(*shape))


def batch_of(shape, n=6, seed=3, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return Batch({"image": (torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1)})


def count(network):
    return sum(p.numel() for p in network.parameters())


# ------------------------------------------------------------------------------------------------------------ networks


def test_small_has_the_known_parameter_counts():
    model = DCGAN(Config.small().config, spec_of(3, 64, 64))
    counts = {name: count(network) for name, network in model.named_children()}
    assert counts == {"generator": 3_576_704, "discriminator": 2_765_568, "augment": 0}


def test_paper_has_the_widths_and_kernels_of_figure_1():
    config, training = Config.paper()
    model = DCGAN(config, training.spec)
    up = [m for m in model.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.kernel_size) for m in up] == [
        (100, (4, 4)),
        *((width, (5, 5)) for width in (1024, 512, 256, 128)),
    ]
    assert up[-1].out_channels == 3
    down = [m for m in model.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size) for m in down] == [
        *((width, (5, 5)) for width in (128, 256, 512, 1024)),
        (1, (4, 4)),
    ]
    assert (training.batch, training.ema_items, training.size) == (128, 0.0, (64, 64))
    # weights and two numbers a channel of batch norm
    generator = 100 * 1024 * 16 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 2 * (1024 + 512 + 256 + 128)
    discriminator = 25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 1024 * 16 + 2 * (256 + 512 + 1024)
    assert (count(model.generator), count(model.discriminator)) == (generator, discriminator)


def plain_networks(width=4, latents=8, channels=3):
    """The widely used PyTorch form at 64×64, of torch's own layers."""
    g, d = [nn.ConvTranspose2d(latents, 8 * width, 4, 1, 0, bias=False)], []
    for wide in (8, 4, 2):
        g += [nn.BatchNorm2d(wide * width), nn.ReLU(True)]
        g += [nn.ConvTranspose2d(wide * width, wide * width // 2, 4, 2, 1, bias=False)]
    g += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    d += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for thin in (1, 2, 4):
        d += [nn.Conv2d(thin * width, 2 * thin * width, 4, 2, 1, bias=False)]
        d += [nn.BatchNorm2d(2 * thin * width), nn.LeakyReLU(0.2, inplace=True)]
    d += [nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False)]
    return nn.Sequential(*g).double(), nn.Sequential(*d).double()


def copy_weights(ours, theirs):
    ours, theirs = list(ours.parameters()), list(theirs.parameters())
    assert [p.shape for p in ours] == [p.shape for p in theirs]
    with torch.no_grad():
        for a, b in zip(ours, theirs):
            b.copy_(a)


@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_pytorch_form_layer_by_layer_in_training(channels):
    model = build((channels, 64, 64)).double()
    generator, discriminator = plain_networks(channels=channels)
    copy_weights(model.generator, generator)
    copy_weights(model.discriminator, discriminator)
    z = torch.randn(5, 8, dtype=torch.float64)
    ours, theirs = z, z[:, :, None, None]
    assert len(model.generator.layers) == len(generator)
    for a, b in zip(model.generator.layers, generator):
        ours, theirs = a(ours), b(theirs)
        torch.testing.assert_close(ours, theirs, **CLOSE)
    assert len(model.discriminator.layers) == len(discriminator)
    for a, b in zip(model.discriminator.layers, discriminator):
        ours, theirs = a(ours), b(theirs)
        torch.testing.assert_close(ours, theirs.reshape(ours.shape), **CLOSE)


def test_gradients_of_both_losses_equal_those_of_the_plain_loop():
    """Binary cross-entropy with the labels that each turn wants, on the plain networks, with the very noise drawn."""
    model, batch = build((3, 64, 64)).double(), batch_of((3, 64, 64))
    generator, discriminator = plain_networks()
    copy_weights(model.generator, generator)
    copy_weights(model.discriminator, discriminator)
    bce = nn.BCEWithLogitsLoss(reduction="sum")
    ones, zeros = torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)

    torch.manual_seed(7)
    ours = model.discriminator_loss(batch, AT)
    torch.manual_seed(7)
    fake = generator(torch.randn(6, 8, dtype=torch.float64)[:, :, None, None])
    on_real, on_fake = discriminator(batch["image"]).flatten(), discriminator(fake.detach()).flatten()
    theirs = bce(on_real, ones) + bce(on_fake, zeros)
    compare(ours, theirs, model.discriminator, discriminator)
    torch.testing.assert_close(ours.logs["real"], on_real.sigmoid().sum(), **CLOSE)
    torch.testing.assert_close(ours.logs["fake"], on_fake.sigmoid().sum(), **CLOSE)

    torch.manual_seed(8)
    ours = model.generator_loss(batch, AT)
    torch.manual_seed(8)
    fake = generator(torch.randn(6, 8, dtype=torch.float64)[:, :, None, None])
    compare(ours, bce(discriminator(fake).flatten(), ones), model.generator, generator)


def compare(ours, theirs, our_network, their_network):
    assert ours.count == 6
    torch.testing.assert_close(ours.total, theirs, **CLOSE)
    mine = torch.autograd.grad(ours.total, list(our_network.parameters()))
    their = torch.autograd.grad(theirs, list(their_network.parameters()))
    for a, b in zip(mine, their):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


# -------------------------------------------------------------------------------------------------------- augmentation


@pytest.mark.parametrize("augment", ["none", "diff", "ada"])
def test_the_discriminator_sees_real_and_made_pictures_augmented_in_both_turns(augment):
    model, batch, shown = build(augment=augment).double(), batch_of((1, 28, 28)), []
    model.augment.register_forward_hook(lambda module, args, out: shown.append((args[0], out)))
    model.discriminator.register_forward_pre_hook(lambda module, args: shown.append(args[0]))
    if augment == "ada":
        model.augment.p.fill_(1.0)
    for loss in (model.discriminator_loss, model.generator_loss):
        loss(batch, AT)
    pairs, seen = [s for s in shown if isinstance(s, tuple)], [s for s in shown if not isinstance(s, tuple)]
    assert len(pairs) == len(seen) == 3
    assert pairs[0][0] is batch["image"]
    for (given, changed), x in zip(pairs, seen):
        assert changed is x
        assert torch.equal(given, changed) == (augment == "none")
    assert [x.requires_grad for x in seen] == [False, False, True]


@pytest.mark.parametrize("augment", ["diff", "ada"])
def test_the_generator_learns_through_the_augmentation(augment):
    model, batch = build(augment=augment).double(), batch_of((1, 28, 28))
    if augment == "ada":
        model.augment.p.fill_(1.0)
    model.generator_loss(batch, AT).total.backward()
    assert all(p.grad.abs().max() > 0 for p in model.generator.parameters())


def trainer_of(shards=1):
    model = build((1, 8, 8), augment="ada", augment_target=-0.9, augment_ramp=64 * 16)
    items = Values({"image": batch_of((1, 8, 8), 48, dtype=torch.float32)["image"]})
    return Trainer(model, items, Plan(batch=16, shards=shards), Fabric(accelerator="cpu", devices=1))


def test_a_run_whose_augmentation_adapts_goes_on_bit_for_bit():
    """Cut after 6 steps, two after one of p's and two before the next."""
    whole, half, rest = trainer_of(), trainer_of(), trainer_of()
    for _ in range(6):
        half.advance(11)
    state = deepcopy(half.state())
    assert float(state["model"]["augment.p"]) == 1 / 16  # one step of 64 items, up
    assert float(state["model"]["augment.items"]) == 32
    rest.load(state)
    for t, steps in ((whole, 11), (rest, 5)):
        for _ in range(steps):
            t.advance(11)
    ours, theirs = whole.state()["model"], rest.state()["model"]
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert float(ours["augment.p"]) == 2 / 16


def test_p_counts_the_items_of_all_shards():
    t = trainer_of(shards=2)
    for _ in range(3):
        t.advance(11)
    assert float(t.model.augment.items) == 48


# -------------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("logit", [-800.0, -1.5, 0.0, 2.0, 800.0])
def test_losses_are_the_logs_of_the_sigmoid_and_stay_finite_far_out(logit):
    """A discriminator that says the same of everything: -log σ(l) - log(1 - σ(l)) and -log σ(l), in nats an item."""

    class Constant(nn.Module):
        def forward(self, x):
            return x.flatten(1).sum(1) * 0 + logit

    model, batch = build().double(), batch_of((1, 28, 28))
    model.discriminator = Constant()
    # -log σ(l) by hand: log(1 + e^-l), where the exponential of 800 would not fit
    minus_log = {800.0: 0.0, -800.0: 800.0}
    real = minus_log.get(logit, math.log1p(math.exp(-logit)) if abs(logit) < 700 else None)
    fake = minus_log.get(-logit, math.log1p(math.exp(logit)) if abs(logit) < 700 else None)
    loss = model.discriminator_loss(batch, AT)
    assert loss.total.item() / loss.count == pytest.approx(real + fake, rel=1e-12)
    assert model.generator_loss(batch, AT).total.item() / 6 == pytest.approx(real, rel=1e-12, abs=1e-300)


def test_an_untrained_discriminator_pays_two_log_two():
    """At zero weights every logit is 0: log 4 nats an item for it, log 2 for the generator (Goodfellow et al. 2014)."""
    model, batch = build().double(), batch_of((1, 28, 28))
    nn.init.zeros_(model.discriminator.layers[-1].weight)
    assert model.discriminator_loss(batch, AT).total.item() / 6 == pytest.approx(math.log(4), rel=1e-12)
    assert model.generator_loss(batch, AT).total.item() / 6 == pytest.approx(math.log(2), rel=1e-12)


def test_each_update_gives_a_gradient_to_all_of_its_network_and_the_discriminators_none_to_the_generator():
    model, batch = build().double(), batch_of((1, 28, 28))
    optimizers = model.optimizers()
    assert [u.optimizer for u in model.updates()] == ["discriminator", "generator"]
    for update in model.updates():
        model.zero_grad()
        update.loss(batch, AT).total.backward()
        held = [p for g in optimizers[update.optimizer].param_groups for p in g["params"]]
        assert {id(p) for p in held} == {id(p) for p in getattr(model, update.optimizer).parameters()}
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in held)
        if update.optimizer == "discriminator":
            assert all(p.grad is None for p in model.generator.parameters())


def test_the_optimisers_are_the_papers():
    for optimizer in build().optimizers().values():
        assert type(optimizer) is torch.optim.Adam
        assert optimizer.defaults["lr"] == 2e-4
        assert optimizer.defaults["betas"] == (0.5, 0.999)


def test_weights_start_as_the_paper_says():
    """Five standard errors of a normal's deviation."""
    model = build((3, 64, 64), width=16, latents=100)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.bias is None
            assert abs(layer.weight.std() / 0.02 - 1) < 5 / (2 * layer.weight.numel()) ** 0.5
    norms = torch.cat([m.weight.data for m in model.modules() if isinstance(m, BatchNorm2d)])
    assert abs(norms.mean() - 1) < 5 * 0.02 / len(norms) ** 0.5
    assert abs(norms.std() / 0.02 - 1) < 5 / (2 * len(norms)) ** 0.5


def test_weights_lie_channels_last():
    model = build((3, 64, 64))
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in model.parameters() if p.ndim == 4)


# ------------------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (31, 45), (32, 32), (64, 64), (40, 56), (96, 64)])
def test_samples_of_any_size_are_exact_and_within_range(size, channels, kernel):
    model = build((channels, *size), kernel=kernel).eval()
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        made = model.sample(torch.stack([model.noise(g, None) for _ in range(3)]), {}, None)
        assert list(made) == ["image"]
        assert made["image"].shape == (3, channels, *size)
        assert made["image"].abs().max() <= 1
        assert model.discriminator(made["image"]).shape == (3,)


@pytest.mark.parametrize(("prior", "variance", "fourth"), [("uniform", 1 / 3, 1 / 5), ("normal", 1.0, 3.0)])
def test_noise_has_the_priors_moments_in_training_and_in_sampling(prior, variance, fourth):
    """Five standard errors at 40,000 numbers: of the mean √(v/n), of the square √((m4 - v²)/n)."""
    model = build(prior=prior, latents=40_000)
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    for z in (model.draw(torch.zeros(1, 1, 28, 28)).flatten(), model.noise(g, None)):
        assert abs(z.mean()) < 5 * (variance / 40_000) ** 0.5
        assert abs(z.square().mean() - variance) < 5 * ((fourth - variance**2) / 40_000) ** 0.5
        assert (z.abs().max() <= 1) == (prior == "uniform")
    assert Config.paper().config.prior == "uniform"


def test_finish_gives_samples_the_statistics_that_training_had():
    """After it, pictures from the population's statistics lie near those that a large batch normalises by itself;
    before it they do not. Leaves no mode changed, and both networks filled."""
    model = build(width=8)
    for p in model.generator.parameters():  # away from the start, where every statistic is nearly 0
        if p.ndim == 4:
            p.data *= 5
    batch = batch_of((1, 28, 28), 64, dtype=torch.float32)
    torch.manual_seed(1)
    z = torch.randn(512, 8)
    with torch.no_grad():
        in_batch = model.generator(z)
        before = (model.eval().generator(z) - in_batch).square().mean()
        model.train()
        model.finish(lambda k: batch)
        assert model.training
        assert model.generator.training
        after = (model.eval().generator(z) - in_batch).square().mean()
        assert after < 0.02 * in_batch.var()
        assert after < before / 10
        for norm in (m for m in model.modules() if isinstance(m, BatchNorm2d)):
            assert norm.mean.abs().max() > 0
            assert (norm.var != 1).all()
    assert isinstance(model, Finishes)
    assert isinstance(model, Samples)


def test_finish_takes_the_discriminators_statistics_from_real_and_fake_alike():
    """Its first batch norm sees averages of the two, each a batch of its own."""
    model, batch = build().double(), batch_of((1, 28, 28), 16)
    torch.manual_seed(5)
    model.finish(lambda k: batch)
    first = next(k for k, m in enumerate(model.discriminator.layers) if isinstance(m, BatchNorm2d))
    below = model.discriminator.layers[:first]
    with torch.no_grad():
        real = below(batch["image"]).mean((0, 2, 3))
        torch.manual_seed(5)
        for _ in range(16):
            model.draw(batch["image"])  # what the generator's own statistics took
        fakes = [below(model.eval().generator(model.draw(batch["image"]))).mean((0, 2, 3)) for _ in range(16)]
    expected = (real + torch.stack(fakes).mean(0)) / 2
    torch.testing.assert_close(model.discriminator.layers[first].mean, expected, **CLOSE)


def test_finish_twice_from_one_seed_is_the_same():
    model, batch = build(), batch_of((1, 28, 28), dtype=torch.float32)
    states = []
    for _ in range(2):
        torch.manual_seed(9)
        model.finish(lambda k: batch)
        states.append({k: v.clone() for k, v in model.state_dict().items()})
    assert all(torch.equal(v, states[1][k]) for k, v in states[0].items())


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 7, 30), {}, "7x30: dcgan makes 8x8 and larger. Pass the nearest: --size 8x30"),
        ((1, 28, 28), {"kernel": 2}, "kernel 2: too small. Pass 3 or more"),
        ((1, 28, 28), {"latents": 0}, "latents 0: too small. Pass 1 or more"),
        ((1, 28, 28), {"width": 0}, "width 0: too small. Pass 1 or more"),
        ((1, 28, 28), {"learning_rate": 0.0}, "learning_rate 0.0: not above 0"),
        ((1, 28, 28), {"beta1": 1.0}, r"beta1 1.0: not in \[0, 1\)"),
        ((1, 28, 28), {"slope": -0.1}, r"slope -0.1: not in \[0, 1\)"),
        ((16,), {}, "dcgan takes pictures"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
