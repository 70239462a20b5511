"""sagan and biggan as a person meets them: any pictures, the class that is asked for, truncation, one line where
something can't be."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def runs(office, typed):
    """A run of each on 20×28 pictures of four channels in two folders."""
    if not (office.folder / "badges").is_dir():
        chance = np.random.default_rng(0)
        for name in ("red", "blue"):
            (office.folder / "badges" / name).mkdir(parents=True)
            for k in range(12):
                pixels = chance.integers(0, 256, (20, 28, 4), dtype=np.uint8)
                Image.fromarray(pixels).save(office.folder / "badges" / name / f"{k}.png")
        for model in ("biggan", "sagan"):
            done = typed("fit", "badges", "--model", model, "--set", "tiny", "--batch", 8, "--steps", 2, "--out", model)
            assert done.code == 0, done.err
    return typed


def made(office, done) -> list[bytes]:
    assert done.code == 0, done.err
    files = [office.folder / file for file in done.json["files"] if str(file).endswith(".png")]
    assert Image.open(files[0]).mode == "RGBA"
    return [file.read_bytes() for file in files]


@pytest.mark.parametrize("model", ["biggan", "sagan"])
def test_a_class_is_asked_for_and_its_samples_differ_from_another_s(office, runs, model):
    first, second = (
        made(office, runs("sample", model, "-n", 2, "--label", label, "--out", f"{model}-{label}", "--json"))
        for label in ("red", "blue")
    )
    assert len(first) == len(second)
    assert first != second
    runs("sample", model, "-n", 2, "--label", "green").refused("--label green", "no such class", "blue")


@pytest.mark.parametrize("model", ["biggan", "sagan"])
def test_truncation_changes_items_and_none_is_refused_in_one_line(office, runs, model):
    whole, cut, again = (
        made(office, runs("sample", model, "-n", 2, *words, "--out", f"{model}-{k}", "--json"))
        for k, words in enumerate([(), ("--truncation", "0.3"), ("--truncation", "0")])
    )
    assert whole == again
    assert whole != cut
    for value, says in (("-1", "from 0 up"), ("nan", "not a finite number")):
        runs("sample", model, "-n", 2, "--truncation", value, "--out", "none").refused("--truncation", says)
        assert not (office.folder / "none").exists()
    runs("sample", model, "-n", 2, "--temperature", "0.5").refused("--temperature")


def test_samples_are_judged_as_they_would_be_drawn(office, runs):
    done = runs("evaluate", "biggan", "--samples", 12, "--truncation", "0.3", "--json")
    assert done.code == 0, done.err
    assert {m["protocol"].rpartition("; ")[2] for m in done.json["metrics"]} == {"samples drawn with --truncation 0.3"}
    runs("evaluate", "biggan", "--truncation", "-1").refused("--truncation -1", "from 0 up")
    runs("evaluate", "sagan", "--temperature", "0.3").refused("--temperature")
    runs("evaluate", "--classifier", "sagan", "biggan", "--truncation", "0.3").refused("no classifier of pictures")


def test_data_without_classes_are_learnt_unless_classes_are_asked_for(office, runs):
    words = ("--set", "tiny", "--batch", 8, "--steps", 1)
    done = runs("fit", "pictures", "--model", "biggan", *words, "--out", "free")
    assert done.code == 0, done.err
    runs("sample", "free", "--label", "red").refused("--label red")
    done = runs("fit", "pictures", "--model", "sagan", *words, "--labels", "projection", "--out", "none")
    done.refused("--labels projection", "no classes")


def test_a_size_that_is_too_small_is_named_with_the_nearest(runs):
    done = runs("fit", "badges", "--model", "sagan", "--set", "tiny", "--size", 12, "--steps", 1, "--out", "none")
    done.refused("12x12", "--size 16x16")
