"""Picture files of every sort, read exactly; pictures written, and read back."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.kinds.image import Codec, load_picture, save, show
from reverie.kinds.image.page import encoded, page
from reverie.kinds.image.picture import Unreadable, header, pixels

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def noise(shape, kind=np.uint8, seed=0):
    top = np.iinfo(kind).max
    return torch.randint(0, top + 1, shape, generator=torch.Generator().manual_seed(seed)).numpy().astype(kind)


def file_of(array, form, **how):
    data = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(data, form, **how)
    return data.getvalue()


def tiff_16(array, order, compressed):
    """A 16-bit TIFF of several channels, which Pillow can't write: one strip, by the TIFF 6.0 tables."""
    height, width, channels = array.shape
    e = {"little": "<", "big": ">"}[order]
    strip = array.astype(f"{e}u2").tobytes()
    strip = zlib.compress(strip) if compressed else strip
    after = 8 + len(strip)
    bits = struct.pack(f"{e}{channels}H", *[16] * channels)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, after), (259, 3, 1, 8 if compressed else 1)]
    tags += [(262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, channels), (278, 4, 1, height), (279, 4, 1, len(strip))]
    if channels == 4:
        tags.append((338, 3, 1, 2))
    entries = b""
    for tag, kind, count, value in tags:
        short = kind == 3 and count == 1
        entries += struct.pack(f"{e}HHI", tag, kind, count) + (
            struct.pack(f"{e}HH", value, 0) if short else struct.pack(f"{e}I", value)
        )
    start = struct.pack(f"{e}2sHI", b"II" if order == "little" else b"MM", 42, after + len(bits))
    return start + strip + bits + struct.pack(f"{e}H", len(tags)) + entries + bytes(4)


def adam7_16(array):
    """An interlaced 16-bit PNG: seven passes, each row unfiltered."""
    height, width, channels = array.shape
    rows = b""
    for top, left, down, right in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        part = array[top::down, left::right].astype(">u2")
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 1))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks
    )


def check(data, wanted, form):
    head = header(data)
    assert (head.height, head.width, head.channels, head.bits, head.form) == (
        *wanted.shape, 8 * wanted.itemsize, form,
    )  # fmt: skip
    out = pixels(data)
    assert out.dtype == wanted.dtype
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (40, 17)])
def test_what_is_saved_reads_back_to_the_bit(tmp_path, channels, kind, size):
    raw = noise((3, *size, channels), kind)
    files = save(raw, tmp_path / "new" / "folder", first=7)
    assert [f.name for f in files] == ["sample-000007.png", "sample-000008.png", "sample-000009.png"]
    codec = Codec(size, channels, 8 * raw.itemsize)
    for file, picture in zip(files, raw):
        check(file.read_bytes(), picture, "PNG")
        np.testing.assert_array_equal(codec.read(file), picture)
        np.testing.assert_array_equal(load_picture(file.read_bytes(), codec), picture)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_png_is_what_other_readers_take_it_for(channels):
    """Pillow keeps the upper byte of 16-bit colour, and all of 16-bit grey."""
    raw = noise((6, 5, channels), np.uint16)
    seen = np.asarray(Image.open(io.BytesIO(encoded(raw))))
    np.testing.assert_array_equal(seen, raw[..., 0] if channels == 1 else raw >> 8)


@pytest.mark.parametrize(("form", "how"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})])
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_with_and_without_alpha_reads_exactly(form, how, channels):
    raw = noise((9, 13, channels))
    check(file_of(raw, form, **how), raw, form)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_stays_grey(form):
    raw = noise((9, 13, 1))
    check(file_of(raw, form), raw, form)


def test_jpeg_is_grey_or_colour_and_near_what_was_saved():
    flat = np.full((16, 24, 3), (200, 30, 90), np.uint8)
    out = pixels(file_of(flat, "JPEG", quality=95))
    assert np.abs(out.astype(int) - flat).max() <= 4  # chroma steps of quality 95 on a flat colour
    assert header(file_of(flat[..., :1], "JPEG")).channels == 1


def test_grey_alpha_and_one_bit_pictures():
    raw = noise((9, 13, 2))
    check(file_of(raw, "PNG"), raw, "PNG")
    black_white = Image.fromarray(noise((5, 9, 1))[..., 0] > 127)
    assert black_white.mode == "1"
    data = io.BytesIO()
    black_white.save(data, "PNG")
    check(data.getvalue(), np.asarray(black_white, np.uint8)[..., None] * np.uint8(255), "PNG")


def test_palettes_become_the_colours_that_they_stand_for():
    picture = Image.fromarray(noise((8, 8, 1))[..., 0] % 4, "L").convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]], np.uint8)
    wanted = colours[np.asarray(picture)]
    plain, clear = io.BytesIO(), io.BytesIO()
    picture.save(plain, "PNG")
    picture.save(clear, "PNG", transparency=2)
    check(plain.getvalue(), wanted, "PNG")
    assert header(clear.getvalue()).channels == 4
    out = pixels(clear.getvalue())
    np.testing.assert_array_equal(out[..., 3], np.where(np.asarray(picture) == 2, 0, 255))
    np.testing.assert_array_equal(out[..., :3][out[..., 3] > 0], wanted[out[..., 3] > 0])


