"""The feed-forward network: an optimum that is known, an ensemble that is a mean, edges from the training data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Spec
from reverie.maths.targets import form
from reverie.models.predictors.feedforward import Config, Feedforward
from toys import Values, pictures, rows, sentences

AT = At(0, 0, 1)
PLAIN = Config(hidden=(), members=1, bins=0, dropout=0.0)


class Whole:
    """All of a toy set, as `begin` sees it."""

    def __init__(self, items):
        self.items = items

    def __call__(self, k: int) -> Batch:
        return next(self.whole())

    def whole(self):
        yield self.items.take(torch.arange(len(self.items)))


def everything(items) -> Batch:
    return items.take(torch.arange(len(items)))


def test_without_a_hidden_layer_it_reaches_the_optimum_of_logistic_regression():
    torch.manual_seed(0)
    x = torch.randn(300, 3, dtype=torch.float64)
    y = (x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + torch.randn(300, dtype=torch.float64) > 0).long()
    spec = Spec("table", {"x": Field((3,), 0.0, 0.0)}, target={"y": Field((), categories=2)})
    model = Feedforward(PLAIN, spec).double()
    batch = Batch({"x": x, "y": y})
    search = torch.optim.LBFGS(
        model.parameters(), max_iter=500, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def cost() -> torch.Tensor:
        search.zero_grad()
        loss = model.loss(batch, AT)
        mean = loss.total / loss.count
        mean.backward()
        return mean

    search.step(cost)
    reference = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky").fit(x.numpy(), y.numpy())
    margin = model.predict(batch).detach()
    wanted = reference.decision_function(x.numpy())
    assert np.allclose((margin[:, 1] - margin[:, 0]).numpy(), wanted, atol=1e-4)


def test_a_prediction_is_the_mean_of_the_members_probabilities():
    spec, items = rows()
    model = Feedforward(Config.tiny().config, spec).eval()
    model.begin(Whole(items))
    batch = everything(items)
    each = model.outputs(batch)
    assert each.shape == (96, 3, 2)
    assert torch.allclose(model.predict(batch).softmax(1), each.softmax(2).mean(1), atol=1e-6)
    spec, items = rows(numeric=True)
    model = Feedforward(Config.tiny().config, spec).eval()
    batch = everything(items)
    assert torch.allclose(model.predict(batch), model.outputs(batch).mean(1)[:, 0])


def test_each_member_learns_by_its_own_loss():
    spec, items = rows()
    model = Feedforward(replace(Config.tiny().config, dropout=0.0), spec)
    batch = everything(items)
    each = model.outputs(batch)
    wanted = sum(F.cross_entropy(each[:, k], batch["answer"], reduction="sum") for k in range(3)) / 3
    assert model.loss(batch, AT).total.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_edges_are_quantiles_of_the_training_data_alone():
    spec, items = rows()
    model = Feedforward(Config.tiny().config, spec)
    model.begin(Whole(items))
    edges, a = model.numbers.edges, items.values["a"]
    assert edges[0, 0] == a.min()
    assert edges[0, -1] == a.max()
    there = items.masks["b"]
    assert edges[1, -1] == items.values["b"][there].max()


def test_it_takes_pictures_as_they_are():
    spec, items = pictures()
    model = Feedforward(replace(PLAIN, hidden=(5,)), spec)
    assert sum(p.numel() for p in model.parameters()) == 784 * 5 + 5 + 5 * 3 + 3
    assert model.predict(items.take(torch.arange(4))).shape == (4, 3)


@pytest.mark.parametrize("target", [Field((), 0.0, 0.0), Field((2, 3), 0.0, 0.0), Field((4,), categories=2)])
def test_its_head_is_what_the_target_asks_for(target):
    fields, _ = rows()
    spec = Spec("table", fields.fields, target={"answer": target})
    model = Feedforward(Config.tiny().config, spec)
    batch = everything(rows()[1])
    assert model.predict(batch).shape == (96, *target.shape)
    y = torch.zeros(96, *target.shape, dtype=torch.int64 if target.categories else torch.float32)
    assert model.loss(Batch({**batch.values, "answer": y}, masks=batch.masks), AT).count == 96


def test_one_batch_is_learnt_by_heart():
    torch.manual_seed(0)
    spec, items = rows(48)
    model = Feedforward(Config(hidden=(64, 64), members=4, dropout=0.0, bins=8), spec)
    model.begin(Whole(items))
    batch, optimizer = everything(items), model.optimizers()["adam"]
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.loss(batch, AT)
        (loss.total / loss.count).backward()
        optimizer.step()
    assert float(loss.total.detach() / loss.count) < 0.02
    assert torch.equal(model.predict(batch).argmax(1), batch["answer"])


# --------------------------------------------------------------------------------------------------- rows and ensembles


def test_one_member_is_the_plain_network():
    """Linear, ReLU, linear, on weights that are read out of it."""
    spec, items = pictures()
    model = Feedforward(replace(PLAIN, hidden=(5,)), spec).eval()
    batch = everything(items)
    layer, head = model.body[0].layer, model.head
    inner = (batch["image"].flatten(1) @ layer.linear.weight.T + layer.bias[0]).relu()
    assert torch.allclose(model.features(batch), inner, atol=1e-5)
    assert torch.allclose(model.predict(batch), inner @ head.weight[0] + head.bias[0], atol=1e-5)


@pytest.mark.parametrize("bins", [0, 4])
def test_a_missing_numbers_value_has_no_influence_but_its_absence_does(bins):
    spec, items = rows()
    model = Feedforward(replace(Config.tiny().config, bins=bins), spec).eval()
    model.begin(Whole(items))
    batch = everything(items)
    other = torch.where(batch.masks["b"], batch["b"], 7.0)
    assert torch.equal(model.predict(Batch({**batch.values, "b": other}, masks=batch.masks)), model.predict(batch))
    all_there = {"b": torch.ones_like(batch.masks["b"])}
    assert not torch.allclose(model.predict(Batch(batch.values, masks=all_there)), model.predict(batch))


def test_a_missing_number_of_a_wide_field_has_no_influence_but_its_absence_does():
    spec = Spec("table", {"x": Field((2, 3), 0.0, 0.0, missing=True)}, target={"y": Field((), 0.0, 0.0)})
    model = Feedforward(Config.tiny().config, spec).eval()
    assert model.inputs == 12
    x, there = torch.randn(5, 2, 3), torch.rand(5, 2, 3) < 0.5
    said = model.predict(Batch({"x": x}, masks={"x": there}))
    assert torch.equal(model.predict(Batch({"x": torch.where(there, x, 9.0)}, masks={"x": there})), said)
    assert not torch.allclose(model.predict(Batch({"x": torch.where(there, x, 0.0)})), said)


def learns_everywhere(model: Feedforward, batch: Batch) -> bool:
    model.loss(batch, AT).total.backward()
    return all(p.grad is not None and bool(p.grad.abs().max() > 0) for p in model.parameters())


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_every_parameter_gets_a_gradient_from_rows_and_from_series(norm):
    torch.manual_seed(0)
    config = replace(Config.tiny().config, norm=norm)
    spec, items = rows()
    model = Feedforward(config, spec)
    model.begin(Whole(items))
    assert learns_everywhere(model, everything(items))
    assert learns_everywhere(Feedforward(replace(config, window_norm=True), SERIES), series())


def test_weights_decay_but_biases_norms_and_factors_do_not():
    model = Feedforward(replace(Config.tiny().config, weight_decay=0.3, norm="batch"), rows()[0])
    decayed, rest = model.optimizers()["adam"].param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    wanted = [layer.layer.linear.weight for layer in model.body] + [model.head.weight]
    assert {id(p) for p in decayed["params"]} == {id(p) for p in wanted}


@pytest.mark.parametrize(
    ("decay", "wanted"), [("none", [1, 1, 1]), ("linear", [0.875, 0.375, 0]), ("cosine", [1, 0.5, 0])]
)
def test_the_rate_stays_or_falls_to_nothing(decay, wanted):
    model = Feedforward(replace(PLAIN, warmup=0.0, decay=decay), rows()[0])
    assert [model.rate(At(k, 0, 4)) for k in (0, 2, 4)] == pytest.approx(wanted)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh", "sigmoid"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("residual", [False, True])
def test_the_gradient_of_the_whole_network_is_that_of_finite_differences(activation, norm, residual):
    torch.manual_seed(0)
    config = Config((4, 4), activation, norm, residual, dropout=0.0, bins=0, members=2)
    spec = Spec("table", {"x": Field((3,), 0.0, 0.0)}, target={"y": Field((), categories=3)})
    model = Feedforward(config, spec).double()
    y = torch.randint(0, 3, (4,))
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: model.loss(Batch({"x": x, "y": y}), AT).total, x)


# ---------------------------------------------------------------------------------------------------------- batch norm


def test_finished_it_predicts_each_item_alone():
    spec, items = rows()
    model = Feedforward(replace(Config.tiny().config, norm="batch"), spec).eval()
    model.begin(Whole(items))
    model.finish(Whole(items))
    alone = torch.cat([model.predict(items.take(torch.tensor([k]))) for k in range(5)])
    assert torch.allclose(model.predict(items.take(torch.arange(5))), alone, atol=1e-5)


def test_finish_takes_the_mean_and_unbiased_variance_of_what_each_member_sees():
    spec, items = rows()
    model = Feedforward(replace(Config.tiny().config, norm="batch"), spec).eval()
    model.begin(Whole(items))
    model.finish(Whole(items))
    batch, first = everything(items), model.body[0]
    seen = first.layer(model.vector(batch)[:, None].expand(-1, 3, -1))  # (B, 3, 8)
    assert torch.allclose(first.norm.norm.mean.view(3, 8), seen.mean(0), atol=1e-5)
    assert torch.allclose(first.norm.norm.var.view(3, 8), seen.var(0), atol=1e-5)


# -------------------------------------------------------------------------------------------------------------- series

SERIES = Spec("series", {"past": Field((12, 3), 0.0, 0.0)}, target={"future": Field((4, 3), 0.0, 0.0)})


def series(n: int = 6) -> Batch:
    torch.manual_seed(1)
    return Batch({"past": torch.randn(n, 12, 3), "future": torch.randn(n, 4, 3)})


def test_the_linear_set_is_one_map_along_time_that_all_channels_share():
    config = replace(Config.linear().config, window_norm=False)
    model, batch = Feedforward(config, SERIES), series()
    assert sum(p.numel() for p in model.parameters()) == 12 * 4 + 4
    wanted = torch.einsum("blc,lh->bhc", batch["past"], model.head.weight[0]) + model.head.bias[0][:, None]
    assert torch.allclose(model.predict(batch), wanted, atol=1e-5)
    turned = Batch({"past": batch["past"].flip(2)})
    assert torch.allclose(model.predict(turned), wanted.flip(2), atol=1e-5)


@pytest.mark.parametrize("made", [Config.linear().config, replace(Config.tiny().config, window_norm=True)])
def test_with_window_norm_a_prediction_moves_and_stretches_with_the_past(made):
    torch.manual_seed(0)
    model = Feedforward(made, SERIES).double().eval()
    past = series()["past"].double()
    by, to = torch.tensor([2.0, 0.1, 30.0]).double(), torch.tensor([5.0, -100.0, 0.0]).double()
    said = model.predict(Batch({"past": past}))
    assert torch.allclose(model.predict(Batch({"past": past * by + to})), said * by + to, rtol=1e-9, atol=1e-9)
    plain = Feedforward(replace(made, window_norm=False), SERIES).double().eval()
    moved = plain.predict(Batch({"past": past + 5}))
    assert not torch.allclose(moved, plain.predict(Batch({"past": past})) + 5)


def test_a_gap_in_a_series_has_no_influence_but_its_absence_does():
    past = Field((12, 3), 0.0, 0.0, missing=True)
    model = Feedforward(Config.linear().config, Spec("series", {"past": past}, target=SERIES.target)).eval()
    x, there = series()["past"], torch.rand(6, 12, 3) < 0.7
    said = model.predict(Batch({"past": x}, masks={"past": there}))
    other = torch.where(there, x, -50.0)
    assert torch.equal(model.predict(Batch({"past": other}, masks={"past": there})), said)
    assert not torch.allclose(model.predict(Batch({"past": torch.where(there, x, 0.0)})), said)


def test_series_with_other_targets_are_taken_flat():
    spec = Spec("series", SERIES.fields, target={"future": Field((), categories=4)})
    model = Feedforward(Config.tiny().config, spec)
    assert model.inputs == 36
    assert model.predict(series()).shape == (6, 4)


def test_features_are_one_row_an_item():
    assert Feedforward(Config.tiny().config, SERIES).features(series()).shape == (6, 3 * 3 * 8)
    assert Feedforward(Config.tiny().config, rows()[0]).features(everything(rows()[1])).shape == (96, 3 * 8)


# ----------------------------------------------------------------------------------------------------------- sentences

NAIVE = replace(Config.ngrams().config, naive=1.0, places=200)


def test_where_its_weights_start_at_1_it_is_multinomial_naive_bayes():
    """On whether a word or a pair is in a sentence; of items that it has not learnt from."""
    spec, items = sentences()
    model = Feedforward(NAIVE, spec).double()
    learnt, other = (items.take(torch.arange(*part)) for part in ((0, 60), (60, 96)))
    model.begin(Whole(Values(learnt.values, learnt.lengths)))
    count = CountVectorizer(ngram_range=(1, 2), binary=True)
    peer = MultinomialNB().fit(count.fit_transform(spoken(learnt)), learnt["label"])
    wanted = peer.predict_log_proba(count.transform(spoken(other)))
    assert np.allclose(model.predict(other).log_softmax(1).detach().numpy(), wanted, atol=1e-6)


def spoken(batch: Batch) -> list[str]:
    rows = zip(batch["text"].tolist(), batch.lengths["text"].tolist())
    return [" ".join(f"w{t}" for t in row[:n]) for row, n in rows]


@pytest.mark.parametrize("target", [Field((), 0.0, 0.0), Field((3,), categories=2), Field((), categories=3)])
@pytest.mark.parametrize("hidden", [(), (8,)])
def test_of_sentences_it_learns_whatever_is_asked_for(target, hidden):
    torch.manual_seed(0)
    spec, items = sentences()
    spec = Spec("sentences", spec.fields, target={"y": target})
    model = Feedforward(replace(NAIVE, hidden=hidden, learning_rate=0.05), spec)
    batch = everything(items)
    yes = batch["label"]
    y = {"numbers": yes - 0.3, "labels": torch.stack([yes, 1 - yes, yes], 1), "classes": yes * 2}[form(target)]
    batch = Batch({"text": batch["text"], "y": y}, batch.lengths)
    model.begin(Whole(Values(batch.values, batch.lengths)))
    assert learns_everywhere(model, batch)
    optimizer, costs = model.optimizers()["adam"], []
    for _ in range(40):
        optimizer.zero_grad()
        loss = model.loss(batch, AT)
        loss.total.backward()
        optimizer.step()
        costs.append(float(loss.total.detach()))
    assert costs[-1] < 0.5 * costs[0]


def test_what_fills_a_batch_of_sentences_has_no_influence():
    spec, items = sentences()
    model = Feedforward(NAIVE, spec).double()
    model.begin(Whole(items))
    batch = everything(items)
    longest = int(batch.lengths["text"].max())
    there = torch.arange(batch["text"].shape[1]) < batch.lengths["text"][:, None]
    wider = F.pad(torch.where(there, batch["text"], 7), (0, 5), value=3)
    said = model.predict(Batch({"text": wider}, batch.lengths))
    assert torch.allclose(said, model.predict(batch), rtol=0, atol=1e-12)
    cut = Batch({"text": batch["text"][:, :longest]}, batch.lengths)
    assert torch.allclose(model.predict(cut), said, rtol=0, atol=1e-12)


def test_pairs_of_words_tell_what_single_words_cannot():
    """The toy's class is whether word 2 stands before word 3, and word 3 is in sentences of both classes."""
    spec, items = sentences()
    right = []
    for span in (1, 2):
        model = Feedforward(replace(NAIVE, span=span), spec)
        model.begin(Whole(Values({k: v[:64] for k, v in items.values.items()}, {"text": items.lengths["text"][:64]})))
        held = items.take(torch.arange(64, 96))
        right.append(float((model.predict(held).argmax(1) == held["label"]).float().mean()))
    assert right[1] > right[0]
    assert right[1] > 0.9


