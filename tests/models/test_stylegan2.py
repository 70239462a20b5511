"""StyleGAN2 against its papers: parameter counts, losses in closed form, lazy updates, mixing, truncation."""

import math

import pytest
import torch
from torch import nn

from reverie.core import At, Batch, Conditioned, Field, Spec
from reverie.errors import Problem
from reverie.models.adversarial.stylegan2 import Config, Sampling, StyleGAN2
from reverie.training.seeds import generator, reseed

AT = At(0, 0, 1)
CLOSE = {"rtol": 1e-9, "atol": 1e-10}
LABEL = {"label": Field((), categories=3, names=("a", "b", "c"))}


def build(shape=(1, 16, 16), condition=None, **fields):
    reseed(0, "model")
    small = {"latents": 6, "style": 5, "mapping": 2, "width": 3, "widest": 6}
    spec = Spec("image", {"image": Field(shape, levels=256)}, condition or {})
    return StyleGAN2(Config(**{**small, **fields}), spec)


def moved(model, by=0.2):
    """In float64, away from the start, where noise and biases are zero."""
    reseed(1)
    model.double()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(by * torch.randn_like(p))
    return model


def batch_of(shape=(1, 16, 16), n=8, dtype=torch.float64):
    x = torch.rand(n, *shape, generator=generator(3, "x"), dtype=dtype) * 2 - 1
    return Batch({"image": x, "label": torch.arange(n) % 3})


def count(*networks):
    return sum(p.numel() for network in networks for p in network.parameters())


def noises(model, n, how=None):
    return torch.stack([model.noise(generator(0, "item", i), how) for i in range(n)])


# ------------------------------------------------------------------------------------------------------------- networks


def test_paper_has_exactly_the_parameters_of_configuration_f():
    config, training = Config.paper()
    with torch.device("meta"):
        model = StyleGAN2(config, training.spec)
    assert count(model.mapping, model.synthesis) == 30_370_060
    assert count(model.discriminator) == 29_012_513
    assert model.spaces == {"z": 1, "w": 18}


def test_paper_has_the_settings_of_the_papers():
    """Karras et al. 2020, section 3 and appendix B; the corrections are their c = k / (k + 1)."""
    config, training = Config.paper()
    assert (config.gamma, config.path, config.mixing, config.path_decay) == (10.0, 2.0, 0.9, 0.01)
    assert (training.batch, training.steps * 32, training.ema_items) == (32, 25_000_000, 10_000)
    model = build()
    every = {update.loss.__name__: update.every for update in model.updates()}
    assert every == {"discriminator_loss": 1, "gradient_loss": 16, "generator_loss": 1, "path_loss": 8}
    for name, c in (("discriminator", 16 / 17), ("generator", 8 / 9)):
        adam = model.optimizers()[name].defaults
        assert adam["lr"] == pytest.approx(0.002 * c)
        assert adam["betas"] == (0.0, pytest.approx(0.99**c))
    assert len({id(p) for o in model.optimizers().values() for g in o.param_groups for p in g["params"]}) == len(
        list(model.parameters())
    )


def test_cifar_has_the_settings_of_stylegan2_ada():
    config, training = Config.cifar()
    with torch.device("meta"):
        model = StyleGAN2(config, training.spec)
    assert {p.shape[1] for n, p in model.synthesis.named_parameters() if n.endswith("weight") and p.ndim == 4} == {512}
    assert [u.loss.__name__ for u in model.updates()] == ["discriminator_loss", "gradient_loss", "generator_loss"]
    assert model.optimizers()["generator"].defaults["lr"] == 2.5e-3  # nothing lazy, nothing to correct
    assert (config.gamma, config.mixing, training.batch, training.ema_items) == (0.01, 0.0, 64, 500_000)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (31, 45), (40, 56), (96, 64), (9, 33)])
def test_samples_of_any_size_are_exact_and_within_range(size, channels):
    model = build((channels, *size)).eval()
    with torch.no_grad():
        made = model.sample(3 * noises(model, 3), {}, Sampling())
        assert list(made) == ["image"]
        assert made["image"].shape == (3, channels, *size)
        assert made["image"].abs().max() <= 1 + 1e-6
        assert model.discriminator(made["image"]).shape == (3,)


# --------------------------------------------------------------------------------------------------------------- losses