@pytest.mark.parametrize("clear", [False, True])
def test_a_palette_of_greys_is_grey(clear):
    levels = noise((8, 8, 1))
    picture = Image.fromarray(levels[..., 0], "L").convert("P")
    picture.putpalette([i // 3 for i in range(768)])
    data = io.BytesIO()
    picture.save(data, "PNG", **({"transparency": int(levels[0, 0, 0])} if clear else {}))
    alpha = np.where(levels == levels[0, 0, 0], 0, 255).astype(np.uint8)
    if clear:
        assert header(data.getvalue()).channels == 2
        out = pixels(data.getvalue())
        np.testing.assert_array_equal(out[..., 1:], alpha)
        np.testing.assert_array_equal(out[..., :1][alpha > 0], levels[alpha > 0])
    else:
        check(data.getvalue(), levels, "PNG")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_colour_that_stands_for_transparent_becomes_alpha(kind):
    grey = np.array([[[0], [9], [200]]], kind)
    data = encoded(grey)
    at = data.index(b"IDAT") - 4
    key = b"tRNS" + struct.pack(">H", 9)
    keyed = data[:at] + struct.pack(">I", 2) + key + struct.pack(">I", zlib.crc32(key)) + data[at:]
    assert header(keyed).channels == 2
    top = np.iinfo(kind).max
    assert pixels(keyed).tolist() == [[[0, top], [9, 0], [200, top]]]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_tiff_keeps_every_bit(order, compressed, channels):
    raw = noise((7, 11, channels), np.uint16)
    check(tiff_16(raw, order, compressed), raw, "TIFF")


def test_16_bit_grey_tiff_keeps_every_bit():
    raw = noise((7, 11, 1), np.uint16)
    check(file_of(raw, "TIFF"), raw, "TIFF")
    check(file_of(raw, "TIFF", compression="tiff_lzw"), raw, "TIFF")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_interlaced_16_bit_png_keeps_every_bit(channels):
    raw = noise((19, 21, channels), np.uint16)
    check(adam7_16(raw), raw, "PNG")


@pytest.mark.parametrize(("form", "how"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_is_turned_back(form, how, orientation):
    """What EXIF's orientation means: 6 is a picture lying on its left side, and so on (EXIF 2.3, tag 274)."""
    upright = noise((6, 4, 3))
    turn = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a.transpose(1, 0, 2), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(np.ascontiguousarray(turn(upright)), form, exif=exif, **how)
    check(data, upright, form)


def test_16_bit_pictures_are_turned_too():
    raw = noise((6, 4, 3), np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes()[6:] if exif.tobytes().startswith(b"Exif") else b"eXIf" + exif.tobytes()
    data = encoded(np.ascontiguousarray(np.rot90(raw, 1)))
    at = data.index(b"IDAT") - 4
    turned = data[:at] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[at:]
    check(turned, raw, "PNG")


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_taken_and_that_is_known(form):
    frames = [Image.new("RGB", (6, 5), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    data = io.BytesIO()
    frames[0].save(
        data, form, save_all=True, append_images=frames[1:], **({"lossless": True} if form == "WEBP" else {})
    )
    assert header(data.getvalue()).frames
    assert (pixels(data.getvalue())[..., :3] == (255, 0, 0)).all()


def test_a_large_jpeg_is_reduced_by_its_decoder_to_nearly_the_same():
    """Halving by the decoder averages blocks of pixels: on a smooth picture that is what the filter does."""
    y, x = np.mgrid[0:512, 0:768] / 512
    smooth = (np.stack([y, x / 1.5, (y + x / 1.5) / 2], -1) * 255).astype(np.uint8)
    data = file_of(smooth, "JPEG", quality=95)
    codec = Codec((32, 32), 3)
    assert pixels(data, least=96).shape == (128, 192, 3)
    from reverie.kinds.image.picture import fitted

    whole = fitted(pixels(data), (32, 32), "crop").astype(int)
    assert np.abs(load_picture(data, codec) - whole).max() <= 4


def test_other_forms_are_not_opened_at_all():
    """PostScript would start a program; they are refused by their first bytes."""
    for data in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", b"P6 1 1 255 abc", b"hello"):
        with pytest.raises(Unreadable, match="not an image"):
            header(data)


def test_the_page_holds_every_picture_at_its_place(tmp_path):
    raw = noise((5, 40, 70, 3))
    whole = page(raw)
    gap, seen = 2, 0
    for top in range(gap, whole.shape[0] - 1, 40 + gap):
        for left in range(gap, whole.shape[1] - 1, 70 + gap):
            if seen < 5:
                np.testing.assert_array_equal(whole[top : top + 40, left : left + 70], raw[seen])
            seen += 1
    assert 5 <= seen <= 6
    show(raw, tmp_path / "deep" / "grid.png")
    np.testing.assert_array_equal(pixels((tmp_path / "deep" / "grid.png").read_bytes()), whole)


def test_small_pictures_are_enlarged_without_smoothing_and_the_page_is_about_square():
    raw = noise((100, 8, 8, 1))
    whole = page(raw)
    assert whole.shape == (10 * 66 + 2, 10 * 66 + 2, 1)
    np.testing.assert_array_equal(whole[2:66, 2:66][::8, ::8], raw[0])
    assert 0.5 < np.divide(*page(noise((60, 20, 90, 3))).shape[:2]) < 2


def test_16_bits_and_alpha_can_be_seen():
    bright = page(np.full((1, 64, 64, 1), 65535, np.uint16))
    assert bright.dtype == np.uint8
    assert bright.min() == 255
    clear = page(np.zeros((1, 64, 64, 4), np.uint8))[2:66, 2:66]
    assert set(np.unique(clear)) == {204, 255}  # the board
    solid = np.full((1, 64, 64, 4), 255, np.uint8) * np.array([1, 0, 0, 1], np.uint8)
    assert (page(solid)[2:66, 2:66] == (255, 0, 0)).all()


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    from reverie.errors import Problem

    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Problem, match="not a folder"):
        save(noise((1, 2, 2, 1)), tmp_path / "file")
    with pytest.raises(Problem, match="nothing to show"):
        show(noise((0, 2, 2, 1)), tmp_path / "grid.png")
