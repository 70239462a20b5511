"""Every form that pictures come in gives the same pictures; what is prepared is kept, and found again."""

import gzip
import io
import json
import os
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import module, open_source
from reverie.kinds.image import cache, recognise
from reverie.kinds.image import open as open_images
from reverie.kinds.image.listing import part
from reverie.kinds.image.sources import split

N, H, W, C = 12, 6, 5, 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REVERIE_DATA", raising=False)


@pytest.fixture(scope="module")
def raw():
    return torch.randint(0, 256, (N, H, W, C), generator=torch.Generator().manual_seed(1)).numpy().astype(np.uint8)


LABELS = np.array([2, 0, 1] * 4)
TEST = np.array([False] * 8 + [True] * 4)
NAMES = ("ant", "bee", "cat")


def png(picture):
    data = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(data, "PNG")
    return data.getvalue()


def prepared(path, size=(), **options):
    return open_images(str(path), DataOptions(**options)).prepare(size)


def everything(data):
    """All pictures and labels of both parts, as a set."""
    found = []
    for where, items in (("train", data.train), ("test", data.held_out)):
        index = torch.arange(len(items))
        batch = items.take(index)
        labels = batch.values.get("label", torch.full((len(items),), -1)).tolist()
        names = [data.codec.classes[k] if k >= 0 else "" for k in labels]
        found += [(where, name, picture.tobytes()) for name, picture in zip(names, items.raw(index))]
    return sorted(found)


def write_folder(root, raw, pattern="{part}/{label}/{i:03d}.png"):
    for i, picture in enumerate(raw):
        name = pattern.format(part="test" if TEST[i] else "train", label=NAMES[LABELS[i]], i=i)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(picture))
    return root


def write_zip(file, raw, pattern="{part}/{label}/{i:03d}.png"):
    with zipfile.ZipFile(file, "w") as archive:
        for i, picture in enumerate(raw):
            where = "test" if TEST[i] else "train"
            archive.writestr(pattern.format(part=where, label=NAMES[LABELS[i]], i=i), png(picture))
    return file


def write_idx(file, array):
    data = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def table(raw, rows, struct_column=True):
    data = [png(picture) for picture in raw[rows]]
    column = [{"bytes": d, "path": None} for d in data] if struct_column else data
    features = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if struct_column else pa.binary()
    table = pa.table({"extra": pa.array(["x"] * len(data)), "image": pa.array(column, kind), "label": LABELS[rows]})
    return table.replace_schema_metadata(about)


def write_arrow(folder, table):
    folder.mkdir(parents=True)
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=3)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text("{}")