class Constant(nn.Module):
    """Says the same of everything, whatever its class."""

    def __init__(self, logit):
        super().__init__()
        self.logit = logit

    def forward(self, x, label=None):
        return x.flatten(1).sum(1) * 0 + self.logit


@pytest.mark.parametrize("logit", [-800.0, -1.5, 0.0, 800.0])
def test_losses_are_the_logs_of_the_sigmoid_and_stay_finite_far_out(logit):
    minus_log = {800.0: 0.0, -800.0: 800.0}  # -log σ(l), where an exponential would not fit
    real, fake = (minus_log.get(x, math.log1p(math.exp(-x)) if abs(x) < 700 else None) for x in (logit, -logit))
    model = build().double()
    model.discriminator = Constant(logit)
    assert model.discriminator_loss(batch_of(), AT).total.item() / 8 == pytest.approx(real + fake, rel=1e-12)
    assert model.generator_loss(batch_of(), AT).total.item() / 8 == pytest.approx(real, rel=1e-12, abs=1e-300)


class Quadratic(nn.Module):
    """D(x) = a |x|² / 2, whose gradient is a x."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

    def forward(self, x, label=None):
        return self.a * x.flatten(1).square().sum(1) / 2


def test_r1_is_half_gamma_times_the_squared_gradient_at_real_items_times_the_interval():
    model, batch = build(gamma=0.7, gamma_every=5).double(), batch_of()
    model.discriminator = Quadratic()
    loss = model.gradient_loss(batch, AT)
    squares = batch["image"].square().sum()
    assert loss.count == 8
    torch.testing.assert_close(loss.logs["gradient_penalty"], 9 * squares, **CLOSE)
    torch.testing.assert_close(loss.total, 5 * 0.35 * 9 * squares, **CLOSE)
    (slope,) = torch.autograd.grad(loss.total, model.discriminator.a)
    torch.testing.assert_close(slope, 5 * 0.35 * 6 * squares, **CLOSE)


def test_r1_of_the_discriminator_equals_finite_differences_of_its_pixels():
    """Of a whole batch: items of a group see each other, so that all logits' sum is what is differentiated."""
    model, step = moved(build((1, 8, 8), gamma=2.0, gamma_every=1)), 1e-6
    batch = batch_of((1, 8, 8), 4)
    x = batch["image"]
    slopes = torch.empty_like(x)
    with torch.no_grad():
        for place in range(64):
            for item in range(4):
                moves = torch.zeros_like(x)
                moves[item].view(-1)[place] = step
                gap = model.discriminator(x + moves).sum() - model.discriminator(x - moves).sum()
                slopes[item].view(-1)[place] = gap / (2 * step)
    torch.testing.assert_close(model.gradient_loss(batch, AT).total, slopes.square().sum(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", ["diff", "ada"])
def test_r1_is_of_the_discriminator_behind_its_augmentation_and_so_are_its_derivatives(kind):
    """By moving the pictures, and one weight of each layer, under the same draws."""
    model, batch, step = moved(build((1, 8, 8), augment=kind, gamma=2.0, gamma_every=1)), batch_of((1, 8, 8), 4), 1e-5
    if kind == "ada":
        model.augment.p.fill_(0.7)
    x = batch["image"]

    def loss():
        reseed(4)
        return model.gradient_loss(batch, AT).total

    def judged(x):
        reseed(4)
        return model.judged(x, None).sum()

    with torch.no_grad():
        moves = [torch.zeros_like(x) for _ in range(x.numel())]
        for k, move in enumerate(moves):
            move.view(-1)[k] = step
        slopes = torch.stack([(judged(x + move) - judged(x - move)) / (2 * step) for move in moves])
    plain = model.discriminator(x).sum()
    assert abs((judged(x) - plain).item()) > 1e-3  # it is another discriminator indeed
    torch.testing.assert_close(loss(), slopes.square().sum(), rtol=1e-5, atol=0)
    held = [p for p in model.discriminator.parameters() if p.ndim > 1]
    for weight, slope in zip(held, torch.autograd.grad(loss(), held)):
        ends = []
        for sign in (1, -2):
            weight.data[(0,) * weight.ndim] += sign * step
            ends.append(loss().item())
        weight.data[(0,) * weight.ndim] += step
        assert slope[(0,) * weight.ndim].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-6)


def path_by_hand(model, seed, n, step=1e-5):
    """Lengths by moving each number of each layer's style, from the draws that the loss makes."""
    reseed(seed)
    fake, styles = model.made(torch.zeros(n, 1, 8, 8, dtype=torch.float64), None)
    noise, state = torch.randn_like(fake), styles.detach()
    total = torch.zeros(n, dtype=torch.float64)
    for layer in range(styles.shape[1]):
        for k in range(styles.shape[2]):
            moves = torch.zeros_like(state)
            moves[:, layer, k] = step
            up, down = (noisy(model, seed, state + sign * moves) for sign in (1, -1))
            total += ((up - down) * noise / (2 * step)).flatten(1).sum(1).square()
    return (total / 64 / styles.shape[1]).sqrt()


def noisy(model, seed, styles):
    """The picture of these styles under the noise that the loss drew."""
    reseed(seed)
    model.made(torch.zeros(len(styles), 1, 8, 8, dtype=torch.float64), None)
    reseed(seed)
    z = torch.randn(2, len(styles), 6, dtype=torch.float64)
    model.mixed(model.mapping(z[0], None), z[1], None)
    return model.synthesis(styles)


def test_path_loss_is_the_weighted_square_of_lengths_less_their_mean_on_half_a_batch():
    model = moved(build((1, 8, 8), path=3.0, path_every=7))
    model.path_mean.fill_(0.4)
    reseed(9)
    loss = model.path_loss(batch_of((1, 8, 8), 6), AT)
    with torch.no_grad():
        lengths = path_by_hand(model, 9, 3)
    assert loss.count == 3
    torch.testing.assert_close(loss.logs["path_length"], lengths.sum(), rtol=1e-6, atol=0)
    torch.testing.assert_close(loss.total, 7 * 3 * (lengths - 0.4).square().sum(), rtol=1e-6, atol=0)


def test_the_mean_path_length_moves_by_its_decay_once_an_update_and_by_no_other_update():
    model, batch = moved(build()), batch_of()
    model.path_mean.fill_(2.0)
    loss = model.path_loss(batch, AT)
    assert float(model.path_mean) == 2.0
    length = loss.logs["path_length"].item() / 4
    model.absorb({k: 2 * v.detach() for k, v in loss.stats.items()}, 8.0)  # of two equal shards
    assert float(model.path_mean) == pytest.approx(2.0 + 0.01 * (length - 2.0))
    was = float(model.path_mean)
    model.absorb(model.generator_loss(batch, AT).stats, 8.0)
    assert float(model.path_mean) == was


@pytest.mark.parametrize("name", ["gradient_loss", "path_loss"])
def test_over_an_interval_the_lazy_gradient_is_in_mean_the_plain_ones(name):
    """One update by k times the loss in k steps, beside one in each."""
    plain, lazy = (moved(build(gamma_every=k, path_every=k)) for k in (1, 6))
    gradients = []
    for model in (plain, lazy):
        update = next(u for u in model.updates() if u.loss.__name__ == name)
        held = [p for group in model.optimizers()[update.optimizer].param_groups for p in group["params"]]
        total = [torch.zeros_like(p) for p in held]
        for step in range(12):
            if step % update.every == 0:
                reseed(0)
                found = torch.autograd.grad(update.loss(batch_of(), AT).total, held, allow_unused=True)
                total = [t if g is None else t + g / 12 for t, g in zip(total, found)]
        gradients.append(total)
    for a, b in zip(*gradients):
        torch.testing.assert_close(a, b, **CLOSE)
    assert any(g.abs().max() > 0 for g in gradients[0])


def test_updates_leave_out_what_has_no_weight():
    assert [u.loss.__name__ for u in build(gamma=0.0, path=0.0).updates()] == ["discriminator_loss", "generator_loss"]


def test_the_discriminators_turn_gives_the_generator_no_gradient():
    model, batch = build().double(), batch_of()
    for loss in (model.discriminator_loss, model.gradient_loss):
        loss(batch, AT).total.backward()
    assert all(p.grad is None for p in (*model.mapping.parameters(), *model.synthesis.parameters()))
    assert all(p.grad is not None for p in model.discriminator.parameters())


# --------------------------------------------------------------------------------------------------- mixing, truncation


def test_mixing_crosses_each_item_over_once_where_it_was_drawn_to():
    """Styles of the first noise before the crossing, of the second from it on; all crossings come alike: five standard
    errors of a share."""
    model, n = build(mixing=1.0).double(), 4000
    w, z = torch.zeros(n, 5, dtype=torch.float64), torch.randn(n, 6, dtype=torch.float64)
    with torch.no_grad():
        styles, second = model.mixed(w, z, None), model.mapping(z)
    layers = model.synthesis.layers
    from_second = (styles == second[:, None]).all(2)
    assert ((styles == 0).all(2) ^ from_second).all()
    assert (from_second.long().diff(dim=1) >= 0).all()  # once crossed over it stays
    crossing = layers - from_second.sum(1)
    assert crossing.unique().tolist() == list(range(1, layers))
    share = 1 / (layers - 1)
    for k in range(1, layers):
        assert abs(float((crossing == k).double().mean()) - share) < 5 * math.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("mixing", [0.0, 0.3, 0.9])
def test_so_many_items_are_mixed(mixing):
    model, n = build(mixing=mixing), 4000
    with torch.no_grad():
        styles = model.mixed(torch.zeros(n, 5), torch.randn(n, 6), None)
    mixed = (styles[:, 0] != styles[:, -1]).any(1).double().mean()
    assert abs(float(mixed) - mixing) <= 5 * math.sqrt(mixing * (1 - mixing) / n)


def test_the_centre_is_the_mean_style():
    """Of other draws, too: five standard errors of two means of 4,096."""
    model = moved(build(), by=0.5)
    with torch.no_grad():
        reseed(0)
        model.finish(lambda k: batch_of())
        w = model.mapping(torch.randn(4096, 6, dtype=torch.float64))
    assert ((model.centre[0] - w.mean(0)).abs() < 5 * w.std(0) * math.sqrt(2 / 4096)).all()
    assert model.centre.abs().max() > 0


@pytest.mark.parametrize("psi", [0.0, 0.5, 1.2])
def test_truncation_draws_styles_towards_the_centre(psi):
    model = moved(build())
    with torch.no_grad():
        model.finish(lambda k: batch_of())
        z = noises(model, 4).double()
        w = model.placed(z, {}, None, "w").view(4, -1, 5)
        cut = model.placed(z, {}, Sampling(truncation=psi), "w").view(4, -1, 5)
        coarse = model.placed(z, {}, Sampling(truncation=psi, cutoff=2), "w").view(4, -1, 5)
        same = model.sample(z, {}, Sampling(truncation=psi))["image"]
    torch.testing.assert_close(cut - model.centre, psi * (w - model.centre), **CLOSE)
    torch.testing.assert_close(coarse[:, :2], cut[:, :2], rtol=0, atol=0)
    torch.testing.assert_close(coarse[:, 2:], w[:, 2:], rtol=0, atol=0)
    if psi == 0:
        torch.testing.assert_close(same, same[:1].expand_as(same), **CLOSE)  # one w, one picture


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (Sampling(truncation=-0.1), "--truncation -0.1: not a number from 0 up"),
        (Sampling(truncation=1.6), "--truncation 1.6: above 1.5.*Pass 0 to 1.5"),
        (Sampling(truncation=float("nan")), "--truncation nan"),
        (Sampling(cutoff=-1), "--cutoff -1"),
        (Sampling(cutoff=2), "--cutoff 2 at --truncation 1: nothing is truncated.*--truncation below 1"),
    ],
)
def test_a_truncation_that_cannot_be_is_a_problem(how, says):
    with pytest.raises(Problem, match=says):
        build().noise(generator(0, "item", 0), how)


