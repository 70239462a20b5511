"""Two domains of pictures: two places of any form, or one folder in the public layout; what can't be two domains."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.image import Codec
from reverie.kinds.image.domains import named


def drawn(count: int, size: tuple[int, int] = (12, 8), mode: str = "L", seed: int = 0) -> list[Image.Image]:
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    rng = np.random.default_rng(seed)
    return [Image.fromarray(x, mode) for x in rng.integers(0, 256, (count, *size, *channels), dtype=np.uint8)]


def folder(place: Path, count: int, start: int = 0, **how) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(drawn(count, **how)):
        picture.save(place / f"{start + i:03d}.png")
    return place


def zipped(file: Path, count: int, **how) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for i, picture in enumerate(drawn(count, **how)):
            data = io.BytesIO()
            picture.save(data, "PNG")
            archive.writestr(f"inner/{i:03d}.png", data.getvalue())
    return file


@pytest.fixture
def cached(monkeypatch, tmp_path):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))


def both(a: Path, b: Path, **options):
    return open_source(str(a), DataOptions(beside=(str(b),), **options))


@pytest.mark.usefixtures("cached")
def test_a_folder_and_a_zip_are_two_domains_each_with_items_of_its_own(tmp_path):
    a, b = folder(tmp_path / "horse", 20), zipped(tmp_path / "zebra.zip", 10, seed=1)
    made = both(a, b).prepare()
    spec = made.codec.spec
    assert spec.domains == ("horse", "zebra")
    assert spec.only[1].shape == (1, 12, 8)
    assert {k: len(v) for k, v in made.train.domains.items()} == {"horse": 18, "zebra": 9}
    assert {k: len(v) for k, v in made.held_out.domains.items()} == {"horse": 2, "zebra": 1}
    assert len(made.train) == 18  # a pass is as long as the longest
    true = {np.asarray(Image.open(p)).tobytes() for p in a.iterdir()}
    parts = [part.domains["horse"] for part in (made.train, made.held_out)]
    got = [x.tobytes() for part in parts for x in part.raw(torch.arange(len(part)))]
    assert set(got) == true
    assert len(got) == 20
    assert Codec.from_json(json.loads(json.dumps(made.codec.to_json()))) == made.codec


@pytest.mark.usefixtures("cached")
def test_the_public_layout_is_read_as_it_is_with_test_parts_of_its_own(tmp_path):
    for name, count in (("trainA", 6), ("trainB", 5), ("testA", 3), ("testB", 2)):
        folder(tmp_path / "set" / name, count, seed=count)
    source = open_source(str(tmp_path / "set"), DataOptions())
    made = source.prepare()
    assert made.codec.spec.domains == ("A", "B")
    assert {k: len(v) for k, v in made.train.domains.items()} == {"A": 6, "B": 5}
    assert {k: len(v) for k, v in made.held_out.domains.items()} == {"A": 3, "B": 2}
    x = made.held_out.domains["B"].raw(torch.arange(2))
    assert np.array_equal(x[0, :, :, 0], np.asarray(Image.open(tmp_path / "set" / "testB" / "000.png")))
    assert made.held_out.domains["B"].columns(torch.arange(2)) == {"item": ["000.png", "001.png"]}
    said = source.summary()
    assert said.domains == ("A", "B")
    assert said.count == 16
    assert "two domains" in said.plan[0]


@pytest.mark.usefixtures("cached")
def test_the_public_layout_without_a_test_part_holds_out_a_share_and_a_predictor_sees_classes(tmp_path):
    for name in ("trainA", "trainB"):
        folder(tmp_path / "set" / name, 10)
    held = open_source(str(tmp_path / "set"), DataOptions()).prepare().held_out
    assert {k: len(v) for k, v in held.domains.items()} == {"A": 1, "B": 1}
    assert open_source(str(tmp_path / "set"), DataOptions(predict="labels")).prepare().codec.spec.classes == 2


@pytest.mark.usefixtures("cached")
def test_a_codec_of_one_set_says_no_word_of_domains_and_one_of_old_runs_is_read(tmp_path):
    made = open_source(str(folder(tmp_path / "a", 3)), DataOptions()).prepare()
    assert "domains" not in made.codec.to_json()
    assert Codec.from_json({"size": [4, 4], "channels": 1, "bits": 8, "fit": "crop", "classes": []}).domains == ()


@pytest.mark.usefixtures("cached")
def test_domains_of_two_sizes_become_the_smaller_or_the_one_that_is_asked_for(tmp_path):
    a, b = folder(tmp_path / "a", 4, size=(16, 16)), folder(tmp_path / "b", 4, size=(12, 12))
    made = both(a, b).prepare()
    assert made.codec.spec.only[1].shape == (1, 12, 12)
    assert any("16x16 and 12x12" in note for note in made.notes)
    assert both(a, b, size=(20,)).prepare().codec.spec.only[1].shape == (1, 20, 20)


@pytest.mark.usefixtures("cached")
def test_the_fingerprint_is_of_both_domains_and_of_their_names(tmp_path):
    a, b = folder(tmp_path / "a", 4), folder(tmp_path / "b", 4, seed=1)
    first = both(a, b).prepare().fingerprint
    assert both(a, b).prepare().fingerprint == first
    assert both(b, a).prepare().fingerprint != first
    drawn(1, seed=7)[0].save(b / "004.png")
    changed = both(a, b).prepare().fingerprint
    assert changed != first
    (b / "004.png").unlink()
    b.rename(tmp_path / "c")
    assert both(a, tmp_path / "c").prepare().fingerprint not in (first, changed)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (("x/cats", "y/dogs"), ["cats", "dogs"]),
        (("x/cats", "y/cats"), ["x-cats", "y-cats"]),
        (("x/cats", "y/Cats"), ["x-cats", "y-Cats"]),
        (("x/cats.zip", "x/cats.npz"), ["x-cats-1", "x-cats-2"]),
        (("x/v1.5", "y/noto-64.tar.zip"), ["v1.5", "noto-64"]),
    ],
)
def test_domains_are_called_as_their_folders_or_files_made_distinct(tmp_path, places, names):
    for place in places:
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.touch() if place.endswith((".zip", ".npz")) else path.mkdir()
    assert [domain.name for domain in named([str(tmp_path / place) for place in places])] == names


def test_the_folder_that_one_is_in_gives_a_domain_its_name(tmp_path, monkeypatch):
    (tmp_path / "horses").mkdir()
    (tmp_path / "zebras").mkdir()
    monkeypatch.chdir(tmp_path / "horses")
    assert [domain.name for domain in named([".", "../zebras"])] == ["horses", "zebras"]


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize(
    ("other", "options", "says"),
    [
        ({"mode": "RGB"}, {}, r"a: grey, .*b: RGB; domains must have the same channels.*Save both as grey"),
        ({"mode": "RGBA"}, {}, "b: RGBA"),
        ({}, {"predict": "labels"}, "two places, and --predict labels learns from one"),
        (None, {}, "b: no such file"),
    ],
)
def test_what_can_be_no_two_domains_is_named(tmp_path, other, options, says):
    a = folder(tmp_path / "a", 3)
    if other is not None:
        folder(tmp_path / "b", 3, **other)
    with pytest.raises(Problem, match=says):
        both(a, tmp_path / "b", **options).prepare()


@pytest.mark.usefixtures("cached")
def test_a_place_twice_three_places_and_a_text_are_refused(tmp_path):
    a = folder(tmp_path / "a", 3)
    (tmp_path / "words.txt").write_text("to be or not to be " * 50)
    with pytest.raises(Problem, match="the same place twice"):
        both(a, tmp_path / "a" / ".." / "a")
    with pytest.raises(Problem, match="3 places"):
        open_source(str(a), DataOptions(beside=("b", "c")))
    with pytest.raises(Problem, match=r"words.txt: text. Only pictures have domains"):
        both(a, tmp_path / "words.txt")
