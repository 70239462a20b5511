"""Two places to learn from, and files of one as the other has them: as a person meets it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.cli import main


def pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (count, 16, 16), dtype=np.uint8)):
        Image.fromarray(x).save(folder / f"{i:03d}.png")


@pytest.fixture(scope="module")
def stable(tmp_path_factory):
    """horses/ and zebras/, and a run of both."""
    folder = tmp_path_factory.mktemp("stable")
    for name in ("horses", "zebras"):
        pictures(folder / name, 20)
    words = ["fit", folder / "horses", folder / "zebras", "--set", "tiny", "--steps", "2", "--out", folder / "run"]
    assert main([*map(str, words), "--json"]) == 0
    return folder


@pytest.fixture
def folder(stable, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(stable, tmp_path / "stable"))


@pytest.fixture
def said(folder, at):
    return at(folder)


def test_a_folder_called_as_a_domain_becomes_the_other_one(said, folder):
    found = said("translate", "run", "horses", "--out", "made", "--sheet", "strips.png", "--json")
    assert found.code == 0, found.err
    made = sorted(file.name for file in (folder / "made").glob("*.png"))
    assert made == sorted(file.name for file in (folder / "horses").glob("*.png"))
    assert Image.open(folder / "made" / "000.png").size == (16, 16)
    assert (folder / "strips.png").is_file()


def test_both_ways_differ(said, folder):
    for to in ("horses", "zebras"):
        assert said("translate", "run", "horses/000.png", "--to", to, "--out", f"to-{to}").code == 0
    one, two = (np.asarray(Image.open(folder / f"to-{to}" / "000.png")) for to in ("horses", "zebras"))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("scale", ["run", "own"])
def test_a_picture_of_another_size_keeps_its_size_and_it_is_said_how(said, folder, scale):
    (folder / "wide").mkdir()
    Image.fromarray(np.zeros((9, 21), np.uint8)).save(folder / "wide" / "w.png")
    found = said("translate", "run", "wide", "horses", "--to", "zebras", "--out", "made", "--scale", scale, "--json")
    assert found.code == 0, found.err
    assert Image.open(folder / "made" / "w.png").size == (21, 9)
    assert Image.open(folder / "made" / "000.png").size == (16, 16)
    (note,) = found.json["notes"]
    assert note.startswith("1 of another size than the run's 16×16")


def test_a_run_says_both_places_and_goes_on_with_the_same_command(said, folder):
    shutil.rmtree(folder / "run")
    first = said("fit", "horses", "zebras", "--set", "tiny", "--steps", "2", "--json")
    more = said("fit", "horses", "zebras", "--set", "tiny", "--steps", "3", "--json")
    assert first.json["run"] == more.json["run"]
    assert more.json["steps"] == 3


REFUSED = [
    (("translate", "run"), ("FILES", "missing")),
    (("translate", "run", "nowhere"), ("nowhere",)),
    (("translate", "run", "horses", "--to", "cows"), ("--to cows", "--to horses", "--to zebras")),
    (("translate", "run", "other"), ("other", "of which domain")),
    (("translate", "run", "horses", "other"), ("horses, other", "of which domain")),
    (("translate", "run", "horses", "zebras"), ("horses, zebras: of horses and of zebras", "one domain at a time")),
    (("translate", "run", "long", "--to", "zebras", "--scale", "own"), ("long/l.png: 4×16400", "--scale run")),
    (("translate", "run", "colour", "--to", "zebras"), ("colour/0.png", "RGB", "Channels are not changed")),
    (("translate", "run", "horses", "--scale", "mine"), ("--scale mine", "run, own")),
    (("translate", "run", "broken", "--to", "zebras"), ("broken/b.png", "broken image")),
    (("translate", "run", "horses", "--out", "zebras"), ("--out zebras", "not empty")),
    (("fit", "horses", "--model", "cyclegan", "--out", "new"), ("one set", "reverie fit A B")),
    (("fit", "horses", "zebras", "--model", "dcgan", "--out", "new"), ("one set", "cyclegan")),
    (("fit", "horses", "horses", "--out", "new"), ("horses",)),
    (("fit", "horses", "zebras", "other", "--out", "new"), ("other",)),
    (("fit", "horses", "colour", "--out", "new"), ("grey", "RGB", "same channels")),
    (("fit", "horses", "nowhere", "--out", "new"), ("nowhere",)),
    (("sample", "run"), ("can't make samples",)),
    (("evaluate", "nowhere"), ("nowhere", "no run")),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[" ".join(w)[:60] for w, _ in REFUSED])
def test_a_wrong_wish_is_one_line_and_nothing_changes(said, folder, words, says):
    pictures(folder / "other", 2)
    for name in ("broken", "colour", "long"):
        (folder / name).mkdir()
    Image.fromarray(np.zeros((4, 16_400), np.uint8)).save(folder / "long" / "l.png")
    whole = (folder / "horses" / "000.png").read_bytes()
    (folder / "broken" / "b.png").write_bytes(whole[: len(whole) // 2])
    for i in range(4):
        Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)).save(folder / "colour" / f"{i}.png")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    said(*words).refused(*says)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