def write(form, root, raw):
    root.mkdir(parents=True, exist_ok=True)
    train, test = np.flatnonzero(~TEST), np.flatnonzero(TEST)
    if form == "folder":
        return write_folder(root, raw)
    if form == "wrapped folder":
        write_folder(root / "inner" / "again", raw)
        return root
    if form == "zip":
        return write_zip(root / "pictures.zip", raw)
    if form == "wrapped zip":
        return write_zip(root / "p.zip", raw, "top/{part}/{label}/{i:03d}.png")
    if form == "two zips":
        for part, rows in (("train", train), ("test", test)):
            with zipfile.ZipFile(root / f"{part}.zip", "w") as archive:
                for i in rows:
                    archive.writestr(f"{NAMES[LABELS[i]]}/{i}.png", png(raw[i]))
        return root
    if form == "npz":
        names = np.array(NAMES)[LABELS]
        np.savez(root / "a.npz", x_train=raw[train], y_train=names[train], x_test=raw[test], y_test=names[test])
        return root / "a.npz"
    if form == "parquet":
        for part, rows in (("train", train), ("test", test)):
            pq.write_table(table(raw, rows), root / f"{part}-00000-of-00001.parquet", row_group_size=3)
        return root
    write_arrow(root / "train", table(raw, train))
    write_arrow(root / "test", table(raw, test))
    (root / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return root


FORMS = ["folder", "wrapped folder", "zip", "wrapped zip", "two zips", "npz", "parquet", "arrow"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pictures_classes_and_parts(form, tmp_path, raw):
    path = write(form, tmp_path / "data", raw)
    assert recognise(path)
    assert not module("text").recognise(path)
    data = prepared(path)
    assert data.codec.to_json() == {"size": [H, W], "channels": C, "bits": 8, "fit": "crop", "classes": list(NAMES)}
    wanted = [("test" if t else "train", NAMES[k], p.tobytes()) for p, k, t in zip(raw, LABELS, TEST)]
    assert everything(data) == sorted(wanted)
    assert any("own" in note for note in data.notes)
    again = prepared(path)  # from the cache
    assert (everything(again), again.fingerprint, again.codec) == (everything(data), data.fingerprint, data.codec)


def test_idx_with_labels_beside_and_with_a_test_file(tmp_path):
    raw = torch.randint(0, 256, (N, 4, 7), generator=torch.Generator().manual_seed(2)).numpy().astype(np.uint8)
    for part, rows in (("train", ~TEST), ("t10k", TEST)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", raw[rows])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", LABELS[rows].astype(np.uint8))
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
    assert [part(n) for n in ("train", "Testing", "train-00001-of-00002", "emnist-letters-test-images", "validation")] == [
        "train", "test", "train", "test", "validation",
    ]  # fmt: skip
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


# ---------------------------------------------------------------------------------------------------- size, mode, split


def test_without_a_wish_small_pictures_of_one_size_stay_and_others_are_brought_to_64(tmp_path):
    def size_of(*sizes):
        folder = tmp_path / "-".join(f"{h}x{w}" for h, w in sizes)
        folder.mkdir()
        for i, (h, w) in enumerate(sizes):
            (folder / f"{i}.png").write_bytes(png(np.full((h, w, 1), i, np.uint8)))
        return prepared(folder).codec.size

    assert size_of((100, 128), (100, 128)) == (100, 128)
    assert size_of((150, 300), (150, 300)) == (32, 64)
    assert size_of((300, 200), (600, 400)) == (64, 43)
    assert size_of((300, 200), (200, 300)) == (64, 64)
    assert size_of((30, 20), (20, 30), (25, 25)) == (30, 30)  # the median longer side: nothing to gain above it


def test_the_persons_size_overrules_the_models(tmp_path, raw):
    root = write_folder(tmp_path / "d", raw, "{i}.png")
    assert prepared(root, size=(8, 9)).codec.size == (8, 9)
    assert open_images(str(root), DataOptions(size=(4, 3))).prepare((8, 9)).codec.size == (4, 3)
    assert open_images(str(root), DataOptions(size=(7,))).prepare((8, 9)).codec.size == (7, 7)
    for wrong in ((0, 4), (1, 2, 3), (-5,)):
        with pytest.raises(Problem, match="--size"):
            open_images(str(root), DataOptions(size=wrong))


def test_what_is_prepared_is_what_the_codec_reads_from_the_file(tmp_path, raw):
    for fit in ("crop", "pad", "stretch"):
        root = write_folder(tmp_path / fit, raw, "{i:02d}.png")
        data = open_images(str(root), DataOptions(size=(4, 9), fit=fit)).prepare()
        wanted = sorted(data.codec.read(file).tobytes() for file in root.iterdir())
        assert sorted(p for _, _, p in everything(data)) == wanted


@pytest.mark.parametrize(
    ("modes", "channels", "bits"),
    [("L", 1, 8), ("L RGB", 3, 8), ("RGB RGBA", 4, 8), ("L LA", 2, 8), ("LA RGB", 4, 8), ("I;16 L", 1, 16), ("I;16 RGB", 3, 16)],
)
def test_of_mixed_pictures_the_richest_wins_and_it_is_said(tmp_path, modes, channels, bits):
    for i, mode in enumerate(modes.split()):
        Image.new(mode, (5, 4), 1000 if mode == "I;16" else 0).save(tmp_path / f"{i}.png")
    data = prepared(tmp_path)
    assert (data.codec.channels, data.codec.bits) == (channels, bits)
    assert any("mixed" in note for note in data.notes) == (" " in modes)
    if "I;16" in modes:
        assert data.codec.read(tmp_path / "0.png").max() == 1000


@pytest.mark.parametrize(
    ("count", "share", "kept"),
    [(1, 0.5, 0), (2, 0.001, 1), (2, 0.99, 1), (100, 0.1, 10), (300_000, 0.1, 10_000), (50, 0, 0)],
)
def test_the_held_out_share_is_drawn_once_for_all(count, share, kept):
    train, out, _ = split(count, None, share)
    assert len(out) == kept
    assert sorted([*train, *out]) == list(range(count))
    again = split(count, None, share)
    np.testing.assert_array_equal(out, again[1])
    if kept > 5:
        assert not np.array_equal(out, np.arange(kept))  # not simply the first


def test_pictures_held_out_that_are_trained_on_too_are_said(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(png(np.full((4, 4, 1), i // 2, np.uint8)))
    data = prepared(tmp_path, held_out=0.3)
    train = {p for where, _, p in everything(data) if where == "train"}
    both = sum(p in train for where, _, p in everything(data) if where == "test")
    assert both > 0
    assert f"{both} of the 6 held-out pictures are in the training part too" in data.notes


def test_bad_options_are_one_line_each(tmp_path, raw):
    root = str(write_folder(tmp_path / "d", raw, "{i}.png"))
    for options, said in ((DataOptions(fit="squash"), "--fit squash"), (DataOptions(held_out=1.0), "--held-out 1.0")):
        with pytest.raises(Problem, match=said):
            open_images(root, options)


# ------------------------------------------------------------------------------------------------------- arrays' values


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([0, 0.2, 1.0]), [0, 51, 255]),
        (np.array([-1, 0.0, 1.0]), [0, 128, 255]),
        (np.array([0, 127.6, 255.0], np.float32), [0, 128, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([0, 7, 256], np.int64), [0, 7, 256]),
        (np.array([0, 7, 65535], ">u2"), [0, 7, 65535]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_numbers_become_levels_by_the_stated_rule_and_it_is_said(tmp_path, values, wanted):
    array = np.repeat(values, 4).reshape(1, 3, 4).repeat(2, axis=0)
    np.save(tmp_path / "a.npy", array)
    data = prepared(tmp_path / "a.npy")
    assert data.train.raw(torch.tensor([0]))[0, :, 0, 0].tolist() == wanted
    assert data.codec.bits == (16 if max(wanted) > 255 else 8)
    said = any("kept as" in n or "fractions" in n or "truth" in n for n in data.notes)
    assert said == (values.dtype.kind != "u")


def test_channels_first_arrays_are_turned(tmp_path, raw):
    np.save(tmp_path / "a.npy", raw.transpose(0, 3, 1, 2))
    data = prepared(tmp_path / "a.npy")
    assert sorted(p for _, _, p in everything(data)) == sorted(p.tobytes() for p in raw)


def test_arrays_are_resized_as_files_are(tmp_path, raw):
    np.save(tmp_path / "a.npy", raw)
    root = write_folder(tmp_path / "d", raw, "{i:02d}.png")
    a, b = prepared(tmp_path / "a.npy", size=(4, 4)), prepared(root, size=(4, 4))
    assert everything(a) == everything(b)
    assert a.fingerprint == b.fingerprint


# --------------------------------------------------------------------------------------------------------------- cache


def test_the_fingerprint_is_of_the_content_and_the_options_alone(tmp_path, raw):
    a = write_folder(tmp_path / "a", raw)
    first = prepared(a).fingerprint
    for file in a.rglob("*.png"):
        os.utime(file, (1, 1))
    assert prepared(a).fingerprint == first
    b = write_folder(tmp_path / "elsewhere" / "b", raw)
    assert prepared(b).fingerprint == first
    assert prepared(write_zip(tmp_path / "c.zip", raw)).fingerprint == first
    assert prepared(a, size=(4, 4)).fingerprint != first
    assert prepared(a, fit="pad").fingerprint != first
    changed = raw.copy()
    changed[3, 0, 0, 0] ^= 1
    assert prepared(write_folder(tmp_path / "d", changed)).fingerprint != first
    os.renames(a / "train" / "ant" / "001.png", a / "train" / "bee" / "001.png")
    assert prepared(a).fingerprint != first  # another label


def test_the_held_out_share_is_part_of_the_fingerprint_where_it_counts(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw, "{i}.png")
    assert prepared(root, held_out=0.1).fingerprint != prepared(root, held_out=0.3).fingerprint
    own = write_folder(tmp_path / "b", raw)
    assert prepared(own, held_out=0.1).fingerprint == prepared(own, held_out=0.3).fingerprint


def test_the_second_time_no_picture_is_decoded(tmp_path, raw, monkeypatch):
    root = write_folder(tmp_path / "a", raw)
    first = prepared(root)
    assert any("kept in" in note for note in first.notes)
    from reverie.kinds.image import prepare

    def never(*args):
        raise AssertionError("decoded again")

    monkeypatch.setattr(prepare, "load", never)
    monkeypatch.setattr(prepare, "header", never)
    assert everything(prepared(root)) == everything(first)
    with pytest.raises(AssertionError):  # other options are other data
        prepared(root, size=(3, 3))


def test_a_changed_added_or_removed_file_is_seen(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw, "{i:02d}.png")
    before = prepared(root).fingerprint
    (root / "00.png").write_bytes(png(raw[1]))
    changed = prepared(root).fingerprint
    (root / "99.png").write_bytes(png(raw[2] // 2))
    added = prepared(root).fingerprint
    (root / "99.png").unlink()
    assert len({before, changed, added}) == 3
    assert prepared(root).fingerprint == changed


def test_data_larger_than_memory_is_mapped_and_the_same(tmp_path, raw, monkeypatch):
    root = write_folder(tmp_path / "a", raw)
    small = prepared(root)
    monkeypatch.setattr(cache, "IN_MEMORY", 100)
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache2"))
    for again in range(2):
        large = prepared(root)
        assert isinstance(large.train.images, np.memmap), again
        assert (everything(large), large.fingerprint) == (everything(small), small.fingerprint)
    np.save(tmp_path / "a.npy", raw)
    mapped = prepared(tmp_path / "a.npy")
    assert isinstance(mapped.train.images, np.memmap)
    assert sorted(p for _, _, p in everything(mapped)) == sorted(p.tobytes() for p in raw)
    assert not list((tmp_path / "cache2").rglob("*.part"))


def test_a_cache_that_can_not_be_written_is_only_said(tmp_path, raw, monkeypatch):
    root = write_folder(tmp_path / "a", raw)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "file"))
    data = prepared(root)
    assert len(data.train) == 8
    assert any(note.startswith("not kept for the next time") for note in data.notes)
    monkeypatch.setattr(cache, "IN_MEMORY", 100)
    with pytest.raises(Problem, match="REVERIE_CACHE"):
        prepared(root)


def test_a_broken_cache_is_built_again(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw)
    first = prepared(root)
    for name, damage in (("images.npy", b"rubbish"), ("labels.npy", b""), ("images.npy", None)):
        for file in (tmp_path / "cache").rglob(name):
            file.write_bytes(damage) if damage is not None else file.unlink()
        again = prepared(root)
        assert (everything(again), again.fingerprint) == (everything(first), first.fingerprint)
        assert everything(prepared(root)) == everything(first)
    for file in (tmp_path / "cache").rglob("keys/*.json"):
        file.write_text("{")
    assert everything(prepared(root)) == everything(first)


# ------------------------------------------------------------------------------------------------------ summary, finding


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
    assert [line.split("a/")[1].split(":")[0] for line in summary.bad] == ["bee/broken.png", "bee/empty.png", "cat/00.png"]
    assert any("13" in line and "held out" in line for line in summary.plan)
    json.dumps(summary.facts)


def test_the_plan_is_what_prepare_does(tmp_path, raw):
    root = write_folder(tmp_path / "a", raw)
    plan = open_images(str(root), DataOptions(size=(9, 4))).summary().plan
    data = prepared(root, size=(9, 4))
    assert plan[0] == "size 9x4, RGB"
    assert set(data.notes) - set(plan) == {note for note in data.notes if "kept in" in note}


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
    with pytest.raises(Problem, match="--kind sound"):
        open_source(str(pictures), DataOptions(kind="sound"))
