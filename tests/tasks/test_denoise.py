"""Clean copies keep name, folder, format, size, depth and transparency; what is read is never written."""

import numpy as np
import pytest
from PIL import Image

from coded import Cleaner, written
from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.kinds.image.formats import as_file
from reverie.kinds.image.picture import Unreadable, header, pixels

FORMS = [  # and the channels and bits that each of them holds
    *(("PNG", c, b) for c in (1, 2, 3, 4) for b in (8, 16)),
    *(("TIFF", c, 8) for c in (1, 2, 3, 4)),
    *(("TIFF", c, 16) for c in (1, 3, 4)),
    *(("WEBP", c, 8) for c in (3, 4)),
    *(("BMP", c, 8) for c in (1, 3)),
]


def noise(channels: int, bits: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << bits, (12, 10, channels)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize(("form", "channels", "bits"), FORMS)
def test_a_format_that_loses_nothing_gives_back_every_value(form, channels, bits):
    x = noise(channels, bits)
    data = as_file(x, form)
    assert header(data).form == form
    assert np.array_equal(pixels(data), x)


@pytest.mark.parametrize(("form", "channels", "bits"), [("JPEG", 4, 8), ("JPEG", 1, 16), ("WEBP", 1, 8), ("BMP", 2, 8)])
def test_a_format_without_room_for_a_picture_says_so(form, channels, bits):
    with pytest.raises(Unreadable, match=form):
        as_file(noise(channels, bits), form)


@pytest.mark.parametrize(("form", "channels"), [("JPEG", 1), ("JPEG", 3), ("GIF", 1)])
def test_a_format_that_loses_keeps_size_and_channels_and_about_the_values(form, channels):
    x = np.broadcast_to(np.linspace(0, 255, 10)[None, :, None], (12, 10, channels)).astype(np.uint8)
    back = pixels(as_file(x, form)).astype(int)
    assert np.abs(back - x).max() <= 6


def folder(place, channels: int, bits: int, forms: tuple[str, ...]):
    for k, form in enumerate(forms):
        file = place / ("a" if k % 2 else "a/b") / f"{k}.{form.lower()}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_file(noise(channels, bits, k), form))
    return place


@pytest.mark.parametrize(
    ("channels", "bits", "forms"),
    [
        (1, 8, ("PNG", "TIFF", "BMP", "PNG")),
        (2, 16, ("PNG", "PNG")),
        (3, 16, ("PNG", "TIFF")),
        (4, 8, ("PNG", "TIFF", "WEBP")),
    ],
)
def test_names_folders_formats_sizes_and_depths_are_kept(whole, tmp_path, channels, bits, forms):
    source = folder(tmp_path / "in", channels, bits, forms)
    before = {p: p.read_bytes() for p in source.rglob("*") if p.is_file()}
    run = whole(Codec((12, 10), channels))  # of 8 bits: what has 16 is scaled by its own depth
    made = run.denoise(source, tmp_path / "out")
    assert [p.relative_to(tmp_path / "out") for p in made.files] == [p.relative_to(source) for p in sorted(before)]
    for clean, dirty in zip(made.files, sorted(before)):
        assert header(clean.read_bytes()).form == header(before[dirty]).form
        assert np.array_equal(pixels(clean.read_bytes()), pixels(before[dirty]))  # this model gives back what it sees
    assert {p: p.read_bytes() for p in source.rglob("*") if p.is_file()} == before


def test_both_depths_of_one_folder_are_cleaned_by_their_own_scale(whole, tmp_path):
    written(tmp_path / "in" / "a.png", np.full((12, 10, 1), 100, np.uint8))
    written(tmp_path / "in" / "b.png", np.full((12, 10, 1), 100 * 257, np.uint16))
    made = whole(Codec((12, 10), 1), lost=-20 / 127.5).denoise(tmp_path / "in", tmp_path / "out")
    assert [pixels(p.read_bytes()).flat[0] for p in made.files] == [80, 80 * 257]
    assert made.sheet.size[0] > 100


def test_a_model_says_what_it_takes_away_or_that_it_was_not_made_for_it(whole, tmp_path):
    written(tmp_path / "a.png", noise(1, 8))
    said = whole(Codec((12, 10), 1)).denoise(tmp_path / "a.png", tmp_path / "one").notes
    assert "not trained to denoise" in said[0]
    said = whole(Codec((12, 10), 1), model=Cleaner).denoise(tmp_path / "a.png", tmp_path / "two").notes
    assert said[0].endswith("take away salt and pepper")


def refusals(place):
    written(place / "good" / "a.png", noise(1, 8))
    written(place / "wide" / "b.png", noise(1, 8)[:, :7])
    written(place / "colour" / "c.png", noise(3, 8))
    written(place / "other" / "a.png", noise(1, 8))
    (place / "broken").mkdir()
    whole = as_file(noise(1, 8), "PNG")
    (place / "broken" / "d.png").write_bytes(whole[: len(whole) // 2])
    (place / "words").mkdir()
    (place / "words" / "e.txt").write_text("no picture")
    frames = [Image.fromarray(noise(1, 8, k)[..., 0]) for k in range(2)]
    (place / "film").mkdir()
    frames[0].save(place / "film" / "f.gif", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["wide"], r"b.png: 12×7, grey \(1 channels\); .* cleans 12×10, grey"),
        (["colour"], r"c.png: 12×10, RGB \(3 channels\)"),
        (["broken"], "d.png: a broken image"),
        (["words"], "words: no pictures in it"),
        (["words/e.txt"], "e.txt: no picture by its name"),
        (["film"], "f.gif: more than one frame"),
        (["nowhere"], "nowhere: no such file"),
        (["good", "other"], "a.png: would be written over"),
        (["good", "wide"], "b.png: 12×7"),
        ([], "no files"),
    ],
)
def test_what_can_not_be_cleaned_is_named_and_nothing_is_written(whole, tmp_path, names, says):
    refusals(tmp_path)
    run = whole(Codec((12, 10), 1))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Problem, match=says):
        run.denoise([tmp_path / name for name in names], tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_with_anything_in_it_and_one_that_is_read_are_refused(whole, tmp_path):
    written(tmp_path / "in" / "a.png", noise(1, 8))
    run = whole(Codec((12, 10), 1))
    for out in ("in", "in/a.png", "in/new"):
        with pytest.raises(Problem, match=f"--out .*{out}"):
            run.denoise(tmp_path / "in", tmp_path / out)
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["a.png"]
    (tmp_path / "empty").mkdir()
    assert len(run.denoise(tmp_path / "in", tmp_path / "empty").files) == 1
