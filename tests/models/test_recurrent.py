"""The recurrent predictor: what has no influence on an answer, its gradients, and what it learns."""

import math
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Predicts, Spec
from reverie.models.predictors.recurrent import Config, Recurrent
from reverie.training.trainer import Plan, Trainer
from sequences import FORMS, RAGGED, alone, double, further, order, some
from toys import Values, pictures, rows, sentences, series, sounds

AT = At(0, 0, 1)
TINY = Config.tiny().config
CELLS = ("rnn", "lstm", "gru")
each_form = pytest.mark.parametrize("form", FORMS)


def build(spec: Spec, **fields) -> Recurrent:
    """In float64, every weight drawn, so that each one matters."""
    torch.manual_seed(0)
    model = Recurrent(replace(TINY, **fields), spec).double()
    for p in model.parameters():
        nn.init.normal_(p, 0.0, 0.4)
    return model.eval()


# -------------------------------------------------------------------------------------------- what has no influence


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("form", RAGGED)
def test_padding_further_changes_no_answer(form, cell, both_ways, pooling):
    spec, items = FORMS[form]()
    model = build(spec, cell=cell, both_ways=both_ways, pooling=pooling, join=2)
    batch = double(some(items))
    said = model.predict(batch)
    assert torch.allclose(model.predict(further(batch, model.name, 500)), said, atol=1e-10)
    assert said.std(0).min() > 1e-3  # and the answers are not all alike


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
@each_form
def test_an_answer_hangs_on_no_other_item(form, pooling):
    spec, items = FORMS[form]()
    model = build(spec, pooling=pooling)
    batch = double(some(items))
    said = model.predict(batch)
    for i in range(len(batch)):
        assert torch.allclose(model.predict(alone(batch, model.name, i))[0], said[i], atol=1e-9)


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_every_value_that_is_there_has_an_influence_and_no_other(pooling):
    spec, items = FORMS["gaps"]()
    model, batch = build(spec, pooling=pooling), double(some(items))
    x = batch["past"].clone().requires_grad_()
    model.predict(Batch({"past": x}, batch.lengths, batch.masks)).square().sum().backward()
    there = batch.masks["past"] & (torch.arange(x.shape[1]) < batch.lengths["past"][:, None])[..., None]
    assert (x.grad[there] != 0).all()
    assert not x.grad[~there].any()


def test_an_item_without_a_token_has_an_answer_and_a_gradient():
    spec, items = sentences()
    model = build(spec, pooling="attention")
    batch = some(items, 3)
    batch = Batch(batch.values, {"text": torch.tensor([0, 3, 0])})
    model.loss(batch, AT).total.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_attention_is_on_what_is_there():
    spec, items = sentences()
    model, batch = build(spec, pooling="attention"), some(items)
    states, steps = model.states(batch)
    weights = model.attend.weights(states, steps.there)
    assert torch.allclose(weights.sum(1), torch.ones(8, dtype=torch.float64))
    assert not weights[~steps.there].any()
    assert torch.allclose(torch.einsum("bt,btd->bd", weights, states), model.features(batch))


# ------------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("cell", CELLS)
@each_form
def test_gradients_are_those_of_finite_differences(form, cell):
    spec, items = FORMS[form](4)
    small = {"width": 2, "embedding": 2, "mels": 4, "hop": 0.05, "dropout": 0.0}
    model, batch = build(spec, cell=cell, **small), double(some(items, 4))
    names, weights = zip(*model.named_parameters())

    class Told(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self):
            return self.model.loss(batch, AT).total

    def loss(*given):
        return functional_call(Told(), {f"model.{k}": v for k, v in zip(names, given)}, ())

    assert torch.autograd.gradcheck(loss, tuple(p.detach().requires_grad_() for p in weights), fast_mode=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_cross_entropy_with_the_smoothed_label_in_nats(smoothing):
    spec, items = sentences()
    model, batch = build(spec, smoothing=smoothing), some(items)
    loss, log_p = model.loss(batch, AT), model.predict(batch).log_softmax(1)
    wanted = F.one_hot(batch["label"], 2).double() * (1 - smoothing) + smoothing / 2
    assert loss.count == 8
    assert loss.total.item() == pytest.approx(-(wanted * log_p).sum().item(), rel=1e-12)
    assert loss.logs["right"].item() == (log_p.argmax(1) == batch["label"]).sum().item()


def test_numbers_and_labels_have_heads_of_their_own():
    spec, items = series()
    batch = some(items, 5)
    for target, shape in ((Field((2, 3), 0.0, 0.0), (5, 2, 3)), (Field((4,), categories=2), (5, 4))):
        model = Recurrent(TINY, Spec("series", spec.fields, target={"answer": target})).eval()
        assert model.predict(batch).shape == shape
        answer = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(0))
        if target.categories:
            nn.init.zeros_(model.head.weight)
            wanted = 20 * math.log(2)
        else:  # starts at the mean, 0
            answer, wanted = answer.float(), 0.5 * float(answer.sum())
        loss = model.loss(Batch({**batch.values, "answer": answer}), AT)
        assert loss.total.item() == pytest.approx(wanted, rel=1e-6)


def test_matrices_decay_but_biases_and_tokens_vectors_do_not():
    model = build(sentences()[0], weight_decay=0.3)
    (optimizer,) = model.optimizers().values()
    decayed, rest = optimizer.param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[id(p)].split(".")[-1] for p in decayed["params"]} == {"weight_ih_l0", "weight_hh_l0", "weight"}
    kept = {names[id(p)] for p in rest["params"]}
    assert "front.vectors.weight" in kept
    assert all("bias" in name for name in kept - {"front.vectors.weight"})


