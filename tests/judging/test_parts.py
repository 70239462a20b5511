"""Rate, distortion, units in use and reconstructions, of a model whose numbers are known."""

from math import log

import pytest
import torch

from reverie import core
from reverie.core import Batch, Bound
from reverie.judging.course import Course
from reverie.judging.parts import rate_distortion
from reverie.judging.verdict import verdicts
from reverie.judging.words import headline
from reverie.metrics import Metric
from reverie.spec import Field, Spec
from reverie.training.run import Run
from toys import Values

SPEC = Spec("table", {"x": Field((3,), low=0.0, high=2.0), "gap": Field((), 0.0, 0.0, missing=True)})
COUNT = 200


class Told(core.Model):
    """Of three units, two are in use; a code is the item, and decoding adds 0.2 to each bounded number."""

    def __init__(self, spec: Spec):
        super().__init__()
        self.spec = spec

    def optimizers(self) -> dict:
        return {}

    def updates(self) -> list:
        return []

    def bound(self, batch: Batch) -> Bound:
        x = batch["x"]
        mean = torch.stack([x[:, 0], 0.5 * x[:, 1], 0.01 * x[:, 2]], 1)
        return Bound(mean, torch.stack([x[:, 0], x[:, 1], 0 * x[:, 2]], 1), 5 + x[:, 2])

    def encode(self, batch: Batch) -> torch.Tensor:
        return torch.cat([batch["x"], batch["gap"][:, None]], 1)

    def decode(self, codes: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"x": codes[:, :3] + 0.2, "gap": codes[:, 3] - 0.3}


class Prepared:
    def __init__(self) -> None:
        g = torch.Generator().manual_seed(0)
        x, there = 2 * torch.rand(COUNT, 3, generator=g), torch.rand(COUNT, generator=g) < 0.5
        self.held_out = Values({"x": x, "gap": torch.where(there, 1.0, 99.0)}, masks={"gap": there})


def found(tmp_path) -> tuple[dict[str, Metric], Values]:
    prepared = Prepared()
    run = Run(tmp_path, {})
    run.model, run.prepared, run.spec, run.device = Told(SPEC), prepared, SPEC, torch.device("cpu")
    return {m.name: m for m in rate_distortion(run)}, prepared.held_out


def test_rate_and_distortion_are_means_over_items_in_nats_and_bits(tmp_path):
    metrics, items = found(tmp_path)
    x = items.values["x"].double()
    rate = float((x[:, 0] + x[:, 1]).mean())
    assert metrics["rate_nats"].value == pytest.approx(rate, rel=1e-6)
    assert metrics["rate_bits"].value == pytest.approx(rate / log(2), rel=1e-6)
    assert metrics["distortion_nats"].value == pytest.approx(5 + float(x[:, 2].mean()), rel=1e-6)
    assert metrics["rate_nats"].low < rate < metrics["rate_nats"].high


def test_units_are_in_use_where_their_mean_varies(tmp_path):
    """Of uniform numbers on [0, 2] the variance is a third; a hundredth of the scale is a ten-thousandth of it."""
    metrics, _ = found(tmp_path)
    assert (metrics["active_units"].value, metrics["active_units"].reference) == (2, 3)


def test_a_reconstruction_is_off_by_its_root_mean_square_over_what_is_there(tmp_path):
    """0.2 on [0, 2] is a tenth of the range; 0.3 of a number without bounds counts as it is; gaps count nothing."""
    metrics, items = found(tmp_path)
    known = int(items.masks["gap"].sum())
    wanted = ((3 * COUNT * 0.1**2 + known * 0.3**2) / (3 * COUNT + known)) ** 0.5
    assert metrics["reconstruction_rmse"].value == pytest.approx(wanted, rel=1e-5)


def test_it_is_said_in_words(tmp_path):
    metrics, _ = found(tmp_path)
    (said,) = headline(list(metrics.values()), judged=True)
    assert said.startswith("A code holds 2.8")
    assert "bits of its item, in 2 of 3 units; items decoded from it are off by" in said


def collapse(units: float, rate: float) -> list[str]:
    metrics = [
        Metric("active_units", units, "of 8 units", 100, "", reference=8.0),
        Metric("rate_nats", rate, "nats an item", 100, ""),
        Metric("spread_100", 0.01, "of held-out", 100, "", floor=1.0),
    ]
    return [v.name for v in verdicts(metrics, Course(5_000, 5_000, 10.0))]


def test_posterior_collapse_is_named_and_samples_that_are_alike_are_its_doing():
    assert collapse(0, 0.01) == ["ignored"]
    assert collapse(1, 0.01) == ["collapsed"]
    assert collapse(0, 0.5) == ["collapsed"]
