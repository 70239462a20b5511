"""The autoencoder against mathematics."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Field, Spec
from reverie.models.autoencoders.autoencoder import Autoencoder, Config
from reverie.training.trainer import Plan, Trainer
from toys import Values, pictures, rows, series

AT = At(0, 0, 1)


def trained(model, items: Values, steps: int, batch: int = 64):
    trainer = Trainer(model, items, Plan(batch=batch), Fabric(accelerator="cpu", devices=1))
    for _ in range(steps):
        logs = trainer.advance(steps)
    return trainer.weights(), {name: float(value) for name, value in logs.items()}


def test_a_linear_one_spans_the_principal_components_and_reaches_their_error():
    """Baldi & Hornik 1989, "Neural Networks and Principal Component Analysis": there is no other minimum."""
    torch.manual_seed(0)
    x = torch.randn(512, 3) @ torch.randn(3, 8) + 0.3 * torch.randn(512, 8) + 1.0
    spec = Spec("row", {"x": Field((8,), 0.0, 0.0)})
    torch.manual_seed(0)
    config = Config(latents=3, hidden=(), error="squared", learning_rate=0.03, decay="cosine")
    model, logs = trained(Autoencoder(config, spec), Values({"x": x}), 1_500, batch=512)
    values, axes = torch.linalg.eigh(torch.cov(x.T.double(), correction=0))
    # Adam ends within a thousandth; with any other components it would err more by at least the next value
    assert logs["squared_error"] == pytest.approx(float(values[:5].sum()), rel=1e-3)
    assert values[5] - values[4] > 3 * values[:5].sum()
    assert logs["loss"] == pytest.approx(0.5 * logs["squared_error"], rel=1e-5)
    spanned = torch.linalg.qr(model.decoder[0].weight.detach().double())[0]
    cosines = torch.linalg.svdvals(axes[:, 5:].T @ spanned)  # of the angles between the two subspaces
    assert cosines.min() > 1 - 1e-3


@pytest.mark.parametrize("error", ["cross_entropy", "squared"])
def test_the_error_that_is_asked_for_is_what_is_learnt(error):
    spec, items = pictures(8)
    torch.manual_seed(0)
    model = Autoencoder(replace(Config.tiny().config, error=error), spec)
    batch = items.take(torch.arange(8))
    p = model.decoder(model.encode(batch)).flatten(1).sigmoid().double()
    x = spec.only[1].to_unit(batch["image"]).flatten(1)
    wanted = {
        "cross_entropy": -(x * p.log() + (1 - x) * (1 - p).log()).sum(),
        "squared": 0.5 * (x - p).square().sum(),
    }[error]
    loss = model.loss(batch, AT)
    assert float(loss.total.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    assert loss.count == 8


def test_the_paper_s_network_has_its_parameters():
    config, training = Config.paper()
    model = Autoencoder(config, training.spec)
    widths = [784, 1000, 500, 250, 30]
    encoder = sum(a * b + b for a, b in pairwise(widths))
    decoder = sum(a * b + a for a, b in pairwise(widths))
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert count == {"encoder": encoder, "decoder": decoder, "mixture": 0}
    layers = [type(layer).__name__ for layer in model.encoder]
    assert layers == ["Linear", "Sigmoid"] * 3 + ["Linear"]  # the code is linear


def test_the_paper_s_deep_logistic_network_learns_from_the_start_without_pretraining():
    """The code of one batch must tell items apart: with weights of tanh's size it did not, in as many steps."""
    spec, items = pictures(96)
    config = Config.paper().config
    torch.manual_seed(0)
    _, logs = trained(Autoencoder(config, spec), items, 60, batch=48)
    x = spec.only[1].to_unit(items.values["image"]).flatten(1)
    assert logs["squared_error"] < 0.5 * float((x - x.mean(0)).square().sum(1).mean())


@pytest.mark.parametrize("size", [(28, 28), (40, 56), (9, 33)])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_pictures_of_any_size(size, channels, network):
    spec, items = pictures(4, size, channels)
    model = Autoencoder(replace(Config.tiny().config, network=network), spec)
    batch = items.take(torch.arange(4))
    code = model.encode(batch)
    assert code.shape == (4, 4)
    made = model.decode(code)["image"]
    assert made.shape == (4, channels, *size)
    assert made.abs().max() <= 1
    assert model.loss(batch, AT).total.isfinite()


