"""The file form: what is written is read; every cut and every changed byte is noticed; names stay inside the folder."""

import struct
import zlib
from pathlib import PurePosixPath

import pytest

from reverie.errors import Problem
from reverie.tasks.packed import HEAD, Packed, checksum, inside, read

ONE = Packed(b"\x01\x02\x03\x04", True, b"content")
SET = Packed(b"abcd", False, b"many", {"names": ["a.png", "b/ä.png"], "run": "r"})
LATIN = Packed(b"abcd", False, b"many", {"names": ["caf\udce9.png"]})  # a file's name that is no UTF-8


@pytest.mark.parametrize("packed", [ONE, SET, LATIN, Packed(b"abcd", False, b"")])
def test_what_is_written_is_read(packed, tmp_path):
    file = tmp_path / "x.rvz"
    file.write_bytes(packed.to_bytes())
    assert read(file) == packed
    if packed.facts is None:
        assert len(packed.to_bytes()) == HEAD + len(packed.content)


@pytest.mark.parametrize("packed", [ONE, SET])
def test_a_file_cut_anywhere_is_not_read(packed, tmp_path):
    whole, file = packed.to_bytes(), tmp_path / "x.rvz"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(Problem, match="empty" if not length else "not whole") as said:
            read(file)
        assert "\n" not in str(said.value)


@pytest.mark.parametrize("packed", [ONE, SET])
def test_a_changed_bit_anywhere_is_noticed(packed, tmp_path):
    whole, file = packed.to_bytes(), tmp_path / "x.rvz"
    for k in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[k // 8] ^= 1 << k % 8
        file.write_bytes(changed)
        with pytest.raises(Problem, match=r"not whole|not a file that|version \d+, and this"):
            read(file)


def test_another_version_is_said(tmp_path):
    data = bytearray(ONE.to_bytes())
    data[3] = 2 << 4 | 1
    file = tmp_path / "x.rvz"
    file.write_bytes(data)
    with pytest.raises(Problem, match="version 2, and this reverie reads 1"):
        read(file)


@pytest.mark.parametrize("facts", [{}, {"names": 3}, {"names": [1]}, {"names": None}, {"names": [], "block": 0}])
def test_a_set_that_says_no_names_is_not_read(facts, tmp_path):
    file = tmp_path / "x.rvz"
    file.write_bytes(Packed(b"abcd", False, b"", facts).to_bytes())
    with pytest.raises(Problem, match="not whole"):
        read(file)


def test_facts_that_are_too_deep_are_not_read(tmp_path):
    text = zlib.compress(b"[" * 200_000)
    names = struct.pack(">I", len(text)) + text
    head = b"RVZ" + bytes([1 << 4 | 2]) + b"abcd"
    (tmp_path / "x.rvz").write_bytes(head + checksum(head, names) + names)
    with pytest.raises(Problem, match="not whole"):
        read(tmp_path / "x.rvz")


def test_many_equal_names_are_told_apart_at_once():
    made = inside(["x.png"] * 40_000)  # a count from the beginning for each would take minutes
    assert (made[0], made[1], made[-1]) == ("x.png", "x-2.png", "x-40000.png")
    assert len(set(made)) == 40_000


HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "", "a/../../b", "C:\\x\\y.png", "\\\\host\\share\\z.png", "a\0b",
    "a/b.png", "A/b.png", "a/b.png", "nul\n.png", "picture 17",
]  # fmt: skip


def test_names_stay_inside_the_folder_and_apart():
    made = inside(HOSTILE)
    for name in made:
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert name.isprintable()
        assert "\\" not in name
        assert path.name
    assert len({name.casefold() for name in made}) == len(HOSTILE)
    assert made[-1] == "picture 17"
    assert made[9] == "a/b.png"
