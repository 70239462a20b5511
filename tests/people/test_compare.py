"""`reverie compare` as a person meets it: an answer in a line, a page, and one line for what can't be."""

import json

import pytest

ASK = ("compare", "pictures", "--models", "vae,convolutional", "--steps", 4, "--set", "tiny", "--samples", 8)
ASK += ("--held-out", 0.4)


def test_the_answer_the_files_and_the_next_command_are_told(office, typed):
    """The pictures have no classes to recognise: a line, and the vae is trained and judged all the same."""
    done = typed(*ASK)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert any(line.startswith("vae is the only model to rank in 4 steps: Fréchet distance") for line in lines)
    assert any(line.startswith("convolutional: ") and "no classes" in line for line in lines)
    assert lines[-3:] == [
        "wrote runs/compare-pictures/compare.json",
        "wrote runs/compare-pictures/compare.html",
        "next: reverie sample runs/compare-pictures/vae-seed0 -n 64",
    ]
    assert (office.folder / "runs/compare-pictures/compare.html").read_text().startswith("<!doctype html>")
    again = typed(*ASK, "--resume", "--json")
    assert again.code == 0, again.err
    assert "trained already" in again.err
    assert again.json["files"] == ["runs/compare-pictures/compare.json", "runs/compare-pictures/compare.html"]
    kept = json.loads((office.folder / "runs/compare-pictures/compare.json").read_text())
    assert {**kept, "files": again.json["files"]} == again.json
    sampled = typed("sample", "runs/compare-pictures/vae-seed0", "-n", 2, "--out", "made")
    assert sampled.code == 0, sampled.err


WRONG = [
    (("compare",), ("DATA", "missing")),
    (("compare", "pictures", "--out", "x"), ("--models: no model", "--models vae,dcgan")),
    (("compare", "pictures", "--models", "", "--out", "x"), ("--models: no model",)),
    (("compare", "pictures", "--models", "vae,dcgann"), ("--models dcgann", "Did you mean dcgan?")),
    (("compare", "pictures", "--models", "vae,dcgan,vae"), ("--models vae,dcgan,vae", "vae is named twice")),
    (("compare", "pictures", "--models", "vae", "--steps", "3", "--time", "1m"), ("--steps 3 --time 1m", "one of")),
    (("compare", "pictures", "--models", "vae", "--steps", "0"), ("--steps 0", "1 or more")),
    (("compare", "pictures", "--models", "vae", "--time", "soon"), ("--time soon", "10m")),
    (("compare", "pictures", "--models", "vae", "--seeds", "0"), ("--seeds 0", "1 or more")),
    (
        ("compare", "pictures", "--models", "vae", "--set", "tiney", "--out", "x"),
        ("--set tiney", "There are: paper, small"),
    ),
    (("compare", "nowhere", "--models", "vae"), ("nowhere", "no such file, folder or named set")),
    (("compare", "pictures", "--models", "vae", "--resume", "--out", "x"), ("--resume x", "no compare.json")),
    (("compare", "pictures", "--models", "vae", "--out", "pictures"), ("pictures", "not empty", "--out")),
    (
        ("compare", "pictures", "--models", "convolutional", "--steps", "2", "--out", "x"),
        ("convolutional", "no classes"),
    ),
    (("compare", "pictures", "--models", "vae", "--latents", "3"), ("--latents", "no such flag")),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[" ".join(words)[:60] for words, _ in WRONG])
def test_what_cant_be_is_one_line(office, typed, words, says):
    before = office.files()
    typed(*words).refused(*says)
    assert office.files() == before


def test_several_processes_are_refused(typed, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    typed(*ASK).refused("without torchrun")
