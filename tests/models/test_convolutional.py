"""The convolutional predictor against closed forms, on toys, and (slow) on Fashion-MNIST."""

import gzip
import math

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Finishes, Predicts, Spec
from reverie.models.predictors.convolutional import Config, Convolutional, at_place, moved
from reverie.training.trainer import Plan, Trainer
from toys import sounds

AT = At(0, 0, 1)


def spec_of(shape, classes=5):
    return Spec("image", {"image": Field(shape, levels=256)}, {"label": Field((), categories=classes)})


def build(shape=(1, 28, 28), classes=5, seed=0, **fields):
    torch.manual_seed(seed)
    return Convolutional(Config(**{"width": 4, **fields}), spec_of(shape, classes))


def batch_of(shape, n=12, classes=5, seed=3):
    g = torch.Generator().manual_seed(seed)
    image = torch.rand(n, *shape, generator=g) * 2 - 1
    return Batch({"image": image, "label": torch.randint(classes, (n,), generator=g)})


# -------------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_the_cross_entropy_with_the_smoothed_label_in_nats(smoothing):
    model, batch = build(smoothing=smoothing).double(), batch_of((1, 28, 28))
    batch = Batch({"image": batch["image"].double(), "label": batch["label"]})
    loss = model.loss(batch, AT)
    log_p = model.predict(batch).log_softmax(1)
    wanted = F.one_hot(batch["label"], 5).double() * (1 - smoothing) + smoothing / 5
    assert loss.count == 12
    assert loss.total.item() == pytest.approx(-(wanted * log_p).sum().item(), rel=1e-12)
    assert loss.logs["right"].item() == (log_p.argmax(1) == batch["label"]).sum().item()


def test_knowing_nothing_costs_the_log_of_the_classes():
    model = build(classes=7)
    nn.init.zeros_(model.head.weight)
    loss = model.loss(batch_of((1, 28, 28), classes=7), AT)
    assert loss.total.item() / loss.count == pytest.approx(math.log(7), rel=1e-6)


def test_the_rate_is_one_cycle_that_uses_its_first_and_last_step():
    model = build(warmup=0.2)
    rates = [model.rate(At(k, 0, 10)) for k in range(10)]
    assert rates == pytest.approx([0.25, 0.75, *((9.5 - k) / 8 for k in range(2, 10))])
    assert model.rate(At(15, 0, 10)) == 0  # beyond the planned end
    assert build(warmup=0.0).rate(At(0, 0, 10)) == pytest.approx(0.95)


def test_weights_decay_but_biases_and_batch_norm_do_not():
    model = build(weight_decay=0.3)
    (optimizer,) = model.optimizers().values()
    decayed, rest = optimizer.param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    assert {id(p) for p in decayed["params"]} == {
        id(m.weight) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)
    }
    assert len(decayed["params"]) + len(rest["params"]) == len(list(model.parameters()))


def test_every_parameter_gets_a_gradient():
    model = build()
    model.loss(batch_of((1, 28, 28)), AT).total.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())


# -------------------------------------------------------------------------------------------------------- augmentation


def test_moving_repeats_the_edge_and_reaches_every_offset_alike():
    """Each of the 25 offsets has n/25 of n draws: within five standard deviations of a binomial."""
    n, size = 5000, 9
    x = torch.arange(size * size, dtype=torch.float32).view(1, 1, size, size).expand(n, 1, size, size)
    torch.manual_seed(0)
    y = moved(x, 2)
    padded = F.pad(x[:1], (2, 2, 2, 2), mode="replicate")[0, 0]
    counts = []
    for dy in range(5):
        for dx in range(5):
            window = padded[dy : dy + size, dx : dx + size]
            counts.append(int((y[:, 0] == window).flatten(1).all(1).sum()))
    assert sum(counts) == n
    assert all(abs(c - n / 25) < 5 * (n * 24 / 625) ** 0.5 for c in counts)


def test_mirroring_turns_half_of_the_pictures_left_to_right():
    model, x = build((2, 6, 5), mirror=True), torch.randn(2000, 2, 6, 5)
    torch.manual_seed(0)
    y = model.varied(x)
    turned = (y == x.flip(3)).flatten(1).all(1)
    kept = (y == x).flatten(1).all(1)
    assert int(turned.sum() + kept.sum()) == 2000
    assert abs(int(turned.sum()) - 1000) < 5 * 500**0.5


def test_the_loss_is_of_varied_pictures():
    model, batch = build(shift=2, mirror=True), batch_of((1, 28, 28))
    torch.manual_seed(0)
    loss = model.loss(batch, AT)
    torch.manual_seed(0)
    varied = Batch({"image": model.varied(batch["image"]), "label": batch["label"]})
    wanted = F.cross_entropy(model.predict(varied), batch["label"], reduction="sum")
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert not torch.equal(varied["image"], batch["image"])