def test_a_code_of_w_sets_each_layer_and_gradients_pass_where_the_picture_is_cut_off():
    model = moved(build()).eval()
    w = model.placed(noises(model, 2).double(), {}, None, "w")
    changed = w.view(2, -1, 5).clone()
    changed[:, -1] += 1.0  # the last picture's own style
    a, b = (model.generated(codes, {}, "w")["image"] for codes in (w, changed.flatten(1)))
    assert (a != b).any()
    far = (50 * w.detach()).requires_grad_()
    made = model.generated(far, {}, "w")["image"]
    beyond = made.abs() >= 1 - 1e-12
    assert beyond.any()
    (slope,) = torch.autograd.grad(made[beyond].sum(), far)
    assert slope.abs().max() > 0


# -------------------------------------------------------------------------------------------------------------- classes


def test_classes_are_known_to_both_networks_and_each_has_its_own_centre():
    model = moved(build(condition=LABEL))
    assert isinstance(model, Conditioned)
    assert model.conditions == ("label",)
    assert model.centre.shape == (3, 5)
    with torch.no_grad():
        model.finish(lambda k: batch_of())
        z, label = noises(model, 3).double(), torch.tensor([0, 1, 2])
        one = z[:1].expand(3, -1)
        assert len(model.sample(one, {"label": label}, None)["image"].unique(dim=0)) == 3
        cut = model.placed(z, {"label": label}, Sampling(truncation=0.0), "w").view(3, -1, 5)
        torch.testing.assert_close(cut, model.centre[:, None].expand_as(cut), **CLOSE)
        x = batch_of(n=4)["image"]
        assert (
            model.discriminator(x, torch.tensor([0, 1, 2, 0])) != model.discriminator(x, torch.ones(4).long())
        ).any()


