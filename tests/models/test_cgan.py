"""The conditional GAN: its condition reaches both networks, and the class asked for is the class that comes."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import At, Batch, Conditioned, Field, Spec
from reverie.models.adversarial.cgan import CGAN, Config
from reverie.nets.adversaries import Maxout
from reverie.training.trainer import Plan, Trainer
from toys import Values, rows

AT = At(0, 0, 1)
LABEL = Field((), categories=3, names=("a", "b", "c"))
ATTRIBUTES = Field((2,), 0.0, 1.0, names=("tall", "old"))


def spec_of(*shape, **condition):
    return Spec("image", {"image": Field(shape, levels=256)}, condition or {"label": LABEL})


def build(shape=(1, 8, 8), seed=0, condition=None, **fields):
    torch.manual_seed(seed)
    return CGAN(Config(**{"latents": 4, "width": 4, "dropout": 0.0, **fields}), spec_of(*shape, **(condition or {})))


def batch_of(shape=(1, 8, 8), n=6, dtype=torch.float64):
    g = torch.Generator().manual_seed(3)
    values = {"image": torch.rand(n, *shape, generator=g, dtype=dtype) * 2 - 1, "label": torch.arange(n) % 3}
    return Batch({**values, "attributes": torch.rand(n, 2, generator=g, dtype=dtype)})


@pytest.mark.parametrize("network", ["dense", "convolutional"])
@pytest.mark.parametrize("told", ["label", "attributes"])
def test_both_networks_answer_to_the_condition(network, told):
    model = build(network=network, condition={told: LABEL if told == "label" else ATTRIBUTES}).double().eval()
    assert isinstance(model, Conditioned)
    assert model.conditions == (told,)
    batch = batch_of()
    other = {**batch.values, "label": (batch["label"] + 1) % 3, "attributes": 1 - batch["attributes"]}
    z = torch.randn(6, 4, dtype=torch.float64)
    made, instead = (model.sample(z, values, None)["image"] for values in (batch.values, other))
    assert ((made - instead).flatten(1).abs().max(1).values > 1e-9).all()
    x = model.vectors.real(batch)
    with torch.no_grad():
        said, otherwise = (model.discriminator(x, model.condition(v)) for v in (batch.values, other))
    assert ((said - otherwise).abs() > 1e-9).all()


def test_a_class_is_one_among_zeros_and_attributes_are_as_they_are():
    batch = batch_of()
    model = build().double()
    assert torch.equal(model.condition(batch.values), torch.eye(3).double().repeat(2, 1))
    model = build(condition={"label": LABEL, "attributes": ATTRIBUTES}).double()
    assert torch.equal(model.condition(batch.values), batch["attributes"])


@pytest.mark.parametrize(
    ("told", "there", "found"),
    [
        ("auto", {"label": LABEL}, ("label",)),
        ("auto", {"label": LABEL, "attributes": ATTRIBUTES}, ("attributes",)),
        ("label", {"label": LABEL, "attributes": ATTRIBUTES}, ("label",)),
        ("attributes", {"label": LABEL, "attributes": ATTRIBUTES}, ("attributes",)),
    ],
)
def test_attributes_come_before_classes_unless_classes_are_asked_for(told, there, found):
    assert build(told=told, condition=there).conditions == found


def test_made_items_are_judged_under_the_conditions_of_the_real_ones():
    """A discriminator that remembers what it was told, a generator that says its condition."""

    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.told = []

        def forward(self, x, y):
            self.told.append((x.detach(), y.detach()))
            return x.sum(1)

    class Says(nn.Module):
        def __init__(self):
            super().__init__()
            self.b = nn.Parameter(torch.zeros((), dtype=torch.float64))

        def forward(self, z, y):
            return y.repeat(1, 22)[:, :64]

    model, batch = build().double(), batch_of()
    model.discriminator, model.generator = Remembers(), Says()
    model.discriminator_loss(batch, AT)
    model.generator_loss(batch, AT)
    y = model.condition(batch.values)
    (both, told), (made, again) = model.discriminator.told
    assert torch.equal(told, torch.cat([y, y]))
    assert torch.equal(both[:6], model.vectors.real(batch))
    for x in (both[6:], made):
        assert torch.equal(x[:, :3], y)
    assert torch.equal(again, y)


def test_each_update_moves_its_own_network_alone():
    for network in ("dense", "convolutional"):
        model, batch = build(network=network).double(), batch_of()
        for update in model.updates():
            model.zero_grad()
            update.loss(batch, AT).total.backward()
            held = list(getattr(model, update.optimizer).parameters())
            assert all(p.grad is not None and p.grad.abs().max() > 0 for p in held)
            if update.optimizer == "discriminator":
                assert all(p.grad is None for p in model.generator.parameters())


def test_paper_has_the_layers_of_section_4_1():
    config, training = Config.paper()
    model = CGAN(config, training.spec)
    made = [m for m in model.generator.modules() if isinstance(m, nn.Linear)]
    told = [m for m in model.discriminator.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in made] == [(100, 200), (10, 1000), (1200, 1200), (1200, 784)]
    assert [(type(m), m.in_features, getattr(m, "pieces", 1), m.out_features) for m in told] == [
        (Maxout, 784, 5, 240 * 5),
        (Maxout, 10, 5, 50 * 5),
        (Maxout, 290, 4, 240 * 4),
        (nn.Linear, 240, 1, 1),
    ]
    for network in (model.generator, model.discriminator):
        assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5] * 3
    for optimizer in model.optimizers().values():
        assert type(optimizer) is torch.optim.SGD
        assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.1, 0.5)
    assert training.batch == 100
    rate = model.updates()[1].rate
    assert rate(At(1000, 0, 1)) == pytest.approx(1.00004**-1000, rel=1e-12)
    assert rate(At(10**8, 0, 1)) == pytest.approx(1e-5)


@pytest.mark.parametrize(("prior", "mean", "variance"), [("uniform", 0.5, 1 / 12), ("normal", 0.0, 1.0)])
def test_noise_has_the_priors_moments_in_training_and_in_sampling(prior, mean, variance):
    """The unit hypercube of section 4.1. Five standard errors at 40,000 numbers."""
    model = build(prior=prior, latents=40_000)
    torch.manual_seed(0)
    for z in (model.draw(torch.zeros(1, 1)).flatten(), model.noise(torch.Generator().manual_seed(0), None)):
        assert abs(z.mean() - mean) < 5 * (variance / 40_000) ** 0.5
        assert z.var().item() == pytest.approx(variance, rel=5 * (2 / 40_000) ** 0.5)
        assert (z.min() >= 0 and z.max() <= 1) == (prior == "uniform")


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_the_class_asked_for_is_the_class_that_comes(network):
    """Grounds at three levels, a class each, 0.6 apart: a sample is of the class whose level is nearest."""
    g = torch.Generator().manual_seed(0)
    label = torch.arange(192) % 3
    x = 0.6 * (label - 1.0)[:, None, None, None] + 0.05 * torch.randn(192, 1, 8, 8, generator=g)
    torch.manual_seed(0)
    config = Config(
        network=network, latents=4, prior="normal", noise_units=16, told_units=16, joint=(32,), norm=True,
        judge_units=16, judge_told_units=8, judge_joint=(16,), activation="leaky", dropout=0.0, width=8,
        optimizer="adam", learning_rate=2e-3, decay=0.0,
    )  # fmt: skip
    model, items = CGAN(config, spec_of(1, 8, 8)), Values({"image": x.clamp(-1, 1), "label": label})
    trainer = Trainer(model, items, Plan(batch=48, ema_items=2_000), Fabric(accelerator="cpu", devices=1))
    for _ in range(200):
        trainer.advance(200)
    asked = torch.arange(240) % 3
    with torch.no_grad():
        made = trainer.weights().sample(torch.randn(240, 4), {"label": asked}, None)["image"].mean((1, 2, 3))
    found = (made / 0.6).round().clamp(-1, 1) + 1
    assert (found == asked).float().mean() > 0.9


def test_an_attribute_moves_what_it_stands_for():
    """Pictures whose left half is as bright as the first attribute says, and the right half as the second."""
    g = torch.Generator().manual_seed(0)
    y = torch.rand(256, 2, generator=g)
    x = (2 * y - 1).repeat_interleave(4, 1)[:, None, None].expand(-1, 1, 8, -1)
    torch.manual_seed(0)
    config = Config(
        network="dense", latents=4, prior="normal", noise_units=16, told_units=16, joint=(32,), norm=True,
        judge_units=32, judge_told_units=32, judge_joint=(32,), activation="leaky", dropout=0.0, optimizer="adam",
        learning_rate=2e-3, decay=0.0,
    )  # fmt: skip
    model, items = CGAN(config, spec_of(1, 8, 8, attributes=ATTRIBUTES)), Values({"image": x, "attributes": y})
    trainer = Trainer(model, items, Plan(batch=64, ema_items=2_000), Fabric(accelerator="cpu", devices=1))
    for _ in range(250):
        trainer.advance(250)
    asked = torch.tensor([[0.1, 0.9], [0.9, 0.1], [0.9, 0.9], [0.1, 0.1]])
    with torch.no_grad():
        made = trainer.weights().sample(torch.randn(4, 4), {"attributes": asked}, None)["image"]
    halves = torch.stack([made[..., :4].mean((1, 2, 3)), made[..., 4:].mean((1, 2, 3))], 1)
    assert (halves - (2 * asked - 1)).abs().max() < 0.4  # the mean picture, or one that looks at one number, is 0.8 off


def test_rows_of_a_class_are_made_too():
    spec, items = rows(64)
    spec = Spec("table", spec.fields, {"label": Field((), categories=2)})
    torch.manual_seed(0)
    model = CGAN(Config.tiny().config, spec)
    trainer = Trainer(
        model,
        Values({**{k: items.values[k] for k in spec.fields}, "label": items.values["answer"]}, masks=items.masks),
        Plan(batch=16),
        Fabric(accelerator="cpu", devices=1),
    )
    trainer.advance(1)
    made = trainer.weights().sample(torch.randn(4, 8), {"label": torch.tensor([0, 1, 0, 1])}, None)
    assert made["job"].dtype == torch.int64
    assert made["a"].shape == (4,)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 56), (4, 96, 64), (1, 5, 5)])
def test_pictures_of_any_size_are_made_within_range(shape):
    model = build(shape, network="auto").eval()
    made = model.sample(torch.randn(3, 4), {"label": torch.arange(3)}, None)
    assert made["image"].shape == (3, *shape)
    assert made["image"].abs().max() <= 1


@pytest.mark.parametrize(
    ("shape", "condition", "fields", "says"),
    [
        ((1, 8, 8), {"other": LABEL}, {}, "the data has no classes, and cgan makes items of a class"),
        ((1, 8, 8), {"label": LABEL}, {"told": "attributes"}, "--told attributes: the data has none. Name columns"),
        ((1, 8, 8), {"attributes": ATTRIBUTES}, {"told": "label"}, "--told label: the data has no classes"),
        ((1, 7, 30), None, {"network": "convolutional"}, "7x30: convolutions make 8x8 and larger. .*--size 8x30"),
        ((1, 8, 8), None, {"joint": (0,)}, r"--joint \(0,\): each must be at least 1"),
        ((1, 8, 8), None, {"pieces": (5, 0)}, r"--pieces \(5, 0\): each must be at least 1"),
        ((1, 8, 8), None, {"dropout": 1.0}, r"dropout 1.0: not in \[0, 1\)"),
        ((1, 8, 8), None, {"width": 0}, "width 0: too small. Pass 1 or more"),
    ],
)
def test_what_it_cannot_make_is_refused_with_the_cure(shape, condition, fields, says):
    with pytest.raises(ValueError, match=says):
        build(shape, condition=condition, **fields)
