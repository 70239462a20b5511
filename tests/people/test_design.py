"""A person designs molecules: the command does what it says, or says in a line what is wrong."""

import csv
import json

import pytest

from reverie.cli import main

pytest.importorskip("rdkit")

HEADS = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1")
TAILS = ("O", "N", "OC", "CO", "CN", "C(C)C")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("design")
    lines = sorted({f"{'C' * n}{tail}C{head}" for n in range(6) for head in HEADS for tail in TAILS})
    (made / "mine.smi").write_text("".join(f"{line}\n" for line in lines))
    words = ["--model", "recurrent_lm", "--set", "tiny", "--width", "48", "--steps", "250", "--out", str(made / "run")]
    assert main(["fit", str(made / "mine.smi"), *words]) == 0
    return made


def test_a_design_is_a_run_whose_table_holds_what_was_asked_for(folder, capsys):
    words = ["--maximise", "qed", "--range", "weight", "90", "180", "--steps", "8", "-n", "25"]
    assert main(["design", str(folder / "run"), *words, "--out", str(folder / "out"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    with open(folder / "out" / "designed.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == said["designed"] == len({row["smiles"] for row in rows}) == 25
    assert all(90 <= float(row["weight"]) <= 180 for row in rows)
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert [row["property"] for row in said["shifts"]][:2] == ["qed", "weight"]
    assert (folder / "out" / "designed.png").stat().st_size > 10_000
    assert "<svg" in (folder / "out" / "design.html").read_text()


def test_a_designed_run_is_sampled_and_judged_and_goes_on_as_no_training(folder, capsys, tmp_path):
    out = tmp_path / "out"
    words = ["--minimise", "logp", "--steps", "2", "-n", "5", "--out", str(out)]
    assert main(["design", str(folder / "run"), *words]) == 0
    assert main(["sample", str(out), "-n", "4"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(out), "--samples", "40", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdicts"] == []
    assert any("away from the data by intent" in note for note in said["notes"])
    assert any(line["name"].startswith("validity") for line in said["metrics"])
    before = (out / "run.json").read_bytes()
    assert main(["fit", str(folder / "mine.smi"), "--steps", "400", "--out", str(out)]) == 2
    assert "was designed" in capsys.readouterr().err
    assert (out / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is wished for"),
        (["--maximise", "beauty"], "--maximise beauty: no property of molecules. There are: qed, logp"),
        (["--range", "logp", "3", "1"], "--range logp 3 1: no range"),
        (["--range", "logp", "low", "1"], "--range logp low: not a number"),
        (["--range", "qed", "1.5", "2"], "--range qed 1.5 2: no molecule has it"),
        (["--range", "logp", "1"], "--range"),
        (["--maximise", "qed", "--steps", "0"], "--steps 0"),
        (["--maximise", "qed", "--sigma", "0"], "--sigma 0"),
        (["--maximise", "qed", "--minimise", "qed"], "qed: wished for twice"),
        (["--maximise", "qed", "--out", "full"], "--out full: not empty"),
    ],
)
def test_bad_input_is_a_line_with_its_cure_and_nothing_is_written(folder, words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert main(["design", str(folder / "run"), *words]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["full", "mine.txt"]
    assert not (folder / "run-designed").exists()


def test_a_run_of_another_kind_is_refused(folder, tmp_path, capsys):
    (tmp_path / "text.txt").write_text("to be or not to be, that is the question\n" * 40)
    words = ["--model", "recurrent_lm", "--set", "tiny", "--steps", "2", "--out", str(tmp_path / "text")]
    assert main(["fit", str(tmp_path / "text.txt"), *words]) == 0
    capsys.readouterr()
    assert main(["design", str(tmp_path / "text"), "--maximise", "qed"]) == 2
    assert "makes text, and molecules are designed" in capsys.readouterr().err
