"""The denoising autoencoder: what is spoilt, and that the clean item is asked for."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Field, Spec
from reverie.models.autoencoders.denoising import Config, Denoising
from reverie.nets.flat import Flat
from reverie.training.trainer import Plan, Trainer
from toys import NUMBER, Values, pictures, rows, series

AT = At(0, 0, 1)
TINY = Config.tiny().config


def trained(model, items: Values, steps: int, batch: int = 64):
    trainer = Trainer(model, items, Plan(batch=batch), Fabric(accelerator="cpu", devices=1))
    for _ in range(steps):
        logs = trainer.advance(steps)
    return trainer.weights(), {name: float(value) for name, value in logs.items()}


def test_the_loss_compares_the_clean_item_with_what_is_made_of_the_spoilt_one():
    """With the very noise that the loss drew. A spoilt target, or a clean input, costs another sum."""
    spec, items = pictures(8)
    torch.manual_seed(0)
    model = Denoising(replace(TINY, corruption="gaussian", amount=0.5, network="dense"), spec).double()
    batch = Batch({"image": items.values["image"].double()})
    torch.manual_seed(3)
    loss = float(model.loss(batch, AT).total.detach())
    torch.manual_seed(3)
    clean = model.flat.seen(batch)
    spoilt = model.corrupted(clean)
    p = model.decoder(model.encoder(spoilt.x)).sigmoid()

    def cost(x: torch.Tensor, p: torch.Tensor) -> float:
        return float(-(x * p.log() + (1 - x) * (1 - p).log()).sum().detach())

    assert loss == pytest.approx(cost(clean.x, p), rel=1e-9)
    assert loss != pytest.approx(cost(spoilt.x, p), rel=1e-6)
    assert loss != pytest.approx(cost(clean.x, model.decoder(model.encoder(clean.x)).sigmoid()), rel=1e-6)


def test_a_linear_one_learns_wiener_s_filter():
    """Of normal numbers with variances v under noise s², the best linear estimate keeps v / (v + s²) of each, and errs
    by the sum of v s² / (v + s²); a clean input or a spoilt target would have it keep all."""
    variances = torch.tensor([4.0, 1.0, 0.25])
    torch.manual_seed(0)
    x = torch.randn(4_096, 3) * variances.sqrt()
    spec = Spec("row", {"x": Field((3,), 0.0, 0.0)})
    config = Config(corruption="gaussian", amount=0.8, latents=3, hidden=(), learning_rate=0.02, decay="cosine")
    torch.manual_seed(0)
    model = Denoising(config, spec)
    model.encoder[1] = torch.nn.Identity()  # of its layers, the linear ones
    model, _ = trained(model, Values({"x": x}), 1_500, batch=1_024)
    with torch.no_grad():
        slope = model.decode(model.encode(Batch({"x": torch.eye(3)})))["x"]
        slope = slope - model.decode(model.encode(Batch({"x": torch.zeros(1, 3)})))["x"]
    assert torch.allclose(slope, torch.diag(variances / (variances + 0.64)), atol=0.04)


def test_masking_hides_pixels_one_by_one():
    spec, items = pictures(200, (8, 8))
    model = Denoising(replace(TINY, amount=0.3), spec)
    seen = model.flat.seen(items.take(torch.arange(200)))
    torch.manual_seed(0)
    spoilt = model.corrupted(seen).x
    gone = (spoilt == 0) & (seen.x != 0)
    assert torch.equal(spoilt[~gone], seen.x[~gone])
    share = float(gone.float().sum() / (seen.x != 0).float().sum())
    assert share == pytest.approx(0.3, abs=4 * (0.21 / seen.x.numel()) ** 0.5)


def test_masking_hides_whole_fields_of_a_row():
    """A wide field goes whole, a category loses its 1, a number becomes 0, and a gap where the data have gaps."""
    fields = {
        "wide": Field((4,), 0.0, 0.0),
        "gappy": replace(NUMBER, missing=True),
        "full": NUMBER,
        "job": Field((), categories=3),
        "pair": Field((2,), categories=2),
    }
    spec, count = Spec("table", fields), 2_000
    values = {
        "wide": torch.ones(count, 4),
        "gappy": torch.ones(count),
        "full": torch.ones(count),
        "job": torch.ones(count, dtype=torch.int64),
        "pair": torch.ones(count, 2, dtype=torch.int64),
    }
    model = Denoising(replace(TINY, amount=0.4), spec)
    seen = model.flat.seen(Batch(values, masks={"gappy": torch.ones(count, dtype=torch.bool)}))
    torch.manual_seed(0)
    spoilt = model.corrupted(seen)
    sums = [spoilt.x[:, columns].sum(1) for columns in ([0, 1, 2, 3], [4], [5], [6, 7, 8], [9, 10, 11, 12])]
    for total, whole in zip(sums, (4, 1, 1, 1, 2)):
        assert set(total.tolist()) == {0.0, float(whole)}
        assert float((total == 0).float().mean()) == pytest.approx(0.4, abs=4 * (0.24 / count) ** 0.5)
    both = float(((sums[0] == 0) & (sums[3] == 0)).float().mean())
    assert both == pytest.approx(0.16, abs=4 * (0.16 * 0.84 / count) ** 0.5)  # each field by itself
    told = model.flat.input(spoilt)[:, -1]  # the one field that may have gaps
    assert torch.equal(told == 1, sums[1] == 0)
    assert seen.there.all()  # the target is as it was


def test_gaussian_noise_leaves_categories_and_gaps_and_stays_within_bounds_where_asked():
    spec, items = rows(96)
    model = Denoising(replace(TINY, corruption="gaussian", amount=1.0), spec)
    seen = model.flat.seen(items.take(torch.arange(96)))
    torch.manual_seed(0)
    spoilt = model.corrupted(seen)
    assert torch.equal(spoilt.x[:, 2:], seen.x[:, 2:])
    assert (spoilt.x[:, :2][~seen.there] == 0).all()
    assert (spoilt.x[:, :2] != seen.x[:, :2])[seen.there].all()
    assert spoilt.x.abs().max() > 1.5  # numbers without bounds have none to be cut to
    spec, items = pictures(8)
    for cut in (True, False):
        model = Denoising(replace(TINY, corruption="gaussian", amount=0.5, cut=cut), spec)
        noisy = model.corrupted(model.flat.seen(items.take(torch.arange(8)))).x
        assert bool(((noisy >= 0) & (noisy <= 1)).all()) == cut


def test_a_spread_gives_noise_of_several_strengths():
    spec, _ = pictures(1)
    zero = Batch({"image": torch.zeros(500, 1, 28, 28)})
    each = {}
    for spread in (0.0, 0.15):
        config = replace(TINY, corruption="gaussian", amount=0.4, spread=spread, cut=False)
        model = Denoising(config, spec)
        torch.manual_seed(0)
        each[spread] = (model.corrupted(model.flat.seen(zero)).x - 0.5).std(1)
    assert each[0.0].std() < 0.02
    assert 0.22 < each[0.15].min() < 0.28
    assert 0.52 < each[0.15].max() < 0.59


def test_salt_and_pepper_makes_black_and_white_pixels():
    spec, _ = pictures(1)
    grey = Batch({"image": torch.zeros(50, 1, 28, 28)})
    model = Denoising(replace(TINY, corruption="salt_and_pepper", amount=0.2), spec)
    torch.manual_seed(0)
    x = model.corrupted(model.flat.seen(grey)).x
    assert set(x.unique().tolist()) == {0.0, 0.5, 1.0}
    assert float((x == 1).float().mean()) == pytest.approx(0.1, abs=4 * (0.09 / x.numel()) ** 0.5)


@pytest.mark.parametrize(("corruption", "amount"), [("gaussian", 0.4), ("salt_and_pepper", 0.3), ("masking", 0.5)])
def test_training_takes_most_of_the_noise_away(corruption, amount):
    """On stripes with known noise of their own: what is left after cleaning is far below what was added."""
    spec, items = pictures(96)
    torch.manual_seed(0)
    config = replace(TINY, corruption=corruption, amount=amount, learning_rate=3e-3)
    model, _ = trained(Denoising(config, spec), items, 150, batch=32)
    clean = model.flat.seen(items.take(torch.arange(96)))
    torch.manual_seed(1)
    spoilt = model.corrupted(clean).x
    with torch.no_grad():
        made = model.decode(model.encode(Batch({"image": spec.only[1].from_unit(spoilt).view(-1, 1, 28, 28)})))
    cleaned = spec.only[1].to_unit(made["image"]).flatten(1)
    assert float((cleaned - clean.x).square().mean()) < 0.15 * float((spoilt - clean.x).square().mean())


def test_rows_with_gaps_and_categories_are_cleaned_and_hidden_fields_guessed():
    """Of two numbers that are the same but for noise, one that is hidden is told by the other."""
    torch.manual_seed(0)
    a = torch.randn(512)
    there = torch.rand(512) < 0.9
    b = torch.where(there, a + 0.1 * torch.randn(512), 0.0)
    sign = (a > 0).long()
    fields = {"a": NUMBER, "b": replace(NUMBER, missing=True), "sign": Field((), categories=2)}
    items = Values({"a": a, "b": b, "sign": sign}, masks={"b": there})
    config = Config(amount=0.3, latents=32, hidden=(32,), activation="relu", learning_rate=5e-3, decay="cosine")
    model, _ = trained(Denoising(config, Spec("table", fields)), items, 800)
    gone = Batch(items.values, masks={"b": torch.zeros(512, dtype=torch.bool)})
    with torch.no_grad():
        made = model.decode(model.encode(gone))
    assert float((made["b"] - b)[there].square().mean()) < 0.15
    assert float((made["sign"] == sign).float().mean()) > 0.95


@pytest.mark.parametrize("size", [(28, 28), (40, 56), (9, 33), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_pictures_of_any_size(size, channels, network):
    spec, items = pictures(4, size, channels)
    model = Denoising(replace(TINY, network=network), spec)
    batch = items.take(torch.arange(4))
    code = model.encode(batch)
    assert code.shape == (4, model.mixture.size)
    made = model.decode(code)["image"]
    assert made.shape == (4, channels, *size)
    assert made.abs().max() <= 1
    assert model.loss(batch, AT).total.isfinite()


def test_codes_of_the_convolutional_network_are_maps():
    """What changes in a corner of the picture changes no number of the code at the other end."""
    spec, items = pictures(1, (64, 64))
    model = Denoising(replace(TINY, network="convolutional", maps=2), spec)
    torch.manual_seed(0)
    for layer in model.encoder.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.weight, std=0.1)  # also what starts at 0
    one = items.values["image"]
    other = one.clone()
    other[:, :, :4, :4] += 0.5
    change = (model.encode(Batch({"image": one})) - model.encode(Batch({"image": other}))).detach()
    fine, coarse = change[0].split(2 * 32 * 32)
    fine, coarse = fine.view(2, 32, 32), coarse.view(8, 16, 16)
    assert fine[:, 0, 0].abs().min() > 0
    assert (fine[:, 16:, 16:] == 0).all()
    assert coarse[:, 0, 0].abs().min() > 0
    assert (coarse[:, 12:, 12:] == 0).all()


def test_the_paper_s_network_is_one_overcomplete_logistic_layer():
    config, training = Config.paper()
    model = Denoising(config, training.spec)
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert count == {"encoder": 784 * 2000 + 2000, "decoder": 2000 * 784 + 784, "mixture": 0}
    assert type(model.encoder[1]).__name__ == "Sigmoid"


def test_series_and_their_noise():
    spec, items = series(32)
    torch.manual_seed(0)
    config = replace(Config.small().config, learning_rate=3e-3)
    _, logs = trained(Denoising(config, spec), items, 200)
    assert logs["squared_error"] < 0.5 * 0.16 * Flat(spec).count  # of the noise that was added


@pytest.mark.parametrize(
    ("fields", "spec", "says"),
    [
        ({"amount": 1.0}, pictures(1)[0], "amount 1.0"),
        ({"amount": -0.1}, pictures(1)[0], "amount -0.1"),
        ({"corruption": "gaussian", "amount": 0.1, "spread": 0.2}, pictures(1)[0], "spread 0.2: above"),
        ({"spread": 0.2}, pictures(1)[0], "spread 0.2: of gaussian"),
        ({"corruption": "salt_and_pepper"}, rows(4)[0], "salt_and_pepper: for numbers with bounds"),
        ({"corruption": "gaussian"}, Spec("table", {"job": Field((), categories=3)}), "no numbers"),
        ({"network": "convolutional"}, rows(4)[0], "Pass --network dense"),
        ({}, Spec("text", {"text": Field((9,), categories=5, start=0)}), "one after the other"),
    ],
)
def test_what_it_can_t_do_is_refused_with_a_cure(fields, spec, says):
    with pytest.raises(ValueError, match=says):
        Denoising(replace(Config(), **fields), spec)
