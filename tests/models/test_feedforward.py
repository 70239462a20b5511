"""The feed-forward network: an optimum that is known, an ensemble that is a mean, edges from the training data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Spec
from reverie.models.predictors.feedforward import Config, Feedforward
from toys import pictures, rows

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
