"""Molecules, one a line, from a file to a judged run, as a person has it."""

import csv
import json
from statistics import fmean

import pytest

from reverie.choose import choose
from reverie.cli import main
from reverie.kinds.molecule.properties import mol, properties
from reverie.training.run import Run

pytest.importorskip("rdkit")

HEADS = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1")
TAILS = ("O", "N", "F", "Cl", "C#N", "C(=O)O", "OC", "C(F)(F)F")
ALL = [f"{head[:-1]}({'C' * n}{tail}){head[-1]}" if n % 2 else f"{tail if tail in 'NOF' else 'C'}{'C' * n}{head}"
       for n in range(1, 9) for head in HEADS for tail in TAILS]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("molecules")
    (made / "mine.smi").write_text("".join(f"{one}\tm{k}\n" for k, one in enumerate(sorted(set(ALL)))))
    words = ["--model", "recurrent_lm", "--set", "tiny", "--width", "64", "--steps", "400"]
    assert main(["fit", str(made / "mine.smi"), "--attributes", "logp", *words, "--out", str(made / "run")]) == 0
    return made


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_data_says_what_fit_does(folder, capsys):
    assert main(["data", str(folder / "mine.smi"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["count"]) == ("molecule", len(set(ALL)))
    assert set(said["facts"]["elements"]) == {"C", "N", "O", "F", "Cl"}
    assert any(line.startswith(f"train a {choose('molecule', (30,), 200).model}: ") for line in said["plan"])


def test_samples_are_a_table_the_same_whatever_number_is_asked_for(folder, tmp_path):
    for n, out in (("70", "a"), ("5", "b")):
        words = ["-n", n, "--out", str(tmp_path / out), "--grid", str(tmp_path / f"{out}.png")]
        assert main(["sample", str(folder / "run"), *words]) == 0
    many, few = (table(tmp_path / out / "sample-molecules.csv") for out in "ab")
    assert (len(many), len(few)) == (70, 5)
    assert many[:5] == few
    assert sum(row["valid"] == "True" for row in many) > 35
    assert (tmp_path / "a.png").stat().st_size > 10_000
    lines = (tmp_path / "a" / "sample-molecules.smi").read_text().splitlines()
    assert lines == [row["smiles"] for row in many if row["valid"] == "True"]


def test_samples_follow_the_property_that_is_asked_for(folder, tmp_path):
    means = []
    for value in ("0.5", "4"):
        words = ["-n", "64", "--attribute", f"logp={value}", "--out", str(tmp_path / value)]
        assert main(["sample", str(folder / "run"), *words]) == 0
        rows = table(tmp_path / value / "sample-molecules.csv")
        means.append(fmean(float(row["logp"]) for row in rows if row["valid"] == "True"))
    assert means[1] - means[0] > 1.5  # of the 3.5 that were asked for
    assert main(["sample", str(folder / "run"), "--attribute", "logp=40"]) == 2
    assert main(["sample", str(folder / "run"), "--attribute", "qed=0.5"]) == 2


def test_a_fragment_grows_and_is_kept(folder, capsys):
    words = ["--prompt", "*CCC", "-n", "32", "--json"]
    assert main(["complete", str(folder / "run"), *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["completions"]) > 16
    chain = mol("CCC")
    for one in said["completions"]:
        assert mol(one).HasSubstructMatch(chain)
        assert properties(one, ("atoms",))["atoms"] > 3
    assert any(name.endswith("sample-molecules.csv") for name in said["files"])


def test_a_fragment_that_no_training_molecule_has_is_kept_at_two_places(folder, capsys):
    assert main(["complete", str(folder / "run"), "--prompt", "*OC(=O)*", "-n", "64", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    acid = mol("OC=O")
    assert len(said["completions"]) > 6  # by chance, without the rule of what may follow, none
    assert all(mol(one).HasSubstructMatch(acid) for one in said["completions"])


@pytest.mark.parametrize("prompt", ["C1CC", "*[Pt]", "", "*"])
def test_a_fragment_that_can_t_grow_is_one_line(folder, capsys, prompt):
    assert main(["complete", str(folder / "run"), "--prompt", prompt]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("reverie: ")
    assert "\n" not in said


def test_attributes_of_other_data_are_refused_with_what_has_them(folder, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("a text of some words\n" * 50)
    assert main(["fit", str(tmp_path / "notes.txt"), "--attributes", "logp", "--out", str(tmp_path / "run")]) == 2
    assert "--attributes logp: of pictures and molecules" in capsys.readouterr().err


def test_a_run_is_judged_and_its_page_shows_the_molecules(folder):
    report = Run.open(folder / "run").evaluate(samples=120, draws=1)
    names = {metric.name for metric in report.metrics}
    held = Run.open(folder / "run").prepared.held_out
    token, item = (next(m for m in report.metrics if m.name == f"nll_nats_{x}{len(held)}") for x in ("", "item_"))
    assert item.value / token.value == pytest.approx(held.tokens / len(held))
    assert any("valid" in name for name in names)
    assert report.html.read_text().count("data:image/png") > 10
