"""The verb and the method: planted anomalies are found, false alarms are as rare as promised, no item's score hangs on
another's."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy.stats import betabinom, ks_2samp

import reverie
from reverie.cli import main
from reverie.commands.anomalies import BY
from reverie.errors import Problem
from reverie.metrics.alarms import area
from reverie.tasks.codes import encoded, files
from reverie.tasks.unlike import looks, usual

NORMAL, OTHERS = 1_300, 40


def pictures(count: int, seed: int, kind: str = "across") -> np.ndarray:
    """Stripes with noise, in any phase; others go down, or have a hole."""
    rng = np.random.default_rng(seed)
    phase = rng.integers(4, size=count)
    x = np.sin((np.arange(16)[None, :, None] + phase[:, None, None]) * np.pi / 2) * np.ones((1, 1, 16))
    if kind == "down":
        x = x.transpose(0, 2, 1)
    x = 0.5 + 0.35 * x + 0.04 * rng.standard_normal((count, 16, 16))
    if kind == "hole":
        x[:, 5:11, 5:11] = 0.5
    return (255 * np.clip(x, 0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("anomalies")
    np.save(where / "normal.npy", pictures(NORMAL, 0))
    np.save(where / "fresh.npy", pictures(1_000, 1))
    np.save(where / "few.npy", pictures(1_000, 1)[:70])
    mixed = [pictures(100, 2), pictures(OTHERS, 3, "down"), pictures(OTHERS, 4, "hole")]
    said = ["good"] * 100 + ["down"] * OTHERS + ["hole"] * OTHERS
    for k, (x, label) in enumerate(zip(np.concatenate(mixed), said)):
        (where / "mixed" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(x).save(where / "mixed" / label / f"{k:03d}.png")
    return where


@pytest.fixture(scope="module")
def run(place):
    fields = {"latents": 8, "width": 8}
    return reverie.fit(place / "normal.npy", "vae", out=place / "run", steps=150, set="tiny", fields=fields)


@pytest.fixture(scope="module")
def fresh(run, place):
    return run.anomalies(place / "fresh.npy")


def test_planted_anomalies_are_found(run, place):
    found = run.anomalies(place / "mixed", normal="good")
    assert (found.area.normal, found.area.other) == (100, 2 * OTHERS)
    assert found.area.low > 0.95
    flagged = {label: [row["flagged"] for row in found.rows() if row["label"] == label] for label in ("down", "hole")}
    assert sum(flagged["down"]) + sum(flagged["hole"]) > 1.8 * OTHERS
    assert found.ranked()[0]["score"] == max(found.columns["score"])
    assert found.ranked()[0]["label"] != "good"


@pytest.mark.parametrize("by", ["reconstruction", "latent", "nearest", "likelihood"])
def test_each_part_alone_finds_what_it_can_see(run, place, by):
    """Stripes down are neither rebuilt, nor near, nor likely."""
    rows = run.anomalies(place / "mixed", by=by).rows()
    good, down = (np.array([row["score"] for row in rows if label in row["item"]]) for label in ("good/", "down/"))
    assert (len(good), len(down)) == (100, OTHERS)
    assert area(good, down).low > 0.9


def test_fresh_normal_items_are_flagged_as_rarely_as_promised(run, fresh):
    """Of n held-out scores the K-th largest is the threshold: of m fresh items beta-binomially many lie above."""
    n = len(fresh.held)
    assert n == run.info["source"]["held_out"] == 130
    for rate in (0.01, 0.1):
        k = int((n + 1) * rate)
        low, high = betabinom.ppf([5e-5, 1 - 5e-5], len(fresh), k, n + 1 - k)
        flagged = np.array(fresh.columns["p"]) <= rate
        assert low <= flagged.sum() <= high
    assert fresh.columns["flagged"] == (np.array(fresh.columns["p"]) <= 0.01).tolist()


def test_p_values_of_fresh_normal_items_are_uniform(fresh):
    """Which is to say that they score as held-out items do: Kolmogorov and Smirnov's test of two samples."""
    assert ks_2samp(fresh.columns["score"], fresh.held).pvalue > 1e-4


def test_a_score_hangs_on_no_neighbour(run, place, fresh):
    """The same item alone and in other company: to the rounding of sums in float64. In another place of its block: to
    that of float32 kernels."""
    few = pictures(1_000, 1)[:70]
    np.save(place / "back.npy", few[::-1])
    np.save(place / "one.npy", few[5:6])
    scores = {name: run.anomalies(place / f"{name}.npy").columns["score"] for name in ("few", "back", "one")}
    assert scores["few"] == pytest.approx(fresh.columns["score"][:70], abs=1e-9)
    assert scores["back"][::-1] == pytest.approx(scores["few"], abs=1e-4)
    assert scores["one"][0] == pytest.approx(scores["few"][5], abs=1e-4)


