"""Attributes as a person meets them: a table beside the pictures, samples of the values that are asked for, and one
line where something is not there."""

import pytest
from PIL import Image

FIT = ("fit", "faces", "--model", "cgan", "--set", "tiny", "--steps", 3, "--attributes", "level,odd", "--out", "told")


@pytest.fixture
def told(office, typed):
    """Twenty pictures that are as bright as their table says, and a model of them."""
    place = office.folder / "faces"
    if not place.is_dir():
        place.mkdir()
        for k in range(20):
            Image.new("L", (8, 8), 12 * k).save(place / f"{k:02d}.png")
        rows = [f"{k:02d}.png,{12 * k},{k % 2}" for k in range(20)]
        (place / "about.csv").write_text("\n".join(["file,level,odd", *rows]) + "\n")
        done = typed(*FIT)
        assert done.code == 0, done.err
    return typed


def test_values_are_asked_for_and_their_samples_differ(office, told):
    made = []
    for k, wish in enumerate(("level=0,odd=0", "level=228,odd=1")):
        done = told("sample", "told", "-n", 2, "--attribute", wish, "--out", f"told-{k}", "--json")
        assert done.code == 0, done.err
        made.append([(office.folder / file).read_bytes() for file in done.json["files"]])
    assert len(made[0]) == 2
    assert all(a != b for a, b in zip(*made))
    done = told("sample", "told", "-n", 2, "--attribute", "level=12", "--json")
    assert "level-12" in str(done.json["files"][0])
    assert told("sample", "told", "-n", 2, "--json").code == 0


def test_the_same_command_goes_on_and_other_attributes_are_other_data(told):
    assert told(*FIT).code == 0
    told(*FIT[:8], "--attributes", "odd", *FIT[10:]).refused("other data, or read otherwise")


def test_what_is_not_there_is_one_line(told):
    told("sample", "told", "--attribute", "hue=1").refused("--attribute hue", "There are: level, odd")
    told("sample", "told", "--attribute", "odd=7").refused("--attribute odd=7", "0 to 1")
    told("sample", "told", "--attribute", "odd").refused("--attribute odd", "NAME=1")
    told("sample", "told", "--label", "1").refused("--label 1", "takes no labels")
    told(*FIT[:9], "hue", "--out", "none").refused("--attributes hue", "file, level, odd")
    told("fit", "faces", "--model", "cgan", "--set", "tiny", "--out", "none").refused("no classes", "--model gan")
    told("fit", "faces", "--model", "gan", *FIT[4:-1], "blind").refused("--attributes level,odd", "gan is told none")
    told("data", "faces", "--attributes", "hue").refused("--attributes hue", "file, level, odd")
    assert "level (0 to 228), odd (0 to 1)" in told("data", "faces", "--attributes", "level,odd").out


def test_it_is_judged_like_any_other_run(told):
    done = told("evaluate", "told", "--samples", 12, "--json")
    assert done.code == 0, done.err


def test_its_codes_are_searched_and_walked_through(told):
    for words in (
        ("project", "told", "faces/03.png", "--steps", 2),
        ("traverse", "told", "--dims", 1),
        ("interpolate", "told"),
    ):
        done = told(*words, "--json")
        assert done.code == 0, done.err
