"""Every form that pictures come in gives the same pictures, classes and parts; finding and describing them."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from kinds.picture_sets import (
    FORMS,
    LABELS,
    NAMES,
    TEST,
    C,
    H,
    N,
    W,
    everything,
    png,
    prepared,
    table,
    write,
    write_arrow,
    write_folder,
    write_idx,
)
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.image import open as open_images
from reverie.kinds.image import recognise
from reverie.kinds.image.listing import part

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pictures_classes_and_parts(form, tmp_path, raw):
    path = write(form, tmp_path / "data", raw)
    assert recognise(path)
    assert open_source(str(path), DataOptions()).kind == "image"
    data = prepared(path)
    assert data.codec.to_json() == {"size": [H, W], "channels": C, "bits": 8, "fit": "crop", "classes": list(NAMES)}
    wanted = [("test" if t else "train", NAMES[k], p.tobytes()) for p, k, t in zip(raw, LABELS, TEST)]
    assert everything(data) == sorted(wanted)
    assert any("own" in note for note in data.notes)
    again = prepared(path)  # from the cache
    assert (everything(again), again.fingerprint, again.codec) == (everything(data), data.fingerprint, data.codec)


def test_idx_with_labels_beside_and_with_a_test_file(tmp_path):
    raw = torch.randint(0, 256, (N, 4, 7), generator=torch.Generator().manual_seed(2)).numpy().astype(np.uint8)
    for name, rows in (("train", ~TEST), ("t10k", TEST)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", raw[rows])
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", LABELS[rows].astype(np.uint8))
    data = prepared(tmp_path)
    wanted = [("test" if t else "train", str(k), p.tobytes()) for p, k, t in zip(raw, LABELS, TEST)]
    assert everything(data) == sorted(wanted)
    alone = prepared(tmp_path / "t10k-images-idx3-ubyte.gz", held_out=0.25)
    assert (len(alone.train), len(alone.held_out)) == (3, 1)
    assert alone.codec.classes == ("0", "1", "2")


def test_a_plain_npy_with_labels_beside(tmp_path, raw):
    np.save(tmp_path / "images.npy", raw)
    np.save(tmp_path / "labels.npy", LABELS)
    data = prepared(tmp_path / "images.npy")
    assert sorted(p for _, _, p in everything(data)) == sorted(p.tobytes() for p in raw)
    assert data.codec.classes == ("0", "1", "2")


def test_a_column_of_plain_bytes_and_a_column_by_name(tmp_path, raw):
    pq.write_table(table(raw, np.arange(N), struct_column=False), tmp_path / "a.parquet")
    assert everything(prepared(tmp_path / "a.parquet")) == everything(prepared(tmp_path / "a.parquet", column="image"))
    np.savez(tmp_path / "b.npz", first=raw, second=raw[:3], names=np.array(["a"]))
    assert len(prepared(tmp_path / "b.npz", column="second").train) == 2
    for path in ("a.parquet", "b.npz"):
        with pytest.raises(Problem, match=r"--column nothing: no such"):
            prepared(tmp_path / path, column="nothing")
    with pytest.raises(Problem, match="--column label"):
        prepared(tmp_path / "a.parquet", column="label")


def test_class_folders_flat_and_mixed(tmp_path, raw):
    classes = prepared(write_folder(tmp_path / "a", raw, "{label}/{i}.png"))
    assert classes.codec.classes == NAMES
    flat = prepared(write_folder(tmp_path / "b", raw, "{i}.png"))
    assert flat.codec.classes == ()
    assert "label" not in flat.train.take(torch.tensor([0])).values
    one = prepared(write_folder(tmp_path / "c", raw, "cat/{i}.png"))
    assert one.codec.classes == ()
    mixed = write_folder(tmp_path / "d", raw, "{label}/{i}.png")
    (mixed / "other.png").write_bytes(png(raw[0]))
    data = prepared(mixed)
    assert data.codec.classes == ()
    assert any("both in and beside folders" in note for note in data.notes)


def test_numbered_classes_are_in_the_order_of_numbers(tmp_path, raw):
    for i, picture in enumerate(raw):
        (tmp_path / "d" / str(i)).mkdir(parents=True)
        (tmp_path / "d" / str(i) / "x.png").write_bytes(png(picture))
    assert prepared(tmp_path / "d").codec.classes == tuple(str(i) for i in range(N))


def test_names_of_parts_are_whole_words():
    names = ("train", "Testing", "train-00001-of-00002", "emnist-letters-test-images", "validation")
    assert [part(n) for n in names] == ["train", "test", "train", "test", "validation"]
    assert [part(n) for n in ("trains", "contest", "cat", "value")] == ["", "", "", ""]


def test_a_validation_part_is_held_out_where_there_is_no_test_part(tmp_path, raw):
    write_folder(tmp_path, raw, "train/{i}.png")
    for i in range(3):
        os.renames(tmp_path / "train" / f"{i}.png", tmp_path / "val" / f"{i}.png")
    assert (len(prepared(tmp_path).train), len(prepared(tmp_path).held_out)) == (9, 3)
    os.renames(tmp_path / "train" / "5.png", tmp_path / "test" / "5.png")
    data = prepared(tmp_path)
    assert (len(data.train), len(data.held_out)) == (11, 1)
    assert any("validation part joins" in note for note in data.notes)


def test_hidden_and_other_files_are_counted_and_left_aside(tmp_path, raw):
    root = write_folder(tmp_path / "d", raw, "{i}.png")
    for name in (".DS_Store", "__MACOSX/._1.png", ".hidden/2.png", "Thumbs.db"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"junk")
    (root / "readme.txt").write_text("hello")
    data = prepared(root)
    assert len(data.train) + len(data.held_out) == N
    assert [note for note in data.notes if "aside" in note] == [
        "4 hidden or system files left aside",
        "1 files that are no pictures by their names left aside",
    ]


# ----------------------------------------------------------------------------------------------------- summary, finding


def test_the_summary_says_what_there_is(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw, "{label}/{i:02d}.png")
    (root / "ant" / "copy.png").write_bytes((root / "cat" / "00.png").read_bytes())
    (root / "ant" / "wide.png").write_bytes(png(np.zeros((6, 50, 1), np.uint8)))
    (root / "bee" / "broken.png").write_bytes(png(raw[0])[:60])
    (root / "bee" / "empty.png").write_bytes(b"")
    summary = open_images(str(root), DataOptions()).summary()
    assert (summary.kind, summary.count) == ("image", N + 2)
    assert summary.facts == {
        "height": {"min": 6, "median": 6, "max": 6},
        "width": {"min": 5, "median": 5, "max": 50},
        "sizes": 2,
        "channels": {"RGB": 13, "grey": 1},
        "bits": {"8": 14},
        "formats": {"PNG": 14},
        "classes": {"ant": 6, "bee": 4, "cat": 4},
        "unreadable": 2,
        "duplicates": 1,
    }
    assert [line.split("a/")[1].split(":")[0] for line in summary.bad] == [
        "bee/broken.png",
        "bee/empty.png",
        "cat/00.png",
    ]
    assert any("13" in line and "held out" in line for line in summary.plan)
    json.dumps(summary.facts)


def test_the_plan_is_what_prepare_does(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw)
    plan = open_images(str(root), DataOptions(size=(9, 4))).summary().plan
    data = prepared(root, size=(9, 4))
    assert plan[0] == "size 9x4, RGB"
    assert set(data.notes) - set(plan) == {note for note in data.notes if "kept in" in note}


def test_tables_of_text_are_not_taken_for_pictures(tmp_path):
    words = pa.table({"text": ["once", "upon"], "label": [0, 1]})
    pq.write_table(words, tmp_path / "a.parquet")
    write_arrow(tmp_path / "saved", words)
    assert not recognise(tmp_path / "a.parquet")
    assert not recognise(tmp_path / "saved")


def test_finding_goes_by_what_is_there(tmp_path, raw):
    pictures = write_folder(tmp_path / "p", raw, "{i}.png")
    (tmp_path / "t").mkdir()
    for i in range(3):
        (tmp_path / "t" / f"{i}.txt").write_text("hello there\n" * 50)
    (tmp_path / "t" / "logo.png").write_bytes(png(raw[0]))
    assert open_source(str(pictures), DataOptions()).kind == "image"
    assert open_source(str(tmp_path / "t"), DataOptions()).kind == "text"
    assert open_source(str(tmp_path / "t"), DataOptions(kind="image")).kind == "image"
    (tmp_path / "empty").mkdir()
    for where, said in (("nowhere", "no such"), ("", "no data"), ("empty", "an empty folder")):
        with pytest.raises(Problem, match=said):
            open_source(str(tmp_path / where) if where else "", DataOptions())
    with pytest.raises(Problem, match="--kind film"):
        open_source(str(pictures), DataOptions(kind="film"))