def test_predictions_are_of_pictures_as_they_are():
    plain, varied = build().eval(), build(shift=3, mirror=True).eval()
    batch = batch_of((1, 28, 28))
    assert torch.equal(plain.predict(batch), varied.predict(batch))
    assert not torch.equal(plain.varied(batch["image"]), varied.varied(batch["image"]))


# ----------------------------------------------------------------------------------------------------------- abilities


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (3, 32, 32), (4, 40, 56), (3, 96, 64), (2, 3, 5), (1, 1, 1), (3, 31, 7)]
)
def test_any_size_is_predicted(shape):
    model, batch = build(shape, classes=3), batch_of(shape, classes=3)
    with torch.no_grad():
        model.finish(lambda k: batch)
        logits, features = model.eval().predict(batch), model.features(batch)
    assert logits.shape == (12, 3)
    torch.testing.assert_close(model.head(features), logits, rtol=0, atol=0)
    assert isinstance(model, Predicts)
    assert isinstance(model, Finishes)


def test_a_target_goes_before_a_condition():
    few, many = Field((), categories=2), Field((), categories=9)
    spec = Spec("image", {"image": Field((1, 8, 8))}, condition={"label": few}, target={"label": many})
    assert Convolutional(Config(width=2), spec).head.out_features == 9


def test_finished_it_predicts_each_item_alone():
    model, batch = build(), batch_of((1, 28, 28))
    model.finish(lambda k: batch)
    model.eval()
    alone = [model.predict(Batch({k: v[i : i + 1] for k, v in batch.values.items()})) for i in range(12)]
    torch.testing.assert_close(model.predict(batch), torch.cat(alone), rtol=1e-4, atol=1e-5)


def fit(model, data, steps, size):
    (optimizer,), (update,) = model.optimizers().values(), model.updates()
    peak, n = model.cfg.learning_rate, len(data["label"])
    for k in range(steps):
        index = torch.randint(n, (size,))
        loss = update.loss(Batch({name: v[index] for name, v in data.items()}), At(k, k * size, steps))
        optimizer.zero_grad()
        (loss.total / loss.count).backward()
        for group in optimizer.param_groups:
            group["lr"] = peak * update.rate(At(k, k * size, steps))
        optimizer.step()
    model.finish(lambda k: Batch({name: v[torch.randint(n, (size,))] for name, v in data.items()}))
    return model.eval()


def right(model, data, size=500):
    with torch.no_grad():
        parts = [{k: v[i : i + size] for k, v in data.items()} for i in range(0, len(data["label"]), size)]
        return sum(int((model.predict(Batch(p)).argmax(1) == p["label"]).sum()) for p in parts) / len(data["label"])


def test_it_learns_which_way_stripes_run_from_noisy_pictures_and_knows_new_ones():
    """Diagonals one way or the other, in a random phase: no single pixel tells. 400 new ones; chance is one half."""

    def stripes(n, seed):
        g = torch.Generator().manual_seed(seed)
        label = torch.randint(2, (n,), generator=g)
        row, column = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
        phase = 6.3 * torch.rand(n, 1, 1, generator=g)
        wave = torch.sin(row + (2 * label[:, None, None] - 1) * column + phase)
        return {"image": (0.5 * wave + 0.3 * torch.randn(n, 12, 12, generator=g))[:, None], "label": label}

    torch.manual_seed(0)
    model = fit(build((1, 12, 12), classes=2), stripes(1000, 1), 60, 50)
    assert right(model, stripes(400, 2)) > 0.95


