"""CycleGAN: losses against their formulas, networks against the paper's sizes, rates, sizes that it can make."""

import math
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Spec
from reverie.models.adversarial.cyclegan import Config, CycleGAN
from reverie.nets.patch import PatchDiscriminator, halvings
from reverie.nets.restyle import Restyle
from reverie.spec import Field
from reverie.training.seeds import reseed
from reverie.training.trainer import Plan, Trainer
from toys import domains

AT = At(0, 0, 10)


def spec(channels: int = 3, size: tuple[int, int] = (16, 16), names: tuple[str, ...] = ("a", "b")) -> Spec:
    return Spec("image", {"image": Field((channels, *size), levels=256)}, domains=names)


def model(cfg: Config | None = None, **more) -> CycleGAN:
    reseed(0, "model")
    return CycleGAN(cfg or Config(width=2, blocks=1, pool=0, deviation=0.2), spec(**more)).double()


def batch(count: int = 3, channels: int = 3, size: tuple[int, int] = (16, 16)) -> Batch:
    torch.manual_seed(3)
    draw = [torch.rand(count, channels, *size, dtype=torch.float64) * 2 - 1 for _ in range(2)]
    return Batch({}, domains={name: Batch({"image": x}) for name, x in zip(("a", "b"), draw)})


# -------------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("identity", [0.5, 0.0])
def test_the_generators_loss_is_the_sum_over_pictures_of_its_five_terms(identity):
    m, b = model(Config(width=2, blocks=1, deviation=0.2, cycle=7.0, identity=identity)), batch()
    x, y = b.domains["a"]["image"], b.domains["b"]["image"]
    total, cycles = 0.0, 0.0
    for i in range(3):
        one, other = x[i : i + 1], y[i : i + 1]
        made, unmade = m.to_second(one), m.to_first(other)
        fooled = (m.of_second(made) - 1).square().mean() + (m.of_first(unmade) - 1).square().mean()
        cycle = (m.to_first(made) - one).abs().mean() + (m.to_second(unmade) - other).abs().mean()
        same = (m.to_first(one) - one).abs().mean() + (m.to_second(other) - other).abs().mean()
        total += float((fooled + 7 * cycle + 7 * identity * same).detach())
        cycles += float(cycle.detach())
    loss = m.generators_loss(b, AT)
    assert loss.total.item() == pytest.approx(total, rel=1e-12)
    assert float(loss.logs["cycle"]) == pytest.approx(cycles, rel=1e-12)
    assert loss.count == 3
    assert ("identity" in loss.logs) == bool(identity)


def test_the_discriminators_loss_is_half_the_squared_errors_of_both_domains():
    m, b = model(), batch()
    x, y = b.domains["a"]["image"], b.domains["b"]["image"]
    total, real, fake = 0.0, 0.0, 0.0
    for i in range(3):
        for judge, true, made in (
            (m.of_first, x[i : i + 1], m.to_first(y[i : i + 1])),
            (m.of_second, y[i : i + 1], m.to_second(x[i : i + 1])),
        ):
            total += float((judge(true) - 1).square().mean() + judge(made).square().mean()) / 2
            real, fake = real + float(judge(true).mean()) / 2, fake + float(judge(made).mean()) / 2
    loss = m.discriminators_loss(b, AT)
    assert loss.total.item() == pytest.approx(total, rel=1e-12)
    assert float(loss.logs["real"]) == pytest.approx(real, rel=1e-9)
    assert float(loss.logs["fake"]) == pytest.approx(fake, rel=1e-9)


