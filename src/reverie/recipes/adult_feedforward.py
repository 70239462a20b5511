"""An ensemble of feed-forward networks on the Adult census data, beside scikit-learn's gradient boosting.

Gorishniy et al. 2025 (TabM, arXiv:2410.24210): such networks equal boosted trees on tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from reverie.core import Items
from reverie.recipes import Recipe
from reverie.tasks.calibrate import outputs

if TYPE_CHECKING:
    from reverie.training.run import Run


def measure(run: "Run") -> Mapping[str, Any]:
    """ROC AUC on the whole test part, and that of boosting by its own defaults on the same columns, learnt from the
    training and the calibration part together."""
    data = run.prepared
    output, truth = outputs(run, data.held_out, torch.arange(len(data.held_out)))
    assert truth is not None
    value = float(roc_auc_score(truth, output.softmax(1)[:, 1]))
    names = list(run.spec.fields)
    named = [bool(run.spec.fields[name].categories) for name in names]
    parts = [data.train, *([data.calibration] if data.calibration else [])]
    x, y = (torch.cat(columns) for columns in zip(*(table(part, run) for part in parts)))
    trees = HistGradientBoostingClassifier(categorical_features=named, random_state=0).fit(x.numpy(), y.numpy())
    rows, answers = table(data.held_out, run)
    peer = float(roc_auc_score(answers, trees.predict_proba(rows.numpy())[:, 1]))
    found = {"auc": value, "boosting_auc": peer, "items": len(truth)}
    return {"value": value - peer, "unit": "AUC above boosting's", **found}


def table(items: Items, run: "Run") -> tuple[torch.Tensor, torch.Tensor]:
    """Columns side by side (N, columns), gaps as NaN, and the answer."""
    batch = items.take(torch.arange(len(items)))
    columns = []
    for name in run.spec.fields:
        column = batch[name].double()
        columns.append(torch.where(batch.masks[name], column, torch.nan) if name in batch.masks else column)
    return torch.stack(columns, 1), batch[run.spec.predicted[0]]


RECIPE = Recipe(
    title="Feed-forward ensemble on Adult, standard split; ROC AUC less that of scikit-learn's HistGradientBoosting",
    source="scikit-learn's HistGradientBoostingClassifier with its defaults, in the same run",
    published="boosting's own AUC on the same rows: 0 is equal",
    data="adult",
    model="feedforward",
    set="small",
    steps=2_000,
    options={"predict": "c15", "test": "adult-test"},
    measure=measure,
    goal=-0.003,
    higher=True,
)
