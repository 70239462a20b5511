"""One number of a code at a time."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import Prepared
from reverie.kinds.image import Codec
from reverie.kinds.image.items import Pictures
from reverie.tasks.codes import decoded, encoded


def known(whole, count: int = 200):
    """Pictures of 2×2: pixel 0 is its class's brightness, pixel 1 noise of twice that deviation, pixel 2 faint noise,
    pixel 3 always the same."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2
    x = np.zeros((count, 2, 2, 1))
    x[:, 0, 0, 0] = 100 + 40 * label
    x[:, 0, 1, 0] = 128 + 40 * rng.standard_normal(count)
    x[:, 1, 0, 0] = 128 + 4 * rng.standard_normal(count)
    x[:, 1, 1, 0] = 50
    codec = Codec((2, 2), 1, classes=("dark", "light"))
    items = Pictures(np.clip(x, 0, 255).round().astype(np.uint8), label, np.arange(count), codec)
    run = whole(codec)
    vars(run)["prepared"] = Prepared(codec, items, items, "")
    return run


def test_numbers_are_ordered_by_how_much_they_vary(whole):
    made = known(whole).traverse()
    assert made.latents == [1, 0, 2, 3]
    assert made.columns["latent"] == ["z1", "z0", "z2", "z3"]


def test_one_number_moves_from_end_to_end_and_the_rest_stay(whole):
    run = known(whole)
    made = run.traverse(dims=2, reach=1, steps=3)
    grid = made.raw.reshape(2, 3, 4).astype(int)
    values = run.prepared.held_out.raw(torch.arange(200)).reshape(200, 4)
    mean, deviation = values.mean(0), values.std(0, ddof=1)
    for row, pixel in zip(grid, (1, 0)):
        others = [k for k in range(4) if k != pixel]
        assert np.abs(row[:, others] - mean[others]).max() <= 0.51
        assert np.abs(row[:, pixel] - (mean[pixel] + deviation[pixel] * np.array([-1, 0, 1]))).max() <= 0.51


def test_the_probe_names_the_number_that_carries_the_class(whole):
    made = known(whole).traverse()
    rows = {row["latent"]: row for row in made.rows()}
    assert rows["z0"]["bits"] == pytest.approx(1, abs=0.05)
    assert rows["z0"]["accuracy"] == 1
    assert rows["z0"]["auc"] in (0, 1)
    for name in ("z1", "z2"):
        assert rows[name]["bits"] < 0.15
        assert abs(rows[name]["accuracy"] - 0.5) < 0.15


def test_an_item_gives_the_other_numbers(coded, stripes):
    file = stripes / "down" / "03.png"
    made = coded.traverse(file, dims=1, reach=1e-6, steps=3)
    (k,) = made.latents
    code = coded.embed(file).points[0].clone()
    held = coded.prepared.held_out
    code[k] = encoded(coded, held).mean(0)[k]
    mine = coded.codec.decode(decoded(coded, code[None]))
    assert np.abs(made.raw.astype(int) - mine).max() <= 1


def test_grid_and_table_are_written(coded, tmp_path):
    made = coded.traverse()
    grid, table = made.save(tmp_path / "grid.png")
    assert table.name == "grid-latents.csv"
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 4
    assert list(rows[0])[:3] == ["latent", "mean", "deviation"]
    assert Image.open(grid).size[0] > 9 * 64


def test_sentences_are_written_under_their_number(whole, tmp_path):
    from reverie.kinds.sentences import Codec as Sentences
    from reverie.tasks.interpolate import Two

    codec = Sentences(("a", "b", "c", "d", "e"), 3, ("no", "yes"))
    texts = ["a b", "e b", "c b"] * 5
    run = whole(codec)
    vars(run)["prepared"] = Prepared(codec, Two(codec.encode(texts), texts), Two(codec.encode(texts), texts), "")
    made = run.traverse(dims=1, reach=1, steps=3)
    page, _ = made.save(tmp_path / "grid.txt")
    assert "z0" in page.read_text()


def test_wishes_that_can_not_be_met(coded):
    with pytest.raises(Problem, match=r"--dims 5: a code of .* has 4 numbers"):
        coded.traverse(dims=5)
    with pytest.raises(Problem, match="--reach 0: not above 0"):
        coded.traverse(reach=0)
    with pytest.raises(Problem, match="--steps 1"):
        coded.traverse(steps=1)
    with pytest.raises(Problem, match="--steps 1000000000: more items than a row of a page holds"):
        coded.traverse(steps=10**9)
