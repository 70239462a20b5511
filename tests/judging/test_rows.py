"""Rows and windows all the way: fitted, sampled, judged, and shown on the page."""

import csv
import re

import numpy as np
import pytest

from kinds.series_files import lines as series_lines
from kinds.test_table_made import file, people
from reverie.cli import main
from reverie.judging import rows
from reverie.judging.course import course
from reverie.judging.evaluate import evaluate
from reverie.judging.ranking import means, ranked
from reverie.judging.report import item, samples
from reverie.judging.words import headline
from reverie.metrics import Metric
from reverie.training.fit import fit
from reverie.training.progress import Silent


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run on 300 rows with gaps, words and dates."""
    folder = tmp_path_factory.mktemp("table")
    where = file(folder, people(300), "people.csv")
    return fit(where, out=folder / "run", steps=60, set="tiny", held_out=0.3, reporter=Silent())


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    where = file(folder, series_lines(), "series.csv")
    return fit(where, out=folder / "run", steps=60, set="tiny", held_out=0.3, reporter=Silent())


def test_samples_of_a_table_are_rows_of_its_columns(table):
    made = table.sample(200)
    assert all(list(row) == ["age", "Löhne", "children", "town", "since", "land"] for row in made)
    ages = [row["age"] for row in made if row["age"] is not None]
    assert 0 < len(ages) < 200  # gaps are made
    assert all(isinstance(age, int) and 18 <= age < 90 for age in ages)
    assert all(re.fullmatch(r"2024-02-\d\d", row["since"]) for row in made)
    assert {row["land"] for row in made} == {"DE"}
    assert made[:7] == table.sample(7)  # whatever number is asked for


def test_a_table_is_sampled_into_one_file_however_many_rows_and_how_often(table):
    """More than are held in memory at once; fewer after that leave none of the old ones."""
    folder = table.path / "samples" / "seed-0"
    for count in (1_030, 30):
        assert main(["sample", str(table.path), "-n", str(count)]) == 0
        (one,) = folder.iterdir()
        with open(one, newline="", encoding="utf-8") as out:
            found = list(csv.DictReader(out))
        assert len(found) == count
    assert [row["age"] for row in found] == ["" if row["age"] is None else str(row["age"]) for row in table.sample(30)]


def test_a_tables_report_has_its_measures_and_shows_rows(table):
    report = evaluate(table, samples=100, draws=2)
    names = {m.name.rpartition("_")[0] for m in report.metrics}
    assert {"marginals", "pairs", "detection", "spread", "repeats", "copies_exact", "nearer_training"} <= names
    for name in ("marginals", "pairs"):
        found = next(m for m in report.metrics if m.name.startswith(f"{name}_"))
        assert found.floor < found.reference  # real rows are nearer than an untrained model's
    assert not [one for one in report.verdicts if one.name in ("memorising", "collapsed")]
    page = report.html.read_text(encoding="utf-8")
    assert "<th scope='col'>Löhne</th>" in page
    assert "Nearest to the training data" in page
    assert course(table).measure


def test_windows_are_made_judged_and_drawn(windows):
    made = windows.sample(3)
    assert [one["window"].shape for one in made] == [(24, 3)] * 3
    report = evaluate(windows, samples=60, draws=2)
    names = {m.name.rpartition("_")[0] for m in report.metrics}
    assert {"marginals", "autocorrelation", "spectrum", "channels", "spread", "copies_exact"} <= names
    page = report.html.read_text(encoding="utf-8")
    assert page.count("alt='plots of windows'") > 8


def test_a_page_shows_names_and_cells_as_text():
    shown = [{"<b>": "<i>", "n": None, "long": "x" * 99}] * 20
    page = samples(shown)
    assert "<b>" not in page
    assert "<i>" not in page
    assert page.count("<tr>") == 1 + rows.SHOWN
    assert "x" * 41 not in page
    assert item({"a": None, "b": 2}, "sample") == "<pre>a=, b=2</pre>"


def test_many_columns_are_cut_and_counted():
    page = samples([{f"c{k}": k for k in range(50)}])
    assert page.count("scope='col'") == rows.COLUMNS
    assert "30 more columns" in page


@pytest.mark.parametrize(
    ("value", "low", "says"),
    [(0.8, 0.75, "A classifier tells the samples from held-out rows"), (0.52, 0.49, "can't surely tell")],
)
def test_what_a_classifier_tells_is_said_with_its_evidence(value, low, says):
    (said,) = headline([Metric("detection_2k", value, "", 2000, "", low=low, high=1.0, floor=0.5)])
    assert says in said
    assert f"{value:g}" in said


def test_models_of_rows_are_ranked_by_what_a_classifier_tells():
    def spans(area):
        of = Metric("detection_2k", area, "", 2000, "", area - 0.01, area + 0.01)
        return means([[of, Metric("nll_nats", 1, "", 9, "")]])

    found = ranked({"one": spans(0.9), "two": spans(0.7)})
    assert [s.model for s in found.standings] == ["two", "one"]
    assert found.standings[1].worse


def test_a_window_of_the_past_is_drawn_too():
    past = {"past": np.zeros((5, 2)), "future": np.ones((3, 2)), "channels": ("a", "b")}
    assert item(past, "item").startswith("<img")
