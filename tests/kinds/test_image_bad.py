"""Bad input by the dozen: each one line that names the file and the cure, and nothing that runs, hangs or fills memory."""

import gzip
import io
import os
import pickle
import struct
import sys
import threading
import time
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import Codec, load_picture, work
from reverie.kinds.image import open as open_images


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))


def png(shade=0, size=(8, 8)):
    data = io.BytesIO()
    y, x = np.mgrid[: size[1], : size[0]]
    Image.fromarray(((x * 37 + y * 91 + shade) % 251).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def problem(path, **options) -> str:
    with pytest.raises(Problem) as caught:
        open_images(str(path), DataOptions(**options)).prepare()
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.code == 2
    assert str(path).split("/")[-1] in text
    return text


def bomb():
    """A PNG of a hundred bytes that says it is 60,000 x 60,000."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    chunk = lambda c: struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))  # noqa: E731
    return b"\x89PNG\r\n\x1a\n" + chunk(head) + chunk(body) + chunk(b"IEND")


def gif_bomb():
    return b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0) + bytes(6) + b"," + struct.pack(
        "<HHHHB", 0, 0, 60_000, 60_000, 0
    ) + b"\x02\x02\x4c\x01\x00;"  # fmt: skip


HOSTILE = {
    "nothing.png": (b"", "not an image (0 bytes)"),
    "text.png": (b"once upon a time", "not an image"),
    "cut.png": (png(size=(64, 64))[:900], "broken image"),
    "head.png": (png()[:20], "broken image"),
    "bomb.png": (bomb(), "too large (60,000 x 60,000 pixels"),
    "bomb.gif": (gif_bomb(), "too large"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
    "wrong.jpg": (b"\xff\xd8\xff\xe0" + bytes(50), "broken image"),
    "float.tiff": (None, "are not read: save it with 8 or 16 bits"),
    "cut.jpg": (None, "broken image (truncated)"),
    "cut.webp": (None, "broken image"),
    "cut.tiff": (None, "broken image"),
}


def contents(name):
    data = HOSTILE[name][0]
    if data is not None:
        return data
    out = io.BytesIO()
    if name == "float.tiff":
        Image.fromarray(np.zeros((4, 4), np.float32)).save(out, "TIFF")
        return out.getvalue()
    form = {"cut.jpg": "JPEG", "cut.webp": "WEBP", "cut.tiff": "TIFF"}[name]
    Image.open(io.BytesIO(png(size=(200, 200)))).convert("RGB").save(out, form)
    return out.getvalue()[: len(out.getvalue()) // 2]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_picture_is_named_with_its_cure_and_can_be_left_out(tmp_path, name, packed):
    said = HOSTILE[name][1]
    files = {"a.png": png(1), "b.png": png(2), name: contents(name)}
    if packed:
        path = tmp_path / "p.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file, data in files.items():
                archive.writestr(file, data)
    else:
        path = tmp_path / "p"
        path.mkdir()
        for file, data in files.items():
            (path / file).write_bytes(data)
    text = problem(path)
    assert text.startswith(f"{path}/{name}: ")
    assert said in text
    assert text.endswith("Remove it, or pass --skip-bad to leave it out.")
    data = open_images(str(path), DataOptions(skip_bad=True)).prepare()
    assert len(data.train) + len(data.held_out) == 2
    assert any(note.startswith("1 pictures that can't be read left out") and name in note for note in data.notes)
    with pytest.raises(Problem, match=name):
        load_picture(contents(name), Codec((8, 8))) if packed else Codec((8, 8)).read(path / name)
        raise Problem(name)
    summary = open_images(str(path), DataOptions()).summary()
    assert (summary.count, summary.facts["unreadable"]) == (2, 1)
    assert said in summary.bad[0]


def test_all_bad_pictures_are_counted_those_with_a_good_head_too(tmp_path):
    (tmp_path / "good.png").write_bytes(png())
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"")
    (tmp_path / "z.png").write_bytes(png(size=(64, 64))[:900])  # its head is fine
    assert problem(tmp_path).endswith("0.png: not an image (0 bytes). Remove it, or pass --skip-bad to leave out the 4 such files.")
    (tmp_path / "good.png").unlink()
    assert "none of its 4 pictures can be read" in problem(tmp_path, skip_bad=True)


def test_a_broken_picture_has_no_say_in_what_the_others_become(tmp_path):
    for i in range(4):
        (tmp_path / f"{i}.png").write_bytes(png(i))
    out = io.BytesIO()
    Image.open(io.BytesIO(png(size=(500, 300)))).convert("RGBA").save(out, "PNG")
    (tmp_path / "big.png").write_bytes(out.getvalue()[:-2000])
    data = open_images(str(tmp_path), DataOptions(skip_bad=True)).prepare()
    assert (data.codec.size, data.codec.channels) == ((8, 8), 1)


def test_links_that_loop_or_lead_nowhere_and_files_that_are_none(tmp_path):
    root = tmp_path / "p"
    root.mkdir()
    for i in range(3):
        (root / f"{i}.png").write_bytes(png(i))
    (root / "again").symlink_to(root)
    (root / "self.png").symlink_to("self.png")
    (root / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(root / "pipe.png")  # reading it would wait for ever
    assert problem(root).endswith("leave out the 3 such files.")
    data = open_images(str(root), DataOptions(skip_bad=True)).prepare()
    assert len(data.train) + len(data.held_out) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_what_may_not_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "a.png").chmod(0)
    assert "ermission denied" in problem(tmp_path)


def test_folders_with_nothing_and_paths_that_are_not_there(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "an empty folder" in problem(tmp_path / "empty")
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"x")
    assert "a folder without pictures" in problem(tmp_path / "empty")
    (tmp_path / "table.bin").write_bytes(b"\1\2\3")
    assert "no pictures" in problem(tmp_path / "table.bin")
    assert "no such file" in problem(tmp_path / "nowhere")


def test_names_that_are_no_unicode_or_hold_line_breaks_make_one_line_still(tmp_path):
    if sys.platform != "linux":
        pytest.skip("file names are bytes on Linux only")
    root = tmp_path / "p"
    root.mkdir()
    for name in (b"\xff\xfe.png", b"a\nb.png"):
        with open(os.path.join(os.fsencode(root), name), "wb"):
            pass
    text = problem(root)
    text.encode("utf-8")
    assert "2 such files" in text


# ---------------------------------------------------------------------------------------------------------------- zips


def test_a_zip_can_not_write_anywhere(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i, name in enumerate(("../../evil.png", "/etc/evil.png", "..\\up.png", "good.png")):
            archive.writestr(name, png(i))
    before = sorted(tmp_path.rglob("*"))
    data = open_images(str(path), DataOptions()).prepare()
    assert len(data.train) + len(data.held_out) == 4
    assert sorted(tmp_path.rglob("*")) == before
    assert all(".." not in name for name in data.codec.classes)


def test_broken_zips(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(1))
        archive.writestr("b.png", png(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert "a broken zip" in problem(path)
    path.write_bytes(b"PK\x03\x04" + b"\1" * 50)
    assert "a broken zip" in problem(path)
    at = whole.index(b"IDAT")
    path.write_bytes(whole[: at + 6] + bytes([whole[at + 6] ^ 0xFF]) + whole[at + 7 :])
    assert "a.png: can't be unpacked (Bad CRC-32" in problem(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "no pictures")
    assert "no pictures in it" in problem(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    """A member that says it has 2 GiB is not read; one whose head lies is read no further than it said."""
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(5_000_000))
    data = path.read_bytes()
    size = struct.pack("<I", 5_000_000)
    path.write_bytes(data.replace(size, struct.pack("<I", (2 << 30) - 1)))
    assert "unpacked" in problem(path)
    path.write_bytes(data.replace(size, struct.pack("<I", 100)))
    assert "can't be unpacked" in problem(path) or "not an image" in problem(path)


# -------------------------------------------------------------------------------------------------------------- arrays


def idx(array, kind=8, dims=None):
    dims = dims or array.shape
    return struct.pack(">BBBB", 0, 0, kind, len(dims)) + struct.pack(f">{len(dims)}I", *dims) + array.tobytes()


def test_idx_files_that_are_cut_off_or_lie(tmp_path):
    array = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)
    path = tmp_path / "train-images-idx3-ubyte"
    for data, said in (
        (idx(array)[:-1], "cut off: 119 of 120 bytes"),
        (idx(array) + b"x", "longer than its header says"),
        (idx(array)[:9], "cut off within its header"),
        (b"\0\0\x07\x03" + bytes(30), "not an IDX file"),
        (idx(array, dims=(10**6, 10**5, 10**3)), "too much for this machine"),
        (idx(array[0]), "no IDX file with pictures"),
    ):
        path.write_bytes(data)
        assert said in problem(path), said
    packed = tmp_path / "b-images-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress(idx(array))[:-12])
    assert "cut off or broken" in problem(packed)
    packed.write_bytes(gzip.compress(idx(array))[:8])
    assert "gzip" in problem(packed)


def test_labels_of_the_wrong_length(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((6, 5, 4), np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(5, np.uint8)))
    text = problem(tmp_path)
    assert "train-labels-idx1-ubyte: labels of shape (5,) for 6 pictures" in text
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 5, 4), np.uint8), y=np.zeros(7, int))
    assert "a.npz:y: labels of shape (7,) for 6 pictures" in problem(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 5, 4), np.uint8), y=np.linspace(0, 1, 6))
    assert "fractions" in problem(tmp_path / "a.npz")


def test_labels_as_columns_and_one_hot_are_understood(tmp_path):
    pictures = np.zeros((4, 5, 4), np.uint8)
    labels = np.array([0, 2, 1, 2])
    for y in (labels, labels[:, None], np.eye(3)[labels], labels.astype(float)):
        np.savez(tmp_path / "a.npz", images=pictures, labels=y)
        data = open_images(str(tmp_path / "a.npz"), DataOptions(held_out=0)).prepare()
        assert data.train.labels.tolist() == labels.tolist()


class Boom:
    """Unpickled, it would raise a flag."""

    flag: list = []  # noqa: RUF012

    def __reduce__(self):
        return (Boom.flag.append, ("ran",))


def test_nothing_that_is_loaded_can_run_code(tmp_path):
    array = np.array([Boom()], dtype=object)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "b.npz", images=array)
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Boom()))
    Boom.flag.clear()
    assert "could run code" in problem(tmp_path / "a.npy")
    assert "could run code" in problem(tmp_path / "b.npz")
    problem(tmp_path / "c.npy")
    assert Boom.flag == []


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[[0.5, np.nan]]]), "NaN"),
        (np.array([[[0.5, np.inf]]]), "NaN or infinite"),
        (np.array([[[-3.0, 900.0]]]), "Bring them to"),
        (np.array([[[-1, 2]]]), "whole numbers in -1"),
        (np.zeros((10, 784), np.uint8), "shape (10, 784)"),
        (np.zeros((0, 4, 4), np.uint8), "no pictures in it"),
        (np.zeros((5, 6, 7, 8), np.uint8), "8 channels"),
        (np.zeros((32, 32, 3), np.uint8), "looks like one picture"),
        (np.zeros((2, 4, 4), complex), "complex128"),
        (np.zeros((2, 4, 4), "U3"), "<U3"),
    ],
)
def test_arrays_that_are_no_pictures(tmp_path, array, said):
    np.save(tmp_path / "a.npy", array)
    assert said in problem(tmp_path / "a.npy")


def test_broken_array_files(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8, 7), np.uint8))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-9])
    problem(tmp_path / "a.npy")
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 no zip")
    assert "a broken .npz" in problem(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", first=np.zeros((2, 3, 4)), second=np.zeros((2, 3, 4)))
    assert "--column" in problem(tmp_path / "c.npz")
    (tmp_path / "d.npy").write_bytes(b"")
    problem(tmp_path / "d.npy")


# -------------------------------------------------------------------------------------------------------------- tables


def test_tables_without_pictures_or_with_bad_ones(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"name": ["x", "y"], "blob": pa.array([b"12", b"34"])}), path)
    text = problem(path)
    assert "no column of pictures (columns: name, blob)" in text
    pq.write_table(pa.table({"image": pa.array([png(1), b"nothing", None, png(2)])}), path)
    assert "row 1: not an image" in problem(path)
    assert problem(path).endswith("the 2 such files.")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert "can't be read" in problem(path)
    path.write_bytes(b"PAR1")
    assert "can't be read" in problem(path)
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), path)
    problem(path)
    rows = [{"bytes": None, "path": "/etc/passwd"}]
    pq.write_table(pa.table({"image": pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}), path)
    assert "only its path is kept" in problem(path)


def test_saved_data_sets_that_are_not_whole(tmp_path):
    (tmp_path / "dataset_dict.json").write_text("[]")
    with pytest.raises(Problem, match="names no splits"):
        open_images(str(tmp_path), DataOptions()).prepare()
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["../../etc"]}')
    with pytest.raises(Problem):
        open_images(str(tmp_path), DataOptions()).prepare()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "state.json").write_text("{}")
    (tmp_path / "one" / "data.arrow").write_bytes(b"\xff\xff\xff\xff\x10\0\0\0junk")
    assert "can't be read" in problem(tmp_path / "one")


# ---------------------------------------------------------------------------------------------------------------- work


def test_results_are_in_order_on_all_cores_and_progress_shows_only_when_it_takes_long(capsys, monkeypatch):
    threads = set()

    def one(i):
        threads.add(threading.get_ident())
        time.sleep(0.0002)
        return i * i

    assert work.spread(1000, one, "squaring") == [i * i for i in range(1000)]
    assert capsys.readouterr().err == ""
    if (os.cpu_count() or 1) > 1:
        assert len(threads) > 1
    monkeypatch.setattr(work, "QUIET", 0.0)
    work.spread(1000, one, "squaring")
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("squaring: ") and "of 1,000" in line for line in lines)
    assert work.spread(0, one, "nothing") == []


def test_an_error_in_the_work_comes_out_and_ends_it():
    done = []

    def one(i):
        done.append(i)
        if i == 70:
            raise KeyboardInterrupt
        return i

    with pytest.raises(KeyboardInterrupt):
        work.spread(1_000_000, one, "working")
    assert len(done) < 10_000
