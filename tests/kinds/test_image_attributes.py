"""Attributes of pictures: each picture gets the numbers of its own row, and a person the values that were asked for."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.image.codec import Codec
from reverie.spec import Spec
from reverie.tasks.sample import conditions

COUNT = 12


def picture(level):
    return Image.fromarray(np.full((8, 8), level, np.uint8))


def folder(tmp_path, head="file,level,odd", row="{name},{level},{odd}", name="{k:02d}.png", order=None):
    """Pictures of level 10 k, and a table of them in another order."""
    place = tmp_path / "photos"
    place.mkdir()
    lines = [head]
    for k in order or [*range(COUNT)][::-1]:
        lines.append(row.format(name=name.format(k=k), level=10 * k, odd=k % 2, k=k))
    for k in range(COUNT):
        picture(10 * k).save(place / f"{k:02d}.png")
    (place / "about.csv").write_text("\n".join(lines) + "\n")
    return place


def prepared(place, *names, **more):
    return open_source(str(place), DataOptions(attributes=names, **more)).prepare()


def levels(items):
    """What a picture is, and what it is said to be."""
    batch = items.take(torch.arange(len(items)))
    grey = items.raw(torch.arange(len(items)))[:, 0, 0, 0].astype(float)
    return grey, batch["attributes"]


@pytest.mark.parametrize("name", ["{k:02d}.png", "{k:02d}", "old/place/{k:02d}.png"])
def test_each_picture_has_the_numbers_of_its_own_row(tmp_path, name):
    found = prepared(folder(tmp_path, name=name), "level", "odd")
    for items in (found.train, found.held_out):
        grey, told = levels(items)
        torch.testing.assert_close(told[:, 0], torch.tensor(grey / 110).float())
        assert told[:, 1].tolist() == (grey / 10 % 2).tolist()
    field = found.codec.spec.condition["attributes"]
    assert (field.names, field.shape, field.low, field.high) == (("level", "odd"), (2,), 0.0, 1.0)
    _, told = levels(found.train)
    torch.testing.assert_close(torch.tensor(field.drawn), told)  # of training pictures alone


def test_columns_of_the_parquet_file_that_holds_the_pictures(tmp_path):
    import io

    rows = {"image": [], "smiling": [], "age": []}
    for k in range(COUNT):
        file = io.BytesIO()
        picture(10 * k).save(file, "PNG")
        rows["image"].append(file.getvalue())
        rows["smiling"].append(k % 3 == 0)
        rows["age"].append(20.5 + k)
    pq.write_table(pa.table(rows), tmp_path / "faces.parquet")
    grey, told = levels(prepared(tmp_path / "faces.parquet", "age", "smiling").train)
    torch.testing.assert_close(told[:, 0], torch.tensor(grey / 110).float())
    assert told[:, 1].tolist() == [float(round(g / 10) % 3 == 0) for g in grey]


def test_codec_and_spec_come_back_from_json_and_without_attributes_are_as_they_were(tmp_path):
    place = folder(tmp_path)
    codec = prepared(place, "level").codec
    import json

    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    assert Spec.from_json(json.loads(json.dumps(codec.spec.to_json()))) == codec.spec
    bare = open_source(str(place), DataOptions()).prepare()
    assert "attributes" not in bare.codec.to_json()
    assert "attributes" not in bare.train.take(torch.arange(2)).values


def test_other_attributes_are_other_data(tmp_path):
    place = folder(tmp_path)
    before = prepared(place, "level").fingerprint
    assert prepared(place, "level").fingerprint == before
    assert prepared(place, "odd").fingerprint != before
    text = (place / "about.csv").read_text()
    (place / "about.csv").write_text(text.replace("05.png,50,", "05.png,51,"))
    assert prepared(place, "level").fingerprint != before


def test_samples_are_of_training_items_attributes_and_of_those_asked_for(tmp_path):
    codec = prepared(folder(tmp_path), "level", "odd").codec
    known = torch.tensor(codec.attributes.drawn)

    def told(**asked):
        wish = codec.attributes.asked(asked)
        return conditions(codec.spec, range(40), 0, None, torch.device("cpu"), wish)["attributes"]

    free = told()
    assert all((known == row).all(1).any() for row in free)
    assert len(free.unique(dim=0)) > 5
    odd = told(odd=1)
    assert (odd[:, 1] == 1).all()
    assert all((known == row).all(1).any() for row in odd)  # whole rows of training items that are odd
    between = told(level=33)
    torch.testing.assert_close(between[:, 0], torch.full((40,), 0.3))
    assert len(between[:, 1].unique()) == 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"leve": 1.0}, "--attribute leve: no such attribute. There are: level, odd"),
        ({"odd": 2.0}, "--attribute odd=2: the data has 0 to 1. Pass a value of these"),
    ],
)
def test_what_the_data_has_not_is_refused(tmp_path, asked, says):
    with pytest.raises(Problem, match=says):
        prepared(folder(tmp_path), "level", "odd").codec.attributes.asked(asked)


@pytest.mark.parametrize(
    ("change", "names", "says"),
    [
        ({}, ("hue",), "--attributes hue: no such column in .*about.csv. There are: file, level, odd"),
        ({"row": "{name},{level},word"}, ("odd",), "--attributes odd: of 00.png 'word', no number"),
        ({"row": "{name},{level},"}, ("odd",), "--attributes odd: of 00.png empty. Give numbers"),
        ({"row": "{name},{level},1"}, ("odd",), "--attributes odd: 1 for every item"),
        ({"order": [*range(1, COUNT)]}, ("odd",), "no row for 00.png. Add it, or remove the picture"),
        ({"order": [0, *range(COUNT)]}, ("odd",), "two rows for 00.png. Remove one"),
        ({"name": "photo {k}.png"}, ("odd",), "no column names the pictures. Add one, such as file: 00.png"),
    ],
)
def test_a_table_that_does_not_say_it_is_refused_with_the_cure(tmp_path, change, names, says):
    with pytest.raises(Problem, match=says) as caught:
        prepared(folder(tmp_path, **change), *names)
    assert "\n" not in str(caught.value)


def test_no_table_two_tables_and_other_kinds_are_refused(tmp_path):
    place = folder(tmp_path)
    (place / "more.tsv").write_text("a\tb\n")
    with pytest.raises(Problem, match=r"2 tables \(about.csv, more.tsv\)"):
        prepared(place, "odd")
    (place / "more.tsv").unlink()
    (place / "about.csv").unlink()
    with pytest.raises(Problem, match=r"no \.csv or \.tsv file in .*Put one there that names the files"):
        prepared(place, "odd")
    (tmp_path / "rows.csv").write_text("a,b\n" + "1,2\n2,4\n" * 20)
    with pytest.raises(Problem, match=r"--attributes a: of pictures and molecules, and .*rows\.csv is read as tables"):
        prepared(tmp_path / "rows.csv", "a")
    np.save(tmp_path / "x.npy", np.zeros((9, 8, 8), np.uint8))
    with pytest.raises(Problem, match=r"x\.npy has no columns. Give a folder"):
        prepared(tmp_path / "x.npy", "a")
