"""The verb and the method: answers for pictures, whatever the files, the order and the batch."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import reverie
from reverie.cli import main
from reverie.errors import Problem
from stripes import STRIPES, write_stripes


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_stripes(tmp_path_factory.mktemp("pictures"), 120)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "stripes"
    return reverie.fit(folder, out=out, steps=60, set="tiny", predict="labels")


def test_a_prediction_run_is_chosen_said_and_split(run):
    assert run.info["model"] == "convolutional"
    assert [run.info["source"][k] for k in ("items", "held_out", "calibration")] == [292, 36, 32]


def test_answers_name_the_file_the_class_and_its_probability(run, folder):
    files = [folder / kind / "3.png" for kind in STRIPES]
    rows = run.predict(files).rows()
    assert [row["item"] for row in rows] == [str(f) for f in files]
    assert [row["label"] for row in rows] == list(STRIPES)
    for row in rows:
        shares = [row[f"p[{kind}]"] for kind in STRIPES]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert row["probability"] == max(shares)


def test_a_folder_with_classes_is_scored_and_a_flat_one_is_not(run, folder):
    scored = run.predict(folder)
    assert len(scored) == 360
    assert scored.columns["truth"][:1] == ["across"]
    assert any("right on" in note for note in scored.notes)
    assert "truth" not in run.predict(folder / "down").columns


def test_an_answer_hangs_on_no_other_item(run, folder):
    whole = {row["item"]: row for row in run.predict(folder / "dots").rows()}
    names = sorted(whole)[5:8]
    for name in names:
        alone = run.predict(folder / "dots" / name).rows()[0]
        assert alone["p[dots]"] == pytest.approx(whole[name]["p[dots]"], abs=1e-5)


def test_sets_hold_the_truth_as_often_as_was_asked(run, folder):
    found = run.predict(folder, conformal=0.9)
    covered = np.mean([truth in said.split(" | ") for truth, said in zip(found.columns["truth"], found.columns["set"])])
    assert covered >= 0.8  # 0.9 of fresh items, within what 32 calibration items allow


def test_the_order_of_the_files_is_that_of_the_answers_and_changes_none(run, folder):
    files = [folder / kind / f"{k}.png" for k in (3, 40) for kind in STRIPES]
    there, back = run.predict(files), run.predict(files[::-1])
    assert there.columns["item"] == back.columns["item"][::-1]
    for name in ("label", "set"):
        assert there.columns.get(name, [])[::-1] == back.columns.get(name, [])
    for kind in STRIPES:
        assert there.columns[f"p[{kind}]"] == pytest.approx(back.columns[f"p[{kind}]"][::-1], abs=1e-5)


def test_sets_of_a_mean_with_itself_are_the_runs_own(run, folder):
    alone = run.predict(folder / "dots", conformal=0.8)
    assert run.predict(folder / "dots", conformal=0.8, others=[run]).columns == alone.columns


def test_without_its_data_a_run_still_predicts_and_says_what_is_lacking(run, folder, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(run.path, copied)
    info = json.loads((copied / "run.json").read_text())
    info["source"]["where"] = str(tmp_path / "gone")
    (copied / "run.json").write_text(json.dumps(info))
    (copied / "calibration.json").unlink(missing_ok=True)
    moved = reverie.open(copied)
    answers = moved.predict(folder / "dots" / "0.png")
    assert answers.columns["label"] == run.predict(folder / "dots" / "0.png").columns["label"]
    assert any("not calibrated" in note and "gone" in note for note in answers.notes)
    with pytest.raises(Problem, match=r"--conformal 0\.9: can't be promised"):
        moved.predict(folder / "dots" / "0.png", conformal=0.9)


def test_the_mean_with_itself_is_the_run(run, folder):
    alone, twice = run.predict(folder / "down"), run.predict(folder / "down", others=[run.path])
    assert alone.columns == twice.columns


def test_calibration_is_made_anew_when_the_weights_have_changed(run, folder):
    run.predict(folder / "down" / "0.png")
    file = run.path / "calibration.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "weights": "others", "temperature": 77.0}))
    run.predict(folder / "down" / "0.png")
    assert json.loads(file.read_text()) == kept


def test_the_verb_writes_csv_and_parquet(run, folder, tmp_path, capsys):
    assert main(["predict", str(run.path), str(folder / "down"), "--out", str(tmp_path / "a.csv")]) == 0
    assert "wrote" in capsys.readouterr().out
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    assert rows[0].keys() >= {"item", "label", "probability", "p[dots]"}
    assert main(["predict", str(run.path), str(folder), "--out", str(tmp_path / "a.parquet"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["count"] == 360
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 360


def test_a_report_shows_mistakes_and_confusion(run):
    report = run.evaluate()
    assert report["accuracy_36"] > 0.5
    assert report["ece_36"] >= 0
    assert "Confusion" in report.html.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.png"], "no such file"),
        (["{broken}"], "not an image"),
        (["{folder}", "--conformal", "0.99"], "32 calibration items promise at most"),
        (["{folder}", "--out", "{folder}"], "a folder. Name a file"),
        (["{folder}", "--conformal", "1.5"], "--conformal 1.5: a share above 0 and below 1"),
        (["{folder}", "--conformal", "0"], "--conformal 0: a share above 0 and below 1"),
        (["{folder}", "--out", "answers.txt"], "neither .csv nor .parquet"),
        (["{folder}", "--with", "nowhere"], "no run"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(run, folder, tmp_path, capsys, words, says):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no more")
    asked = [word.format(folder=folder, broken=broken) for word in words]
    assert main(["predict", str(run.path), *asked]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_a_generator_predicts_nothing(folder, tmp_path):
    made = reverie.fit(folder, "vae", out=tmp_path / "run", steps=1, set="tiny")
    with pytest.raises(Problem, match="vae predicts nothing"):
        made.predict(folder)


def test_classes_are_needed_to_predict_labels(folder, tmp_path):
    with pytest.raises(Problem, match="no classes: nothing to tell apart"):
        reverie.fit(folder / "down", out=tmp_path / "run", steps=1, predict="labels")
