"""Answers for series: a row a step ahead, with its time and an interval for each channel; judged channel by channel."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie.kinds import DataOptions
from reverie.kinds.series.steps import onward
from reverie.metrics import Metric

H = 4


def write(path: Path, rows: int, first: str = "2024-01-01T00:00") -> Path:
    times = np.datetime64(first) + np.arange(rows) * np.timedelta64(1, "h")
    rng, k = np.random.default_rng(0), np.arange(rows)
    p = 100 + 10 * np.sin(k / 4) + rng.standard_normal(rows)
    q = 0.01 * k + 0.001 * rng.standard_normal(rows)
    body = "".join(f"{t},{a:.5f},{b:.6f}\n" for t, a, b in zip(times, p, q))
    path.write_text("date,p,q\n" + body)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("series") / "s.csv", 400)


@pytest.fixture(scope="module")
def run(file, tmp_path_factory):
    made = DataOptions(predict="next", size=(24,), horizon=H)
    out = tmp_path_factory.mktemp("runs") / "run"
    return reverie.fit(file, "feedforward", set="linear", out=out, steps=200, options=made)


def test_every_step_ahead_is_a_row_with_its_time(run, file, tmp_path):
    other = write(tmp_path / "o.csv", 40, "2025-06-30T12:30")
    answers = run.predict([file, other])
    assert list(answers.columns) == [
        "item", "step", "time", "p", "low[p]", "high[p]", "q", "low[q]", "high[q]"
    ]  # fmt: skip
    assert len(answers) == 2 * H
    assert answers.columns["step"] == [1, 2, 3, 4] * 2
    assert answers.columns["item"] == ["s.csv after 2024-01-17 15:00"] * H + ["o.csv after 2025-07-02 03:30"] * H
    assert answers.columns["time"][:2] == ["2024-01-17 16:00", "2024-01-17 17:00"]
    assert answers.columns["time"][H:] == [f"2025-07-02 0{k}:30" for k in (4, 5, 6, 7)]
    answers.save(tmp_path / "a.csv")
    answers.save(tmp_path / "a.parquet")
    with open(tmp_path / "a.csv", newline="") as out:
        assert float(list(csv.DictReader(out))[5]["q"]) == answers.columns["q"][5]


def test_rows_hold_the_models_own_numbers_in_the_datas_unit(run, file):
    answers = run.predict(file)
    rows = np.loadtxt(file, delimiter=",", skiprows=1, usecols=(1, 2))[-24:]
    batch = run.codec.encode([{"past": rows}])
    wanted = run.codec.decode({"future": run.model.predict(batch)})[0]
    for c, name in enumerate("pq"):
        assert answers.columns[name] == pytest.approx(wanted[:, c], rel=1e-5)
        low, high = (np.array(answers.columns[f"{end}[{name}]"]) for end in ("low", "high"))
        assert (low + high) / 2 == pytest.approx(wanted[:, c], rel=1e-5)
    assert any("overlap and are not exchangeable" in note for note in answers.notes)
    wide = run.predict(file, conformal=0.5).columns
    assert (np.array(wide["high[p]"]) - wide["low[p]"] < np.array(answers.columns["high[p]"]) - low_of(answers)).all()


def low_of(answers) -> np.ndarray:
    return np.array(answers.columns["low[p]"])


def test_the_mean_with_itself_is_the_run(run, file):
    assert run.predict(file, others=[run]).columns == run.predict(file).columns


def test_each_channel_is_judged_in_its_own_unit_and_all_in_units_of_their_deviation(run):
    held_out = run.prepared.held_out
    index = torch.arange(len(held_out))
    batch, raw = held_out.take(index), held_out.raw(index)
    said = run.model.predict(batch).detach()
    wrong = (said - batch["future"]).double().numpy()
    report = run.evaluate()
    n = len(index)
    assert report[f"mse_standardised_{n}"] == pytest.approx((wrong**2).mean())
    assert report[f"mae_standardised_{n}"] == pytest.approx(np.abs(wrong).mean())
    own = run.codec.decode({"future": said}) - np.stack([window["future"] for window in raw])
    repeated = np.stack([window["past"][-1:] - window["future"] for window in raw])
    found: dict[str, Metric] = {m.name: m for m in report.metrics}
    for c, name in enumerate("pq"):
        assert found[f"rmse[{name}]"].value == pytest.approx(np.sqrt((own[..., c] ** 2).mean()), rel=1e-4)
        assert found[f"mae[{name}]"].value == pytest.approx(np.abs(own[..., c]).mean(), rel=1e-4)
        assert found[f"rmse[{name}]"].reference == pytest.approx(np.sqrt((repeated[..., c] ** 2).mean()), rel=1e-4)
        assert found[f"rmse[{name}]"].unit == f"unit of {name}"
    assert 0 <= report[f"coverage_{n}"] <= 1
    assert all(m.low is None for m in report.metrics), "windows overlap"
    assert report.headline[0].startswith("Mean squared error")
    assert "repeating the last row" in report.headline[0]


@pytest.mark.parametrize(
    ("times", "next_ones"),
    [
        (["2024-01-31", "2024-02-01", "2024-02-02"], ["2024-02-03", "2024-02-04"]),
        (["2023-11-01", "2023-12-01", "2024-01-01"], ["2024-02-01", "2024-03-01"]),
        (["2024-01-01T00:00", "2024-01-01T00:15", "2024-01-01T00:30"], ["2024-01-01 00:45", "2024-01-01 01:00"]),
        (["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-09"], ["2024-01-10", "2024-01-11"]),  # past a gap
        (["2024-01-01"], ["1", "2"]),
    ],
)
def test_times_go_on_by_the_usual_step(times, next_ones):
    assert onward(np.array(times, "datetime64[us]"), 2) == next_ones


def test_a_run_whose_data_is_gone_keeps_its_intervals(run, file, tmp_path):
    where = shutil.copy(file, tmp_path / "moved.csv")
    made = DataOptions(predict="next", size=(24,), horizon=H)
    own = reverie.fit(where, "feedforward", set="linear", out=tmp_path / "run", steps=5, options=made)
    Path(where).unlink()
    assert "low[p]" in reverie.open(own.path).predict(file, conformal=0.8).columns
