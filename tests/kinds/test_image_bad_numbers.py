"""Bad IDX files, arrays and tables: each one line that names the file and the cure, and nothing that runs."""

import gzip
import pickle
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds.bad_pictures import png, problem
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import open as open_images

pytestmark = pytest.mark.usefixtures("own_cache")


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


def test_an_npz_under_another_name_is_named(tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        np.savez(file, images=np.zeros((9, 8, 7), np.uint8))
    assert "several arrays in a zip, not one. Call it a.npz" in problem(tmp_path / "a.npy")


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
    pq.write_table(
        pa.table({"image": pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}), path
    )
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
