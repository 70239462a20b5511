"""What comes back of items, in numbers and on a page."""

import csv
from math import log10

import numpy as np
import pytest
from PIL import Image

from reverie.kinds import DataOptions
from reverie.kinds.image import Codec
from reverie.tasks.reconstruct import in_place, of_items


def test_a_row_a_picture_with_psnr_ssim_and_a_sheet(coded, stripes, tmp_path):
    made = coded.reconstruct(stripes)
    sheet, table = made.save(tmp_path / "out")
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 120
    assert list(rows[0]) == ["item", "psnr_db", "ssim"]
    assert made.mean["psnr_db"] == pytest.approx(np.mean([float(row["psnr_db"]) for row in rows]))
    assert Image.open(sheet).size[0] > 8 * 72
    reconstructed = coded.reconstruct([stripes / "down" / "05.png"])
    assert reconstructed.columns["psnr_db"][0] == pytest.approx(float(rows[85]["psnr_db"]), abs=1e-3)


def test_a_known_error_has_its_psnr(whole, tmp_path):
    Image.fromarray(np.full((16, 16), 100, np.uint8)).save(tmp_path / "a.png")
    run = whole(Codec((16, 16), 1), lost=10 / 127.5)
    made = run.reconstruct(tmp_path / "a.png")
    assert made.columns["psnr_db"] == pytest.approx([20 * log10(255 / 10)])


def test_small_pictures_have_no_ssim_and_are_told_so(whole, tmp_path):
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(tmp_path / "a.png")
    made = whole(Codec((8, 8), 1)).reconstruct(tmp_path / "a.png")
    assert list(made.columns) == ["item", "psnr_db"]
    assert any("window of 11" in note for note in made.notes)


def test_the_deepest_red_is_the_largest_error(whole, tmp_path):
    x = np.full((16, 16), 100, np.uint8)
    Image.fromarray(x).save(tmp_path / "a.png")
    sheet, _ = whole(Codec((16, 16), 1), lost=10 / 127.5).reconstruct(tmp_path / "a.png").save(tmp_path / "out")
    assert (np.asarray(Image.open(sheet)) == (202, 52, 58)).all(2).any()


def test_rows_have_an_error_a_column_beside_that_of_the_mean(whole, tmp_path):
    from reverie.kinds.table import open as table

    file = tmp_path / "rows.csv"
    file.write_text(
        "a,b,job,y\n" + "".join(f"{k},{k % 5 if k % 7 else ''},{'xyz'[k % 3]},{k % 2}\n" for k in range(60))
    )
    prepared = table(str(file), DataOptions(predict="y")).prepare()
    run = whole(prepared.codec, lost=0.5)  # half a deviation
    made = run.reconstruct(file)
    found = {row["column"]: row for row in made.rows()}
    assert list(found) == ["a", "b", "job"]
    deviation = {c.name: c.deviation for c in prepared.codec.columns}
    for name in "ab":
        assert found[name]["value"] == pytest.approx(deviation[name] / 2, rel=1e-4)
    assert found["a"]["reference"] == pytest.approx(np.std(range(60)), rel=1e-4)
    assert (found["job"]["value"], found["job"]["reference"]) == (1, pytest.approx(1 / 3))
    assert [file.name for file in made.save(tmp_path / "out")] == ["reconstruct-items.csv", "reconstruct.csv"]


def test_of_rows_that_are_made_an_error_is_in_the_file_s_own_unit(whole, tmp_path):
    """Which their rounded and bounded values would not tell."""
    from reverie.kinds.table import open as table

    file, rng = tmp_path / "rows.csv", np.random.default_rng(0)
    few, high = rng.normal(50, 20, 200).round(), np.minimum(100, rng.normal(95, 15, 200)).round(1)
    days = [f"2024-{1 + k // 20:02d}-{1 + k % 20:02d}" for k in range(200)]
    lines = [f"{a},{b},{c}" for a, b, c in zip(few, high, days)]
    file.write_text("\n".join(["few,high,day", *lines, ""]))
    prepared = table(str(file), DataOptions()).prepare()
    found = {row["column"]: row for row in whole(prepared.codec, lost=0.5).reconstruct(file).rows()}
    deviation = {c.name: c.deviation / (86_400 if c.type == "date" else 1) for c in prepared.codec.columns}
    assert set(found) == {"few", "high", "day"}
    for name, row in found.items():
        assert row["value"] == pytest.approx(deviation[name] / 2, rel=1e-4), row
        assert row["reference"] == pytest.approx(deviation[name], rel=0.1)


def test_a_series_has_an_error_a_channel(whole, tmp_path):
    from reverie.kinds.series import open as series

    file = tmp_path / "power.csv"
    rows = (f"2024-01-{1 + k // 24:02d} {k % 24:02d}:00,{np.sin(k / 3):.4f},{np.cos(k / 5):.4f}\n" for k in range(400))
    file.write_text("time,up,down\n" + "".join(rows))
    prepared = series(str(file), DataOptions(predict="next", horizon=4)).prepare()
    made = whole(prepared.codec, lost=0.25).reconstruct(file)
    assert [row["column"] for row in made.rows()] == ["up", "down"]
    assert made.rows()[0]["value"] == pytest.approx(0.25 * 2**-0.5, rel=0.05)  # a sine's deviation
    made.save(tmp_path / "out")


def test_sentences_come_back_word_for_word(whole, tmp_path):
    from reverie.kinds.sentences import Codec as Sentences

    (tmp_path / "a.txt").write_text("a b a\nb\n")
    run = whole(Sentences(("a", "b"), 5, ("no", "yes")))
    made = run.reconstruct(tmp_path / "a.txt")
    assert made.columns["original"] == made.columns["reconstruction"] == ["a b a", "b"]
    assert made.mean == {"words_right": 1}
    made.save(tmp_path / "out")


def test_words_right_counts_places_over_the_longer():
    assert in_place(["a", "b", "c"], ["a", "c"]) == 1 / 3
    assert in_place([], []) == 1


def test_reconstructions_of_one_are_those_among_many(coded):
    items = coded.prepared.held_out
    made = of_items(coded, items, ["x"] * len(items))
    assert made.count == len(items)
