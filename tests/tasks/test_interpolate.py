"""Paths between items: their ends, their evenness, their files."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from coded import written
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import Codec
from reverie.kinds.sentences import Codec as Sentences


def flat(value: int) -> np.ndarray:
    return np.full((16, 16, 1), value, np.uint8)


def test_a_path_of_a_linear_model_is_the_mixture_of_its_ends(whole, tmp_path):
    a, b = written(tmp_path / "a.png", flat(0)), written(tmp_path / "b.png", flat(200))
    made = whole(Codec((16, 16), 1)).interpolate(a, b, steps=5)
    assert made.raw[:, 0, 0, 0].tolist() == [0, 50, 100, 150, 200]
    assert made.words == (str(a), str(b))
    assert [x.flat[0] for x in made.ends] == [0, 200]
    assert 1 <= made.uneven <= 4


def test_an_arc_is_another_path_with_the_same_ends(whole, tmp_path):
    a, b = (
        written(tmp_path / "a.png", flat(30)),
        written(tmp_path / "b.png", np.flip(np.arange(256, dtype=np.uint8).reshape(16, 16, 1))),
    )
    run = whole(Codec((16, 16), 1))
    line, arc = (run.interpolate(a, b, steps=5, spherical=s) for s in (False, True))
    assert np.array_equal(line.raw[[0, -1]], arc.raw[[0, -1]])
    assert not np.array_equal(line.raw, arc.raw)


def test_an_even_path_has_the_same_ends_and_steps_of_one_size(coded, stripes):
    ends = stripes / "dots" / "00.png", stripes / "down" / "00.png"
    plain, even = (coded.interpolate(*ends, steps=6, even=e) for e in (False, True))
    assert np.array_equal(plain.raw[[0, -1]], even.raw[[0, -1]])
    sizes = [np.linalg.norm(np.diff(m.raw.astype(float), axis=0).reshape(5, -1), axis=1) for m in (plain, even)]
    assert sizes[1].max() / sizes[1].mean() < min(1.1, sizes[0].max() / sizes[0].mean())


def test_one_file_of_two_items_has_both_ends(whole, tmp_path):
    np.save(tmp_path / "two.npy", np.stack([flat(0), flat(100)]))
    made = whole(Codec((16, 16), 1)).interpolate(tmp_path / "two.npy", steps=3)
    assert made.raw[:, 0, 0, 0].tolist() == [0, 50, 100]


def test_strip_and_animation_hold_every_step(coded, stripes, tmp_path):
    made = coded.interpolate(stripes / "dots" / "00.png", stripes / "down" / "00.png", steps=6)
    strip = Image.open(made.save(tmp_path / "path.png"))
    assert strip.size[0] > 8 * 64  # both items themselves stand at the ends
    film = Image.open(made.animate(tmp_path / "path.gif"))
    frames = [frame.copy() for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 10  # there and back: no end twice
    assert film.info["loop"] == 0


def test_without_items_two_samples_are_joined_and_the_seed_says_which(coded):
    one, two, other = (coded.interpolate(steps=4, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.raw, two.raw)
    assert not np.array_equal(one.raw, other.raw)
    assert one.words == ("sample 0", "sample 1")
    assert np.array_equal(one.ends, coded.sample(2, seed=3))


def test_sentences_may_be_typed(whole, tmp_path):
    run = whole(Sentences(("a", "b", "c", "d", "e"), 4, ("no", "yes")))
    made = run.interpolate("a b", "e b", steps=3)
    assert made.raw == ["a b", "c b", "e b"]
    assert made.space == "counts of words"
    assert "c b" in made.save(tmp_path / "path.txt").read_text()
    with pytest.raises(Problem, match="only pictures move"):
        made.animate(tmp_path / "path.gif")
    with pytest.raises(Problem, match="to where"):
        run.interpolate("a b")
    with pytest.raises(Problem, match="--even: of items that are numbers, and these are tokens"):
        run.interpolate("a b", "c", even=True)


def test_rows_go_from_one_to_the_other(whole, tmp_path):
    from reverie.kinds.table import open as table

    file = tmp_path / "rows.csv"
    file.write_text("a,job,y\n" + "".join(f"{k},{'xyz'[k % 3]},{k % 2}\n" for k in range(60)))
    run = whole(table(str(file), DataOptions(predict="y")).prepare().codec)
    (tmp_path / "two.csv").write_text("a,job\n10,x\n20,x\n")
    made = run.interpolate(tmp_path / "two.csv", steps=3)
    assert [row["a"] for row in made.raw] == pytest.approx([10, 15, 20], abs=1e-4)
    assert made.uneven == pytest.approx(1, abs=1e-4)
    assert made.save(tmp_path / "path.csv").read_text().count("\n") == 4


def test_a_path_that_goes_nowhere_says_so(whole, tmp_path):
    a = written(tmp_path / "a.png", flat(7))
    made = whole(Codec((16, 16), 1)).interpolate(a, a)
    assert made.uneven != made.uneven
    assert any("nowhere" in note for note in made.notes)


def test_what_is_no_path_is_a_problem(coded, stripes):
    with pytest.raises(Problem, match="--steps 1: a path has two ends"):
        coded.interpolate(steps=1)
    with pytest.raises(Problem, match="--steps 1000000000: more items than a page holds"):
        coded.interpolate(steps=10**9)
    with pytest.raises(Problem, match="dots holds 40"):
        coded.interpolate(stripes / "dots", stripes / "down" / "00.png")
    with pytest.raises(Problem, match="holds 1"):
        coded.interpolate(stripes / "down" / "00.png")
    assert torch.is_inference_mode_enabled() is False