def test_fakes_are_of_the_batchs_own_classes():
    """A discriminator that says the class: real and fake of an item are of one."""

    class Says(nn.Module):
        def forward(self, x, label):
            return x.flatten(1).sum(1) * 0 + label

    model, batch = build(condition=LABEL).double(), batch_of(n=6)
    model.discriminator = Says()
    loss = model.discriminator_loss(batch, AT)
    torch.testing.assert_close(loss.logs["real"], loss.logs["fake"], **CLOSE)
    torch.testing.assert_close(loss.logs["real"], batch["label"].double().sigmoid().sum(), **CLOSE)


def test_labels_none_leaves_classes_out_and_none_to_leave_out_is_no_error():
    for model in (build(condition=LABEL, labels="none"), build()):
        assert not isinstance(model, Conditioned)
        assert model.discriminator.mapping is model.mapping.embed is None


def test_the_strength_of_augmentation_follows_the_signs_of_real_logits_and_no_other_update():
    model, batch = build(augment="ada", augment_ramp=100.0).double(), batch_of()
    model.discriminator = Constant(1.0)
    for _ in range(4):
        model.absorb(model.discriminator_loss(batch, AT).stats, 8.0)
        model.absorb(model.path_loss(batch, AT).stats, 4.0)
    assert model.augment.p.item() == pytest.approx(32 / 100)


