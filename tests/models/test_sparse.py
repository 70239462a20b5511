"""The sparse autoencoder: as few units as it promises, and the penalties that its papers state."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import At, Batch, Field, Spec
from reverie.maths.sparsity import top
from reverie.models.autoencoders.sparse import Config, Sparse
from reverie.training.trainer import Plan, Trainer
from toys import Values, pictures, rows, series

AT = At(0, 0, 1)
TINY = replace(Config.tiny().config, network="dense")


def trainer_of(model, items: Values, batch: int = 32, shards: int = 1) -> Trainer:
    return Trainer(model, items, Plan(batch=batch, shards=shards), Fabric(accelerator="cpu", devices=1))


def trained(model, items: Values, steps: int, batch: int = 32):
    trainer = trainer_of(model, items, batch)
    for _ in range(steps):
        logs = trainer.advance(steps)
    return trainer.weights(), {name: float(value) for name, value in logs.items()}


def built(**fields) -> tuple[Sparse, Batch]:
    spec, items = pictures(24)
    torch.manual_seed(0)
    return Sparse(replace(TINY, **fields), spec), items.take(torch.arange(24))


def test_exactly_the_target_share_passes_top_k_after_training():
    model, batch = built(units=40, target=0.1)
    code = model.encode(batch)
    assert ((code != 0).sum(1) == 4).all()
    logs = model.loss(batch, At(1, 24, 1)).logs
    assert float(logs["active"]) / 24 == pytest.approx(0.1)


def test_an_item_s_own_code_is_decoded_whole_though_units_of_it_are_below_zero():
    model, batch = built(units=40, target=0.5)
    code = model.encode(batch)
    assert (code < 0).any(), "some item has fewer than k units above 0"
    said = model.flat.decoded(model.decoder(code).flatten(1))
    assert torch.equal(model.decode(code)["image"], said["image"])
    full = torch.randn(3, 40)
    assert torch.equal(model.decode(full)["image"], model.decode(top(full, 20))["image"])


def test_more_units_pass_in_the_beginning_and_fewer_and_fewer_until_the_fall_ends():
    """Makhzani & Frey, section 4.2.1, in a line: from 20 of 40 to 4 over the first half."""
    model, _ = built(units=40, target=0.1, first=0.5, fall=0.5)
    passing = [model.passing(At(step, 0, 100)) for step in range(101)]
    assert (passing[0], passing[25], passing[50], passing[100]) == (20, 12, 4, 4)
    assert passing == sorted(passing, reverse=True)
    without, _ = built(units=40, target=0.1, first=0.5, fall=0.0)
    assert without.passing(At(0, 0, 100)) == 4
    below, _ = built(units=40, target=0.1, first=0.05)
    assert below.passing(At(0, 0, 100)) == 4


def test_a_low_start_leaves_more_units_dead():
    """What the fall of k is there for."""
    spec, items = pictures(256, classes=6)
    dead = []
    for first in (0.03, 0.6):
        torch.manual_seed(0)
        fields = {"units": 100, "target": 0.03, "first": first, "dead_after": 512, "learning_rate": 3e-3}
        config = replace(TINY, revive=0.0, **fields)
        _, logs = trained(Sparse(config, spec), items, 200)
        dead.append(logs["dead"])
    assert dead[1] < dead[0] - 0.1


def test_the_kl_penalty_is_ng_s_of_the_batch_s_mean_activation():
    model, batch = built(sparsity="kl", target=0.05, penalty=2.0)
    model = model.double()
    batch = Batch({"image": batch["image"].double()})
    units = model.activations(model.flat.seen(batch))
    mean = units.mean(0)
    kl = 0.05 * (0.05 / mean).log() + 0.95 * (0.95 / (1 - mean)).log()
    assert torch.allclose(model.penalty(units), 2.0 * 24 * kl.sum())
    (slope,) = torch.autograd.grad(model.penalty(units), units)
    assert torch.allclose(slope, (2.0 * (-0.05 / mean + 0.95 / (1 - mean))).expand_as(slope))  # of each item's part
    loss = model.loss(batch, AT)
    total = loss.logs["reconstruction"] + loss.logs["penalty"]
    assert torch.allclose(loss.total, total)


def test_the_penalty_of_shards_is_never_below_the_whole_batch_s():
    """As the comment says: by convexity, with equality where their means agree."""
    model, _ = built(sparsity="kl", target=0.05)
    torch.manual_seed(0)
    units = torch.rand(24, 32)
    parts = sum(model.penalty(part) for part in units.chunk(4))
    assert parts > model.penalty(units)
    same = torch.rand(6, 32)
    assert torch.allclose(4 * model.penalty(same), model.penalty(same.repeat(4, 1)), rtol=1e-5)


def test_kl_holds_the_mean_activation_at_its_target():
    spec, items = pictures(128)
    found = {}
    for penalty in (0.0, 50.0):
        torch.manual_seed(0)
        config = replace(TINY, sparsity="kl", target=0.1, penalty=penalty, learning_rate=3e-3)
        _, logs = trained(Sparse(config, spec), items, 300, batch=64)
        found[penalty] = logs["activation"]
    assert found[50.0] == pytest.approx(0.1, rel=0.1)
    assert abs(found[0.0] - 0.1) > 0.1


def test_l1_costs_each_activation_and_leaves_fewer_active():
    model, batch = built(sparsity="l1", penalty=0.5)
    units = model.activations(model.flat.seen(batch))
    assert (units >= 0).all()
    assert torch.allclose(model.penalty(units), 0.5 * units.sum())
    spec, items = pictures(128)
    active = {}
    for penalty in (0.0, 5.0):
        torch.manual_seed(0)
        _, logs = trained(Sparse(replace(TINY, sparsity="l1", penalty=penalty), spec), items, 200)
        active[penalty] = logs["active"]
    assert active[5.0] < 0.5 * active[0.0]


def test_top_k_has_no_penalty():
    model, batch = built()
    loss = model.loss(batch, AT)
    assert "penalty" not in loss.logs
    assert torch.equal(loss.total, loss.logs["reconstruction"])


def linear() -> tuple[Sparse, Batch]:
    """A linear decoder, numbers without bounds, and half of 8 units dead: where Gao et al.'s equation is exact."""
    spec = Spec("series", {"x": Field((6,), low=0, high=0)})
    torch.manual_seed(0)
    config = replace(TINY, units=8, target=0.25, first=0.25, revive=0.5, revived=3, dead_after=10)
    model = Sparse(config, spec).double()
    model.idle[4:] = torch.tensor([10.0, 11.0, 12.0, 10.0])
    return model, Batch({"x": torch.randn(5, 6).double()})


