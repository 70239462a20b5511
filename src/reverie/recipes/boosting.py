"""A table's run beside scikit-learn's gradient boosting by its own defaults, on the same columns and the same rows:
boosting learns from the training and the calibration part together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, roc_auc_score

from reverie.core import Items
from reverie.kinds.table import Codec
from reverie.recipes import Recipe
from reverie.tasks.calibrate import outputs

if TYPE_CHECKING:
    from reverie.training.run import Run


def auc(run: "Run") -> Mapping[str, Any]:
    """Of two classes: ROC AUC on the whole held-out part, less boosting's."""
    found = two_classes(run)
    return {"value": found["auc"] - found["boosting_auc"], "unit": "AUC above boosting's", **found}


def accuracy(run: "Run") -> Mapping[str, Any]:
    """Of two classes: the share of the held-out part that is right, less boosting's."""
    found = two_classes(run)
    return {"value": found["accuracy"] - found["boosting_accuracy"], "unit": "share right above boosting's", **found}


def rmse(run: "Run") -> Mapping[str, Any]:
    """Of a number: the root mean squared error on the whole held-out part, in the number's own unit."""
    codec = run.codec
    assert isinstance(codec, Codec)
    said, truth = answers(run)
    x, y, rows = tables(run)
    trees = HistGradientBoostingRegressor(categorical_features=named(run), random_state=0).fit(x, y)
    errors = {"rmse": said - truth, "boosting_rmse": trees.predict(rows) - truth}
    found = {name: float(np.sqrt(np.square(e).mean())) * codec.target.deviation for name, e in errors.items()}
    return {"value": found["rmse"], "unit": "root mean squared error", **found, "items": len(truth)}


def two_classes(run: "Run") -> dict[str, Any]:
    said, truth = answers(run)
    x, y, rows = tables(run)
    trees = HistGradientBoostingClassifier(categorical_features=named(run), random_state=0).fit(x, y)
    peer = trees.predict_proba(rows)[:, 1]
    found: dict[str, Any] = {"items": len(truth)}
    for whose, p in (("", said), ("boosting_", peer)):
        found[f"{whose}auc"] = float(roc_auc_score(truth, p))
        found[f"{whose}accuracy"] = float(accuracy_score(truth, (p > 0.5).astype(int)))
    return found


def answers(run: "Run") -> tuple[np.ndarray, np.ndarray]:
    """Of every held-out row what the run says, of two classes the second one's probability, and the truth (N,)."""
    items = run.prepared.held_out
    output, truth = outputs(run, items, torch.arange(len(items)))
    assert truth is not None
    output = output.double()
    return (output.softmax(1)[:, 1] if output.ndim == 2 else output).numpy(), truth.double().numpy()


def tables(run: "Run") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to learn from (N, columns) and their answers, and the held-out rows."""
    data = run.prepared
    learnt = [table(part, run) for part in (data.train, data.calibration) if part is not None]
    x, y = (torch.cat(columns).numpy() for columns in zip(*learnt))
    return x, y, table(data.held_out, run)[0].numpy()


def table(items: Items, run: "Run") -> tuple[torch.Tensor, torch.Tensor]:
    """Columns side by side (N, columns), gaps as NaN, and the answer."""
    batch = items.take(torch.arange(len(items)))
    columns = []
    for name in run.spec.fields:
        column = batch[name].double()
        column = torch.where(batch.masks[name], column, torch.nan) if name in batch.masks else column
        columns.append(column.reshape(len(items), -1))
    return torch.cat(columns, 1), batch[run.spec.predicted[0]]


def named(run: "Run") -> list[bool]:
    """Which of those columns are categories."""
    return [bool(field.categories) for field in run.spec.fields.values() for _ in range(field.size)]


def beside(name: str, data: str, options: Mapping[str, Any], repeats: int) -> Recipe:
    """Accuracy in repeated ten-fold cross-validation, less boosting's in the same folds."""
    times = f"{repeats} times ten folds"
    return Recipe(
        title=f"Feed-forward ensemble on {name}, {times}; accuracy less that of scikit-learn's HistGradientBoosting",
        source="scikit-learn's HistGradientBoostingClassifier with its defaults, in the same folds",
        published="boosting's own accuracy in the same folds: 0 is equal",
        data=data,
        model="feedforward",
        set="small",
        options=options,
        folds=10,
        repeats=repeats,
        measure=accuracy,
        goal=0.0,
        higher=True,
    )
