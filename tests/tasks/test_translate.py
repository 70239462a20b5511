"""Translated copies keep name, folder, format, size and depth, both ways; which domain files are of is said, or not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from coded import written
from reverie import core
from reverie.core import Spec
from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.kinds.image.items import Pictures
from reverie.kinds.image.picture import fitted, header, pixels
from reverie.tasks.turned import BLOCK, directions, turned
from reverie.training.run import Run


class Negative(core.Model):
    """What is light in one domain is dark in the other; on the way back to `light` a little is lost."""

    def __init__(self, spec: Spec, lost: float = 0.0):
        super().__init__()
        self.spec, self.lost, self.weight, self.seen = spec, lost, nn.Parameter(torch.zeros(())), []

    def optimizers(self):
        return {}

    def updates(self):
        return []

    def translate(self, values, source, to):
        self.seen.append(len(values["image"]))
        return {"image": -values["image"] + (self.lost if to == "light" else 0.0)}


class AnySized(Negative):
    """The same of pictures of any even size."""

    divides, least = 2, 6

    def translate(self, values, source, to):
        *_, tall, wide = values["image"].shape
        assert min(tall, wide) >= 6
        assert tall % 2 == wide % 2 == 0
        return super().translate(values, source, to)


def run(place: Path, channels: int = 1, lost: float = 0.0, fit: str = "crop", kind: type = Negative) -> Run:
    (place / "run").mkdir()
    codec = Codec((12, 10), channels, fit=fit, domains=("light", "dark"))
    made = Run(place / "run", {"model": "cyclegan", "source": {"where": "nowhere"}})
    model = kind(codec.spec, lost).eval().requires_grad_(False)
    vars(made).update(spec=codec.spec, codec=codec, model=model, device=torch.device("cpu"))
    return made


def noise(channels: int = 1, bits: int = 8, seed: int = 0, size: tuple[int, int] = (12, 10)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << bits, (*size, channels)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize(("channels", "bits", "suffix"), [(1, 8, "bmp"), (3, 16, "tif"), (4, 8, "png"), (1, 16, "png")])
def test_names_folders_formats_and_depths_are_kept_and_every_value_is_translated(tmp_path, channels, bits, suffix):
    for k in range(3):
        written(tmp_path / "light" / ("a" if k else "a/b") / f"{k}.{suffix}", noise(channels, bits, k))
    source = tmp_path / "light"
    before = {p: p.read_bytes() for p in source.rglob("*") if p.is_file()}
    made = run(tmp_path, channels).translate(source, out=tmp_path / "out")
    assert (made.source, made.to) == ("light", "dark")
    assert [p.relative_to(tmp_path / "out") for p in made.files] == [p.relative_to(source) for p in sorted(before)]
    for new, old in zip(made.files, sorted(before)):
        assert header(new.read_bytes()).form == header(before[old]).form
        assert np.array_equal(pixels(new.read_bytes()), (1 << bits) - 1 - pixels(before[old]))
    assert {p: p.read_bytes() for p in source.rglob("*") if p.is_file()} == before
    assert made.sheet.size[1] > 3 * 12  # three rows: as they were, translated, and back


@pytest.mark.parametrize(
    ("folder", "to", "way"),
    [
        ("light", "", ("light", "dark")),
        ("dark", "", ("dark", "light")),
        ("trainlight", "", ("light", "dark")),
        ("testdark", "", ("dark", "light")),
        ("other", "dark", ("light", "dark")),
        ("other", "light", ("dark", "light")),
        ("dark", "dark", ("light", "dark")),  # what a person says comes before what a folder is called
    ],
)
def test_the_domain_is_what_is_asked_for_else_what_the_folder_is_called(tmp_path, folder, to, way):
    file = written(tmp_path / folder / "a.png", noise())
    made = run(tmp_path).translate(file, to=to)
    assert (made.source, made.to) == way
    assert made.folder == tmp_path / "run" / f"as-{way[1]}"
    assert [p.name for p in made.files] == ["a.png"]


@pytest.mark.parametrize(
    ("places", "to", "says"),
    [
        (["other"], "", r"other: of which domain, light or dark\? .*Pass --to light or --to dark"),
        (["light", "dark"], "", "of light and of dark. Give those of one domain at a time"),
        (["light"], "bright", "--to bright: no domain of .*Pass --to light or --to dark"),
        (["wide"], "dark", "b.png: 12×7, grey .* translates 12×10, grey"),
        (["colour"], "dark", r"c.png: 12×10, RGB \(3 channels\)"),
        (["nowhere"], "dark", "nowhere: no such file"),
        (["light", "other"], "dark", "would be written over"),
        ([], "dark", "no files"),
    ],
)
def test_what_can_not_be_translated_is_named_and_nothing_is_written(tmp_path, places, to, says):
    for name in ("light", "dark", "other"):
        written(tmp_path / name / "a.png", noise())
    written(tmp_path / "wide" / "b.png", noise()[:, :7])
    written(tmp_path / "colour" / "c.png", noise(3))
    made = run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Problem, match=says):
        made.translate([tmp_path / name for name in places], to=to)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("size", [(24, 30), (5, 13), (1, 1), (12, 9)])
@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (3, 16), (4, 8)])
def test_of_any_size_every_pixel_is_translated_where_own_pixels_are_asked_for(tmp_path, size, channels, bits):
    picture = noise(channels, bits, size=size)
    written(tmp_path / "light" / "a.png", picture)
    written(tmp_path / "light" / "b.png", noise(channels, bits))
    made = run(tmp_path, channels, kind=AnySized).translate(tmp_path / "light", scale="own")
    other, own = (pixels(file.read_bytes()) for file in made.files)
    assert np.array_equal(other, (1 << bits) - 1 - picture)
    assert np.array_equal(own, (1 << bits) - 1 - noise(channels, bits))
    (note,) = made.notes
    assert note.startswith("1 of another size than the run's 12×10: translated pixel by pixel. --scale run")


@pytest.mark.parametrize(
    ("fit", "at"),
    [("crop", (12, 24)), ("pad", (5, 10)), ("stretch", (12, 10))],
)
def test_else_it_is_translated_whole_at_the_scale_by_which_the_data_was_resized(tmp_path, fit, at):
    picture = noise(3, size=(20, 40))
    written(tmp_path / "light" / "a.png", picture)
    made = run(tmp_path, 3, fit=fit, kind=AnySized).translate(tmp_path / "light")
    there = 255 - fitted(picture, at, "stretch")
    assert np.array_equal(pixels(made.files[0].read_bytes()), fitted(there, (20, 40), "stretch"))
    assert made.notes[0].startswith("1 of another size than the run's 12×10: translated at the scale that was learnt")


def test_the_sheet_has_pictures_of_any_size_and_of_the_run_s_own_nothing_is_said(tmp_path):
    for k, size in enumerate([(12, 10), (31, 17), (6, 60)]):
        written(tmp_path / "light" / f"{k}.png", noise(size=size))
        written(tmp_path / "dark" / f"{k}.png", noise())
    r = run(tmp_path, kind=AnySized)
    assert r.translate(tmp_path / "light").sheet.size == r.translate(tmp_path / "dark").sheet.size
    assert not r.translate(tmp_path / "dark", out=tmp_path / "again").notes


def test_what_would_not_fit_into_memory_is_refused_with_what_does(tmp_path):
    written(tmp_path / "light" / "a.png", np.zeros((2050, 2050, 1), np.uint8))
    written(tmp_path / "dark" / "a.png", np.zeros((1, 40_000, 1), np.uint8))
    r = run(tmp_path, kind=AnySized)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Problem, match=r"a.png: 2050×2050, .* At that scale it is 2,050×2,050, too large. Give --scale"):
        r.translate(tmp_path / "light", scale="own")
    with pytest.raises(Problem, match=r"a.png: 1×40000, .* At that scale it is 12×480,000, too large"):
        r.translate(tmp_path / "dark")
    assert sorted(tmp_path.rglob("*")) == before
    assert len(r.translate(tmp_path / "light").files) == 1  # at the run's scale it fits


def test_a_run_that_can_not_translate_says_which_can(tmp_path, coded):
    written(tmp_path / "a.png", noise())
    with pytest.raises(Problem, match="vae can't translate"):
        coded.translate(tmp_path / "a.png", to="dark", out=tmp_path / "out")


def test_a_network_always_sees_as_many_at_once_so_that_memory_is_bounded_and_no_neighbour_counts(tmp_path):
    for k in range(BLOCK + 3):
        written(tmp_path / "light" / f"{k:02d}.png", noise(seed=k))
    r = run(tmp_path)
    assert len(r.translate(tmp_path / "light").files) == BLOCK + 3
    assert set(r.model.seen) == {BLOCK}


def test_the_error_there_and_back_is_what_was_lost_in_units_of_the_whole_range(tmp_path):
    r = run(tmp_path, lost=0.5)
    assert directions(r.spec.domains) == [("light", "dark"), ("dark", "light")]
    raw = np.stack([noise(seed=k) for k in range(3)])
    items = Pictures(raw, None, np.arange(3), r.codec)
    for source, to in directions(r.spec.domains):
        found = turned(r.model, r.codec, items, torch.arange(3), source, to)
        torch.testing.assert_close(found.error, torch.full((3,), 0.25, dtype=torch.float64))  # 0.5 of [-1, 1]
        assert np.array_equal(found.was, raw)
        assert found.back.shape == found.there.shape == raw.shape
