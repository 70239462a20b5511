"""Bad files, folders and zips: each one line that names the file and the cure; nothing hangs or fills memory."""

import io
import os
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from kinds.bad_pictures import png, problem
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import Codec, load_picture
from reverie.kinds.image import open as open_images

pytestmark = pytest.mark.usefixtures("own_cache")


CUT = png(size=(64, 64))[:-200]


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
    "cut.png": (CUT, "broken image"),
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
    with pytest.raises(Problem) as caught:
        load_picture(contents(name), Codec((8, 8))) if packed else Codec((8, 8)).read(path / name)
    assert str(caught.value).startswith("picture: " if packed else f"{path}/{name}: ")
    assert said in str(caught.value)
    summary = open_images(str(path), DataOptions()).summary()
    assert (summary.count, summary.facts["unreadable"]) == (2, 1)
    assert said in summary.bad[0]


def test_all_bad_pictures_are_counted_those_with_a_good_head_too(tmp_path):
    (tmp_path / "good.png").write_bytes(png())
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"")
    (tmp_path / "z.png").write_bytes(CUT)  # its head is fine
    assert problem(tmp_path).endswith(
        "0.png: not an image (0 bytes). Remove it, or pass --skip-bad to leave out the 4 such files."
    )
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