def test_the_rate_falls_by_a_cosine_or_a_line():
    middle = At(55, 0, 100)
    assert build(sentences()[0], decay="cosine").rate(middle) == pytest.approx(0.5)
    assert build(sentences()[0], decay="linear").rate(middle) == pytest.approx(44.5 / 90)
    assert build(sentences()[0], decay="linear", warmup=0.2).rate(At(9, 0, 100)) == pytest.approx(9.5 / 20)


def test_only_the_loss_is_of_varied_sounds_and_only_in_training_is_anything_left_out():
    spec, items = sounds()
    model, batch = build(spec, mask_time=0.3, mask_bands=0.3, shift=2, dropout=0.0), double(some(items))
    assert torch.equal(model.predict(batch), model.predict(batch))
    losses = {model.loss(batch, AT).total.item() for _ in range(3)}
    assert len(losses) == 3
    plain = build(spec, dropout=0.5)
    assert plain.loss(batch, AT).total == plain.loss(batch, AT).total
    plain.train()
    assert plain.loss(batch, AT).total != plain.loss(batch, AT).total


# ------------------------------------------------------------------------------------------------------------- series


def test_with_window_norm_a_prediction_moves_and_stretches_with_the_past():
    spec, items = series()
    model, past = build(spec, window_norm=True), some(items)["past"].double()
    by, to = torch.tensor([2.0, 30.0]).double(), torch.tensor([5.0, -100.0]).double()
    said = model.predict(Batch({"past": past}))
    assert torch.allclose(model.predict(Batch({"past": past * by + to})), said * by + to, rtol=1e-8)
    assert not torch.allclose(
        build(spec).predict(Batch({"past": past + 5})), build(spec).predict(Batch({"past": past})) + 5
    )


def test_a_value_that_is_missing_has_no_influence_but_its_absence_does():
    spec, items = FORMS["gaps"]()
    model, batch = build(spec), double(some(items))
    there = batch.masks["past"]
    said = model.predict(batch)
    other = Batch({"past": torch.where(there, batch["past"], -50.0)}, batch.lengths, batch.masks)
    assert torch.equal(model.predict(other), said)
    filled = Batch({"past": torch.where(there, batch["past"], 0.0)}, batch.lengths)
    assert not torch.allclose(model.predict(filled), said)


# ------------------------------------------------------------------------------------------------------------ learning


def learnt(spec, items, steps, **fields):
    torch.manual_seed(0)
    model = Recurrent(replace(TINY, **fields), spec)
    trainer = Trainer(model, items, Plan(batch=32, clip=1.0), Fabric(accelerator="cpu", devices=1))
    for _ in range(steps):
        trainer.advance(steps)
    return trainer.weights().eval()


def right(model, batch) -> float:
    return (model.predict(batch).argmax(1) == batch[model.target]).float().mean().item()


@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_the_order_of_words_and_knows_new_sentences(cell):
    """Words are counted alike in both classes, so that no mean of their vectors tells: chance is one half."""
    spec, items = order(800)
    known, new = some(items, 600), some(items, 200, 600)
    model = learnt(spec, Values(dict(known.values), dict(known.lengths)), 150, cell=cell, smoothing=0.0)
    assert right(model, new) > 0.95
    swapped = new["text"].clone()
    swapped[new["text"] == 1], swapped[new["text"] == 2] = 2, 1
    turned = Batch({"text": swapped, "label": 1 - new["label"]}, new.lengths)
    assert right(model, turned) > 0.95


@pytest.mark.parametrize(("make", "steps"), [(sounds, 60), (pictures, 40)])
def test_it_tells_tones_and_stripes_apart(make, steps):
    spec, items = make()
    assert right(learnt(spec, items, steps), items.take(torch.arange(len(items)))) > 0.95


def test_it_learns_how_waves_go_on():
    """The mean over all time misses by 1, their variance."""
    spec, items = series()
    batch = items.take(torch.arange(len(items)))
    model = learnt(spec, items, 150, pooling="last", window_norm=True, dropout=0.0)
    assert (model.predict(batch) - batch["future"]).square().mean() < 0.05


# ----------------------------------------------------------------------------------------------------------- refusals


def test_features_are_what_the_head_sees():
    spec, items = pictures()
    model, batch = build(spec), double(some(items))
    assert isinstance(model, Predicts)
    assert torch.allclose(model.head(model.features(batch)), model.predict(batch))
    assert model.features(batch).shape == (8, 16)


WORDS = sentences()[0]


@pytest.mark.parametrize(
    ("spec", "fields", "says"),
    [
        (Spec("text", WORDS.fields, target={"t": Field((5,), categories=4, start=1)}), {}, "a sequence: .*seq2seq"),
        (Spec("text", WORDS.fields, target={"t": Field((), categories=1)}), {}, "one class only"),
        (Spec("text", WORDS.fields), {}, "nothing else to predict"),
        (rows()[0], {}, "recurrent reads one sequence or picture. Pass --model feedforward"),
        (WORDS, {"window_norm": True}, "window_norm: only a series .* Pass False"),
        (WORDS, {"width": 0}, "width 0: too small. Pass 1 or more"),
        (WORDS, {"layers": 0}, "layers 0: too small"),
        (WORDS, {"hop": 0.0}, "hop 0.0: not above 0"),
        (WORDS, {"dropout": 1.0}, "dropout 1.0: not in"),
        (WORDS, {"mask_time": 0.2}, "of sounds: nothing else has them"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused_with_the_cure(spec, fields, says):
    with pytest.raises(ValueError, match=says):
        Recurrent(replace(TINY, **fields), spec)