# ------------------------------------------------------------------------------------------------------------- learning


def test_the_two_networks_learn_where_the_data_is():
    """Pictures all of one brightness, -0.5 or 0.5: the generator's mean brightness comes from 0 to within a third of
    the way of both."""
    from lightning_fabric import Fabric

    from reverie.training.trainer import Plan, Trainer
    from toys import Values

    level = torch.where(torch.arange(256) % 2 == 0, 0.5, -0.5)
    x = level.view(-1, 1, 1, 1) + 0.02 * torch.randn(256, 1, 8, 8, generator=generator(0, "x"))
    model = build((1, 8, 8), latents=8, style=8, width=8, widest=16, gamma=0.1, learning_rate=5e-3, mixing=0.0)
    trainer = Trainer(model, Values({"image": x}), Plan(batch=16, ema_items=500), Fabric(accelerator="cpu", devices=1))
    for _ in range(120):
        trainer.advance(120)
    with torch.no_grad():
        found = trainer.weights()
        made = found.sample(noises(found, 200), {}, None)["image"].mean((1, 2, 3))
    dark, bright = made[made < 0], made[made >= 0]
    assert min(len(dark), len(bright)) > 20
    assert abs(float(dark.mean()) + 0.5) < 0.17
    assert abs(float(bright.mean()) - 0.5) < 0.17


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ((1, 7, 30), {}, "7x30: stylegan2 makes 8x8 and larger. Pass the nearest: --size 8x30"),
        ((1, 16, 16), {"width": 0}, "width 0: too small. Pass 1 or more"),
        ((1, 16, 16), {"mapping": 0}, "mapping 0: too small"),
        ((1, 16, 16), {"gamma": -1.0}, "gamma -1.0: too small"),
        ((1, 16, 16), {"path_every": 0}, "path_every 0: too small"),
        ((1, 16, 16), {"mixing": 1.1}, "mixing 1.1: above 1"),
        ((1, 16, 16), {"path_share": 0.0}, "path_share 0.0: not above 0"),
        ((1, 16, 16), {"beta2": 1.0}, r"beta2 1.0: not in \[0, 1\)"),
        ((1, 16, 16), {"labels": "projection"}, "--labels projection: the data has no classes for stylegan2"),
        ((16,), {}, "stylegan2 takes pictures"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, **fields)
