"""What was decoded is kept, found again by its content, and never taken for other data."""

import os

import numpy as np
import pytest

from kinds.picture_sets import everything, png, prepared, write_folder, write_zip
from reverie.errors import Problem
from reverie.kinds.image import cache
from reverie.kinds.image.places import Place

pytestmark = pytest.mark.usefixtures("own_cache")


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


@pytest.mark.parametrize(
    ("pictures", "beside"),
    [("train-images.npy", "train-labels.npy"), ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")],
)
def test_labels_in_a_file_beside_the_pictures_are_read_again_when_it_changes(tmp_path, raw, pictures, beside):
    def write(file, array):
        if file.suffix:
            np.save(file, array)
        else:
            sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
            file.write_bytes(bytes([0, 0, 8, array.ndim]) + sides + array.tobytes())

    write(tmp_path / pictures, raw[..., 0])
    labels = np.arange(len(raw), dtype=np.uint8) % 3
    write(tmp_path / beside, labels)
    first = prepared(tmp_path / pictures, size=(4, 4))
    write(tmp_path / beside, labels[::-1].copy())
    os.utime(tmp_path / beside, (1, 1))
    second = prepared(tmp_path / pictures, size=(4, 4))
    assert second.fingerprint != first.fingerprint
    (tmp_path / beside).unlink()
    assert not prepared(tmp_path / pictures, size=(4, 4)).codec.classes


def test_names_of_classes_beside_an_arrow_file_are_read_again_when_they_change(tmp_path):
    (tmp_path / "data.arrow").write_bytes(b"")
    place = Place("arrow", str(tmp_path), (tmp_path / "data.arrow",))
    bare = place.key
    for k, name in enumerate(("dataset_info.json", "state.json")):
        (tmp_path / name).write_text("{}")
        keys = {bare, Place("arrow", str(tmp_path), place.files).key}
        os.utime(tmp_path / name, (k, k))
        keys.add(Place("arrow", str(tmp_path), place.files).key)
        assert len(keys) == 3