def test_dead_units_are_asked_for_the_error_that_living_ones_leave():
    """Gao et al. 2024, appendix A.2: alpha |e - e_hat|², e_hat of the k_aux dead units that say most; halved, as every
    squared error is here."""
    model, batch = linear()
    seen = model.flat.seen(batch)
    x, raw = batch["x"], model.encoder(model.flat.input(seen))
    weight, bias = model.decoder[0].weight, model.decoder[0].bias
    e = x - (model.activations(seen) @ weight.T + bias)
    places = raw[:, 4:].topk(3).indices + 4
    e_hat = (weight.T[places] * raw.gather(1, places)[..., None]).sum(1)
    loss = model.loss(batch, AT)
    assert torch.allclose(loss.logs["revival"], 0.5 * (e - e_hat).square().sum())
    assert torch.allclose(loss.total, loss.logs["reconstruction"] + 0.5 * loss.logs["revival"])


def test_living_units_learn_nothing_from_it():
    model, batch = linear()
    units = model.activations(model.flat.seen(batch))
    outputs = model.decoder(units)
    model.revival(model.flat.seen(batch), units, outputs).backward()
    into, out = model.encoder[0].weight.grad, model.decoder[0].weight.grad
    assert (into[:4] == 0).all()
    assert float(out[:, :4].abs().max()) < 1e-12  # z cancels in (z + woken) - z
    assert (into[4:] != 0).any(1).all()
    assert (out[:, 4:] != 0).any(0).all()
    assert model.decoder[0].bias.grad is None


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_layers_before_and_after_the_code_learn_nothing_from_it_either(network):
    spec, items = pictures(8)
    model = Sparse(replace(TINY, network=network, hidden=(16,), units=8, revive=0.5), spec)
    model.idle[4:] = 100
    batch = items.take(torch.arange(8))
    units = model.activations(model.flat.seen(batch))
    model.revival(model.flat.seen(batch), units, model.decoder(units).flatten(1)).backward()
    learns = [name for name, p in model.named_parameters() if p.grad is not None and (p.grad != 0).any()]
    last, first = ("2", "0") if network == "dense" else ("out", "dense")
    assert learns == [f"encoder.{last}.weight", f"encoder.{last}.bias", f"decoder.{first}.weight"]


def test_where_no_unit_is_dead_nothing_is_added():
    model, batch = linear()
    model.idle.fill_(9)
    assert float(model.loss(batch, AT).logs["revival"]) == 0


def test_revived_units_take_part_again():
    """A third of those that would stay dead, at the least."""
    spec, items = pictures(256, classes=6)
    dead = {}
    for revive in (0.0, 0.25):
        torch.manual_seed(0)
        fields = {"units": 100, "target": 0.03, "first": 0.03, "dead_after": 512, "learning_rate": 3e-3}
        _, logs = trained(Sparse(replace(TINY, revive=revive, **fields), spec), items, 300)
        dead[revive] = logs["dead"]
    assert dead[0.25] < 2 / 3 * dead[0.0]


