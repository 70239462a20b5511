"""Answers for rows: numbers in their own unit with intervals, classes, several runs, columns with own names."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A weight of about 1,000 grams, that two numbers and a town say but for noise; and whether it is heavy."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("rows") / "rows.csv"
    a, b = rng.standard_normal((2, 400))
    town = rng.integers(0, 3, 400)
    grams = 1000 + 100 * (a - b + town) + 20 * rng.standard_normal(400)
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["a", "b", "town", "grams", "truth"])
        writer.writerows(zip(a.round(6), b.round(6), np.array(list("xyz"))[town], grams.round(3), grams > 1100))
    return path


@pytest.fixture(scope="module")
def fit(file, tmp_path_factory):
    def train(column: str, **options):
        given = {"drop": ("truth",) if column == "grams" else ("grams",), **options}
        made = DataOptions(kind="table", predict=column, **given)
        out = tmp_path_factory.mktemp("runs") / "run"
        return reverie.fit(file, "feedforward", set="tiny", steps=150, out=out, options=made)

    return train


@pytest.fixture(scope="module")
def grams(fit):
    return fit("grams", group="town", test_where="town=z")


@pytest.fixture(scope="module")
def heavy(fit):
    return fit("truth")


def test_numbers_are_in_their_own_unit_between_the_ends_of_their_interval(grams, file):
    found = grams.predict(file)
    assert list(found.columns) == ["item", "grams", "low", "high", "truth"]
    said, low, high, truth = (np.array(found.columns[k]) for k in ("grams", "low", "high", "truth"))
    assert truth[:3] == pytest.approx([float(row["grams"]) for row in rows(file)[:3]], abs=1e-2)
    assert abs(said.mean() - truth.mean()) < truth.std()
    assert said - low == pytest.approx(high - said, rel=1e-4)
    wide = grams.predict(file, conformal=0.95).columns
    assert np.array(wide["high"])[0] - np.array(wide["low"])[0] >= high[0] - low[0]
    error = float(np.sqrt(((said - truth) ** 2).mean()))
    assert any(f"root mean squared error {error:.4g}" in note for note in found.notes)


def rows(file: Path) -> list[dict[str, str]]:
    with open(file, newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_report_on_numbers_says_how_far_off_and_for_whom(grams):
    report = grams.evaluate()
    (count,) = {m.samples for m in report.metrics}
    assert report[f"rmse_{count}"] == pytest.approx(report["rmse[town=z]"])
    held_out = grams.predict(grams.info["source"]["where"]).columns
    own = [i for i, row in enumerate(rows(Path(grams.info["source"]["where"]))) if row["town"] == "z"]
    wrong = np.array(held_out["grams"])[own] - np.array(held_out["truth"])[own]
    assert report[f"rmse_{count}"] == pytest.approx(float(np.sqrt((wrong**2).mean())), rel=1e-4)
    assert 0 <= report[f"coverage_{count}"] <= 1
    assert re.match(r"Off by \d+.* on \d+ items", report.headline[0])
    page = report.html.read_text()
    assert "Hardest mistakes" in page
    assert "town=z" in page


def test_the_mean_with_itself_is_the_run_intervals_and_all(grams, file):
    assert grams.predict(file, others=[grams]).columns == grams.predict(file).columns


def test_runs_on_other_parts_are_averaged_in_the_datas_unit_and_promise_nothing(fit, file):
    """Each has a mean and a deviation of its own, by which it sees the rows and says its numbers."""
    one, two = fit("grams", fold="1/2"), fit("grams", fold="2/2")
    assert one.info["codec"] != two.info["codec"]
    both = one.predict(file, others=[two])
    wanted = (np.array(one.predict(file).columns["grams"]) + np.array(two.predict(file).columns["grams"])) / 2
    assert both.columns["grams"] == pytest.approx(wanted)
    assert "low" not in both.columns
    assert any("not calibrated" in note for note in both.notes)
    with pytest.raises(Problem, match=r"--conformal 0\.9: can't be promised"):
        one.predict(file, conformal=0.9, others=[two])


def test_runs_that_predict_other_things_have_no_mean(grams, heavy, file):
    with pytest.raises(Problem, match="it predicts other things than"):
        grams.predict(file, others=[heavy])


def test_a_target_named_as_another_column_takes_nothings_place(heavy, file):
    found = heavy.predict(file).columns
    assert list(found)[:3] == ["item", "predicted truth", "probability"]
    assert found["truth"] == [row["truth"] for row in rows(file)]
    assert found["item"][0] == "row 1"


def test_without_a_calibration_part_there_is_no_interval_and_that_is_said(fit, file):
    run = fit("grams", calibration=0.0)
    found = run.predict(file)
    assert "low" not in found.columns
    assert any("not calibrated" in note for note in found.notes)
    assert not [m for m in run.evaluate().metrics if m.name.startswith("coverage")]


def test_nothing_held_out_is_nothing_to_judge_by(fit):
    report = fit("grams", held_out=0.0).evaluate()
    assert report.notes == ["0 held-out items: nothing to judge predictions by"]


def test_answers_never_take_the_place_of_data(grams, file, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_bytes(file.read_bytes())
    for asked in ([str(other), "--out", str(other)], [str(other), "--out", str(file)], [str(tmp_path), "--out", other]):
        before = other.read_bytes(), file.read_bytes()
        assert main(["predict", str(grams.path), *map(str, asked)]) == 2
        assert "there already, among the data. Name another" in capsys.readouterr().err
        assert (other.read_bytes(), file.read_bytes()) == before


def test_a_run_is_calibrated_where_it_was_trained_and_promises_without_its_data(file, tmp_path, capsys):
    data, new = tmp_path / "data.csv", tmp_path / "new.csv"
    for column in ("grams", "truth"):
        data.write_bytes(file.read_bytes())
        new.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:9]))
        out = tmp_path / column
        other = "truth" if column == "grams" else "grams"
        words = ["--model", "feedforward", "--set", "tiny", "--steps", "20", "--kind", "table", "--drop", other]
        assert main(["fit", str(data), "--predict", column, *words, "--out", str(out)]) == 0
        said = capsys.readouterr().out
        assert "calibrating by 36 items" in said
        assert f"wrote {out / 'calibration.json'}" in said
        kept = (out / "calibration.json").read_bytes()
        wanted = reverie.open(out).predict(new, conformal=0.9).columns
        data.unlink()
        assert main(["predict", str(out), str(new), "--conformal", "0.9"]) == 0
        assert "not calibrated" not in capsys.readouterr().out
        assert reverie.open(out).predict(new, conformal=0.9).columns == wanted
        assert (out / "calibration.json").read_bytes() == kept, "of the weights that the run ended with"


def test_a_run_whose_calibration_fails_is_a_run(fit, monkeypatch):
    def fails(run):
        raise RuntimeError("no memory left")

    monkeypatch.setattr("reverie.tasks.calibrate.calibration", fails)
    run = fit("grams")
    assert run.step == 150
    assert not (run.path / "calibration.json").exists()
