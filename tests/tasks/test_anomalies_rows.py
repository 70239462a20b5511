"""Anomalies among rows and among windows of a series: found, and the columns named that give them away."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.tasks.codes import files
from reverie.tasks.unlike import APART, looks, usual
from reverie.tasks.vectors import vectors

NORMAL = 1_400


def rows(count: int, seed: int) -> list[list[str]]:
    """b is twice a, but for noise; the job follows from a; c is anything and has gaps."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=count)
    b = 2 * a + 0.05 * rng.normal(size=count)
    job = np.where(a > 0, "tall", "small")
    c = [f"{x:.3f}" if there else "" for x, there in zip(rng.normal(size=count), rng.random(count) < 0.9)]
    return [[f"{x:.3f}", f"{y:.3f}", str(j), z] for x, y, j, z in zip(a, b, job, c)]


def write(file: Path, heads: list[str], lines: list[list[str]]) -> Path:
    with open(file, "w", newline="") as out:
        csv.writer(out).writerows([heads, *lines])
    return file


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("rows")
    write(where / "normal.csv", ["a", "b", "job", "c"], rows(NORMAL, 0))
    mixed = [[*row, "usual"] for row in rows(200, 1)]
    mixed += [[row[0], f"{-float(row[1]):.3f}", *row[2:], "turned"] for row in rows(60, 2) if abs(float(row[1])) > 1]
    write(where / "mixed.csv", ["a", "b", "job", "c", "what"], mixed)
    return where


@pytest.fixture(scope="module")
def run(place):
    fields = {"latents": 3, "hidden": (32,)}
    return reverie.fit(place / "normal.csv", "vae", out=place / "run", steps=300, fields=fields)


def test_rows_that_break_a_relation_are_found_and_their_columns_named(run, place):
    found = run.anomalies(place / "mixed.csv", normal="what=usual")
    assert found.area.normal == 200
    assert found.area.low > 0.9
    turned = [row for row in found.rows() if row["label"] == "turned" and row["flagged"]]
    assert turned
    named = [row["because"].split(" (")[0] for row in turned]
    assert sum(name in ("a", "b", "job") for name in named) > 0.8 * len(named)  # never c, which says nothing


def test_an_item_is_as_far_as_the_nearest_training_items_are_on_average(run, place, monkeypatch):
    """Among five sixths of them, or as many as memory is given to, each as the model sees it."""
    parts = ("nearest",)
    known, items = usual(run, parts), files(run, [str(place / "mixed.csv")]).items
    train = vectors(run.spec, run.prepared.train)
    assert known.items.shape == (len(train) - len(train) // APART, train.shape[1])
    assert set(map(tuple, known.items.tolist())) <= set(map(tuple, train.tolist()))
    near = torch.cdist(vectors(run.spec, items).double(), known.items.double()).topk(5, largest=False).values
    far = looks(run, items, parts, known).far
    assert torch.allclose(far, near.mean(1), atol=1e-6)
    monkeypatch.setattr("reverie.tasks.bank.BANK", 4 * train.shape[1] * 100)
    assert torch.equal(usual(run, parts).items, known.items[:100])


def test_rows_are_scored_by_what_suits_columns_of_many_kinds(run, place):
    found = run.anomalies(place / "mixed.csv", worst=0)
    each = np.array([found.columns[part] for part in ("nearest", "reconstruction", "likelihood")])
    assert np.allclose(each.mean(0), found.columns["score"])
    assert not {"return", "latent"} & set(found.columns)


def test_rows_with_gaps_have_scores(run, place, tmp_path):
    file = write(
        tmp_path / "gaps.csv", ["a", "b", "job", "c"], [["0.5", "1.0", "tall", ""], ["0.5", "1.0", "tall", "0.1"]]
    )
    found = run.anomalies(file)
    assert all(math.isfinite(score) for score in found.columns["score"])
    found.save(tmp_path / "found.csv")
    assert "rebuilds" in (tmp_path / "found.html").read_text()


def test_a_gap_where_training_had_none_makes_a_row_unlike_all(run, place, tmp_path):
    whole = [["0.5", "1.0", "tall", "0.1"], ["0.1", "0.2", "tall", ""]]
    holed = [["", "1.0", "tall", "0.1"], ["", "", "small", "0.1"]]
    found = run.anomalies(write(tmp_path / "holes.csv", ["a", "b", "job", "c"], [*whole, *holed]))
    assert found.columns["flagged"] == [False, False, True, True]
    assert min(found.columns["score"][2:]) > max(found.held)
    assert [row.split(",")[0] for row in found.columns["because"][2:]] == ["a (missing)", "a (missing)"]
    assert "b (missing)" in found.columns["because"][3]
    assert any("2 items lack a and b, which no training item did" in note for note in found.notes)
    assert not any("lack" in note for note in run.anomalies(place / "normal.csv").notes)


def test_the_page_is_written_over_nothing(run, place, tmp_path, capsys):
    (tmp_path / "mine.html").write_text("mine")
    words = ["anomalies", str(run.path), str(place / "mixed.csv"), "--out", str(tmp_path / "mine.csv")]
    assert main(words) == 2
    assert "mine.html: there already" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.html"]


def test_a_column_that_is_not_there_is_named(run, place):
    with pytest.raises(Problem, match=r"--normal whta=usual: no column whta\. There are: a, b, job, c, what"):
        run.anomalies(place / "mixed.csv", normal="whta=usual")
    with pytest.raises(Problem, match=r"--normal what=fine: no item is fine\. There are: turned, usual"):
        run.anomalies(place / "mixed.csv", normal="what=fine")


def test_windows_of_a_series_that_stand_still_are_found(tmp_path):
    rng = np.random.default_rng(0)

    def wave(count: int) -> np.ndarray:
        return np.sin(np.arange(count)[:, None] * 2 * np.pi / 12 + np.array([0, 1])) + 0.05 * rng.normal(
            size=(count, 2)
        )

    def series(name: str, values: np.ndarray) -> Path:
        times = np.datetime64("2024-01-01T00", "h") + np.arange(len(values))
        lines = [[str(t), *(f"{x:.4f}" for x in row)] for t, row in zip(times, values)]
        return write(tmp_path / name, ["time", "left", "right"], lines)

    fields = {"latents": 4, "hidden": (64,)}
    run = reverie.fit(series("past.csv", wave(3_000)), "vae", out=tmp_path / "run", steps=300, fields=fields)
    length = run.spec.only[1].shape[0]
    fresh = wave(20 * length)
    fresh[7 * length : 8 * length] = 0.7  # the eighth window: a sensor that stands still
    found = run.anomalies(series("fresh.csv", fresh))
    assert int(np.argmax(found.columns["score"])) == 7
    assert any("not independent" in note for note in found.notes)
    found.save(tmp_path / "found.csv")
    assert "data:image/png" in (tmp_path / "found.html").read_text()