def test_weights_of_ngrams_decay_and_their_prior_does_not():
    model = Feedforward(NAIVE, sentences()[0])
    decayed, rest = model.optimizers()["adam"].param_groups
    assert [id(p) for p in decayed["params"]] == [id(model.grams.weight)]
    assert [id(p) for p in rest["params"]] == [id(model.head.bias)]


# ------------------------------------------------------------------------------------------------------------ refusals


def test_two_texts_of_an_item_are_refused():
    text = Field((9,), categories=7, length=True)
    with pytest.raises(ValueError, match="feedforward reads one text of an item"):
        Feedforward(NAIVE, Spec("sentences", {"a": text, "b": text}, target={"y": Field((), categories=2)}))


def test_window_norm_without_a_series_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"window_norm: only a series .* Pass False"):
        Feedforward(replace(PLAIN, window_norm=True), rows()[0])


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (Field((5,), categories=4, start=0), "a sequence: feedforward predicts"),
        (Field((), categories=1), "one class only"),
    ],
)
def test_a_target_that_it_cannot_predict_is_refused(target, says):
    with pytest.raises(ValueError, match=says):
        Feedforward(PLAIN, Spec("table", rows()[0].fields, target={"answer": target}))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"hidden": (8, 0)}, "a layer without width"),
        ({"members": 0}, "members 0: too small"),
        ({"dropout": 1.0}, "dropout 1.0: not in"),
        ({"bins": -1}, "bins -1: too small"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_cure(fields, says):
    with pytest.raises(ValueError, match=says):
        Feedforward(replace(Config(), **fields), rows()[0])