@pytest.mark.slow
def test_fashion_mnist_is_at_least_91_percent_right(real_data):
    """The `small` set, trained to its end."""

    def read(part):
        folder = real_data / "fashion-mnist"
        x = np.frombuffer(gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
        y = np.frombuffer(gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
        image = torch.from_numpy(x.reshape(-1, 1, 28, 28).astype(np.float32)) / 127.5 - 1
        return {"image": image, "label": torch.from_numpy(y.astype(np.int64))}

    config, training = Config.small()
    torch.manual_seed(0)
    model = fit(Convolutional(config, spec_of((1, 28, 28), 10)), read("train"), training.steps, training.batch)
    assert right(model, read("t10k")) >= 0.91


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("spec", "fields", "says"),
    [
        (
            Spec("image", {"image": Field((1, 8, 8))}),
            {},
            "no classes, and nothing else to predict",
        ),
        (spec_of((1, 8, 8), 1), {}, "one class only"),
        (spec_of((1, 8, 8)), {"views": 6}, "views 6: there are 5"),
        (spec_of((1, 8, 8)), {"mixup": -1.0}, "mixup -1.0: too small"),
        (spec_of((64,)), {}, "convolutional takes pictures"),
        (spec_of((1, 8, 8)), {"width": 0}, "width 0: too small. Pass 1 or more"),
        (spec_of((1, 8, 8)), {"shift": -1}, "shift -1: too small. Pass 0 or more"),
        (spec_of((1, 8, 8)), {"smoothing": 1.0}, r"smoothing 1.0: not in \[0, 1\)"),
    ],
)
def test_what_it_cannot_predict_is_refused_with_the_cure(spec, fields, says):
    with pytest.raises(ValueError, match=says):
        Convolutional(Config(**{"width": 4, **fields}), spec)


def test_mixed_pictures_come_with_mixed_targets():
    """Pictures that are constant at their class: the mean of a mixed picture is the mean under its shares."""
    model = build(cutmix=1.0, mixup=0.4)
    label = torch.tensor([0, 1, 2, 0, 1, 2])
    x = label.float().view(-1, 1, 1, 1).expand(-1, 1, 8, 8) - 1
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, shares = model.mixed(x, F.one_hot(label, 3).float())
        expected = shares @ torch.tensor([-1.0, 0.0, 1.0])
        assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-6)
        assert torch.allclose(shares.sum(1), torch.ones(6))


def test_a_prediction_of_several_views_is_the_mean_of_their_probabilities():
    torch.manual_seed(0)
    one, ten = build(mirror=True), build(mirror=True, views=10)
    ten.load_state_dict(one.state_dict())
    x = torch.randn(4, 1, 8, 8)
    views = ten.eval().viewed(x)
    assert len(views) == 10
    assert torch.equal(views[0], x)
    assert torch.equal(views[1], x.flip(3))
    each = torch.stack([one.eval().predict(Batch({"image": view})).softmax(1) for view in views])
    assert torch.allclose(ten.predict(Batch({"image": x})).softmax(1), each.mean(0), atol=1e-6)


def test_a_view_is_moved_by_one_pixel_and_its_edge_repeated():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert at_place(x, 1, 1)[0, 0].tolist() == [[4, 5, 5], [7, 8, 8], [7, 8, 8]]
    assert at_place(x, -1, 0)[0, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]


def test_numbers_and_labels_have_heads_of_their_own():
    x = torch.randn(5, 1, 8, 8)
    for target, shape in ((Field((2, 3), 0.0, 0.0), (5, 2, 3)), (Field((4,), categories=2), (5, 4))):
        spec = Spec("image", {"image": Field((1, 8, 8), levels=256)}, target={"answer": target})
        model = Convolutional(Config(width=2), spec)
        assert model.predict(Batch({"image": x})).shape == shape
        y = torch.randint(0, 2, shape)
        loss = model.loss(Batch({"image": x, "answer": y if target.categories else y.float()}), At(0, 0, 1))
        assert loss.count == 5
        if not target.categories:  # the head starts at the mean, 0
            assert loss.total.item() == pytest.approx(0.5 * float(y.square().sum()))


# -------------------------------------------------------------------------------------------------------------- sounds


def test_what_is_said_of_a_sound_hangs_neither_on_its_neighbours_nor_on_silence_after_it():
    spec, items = sounds()
    torch.manual_seed(0)
    model = Convolutional(Config(width=4, form="residual", mels=12), spec).eval()
    batch = items.take(torch.arange(8))
    nn.init.normal_(model.head.weight)
    shortest = int(batch.lengths["sound"].argmin())
    length = batch.lengths["sound"][shortest : shortest + 1]
    alone = Batch({"sound": batch["sound"][shortest : shortest + 1, : int(length)]}, {"sound": length})
    torch.testing.assert_close(model.predict(alone)[0], model.predict(batch)[shortest], rtol=1e-4, atol=1e-4)


def test_tones_of_three_pitches_are_told_apart():
    spec, items = sounds()
    trainer = Trainer(build_sound(spec), items, Plan(batch=16), Fabric(accelerator="cpu", devices=1))
    for _ in range(40):
        trainer.advance(40)
    batch = items.take(torch.arange(len(items)))
    right = trainer.weights().predict(batch).argmax(1) == batch["label"]
    assert right.float().mean() > 0.9


def build_sound(spec):
    torch.manual_seed(0)
    return Convolutional(Config(width=8, form="residual", mels=12, shift=1), spec)


@pytest.mark.parametrize("fields", [{"mirror": True}, {"mixup": 0.2}, {"hop": 0.0}, {"mels": 400}])
def test_what_does_not_suit_sounds_is_refused(fields):
    with pytest.raises(ValueError, match=r"mirror|hop|mels"):
        Convolutional(Config(**fields), sounds()[0])