def test_discriminators_see_what_the_pools_hold_and_pools_hold_what_generators_made():
    """Pools of two that hold zeros, and one new picture: each discriminator sees zeros about half of the time."""
    m, b = model(Config(width=2, blocks=1, pool=2, deviation=0.2)), batch(2)
    m.absorb(m.discriminators_loss(b, AT).stats, 2)
    made = {"made_second": m.to_second(b.domains["a"]["image"]), "made_first": m.to_first(b.domains["b"]["image"])}
    for name, pictures in made.items():
        torch.testing.assert_close(getattr(m, name).images[0], pictures.detach())
        getattr(m, name).images.zero_()
    seen = {}
    for name in ("of_first", "of_second"):
        getattr(m, name).register_forward_pre_hook(lambda net, args, name=name: seen.update({name: args[0][1:]}))
    one = {k: Batch({"image": v["image"][:1]}) for k, v in b.domains.items()}
    zeros = torch.zeros(2)
    for turn in range(64):
        torch.manual_seed(turn)
        m.discriminators_loss(Batch({}, domains=one), AT)
        for k, (name, whole) in enumerate((("of_second", made["made_second"]), ("of_first", made["made_first"]))):
            old = not seen[name].any()
            assert old or torch.equal(seen[name], whole[:1])
            zeros[k] += old
    assert ((zeros / 64 - 0.5).abs() < 4 * (0.25 / 64) ** 0.5).all()  # four deviations


def test_no_gradient_of_the_discriminators_reaches_a_generator():
    m = model(Config(width=2, blocks=1, pool=2))
    m.discriminators_loss(batch(), AT).total.backward()
    assert all(p.grad is None for g in (m.to_first, m.to_second) for p in g.parameters())


def test_each_generator_makes_the_domain_that_it_is_asked_for():
    m, x = model(), batch().domains["a"]
    torch.testing.assert_close(m.translate(x.values, "a", "b")["image"], m.to_second(x["image"]))
    torch.testing.assert_close(m.translate(x.values, "b", "a")["image"], m.to_first(x["image"]))


# ---------------------------------------------------------------------------------------------------------------- rates


def test_the_rate_is_constant_for_half_of_the_steps_and_then_falls_evenly_to_zero():
    m = model()
    assert [m.rate(At(step, 0, 100)) for step in (0, 49, 50, 75, 99, 100, 120)] == pytest.approx(
        [1, 1, 1, 0.5, 0.02, 0, 0]
    )
    late = model(Config(width=2, blocks=1, decay_from=0.0))
    assert late.rate(At(25, 0, 100)) == pytest.approx(0.75)


# ------------------------------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize(("side", "generator"), [(256, 11_378_179), (128, 7_837_699)])
def test_the_paper_s_networks_have_its_parameters(side, generator):
    """9 blocks from 256 pixels on, 6 below; the public implementation's counts."""
    with torch.device("meta"):
        m = CycleGAN(Config(), spec(size=(side, side)))
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in m.named_children()}
    assert counts["to_first"] == counts["to_second"] == generator
    assert counts["of_first"] == counts["of_second"] == 2_764_737


def test_a_patch_has_sides_of_seventy_pixels():
    """By what moves one number of the map."""
    torch.manual_seed(0)
    net = PatchDiscriminator((1, 256, 256), 2).double()
    bare = torch.nn.Sequential(*[layer for layer in net.layers if not isinstance(layer, torch.nn.InstanceNorm2d)])
    x = torch.zeros(1, 1, 256, 256, dtype=torch.float64, requires_grad=True)
    out = bare(x)
    assert out.shape[2:] == (30, 30)
    (slope,) = torch.autograd.grad(out[0, 0, 15, 15], x)
    rows, columns = slope[0, 0].abs().sum(1).nonzero(), slope[0, 0].abs().sum(0).nonzero()
    assert [int(k.max() - k.min()) + 1 for k in (rows, columns)] == [70, 70]


def test_weights_start_with_the_paper_s_deviation_and_biases_at_zero():
    reseed(0, "model")
    m = CycleGAN(Config(width=16), spec())
    for name, p in m.named_parameters():
        if name.endswith("bias"):
            assert not p.any()
        else:
            n = p.numel()
            assert float(p.std()) == pytest.approx(0.02, rel=5 / math.sqrt(2 * n) + 1e-6)  # five deviations of a spread
            assert abs(float(p.mean())) < 5 * 0.02 / math.sqrt(n)