def test_auto_is_convolutional_for_pictures_and_dense_for_all_else():
    config = Config.tiny().config
    assert type(Autoencoder(config, pictures(4)[0]).encoder).__name__ == "Encoder"
    for spec, _ in (rows(4), series(4)):
        assert type(Autoencoder(config, spec).encoder).__name__ == "Sequential"


def test_rows_with_gaps_and_categories_come_back():
    """Of three values a row, one category of three: four numbers hold them."""
    spec, items = rows(192)
    torch.manual_seed(0)
    config = Config(latents=4, hidden=(64,), activation="relu", learning_rate=1e-2, decay="cosine")
    model, _ = trained(Autoencoder(config, spec), items, 600)
    batch = items.take(torch.arange(192))
    with torch.no_grad():
        made = model.decode(model.encode(batch))
    assert float((made["job"] == batch["job"]).float().mean()) > 0.97
    there = batch.masks["b"]
    for name, known in (("a", torch.ones_like(there)), ("b", there)):
        error = (made[name] - batch[name])[known].square().mean() / batch[name][known].var()
        assert float(error) < 0.05
    assert set(made) == set(spec.fields)


def test_a_gap_s_value_changes_nothing():
    spec, items = rows(16)
    model = Autoencoder(Config.tiny().config, spec)
    there = items.masks["b"]
    other = {**items.values, "b": torch.where(there, items.values["b"], 99.0)}
    a, b = (Batch(values, masks=items.masks) for values in (items.values, other))
    assert torch.equal(model.encode(a), model.encode(b))
    assert float(model.loss(a, AT).total.detach()) == float(model.loss(b, AT).total.detach())


def test_series_are_encoded_as_one_vector():
    spec, items = series(32)
    torch.manual_seed(0)
    config = Config(latents=4, hidden=(64,), activation="tanh", learning_rate=5e-3, decay="cosine")
    _, logs = trained(Autoencoder(config, spec), items, 300)
    assert logs["squared_error"] < 0.05 * spec.fields["past"].size  # a wave and its phase: two numbers hold it


def test_samples_are_of_the_mixture_that_finish_fits():
    """Three stripes, three clusters of codes: sampled pictures are near one of the three; from a standard normal, or
    from one Gaussian, most are not."""
    spec, items = pictures(192)
    torch.manual_seed(0)
    config = replace(Config.tiny().config, components=3, learning_rate=3e-3)
    model, _ = trained(Autoencoder(config, spec), items, 300, batch=32)
    generator = torch.Generator().manual_seed(0)
    noise = torch.stack([model.noise(generator, None) for _ in range(90)])
    x, label = items.values["image"].flatten(1), items.values["label"]
    means = torch.stack([x[label == k].mean(0) for k in range(3)])
    with torch.no_grad():
        made = model.sample(noise, {}, None)["image"].flatten(1)
    distance = torch.cdist(made, means)
    assert set(distance.argmin(1).tolist()) == {0, 1, 2}
    apart = torch.pdist(means).min()
    assert float((distance.amin(1) < 0.25 * apart).float().mean()) > 0.9
    codes = model.encode(items.take(torch.arange(192)))
    assert model.code_nll(codes.detach()).mean() < model.code_nll(3 * codes.detach()).mean()
    assert "3 Gaussians" in model.said()


def test_finishing_twice_gives_the_same_density():
    spec, items = pictures(64)
    torch.manual_seed(0)
    trainer = Trainer(
        Autoencoder(Config.tiny().config, spec), items, Plan(batch=16), Fabric(accelerator="cpu", devices=1)
    )
    first = {k: v.clone() for k, v in trainer.weights().mixture.state_dict().items()}
    torch.rand(5)
    again = trainer.weights().mixture.state_dict()
    assert all(torch.equal(v, again[k]) for k, v in first.items())
    assert int(first["count"]) == 64


@pytest.mark.parametrize(
    ("fields", "spec", "says"),
    [
        ({"latents": 0}, pictures(1)[0], "latents 0"),
        ({"components": 0}, pictures(1)[0], "components 0"),
        ({"learning_rate": 0.0}, pictures(1)[0], "learning_rate"),
        ({"network": "convolutional"}, rows(4)[0], "Pass --network dense"),
        ({}, Spec("text", {"text": Field((9,), categories=5, start=0)}), "one after the other"),
    ],
)
def test_what_it_can_t_do_is_refused_with_a_cure(fields, spec, says):
    with pytest.raises(ValueError, match=says):
        Autoencoder(replace(Config(), **fields), spec)