@pytest.mark.parametrize("by", ["best", "likelihood"])
def test_the_same_items_have_the_same_scores(run, place, by):
    first, again = (run.anomalies(place / "few.npy", by=by).columns["score"] for _ in range(2))
    assert first == again


def test_the_table_and_the_page_say_what_was_found(run, place, tmp_path, capsys):
    command = ["anomalies", str(run.path), str(place / "mixed"), "--normal", "good", "--flag", "0.05"]
    assert main([*command, "--out", str(tmp_path / "found.csv"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == [str(tmp_path / "found.csv"), str(tmp_path / "found.html")]
    with open(tmp_path / "found.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["item"] for row in rows] == sorted(row["item"] for row in rows)  # in the order of the files
    assert {"item", "score", "p", "flagged", "label", "nearest", "return", "latent"} <= set(rows[0])
    best, scores = said["anomalies"][0], {row["item"]: float(row["score"]) for row in rows}
    assert scores[best["item"]] == best["score"] == max(scores.values())
    assert said["promise"]["items"] == 130
    assert said["auroc"]["low"] > 0.9
    page = (tmp_path / "found.html").read_text()
    assert page.count("<figure") == 1 + 40  # the histogram and the worst
    assert page.count("data:image/png") == 3 * 40
    assert "http" not in page.replace("http-equiv", "")
    assert main([*command, "--out", str(tmp_path / "other.parquet")]) == 0
    again = pq.read_table(tmp_path / "other.parquet").to_pydict()
    assert again["flagged"] == [row["flagged"] == "True" for row in rows]
    assert (tmp_path / "found.csv").is_file()


def test_too_few_held_out_items_are_said_and_nothing_is_promised_beyond_them(place, tmp_path):
    np.save(tmp_path / "small.npy", pictures(200, 9))
    run = reverie.fit(tmp_path / "small.npy", "vae", out=tmp_path / "run", steps=2, set="tiny")
    found = run.anomalies(place / "few.npy")
    assert found.promise.rate == 0.048  # 1 / 21, rounded up
    assert any("20 held-out items can't promise 0.01" in note for note in found.notes)
    with pytest.raises(Problem, match=r"--flag 0.01: .*99 held-out items or more, and there are 20.*--flag 0.048"):
        run.anomalies(place / "few.npy", flag=0.01)
    bare = reverie.fit(tmp_path / "small.npy", "vae", out=tmp_path / "bare", steps=2, set="tiny", held_out=0.0)
    found = bare.anomalies(place / "few.npy")
    assert (found.promise, set(found.columns["p"]), set(found.columns["flagged"])) == (None, {None}, {False})
    found.save(tmp_path / "bare.csv")
    with pytest.raises(Problem, match="nothing was held out"):
        bare.anomalies(place / "few.npy", flag=0.5)


def test_pictures_of_another_form_are_named(run, tmp_path):
    Image.fromarray(pictures(1, 5)[0]).save(tmp_path / "a.png")
    Image.fromarray(pictures(1, 5)[0]).resize((40, 20)).save(tmp_path / "b.png")
    Image.fromarray(pictures(1, 5)[0]).convert("RGB").save(tmp_path / "c.png")
    found = run.anomalies(tmp_path)
    assert any("b.png: 20x40 pixels, and the run takes 16x16: resized" in note for note in found.notes)
    assert any("c.png: RGB, and the run takes grey" in note for note in found.notes)
    assert not any("a.png" in note for note in found.notes)
    scores = dict(zip(found.columns["item"], found.columns["score"]))
    assert scores[next(k for k in scores if "a.png" in k)] == pytest.approx(
        scores[next(k for k in scores if "c.png" in k)], abs=1e-4
    )


WRONG = [
    (("--flag", "2"), ("--flag 2", "below 1")),
    (("--flag", "0"), ("--flag 0", "above 0")),
    (("--flag", "some"), ("--flag some", "not a number")),
    (("--by", "furthest"), ("--by furthest", "best, nearest, return")),
    (("--normal", "goood"), ("--normal goood", "There are: down, good, hole")),
    (("--normal", "colour=red"), ("--normal colour=red", "no column colour")),
    (("--out", "found.txt"), ("--out found.txt", ".csv nor .parquet")),
    (("--worst", "-1"), ("--worst -1", "0 or more")),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_wish_is_one_line(run, place, capsys, words, says):
    before = {p: p.stat().st_mtime_ns for p in place.rglob("*") if p.is_file()}
    assert main(["anomalies", str(run.path), str(place / "mixed"), *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("reverie: ")
    assert err.count("\n") == 1
    assert all(part in err for part in says), err
    assert {p: p.stat().st_mtime_ns for p in place.rglob("*") if p.is_file()} == before


def test_a_model_without_codes_or_likelihood_is_refused(place, tmp_path):
    run = reverie.fit(place / "few.npy", "dcgan", out=tmp_path / "run", steps=1, set="tiny")
    with pytest.raises(Problem, match="dcgan can neither encode items nor say how likely they are"):
        run.anomalies(place / "few.npy")


def test_a_model_that_is_told_the_class_needs_it_and_judges_by_it(tmp_path):
    """An item is unlike those of the class that it is said to be of."""
    x, y = np.concatenate([pictures(300, 5), pictures(300, 6, "down")]), np.repeat([0, 1], 300)
    np.savez(tmp_path / "both.npz", x=x, y=y)
    fields = {"conditional": True, "latents": 8}
    run = reverie.fit(tmp_path / "both.npz", "vae", out=tmp_path / "run", steps=150, set="tiny", fields=fields)
    fresh = np.concatenate([pictures(40, 7), pictures(40, 8, "down")])
    np.savez(tmp_path / "right.npz", x=fresh, y=np.repeat([0, 1], 40))
    np.savez(tmp_path / "wrong.npz", x=fresh, y=np.repeat([1, 0], 40))
    right, wrong = (np.array(run.anomalies(tmp_path / f"{name}.npz").columns["score"]) for name in ("right", "wrong"))
    assert area(right, wrong).low > 0.9
    np.save(tmp_path / "bare.npy", fresh)
    with pytest.raises(Problem, match="scores an item with its label, which these don't say"):
        run.anomalies(tmp_path / "bare.npy")


def test_items_can_be_scored_where_the_runs_data_are_not(place, tmp_path):
    """What they are compared with is kept in the run, by its weights and the parts of the score."""
    np.save(tmp_path / "small.npy", pictures(300, 9))
    run = reverie.fit(tmp_path / "small.npy", "vae", out=tmp_path / "run", steps=3, set="tiny")
    early = run.anomalies(place / "few.npy")
    run = reverie.fit(tmp_path / "small.npy", out=tmp_path / "run", steps=6)
    before = run.anomalies(place / "few.npy")
    assert before.columns["score"] != early.columns["score"]  # of other weights
    assert not np.array_equal(before.held, early.held)
    (tmp_path / "small.npy").unlink()
    alone = reverie.open(tmp_path / "run")
    again = alone.anomalies(place / "few.npy")
    assert (again.columns, again.promise) == (before.columns, before.promise)
    with pytest.raises(Problem, match=r"small\.npy"):
        alone.anomalies(place / "few.npy", by="latent")
    (tmp_path / "run" / "usual.safetensors").write_bytes(b"not whole")
    with pytest.raises(Problem, match=r"small\.npy"):
        reverie.open(tmp_path / "run").anomalies(place / "few.npy")


def test_items_that_all_had_one_label_say_what_is_normal(place, tmp_path):
    np.savez(tmp_path / "train.npz", x=pictures(60, 9), y=np.array(["good"] * 60))
    run = reverie.fit(tmp_path / "train.npz", "vae", out=tmp_path / "run", steps=2, set="tiny")
    found = run.anomalies(place / "mixed")
    assert (found.area.normal, found.area.other) == (100, 2 * OTHERS)


def test_codes_that_are_compared_with_take_so_much_memory_and_no_more(run, place, monkeypatch):
    items = files(run, [str(place / "few.npy")]).items
    whole = usual(run, ("latent",))
    monkeypatch.setattr("reverie.tasks.unlike.CODES", 8 * whole.codes.shape[1] * 300)
    few = usual(run, ("latent",))
    assert (len(whole.codes), len(few.codes)) == (NORMAL * 9 // 10 - NORMAL * 9 // 10 // 6, 250)
    seen = looks(run, items, ("latent",), few)
    assert seen.codes is None
    near = torch.cdist(encoded(run, items).double(), few.codes).topk(5, largest=False).values.mean(1)
    assert torch.allclose(seen.near, near, atol=1e-9)


def test_an_error_counts_against_what_is_usual_at_its_place(run, place):
    """And no item's map of errors is kept: as many of them as items are scored would fill memory."""
    items = files(run, [str(place / "few.npy")]).items
    known = usual(run, ("reconstruction",))
    seen = looks(run, items, ("reconstruction",), known)
    assert known.errors.shape == (16 * 16,)
    assert seen.errors is None
    maps = looks(run, items, ("reconstruction",)).errors
    assert torch.allclose(seen.lost, (maps / known.errors).sum(1), rtol=1e-12)
    bare = known.errors - known.errors.min()
    assert bare.max() > 0.2 * known.errors.mean()  # or one number would do


def test_each_part_of_the_score_can_be_asked_for(run, place, tmp_path, capsys):
    """By the names that the table's columns have, of the rule for pictures all of them."""
    parts = [name for name in run.anomalies(place / "few.npy").columns if name in BY]
    assert set(parts) == {"nearest", "return", "latent", "reconstruction"}
    for part in parts:
        out = tmp_path / f"{part}.csv"
        assert main(["anomalies", str(run.path), str(place / "few.npy"), "--by", part, "--out", str(out)]) == 0
        assert f"({part})" in capsys.readouterr().out