@pytest.mark.parametrize("shards", [1, 4])
def test_a_unit_is_dead_once_so_many_items_in_a_row_left_it_idle(shards):
    """Counted over the shards of a batch, and from the last item that it was active for."""
    spec, items = pictures(64)
    torch.manual_seed(0)
    model = Sparse(replace(TINY, sparsity="l1", units=8, dead_after=64, learning_rate=1e-6), spec)
    with torch.no_grad():
        model.encoder[0].weight.zero_()
        model.encoder[0].bias.copy_(torch.tensor([-1.0, 1, 1, 1, 1, 1, 1, 1]))  # the first never is active
    trainer = trainer_of(model, items, 16, shards)
    dead = [float(trainer.advance(10)["dead"]) for _ in range(6)]
    assert dead == [0, 0, 0, 0, 0.125, 0.125]
    assert model.idle.tolist() == [96] + [0] * 7
    with torch.no_grad():
        model.encoder[0].bias.fill_(1.0)
    trainer.advance(10)
    assert model.idle.tolist() == [0] * 8
    assert float(trainer.advance(10)["dead"]) == 0


def test_what_counts_as_active_is_what_each_way_makes_active():
    model, _ = built(sparsity="kl")
    assert model.active(torch.tensor([[0.2, 0.6]])).tolist() == [[False, True]]
    model, _ = built(sparsity="l1")
    assert model.active(torch.tensor([[0.0, 0.2]])).tolist() == [[False, True]]
    model, _ = built()
    assert model.active(torch.tensor([[0.0, -0.2]])).tolist() == [[False, True]]


@pytest.mark.parametrize("sparsity", ["top_k", "kl", "l1"])
def test_decoding_takes_any_code_as_one_that_an_encoder_could_say(sparsity):
    """What it makes of a sampled code is what it makes of the nearest that is sparse; of an item's code, nothing is
    changed."""
    model, batch = built(sparsity=sparsity)
    code = model.encode(batch)
    direct = model.flat.decoded(model.decoder(code).flatten(1))["image"]
    assert torch.equal(model.decode(code)["image"], direct)
    strange = 3 * torch.randn(24, 32)
    snapped = {
        "top_k": torch.where(strange >= strange.topk(8)[0][:, -1:], strange, 0.0),
        "kl": strange.clamp(0, 1),
        "l1": strange.relu(),
    }[sparsity]
    assert torch.equal(model.decode(strange)["image"], model.flat.decoded(model.decoder(snapped))["image"])


@pytest.mark.parametrize("sparsity", ["top_k", "kl", "l1"])
@pytest.mark.parametrize("make", [pictures, rows, series])
def test_each_way_learns_items_of_any_spec(sparsity, make):
    spec, items = make(96)
    torch.manual_seed(0)
    config = replace(TINY, sparsity=sparsity, penalty=0.01, learning_rate=5e-3, first=1.0)
    trainer = trainer_of(Sparse(config, spec), items)
    first = float(trainer.advance(200)["reconstruction"])
    for _ in range(199):
        logs = trainer.advance(200)
    assert float(logs["reconstruction"]) < 0.6 * first


@pytest.mark.parametrize("size", [(28, 28), (40, 56)])
@pytest.mark.parametrize("channels", [1, 4])
def test_convolutions_of_any_size(size, channels):
    spec, items = pictures(4, size, channels)
    model = Sparse(replace(TINY, network="convolutional"), spec)
    batch = items.take(torch.arange(4))
    assert model.decode(model.encode(batch))["image"].shape == (4, channels, *size)
    assert model.loss(batch, AT).total.isfinite()


def test_the_papers_networks_have_their_units():
    config, training = Config.paper()
    model = Sparse(config, training.spec)
    assert (model.passing(), model.mixture.size) == (25, 1000)
    assert sum(p.numel() for p in model.parameters()) == 784 * 1000 + 1000 + 1000 * 784 + 784
    config, training = Config.ng()
    assert Sparse(config, training.spec).mixture.size == 196
    assert (config.target, config.penalty) == (0.1, 3.0)


@pytest.mark.parametrize(
    ("fields", "spec", "says"),
    [
        ({"target": 0.0}, pictures(1)[0], "target 0"),
        ({"target": 1.5}, pictures(1)[0], "target 1.5"),
        ({"sparsity": "kl", "target": 1.0}, pictures(1)[0], "target 1"),
        ({"first": 0.0}, pictures(1)[0], "first 0"),
        ({"fall": 1.5}, pictures(1)[0], "fall 1.5"),
        ({"revive": -1.0}, pictures(1)[0], "revive -1"),
        ({"revived": 0}, pictures(1)[0], "revived 0"),
        ({"penalty": -1.0}, pictures(1)[0], "penalty -1"),
        ({"units": 0}, pictures(1)[0], "units 0"),
        ({"network": "convolutional"}, rows(4)[0], "Pass --network dense"),
        ({}, Spec("text", {"text": Field((9,), categories=5, start=0)}), "one after the other"),
    ],
)
def test_what_it_can_t_do_is_refused_with_a_cure(fields, spec, says):
    with pytest.raises(ValueError, match=says):
        Sparse(replace(Config(), **fields), spec)
