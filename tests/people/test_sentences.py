"""Sentences, one a line, from a file to a judged run, as a person has it."""

import json

import pytest
import torch

from reverie.choose import choose
from reverie.cli import main
from reverie.tasks.codes import decoded, encoded, files
from reverie.training.run import Run

ANIMALS, WHAT = ["dog", "cat", "fox", "cow", "hen", "man"], ["runs", "sleeps", "eats", "sits", "plays"]
TEXTS = [f"A {a} {w} near {n} trees." for a in ANIMALS for w in WHAT for n in range(2, 12)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sentences")
    (made / "animals.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    words = ["--kind", "sentences", "--set", "tiny", "--steps", "300", "--out", str(made / "run")]
    assert main(["fit", str(made / "animals.txt"), *words]) == 0
    return made


def test_sentences_get_a_text_vae_where_nobody_names_a_model(folder):
    assert choose("sentences", (20,), 300).model == "text_vae"
    assert Run.open(folder / "run").info["model"] == "text_vae"


def test_data_says_what_fit_does(folder, capsys):
    assert main(["data", str(folder / "animals.txt"), "--kind", "sentences", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["count"]) == ("sentences", 300)
    assert any(line.startswith("train a text_vae: ") for line in said["plan"])
    assert said["next"].endswith("--kind sentences")


def test_samples_are_one_a_line_and_the_same_whatever_number_is_asked_for(folder, tmp_path):
    run = str(folder / "run")
    for n, out in (("70", "a"), ("5", "b")):
        assert main(["sample", run, "-n", n, "--out", str(tmp_path / out), "--grid", str(tmp_path / f"{out}.txt")]) == 0
    many, few = ((tmp_path / out / "sentences-000000.txt").read_text().split("\n")[:-1] for out in "ab")
    assert (len(many), len(few)) == (70, 5)
    assert many[:5] == few
    assert sum("trees" in line for line in many) > 35
    assert main(["sample", run, "-n", "3", "--temperature", "0", "--seed", "2"]) == 0
    assert main(["sample", run, "-n", "3", "--temperature", "-1", "--seed", "2"]) == 2


def test_a_smaller_number_of_samples_leaves_none_of_the_larger_one(folder):
    run = folder / "run"
    assert main(["sample", str(run), "-n", "1030", "--seed", "4"]) == 0
    assert main(["sample", str(run), "-n", "4", "--seed", "4"]) == 0
    assert [f.name for f in (run / "samples" / "seed-4").iterdir()] == ["sentences-000000.txt"]


def test_a_run_is_judged_and_its_page_shows_the_sentences(folder):
    report = Run.open(folder / "run").evaluate(samples=120, draws=5)
    names = {m.name for m in report.metrics}
    assert {"nll_nats_is5_30", "nll_nats_item_is5_30", "perplexity_is5_30", "bits_per_character"} <= names
    assert {"copied_sentences_120", "repeats_30", "known_pairs_120"} <= names
    bits = next(m for m in report.metrics if m.name == "bits_per_character")
    assert bits.value < bits.reference  # a character bigram model knows no words
    token, item = (next(m for m in report.metrics if m.name == f"nll_nats_{x}is5_30") for x in ("", "item_"))
    held = Run.open(folder / "run").prepared.held_out
    assert item.value / token.value == pytest.approx(held.tokens / len(held))
    assert report.verdicts
    page = report.html.read_text()
    assert page.count("trees.") > 30
    assert "copied_sentences" in page


def test_codes_of_a_file_come_back_as_sentences(folder, tmp_path):
    (tmp_path / "two.txt").write_text("A dog runs near 3 trees.\nA hen sleeps near 9 trees.\n")
    run = Run.open(folder / "run")
    found = files(run, [str(tmp_path / "two.txt")])
    codes = encoded(run, found.items)
    assert codes.shape == (2, 4)
    path = torch.lerp(codes[0], codes[1], torch.linspace(0, 1, 5)[:, None])
    said = run.codec.decode(decoded(run, path))
    assert len(said) == 5
    assert all(text.startswith("A ") for text in said)
    assert said == run.codec.decode(decoded(run, path))


def test_other_sentences_can_take_the_held_out_ones_place(folder, tmp_path):
    (tmp_path / "other.txt").write_text("".join(f"{text}\n" for text in TEXTS[::2]))
    report = Run.open(folder / "run").evaluate(samples=60, draws=1, against=str(tmp_path / "other.txt"))
    assert "copied_sentences_60" in {m.name for m in report.metrics}