def test_a_generator_treats_each_picture_by_itself_and_reflects_at_its_edges():
    torch.manual_seed(0)
    net = Restyle(2, 3, 2).double()
    x = torch.rand(4, 2, 12, 16, dtype=torch.float64)
    whole = net(x)
    for i in range(4):
        torch.testing.assert_close(whole[i : i + 1], net(x[i : i + 1]))
    flat = torch.full((1, 2, 12, 16), 0.3, dtype=torch.float64)
    first = net.layers[:2](flat)  # reflection of what is all alike is all alike; zeros beyond the edge would show
    assert float(first.std((2, 3)).max()) < 1e-12


@pytest.mark.parametrize("size", [(8, 8), (8, 40), (28, 28), (40, 56), (96, 64), (12, 20)])
@pytest.mark.parametrize("channels", [1, 4])
def test_any_size_that_divides_by_four_learns_and_translates(size, channels):
    m = CycleGAN(Config(width=2, blocks=1), spec(channels, size)).double()
    b = batch(2, channels, size)
    for update in m.updates():
        loss = update.loss(b, AT)
        loss.total.backward()
        m.absorb(loss.stats, 2)
    assert m.translate(b.domains["a"].values, "a", "b")["image"].shape == (2, channels, *size)
    assert all(p.grad.isfinite().all() for p in m.parameters())


@pytest.mark.parametrize("size", [(8, 8), (12, 40), (16, 16)])
def test_a_picture_of_any_size_that_divides_is_translated_as_by_a_network_made_for_that_size(size):
    own, other = model(), model(size=size)
    own.to_first.load_state_dict(other.to_first.state_dict())
    assert not any(side % own.divides for side in size)
    assert min(size) >= own.least
    x = batch(size=size).domains["b"]
    assert torch.equal(own.translate(x.values, "b", "a")["image"], other.translate(x.values, "b", "a")["image"])


def test_small_pictures_are_halved_less_often():
    assert [halvings(side) for side in (8, 11, 12, 23, 24, 256)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (spec(size=(30, 28)), "30x28: .*nearest: --size 3[02]x28|nearest: --size 28x28"),
        (spec(size=(4, 4)), "4x4: .*nearest: --size 8x8"),
        (spec(names=()), "one set of pictures.*reverie fit A B"),
        (spec(names=("a", "b", "c")), "3 domains"),
        (Spec("text", {"text": Field((9,), categories=7)}, domains=("a", "b")), "takes pictures"),
    ],
)
def test_what_can_not_be_made_is_named_with_the_nearest_that_can(given, says):
    with pytest.raises(ValueError, match=says):
        CycleGAN(Config(width=2), given)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"pool": -1}, {"cycle": -1.0}, {"decay_from": 1.0}, {"learning_rate": 0.0}, {"beta1": 1.0}]
)
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CycleGAN(replace(Config(width=2), **wrong), spec())


# --------------------------------------------------------------------------------------------------------------- learns


def test_stripes_learn_to_turn():
    """What varied from row to row varies from column to column after some seconds of learning, and the other way."""
    shape, items = domains((48, 32), (16, 16))
    reseed(0, "model")
    m = CycleGAN(Config(width=6, blocks=1, learning_rate=2e-3, deviation=0.05), shape)
    t = Trainer(m, items, Plan(batch=4), Fabric(accelerator="cpu", devices=1))
    while t.step < 120:
        t.advance(120)
    ways = []
    with torch.no_grad():
        for source, to in (shape.domains, shape.domains[::-1]):
            x = items.domains[source].take(torch.arange(16)).values
            y = m.translate(x, source, to)["image"]
            ways += [along(x["image"]), along(y)]
    assert ways[0] > 4
    assert ways[1] < 1 / 2  # made stripes down
    assert ways[2] < 1 / 4
    assert ways[3] > 2


def along(x: torch.Tensor) -> float:
    """How much more pictures vary from row to row than from column to column."""
    rows, columns = (float((x - x.roll(1, dim)).square().mean()) for dim in (2, 3))
    return rows / columns
