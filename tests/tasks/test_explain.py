"""The verb and the method: what is planted is what is found, and bad input is one line."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.cli import main
from reverie.core import Batch, Field, Spec
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.tasks.explain import METHODS, Ask, explain, inputs
from reverie.training.run import Run
from toys import SETS


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def picture(bright: bool, rng: np.random.Generator) -> np.ndarray:
    """Noise; the class is whether a spot of 3 x 3 pixels is bright."""
    x = rng.integers(60, 160, (12, 12), dtype=np.uint8)
    x[2:5, 7:10] = 250 if bright else 5
    return x


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where, rng = tmp_path_factory.mktemp("spots"), np.random.default_rng(0)
    for name in ("bright", "dark"):
        (where / name).mkdir()
        for k in range(150):
            Image.fromarray(picture(name == "bright", rng)).save(where / name / f"{k:03d}.png")
    return where


@pytest.fixture(scope="module")
def spots(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "spots"
    fields = {"norm": "none", "hidden": (16,), "members": 1}
    return reverie.fit(folder, "feedforward", out=out, steps=200, set="tiny", predict="labels", fields=fields)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A weight in grams that `a` decides, `b` and a town change a little, and `c` does not."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("rows") / "rows.csv"
    a, b, c = rng.standard_normal((3, 600))
    town = rng.integers(0, 3, 600)
    grams = 1000 + 100 * a + 20 * b + 30 * (town == 2)
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["a", "b", "c", "town", "grams"])
        cells = [f"{x:.4f}" if i % 7 else "" for i, x in enumerate(b)]
        writer.writerows(zip(a.round(4), cells, c.round(4), np.array(list("xyz"))[town], grams.round(2)))
    return path


@pytest.fixture(scope="module")
def grams(file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "grams"
    fields = {"learning_rate": 0.02, "members": 1, "dropout": 0.0}
    return reverie.fit(file, "feedforward", set="tiny", steps=400, out=out, predict="grams", fields=fields)


def test_the_planted_spot_is_what_a_picture_rests_on(spots, folder, tmp_path):
    found = spots.explain([folder / "bright" / "001.png", folder / "dark" / "002.png"])
    assert found.method == "gradients"
    assert found.columns["of"] == ["bright", "dark"]
    for piece in found.pieces:
        spot = np.abs(piece.weights[2:5, 7:10]).sum()
        assert spot > 0.5 * np.abs(piece.weights).sum(), "9 of 144 pixels"
    for row, piece in zip(found.rows(), found.pieces):
        assert row["sum"] == pytest.approx(float(piece.weights.sum()), rel=1e-4)
        assert row["residual"] == pytest.approx(row["answer"] - row["baseline"] - row["sum"], abs=1e-5)
        assert abs(row["residual"]) < 0.01 * abs(row["answer"] - row["baseline"])
    files = found.save(tmp_path / "out")
    assert [f.name for f in files] == ["explain.csv", "000.csv", "000.png", "001.csv", "001.png"]
    assert Image.open(files[2]).size[0] > 2 * 12
    with open(files[1], newline="") as out:
        rows = list(csv.reader(out))
    assert np.array(rows[1:], float)[:, 1:] == pytest.approx(found.pieces[0].weights, rel=1e-6)


def test_the_slope_finds_it_too_and_sums_to_nothing(spots, folder):
    found = spots.explain(folder / "bright" / "001.png", method="saliency")
    assert list(found.columns) == ["item", "of", "answer", "rests most on"]
    assert found.pieces[0].weights.min() >= 0
    assert np.unravel_index(found.pieces[0].weights.argmax(), (12, 12))[0] in (2, 3, 4)


def test_another_class_is_explained_on_demand_and_is_the_mirror_image_of_two(spots, folder):
    one, other = (spots.explain(folder / "bright" / "003.png", of=of) for of in ("bright", "dark"))
    assert other.columns["answer"][0] == pytest.approx(-one.columns["answer"][0], rel=1e-4)
    assert other.pieces[0].weights == pytest.approx(-one.pieces[0].weights, abs=1e-4)


def test_each_baseline_is_said_and_the_mean_is_of_the_training_items(spots, folder):
    item = folder / "bright" / "003.png"
    said = {name: spots.explain(item, baseline=name) for name in ("black", "mean", "zero", "noise")}
    notes = {name: next(n for n in found.notes if n.startswith("baseline")) for name, found in said.items()}
    assert len(set(notes.values())) == 4
    assert np.array_equal(spots.explain(item).pieces[0].weights, said["mean"].pieces[0].weights)
    train = spots.prepared.train
    mean = train.take(torch.arange(len(train)))["image"].mean(0, keepdim=True)
    logits = spots.model.predict(Batch({"image": mean}))[0]
    assert said["mean"].columns["baseline"][0] == pytest.approx(float(logits[0] - logits[1]), rel=1e-4)


def test_what_is_as_the_baseline_has_no_weight(spots, tmp_path):
    Image.fromarray(np.where(np.eye(12), 0, 200).astype(np.uint8)).save(tmp_path / "x.png")
    weights = spots.explain(tmp_path / "x.png", baseline="black").pieces[0].weights
    assert np.array_equal(weights == 0, np.eye(12, dtype=bool))


def test_a_run_that_has_predicted_before_explains_as_a_fresh_one(spots, folder):
    again = reverie.open(spots.path)
    again.predict(folder / "bright" / "001.png")
    one, two = (run.explain(folder / "bright" / "001.png") for run in (again, reverie.open(spots.path)))
    assert np.array_equal(one.pieces[0].weights, two.pieces[0].weights)


def test_an_explanation_hangs_on_no_other_item(spots, folder):
    whole = spots.explain(folder / "dark", items=5)
    alone = spots.explain(folder / "dark" / whole.columns["item"][4].split("/")[-1])
    assert alone.pieces[0].weights == pytest.approx(whole.pieces[4].weights, abs=1e-6)
    assert "the first 5 of 150 items" in " ".join(whole.notes)


# ------------------------------------------------------------------------------------------------------------ of tables


def test_the_column_that_decides_leads_and_one_that_does_not_may_be_nothing(grams, tmp_path):
    found = grams.explain()
    assert found.method == "permutation"
    rows = {row["column"]: row for row in found.rows()}
    assert found.columns["column"][0] == "a"
    assert rows["a"]["low"] > rows["b"]["high"]
    assert rows["b"]["low"] > 0
    assert rows["c"]["low"] <= 0 <= rows["c"]["high"]
    assert 2 * 100**2 * 0.6 < rows["a"]["loss"] < 2 * 100**2 * 1.4, "twice the variance of what it adds, in grams²"
    assert [f.name for f in found.save(tmp_path / "out")] == ["explain.csv", "explain.png"]
    assert found.columns == grams.explain().columns


def test_without_its_data_a_picture_begins_at_black(spots, folder, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(spots.path, copied)
    info = json.loads((copied / "run.json").read_text())
    info["source"]["where"] = str(tmp_path / "gone")
    (copied / "run.json").write_text(json.dumps(info))
    moved, item = reverie.open(copied), folder / "bright" / "003.png"
    assert any(note.startswith("baseline: a black picture") for note in moved.explain(item).notes)
    with pytest.raises(Problem, match="gone"):
        moved.explain(item, baseline="mean")


def test_files_with_answers_are_weighed_in_place_of_the_held_out_rows(grams, file):
    held_out, all_rows = grams.explain(), grams.explain(file)
    assert "60 held-out rows" in " ".join(held_out.notes)
    assert "600 rows of the files" in " ".join(all_rows.notes)
    assert held_out.columns["column"][0] == all_rows.columns["column"][0] == "a"


def test_a_row_rests_on_what_makes_it_heavy_in_grams(grams, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("a,b,c,town\n2.0,0.1,0.3,x\n-2.0,,0.3,z\n")
    found = grams.explain(new)
    assert found.method == "occlusion"
    assert any("don't say the answers" in note for note in found.notes)
    assert found.columns["answer"] == pytest.approx(grams.predict(new).columns["grams"], rel=1e-5)
    heavy, light = found.pieces
    assert heavy.names[int(np.abs(heavy.weights).argmax())] == "a"
    assert heavy.weights[0] == pytest.approx(200, rel=0.3)
    assert light.weights[0] == pytest.approx(-200, rel=0.3)
    assert heavy.cells == ("2.0", "0.1", "0.3", "x")
    assert light.cells[1] == ""
    seen = grams.prepared.train.raw(torch.arange(len(grams.prepared.train)))
    assert heavy.baselines[3] == Counter(row["town"] for row in seen).most_common(1)[0][0]
    assert float(heavy.baselines[0]) == pytest.approx(np.mean([float(row["a"]) for row in seen]), abs=1e-4)
    files = found.save(tmp_path / "out")
    assert sum(f.suffix == ".png" for f in files) == 2


def test_without_its_data_a_run_still_explains_rows(grams, file, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(grams.path, copied)
    info = json.loads((copied / "run.json").read_text())
    info["source"]["where"] = str(tmp_path / "gone.csv")
    (copied / "run.json").write_text(json.dumps(info))
    found = reverie.open(copied).explain(file, method="occlusion", items=3)
    assert any("gone.csv" in note and "counted in the files" in note for note in found.notes)
    assert len(found) == 3
    with pytest.raises(Problem, match=r"gone\.csv"):
        reverie.open(copied).explain()


# ------------------------------------------------------------------------------------------------------------ of series


def test_a_series_rests_on_the_channel_and_step_that_it_repeats(tmp_path):
    """Every row is the one twelve before it: of a window of 12, the first step ahead is the oldest row."""
    rng = np.random.default_rng(0)
    wave, other = np.tile(rng.standard_normal(12), 30), np.tile(rng.standard_normal(12), 30)
    times = np.datetime64("2024-01-01T00:00") + np.arange(360) * np.timedelta64(1, "h")
    path = tmp_path / "s.csv"
    path.write_text("date,p,q\n" + "".join(f"{t},{a:.4f},{b:.4f}\n" for t, a, b in zip(times, wave, other)))
    fields = {"window_norm": False, "learning_rate": 0.02}
    run = reverie.fit(
        path,
        "feedforward",
        set="linear",
        out=tmp_path / "run",
        steps=300,
        predict="next",
        size=(12,),
        horizon=1,
        fields=fields,
    )
    found = run.explain(path, of="q")
    (piece,) = found.pieces
    assert piece.names == ("p", "q")
    assert not piece.weights[:, 0].any(), "each channel is said from its own past"
    assert found.columns["of"] == ["q, mean of 1 steps"]
    change = found.columns["answer"][0] - found.columns["baseline"][0]
    assert piece.weights.sum() == pytest.approx(change, rel=1e-3)
    assert run.predict(path).columns["q"][0] == pytest.approx(found.columns["answer"][0], rel=1e-5)
    assert [f.name for f in found.save(tmp_path / "out")] == ["explain.csv", "000.csv", "000.png"]
    with open(tmp_path / "out" / "000.csv", newline="") as out:
        assert [row["step"] for row in csv.DictReader(out)] == [str(k) for k in range(-11, 1)]


def test_a_sound_is_explained_over_its_own_length_from_noise(tmp_path):
    """Tones of two pitches; the shorter file has no weight beyond its end, and the same as alone."""
    import soundfile

    rate, rng = 8_000, np.random.default_rng(0)
    for name, pitch in (("low", 300), ("high", 1_200)):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for k in range(40):
            count = 1_600 + 40 * k
            tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(count) / rate) + 0.02 * rng.standard_normal(count)
            soundfile.write(tmp_path / "tones" / name / f"{k:02d}.wav", tone, rate, subtype="PCM_16")
    fields = {"mixup": 0.0, "cutmix": 0.0, "cutout": 0, "mirror": False, "views": 1}
    made = DataOptions(predict="labels")
    data, out = tmp_path / "tones", tmp_path / "run"
    run = reverie.fit(data, "convolutional", set="tiny", out=out, steps=30, options=made, fields=fields)
    files = [data / "low" / "05.wav", data / "high" / "39.wav"]
    found = run.explain(files)
    assert found.columns["of"] == ["low", "high"]
    assert [len(piece.weights) for piece in found.pieces] == [1_800, 3_160]
    assert any(note.startswith("baseline: white noise") for note in found.notes)
    for row in found.rows():
        assert abs(row["residual"]) < 0.1 * abs(row["answer"] - row["baseline"])
    alone = run.explain(files[0])
    assert alone.pieces[0].weights == pytest.approx(found.pieces[0].weights, abs=1e-5)
    assert found.save(tmp_path / "why")[2].suffix == ".png"
    with open(tmp_path / "why" / "000.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["second"]) == pytest.approx(1_799 / rate)


# ----------------------------------------------------------------------------------------------- the verb, and refusals


def test_the_verb_writes_and_says_json(spots, folder, tmp_path, capsys):
    out = tmp_path / "why"
    words = ["explain", str(spots.path), str(folder / "bright"), "--items", "3", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["method"] == "gradients"
    assert [row["of"] for row in said["explained"]] == ["bright"] * 3
    assert all(Path(f).is_file() for f in said["files"])
    assert main(["explain", str(spots.path), str(folder / "bright" / "000.png"), "--out", str(out)]) == 0
    assert "rests most on" in capsys.readouterr().out
    assert sorted(f.name for f in out.iterdir()) == ["000.csv", "000.png", "explain.csv"], "the older ones are gone"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to explain. Name files"),
        (["nothing.png"], "no such file"),
        (["{folder}", "--method", "permutation"], "--method permutation: not of pictures. Pass --method gradients or"),
        (["{folder}", "--method", "lime"], "--method lime: not one of its values"),
        (["{folder}", "--of", "grey"], "--of grey: no such answer. There are: bright, dark"),
        (["{folder}", "--repeats", "3"], "--repeats 3: only of permutation; this is gradients"),
        (["{folder}", "--method", "saliency", "--steps", "9"], "--steps 9: only of gradients; this is saliency"),
        (["{folder}", "--out", "{folder}"], "a folder with other things in it. Name a new one"),
        (["{folder}", "--out", "{file}"], "a file. Name a folder"),
    ],
)
def test_what_cannot_be_explained_is_one_line(spots, folder, file, capsys, words, says):
    before = sorted(p.name for p in folder.rglob("*"))
    assert main(["explain", str(spots.path), *(w.format(folder=folder, file=file) for w in words)]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert sorted(p.name for p in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({"method": "gradients"}, "--method gradients: not of columns. Pass --method permutation or occlusion"),
        ({"method": "occlusion"}, "nothing to explain"),
        ({"of": "grams"}, "--of grams: only of gradients, saliency, occlusion; this is permutation"),
        ({"baseline": "black"}, "--baseline black: only of gradients"),
    ],
)
def test_what_does_not_fit_a_table_is_one_line(grams, ask, says):
    with pytest.raises(Problem, match=says):
        grams.explain(**ask)


def test_rows_without_answers_have_no_importance(grams, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("a,b,c,town\n2.0,0.1,0.3,x\n-2.0,,0.3,z\n")
    with pytest.raises(Problem, match="the files don't say the answers"):
        grams.explain(new, method="permutation")


def test_a_generator_and_a_sequence_are_refused(folder, tmp_path):
    made = reverie.fit(folder, "vae", out=tmp_path / "run", steps=1, set="tiny")
    with pytest.raises(Problem, match="vae predicts nothing"):
        made.explain(folder)
    words = Field((5,), categories=9, length=True)
    spec = Spec("pairs", {"source": words}, target={"target": Field((5,), categories=9, length=True, start=1)})
    run = Run(tmp_path, {"model": "feedforward", "spec": spec.to_json()})
    with pytest.raises(Problem, match="it predicts a sequence"):
        explain(run, ["x"], Ask())


def test_every_form_of_input_has_a_method():
    found = {inputs(make()[0]) for make in SETS}
    assert found == {what for known in METHODS.values() for what in known}
