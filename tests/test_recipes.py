"""Recipes name what there is; one runs, goes on where it was cut, and keeps its result with a verdict that its numbers
bear out."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pytest
import torch

import reverie.recipes as package
from kitchen import Kitchen
from reverie.catalog import find
from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.metrics import Z
from reverie.recipes.classes import shares
from reverie.recipes.likelihood import held_out
from reverie.recipes.reproduce import load, names, over_folds, over_seeds, reproduce
from reverie.recipes.verdict import interval, judged, spread, verdict
from reverie.training.fit import fit
from reverie.training.log import read
from reverie.training.run import Run


@pytest.mark.parametrize("name", names())
def test_a_recipe_names_a_model_its_set_and_its_fields(name):
    recipe = load(name)
    family = find(recipe.model)
    assert recipe.set in family.sets
    assert set(recipe.fields) <= {setting.name for setting in family.fields()}
    assert not (recipe.steps and recipe.time)
    assert all((recipe.title, recipe.source, recipe.published))


@pytest.mark.parametrize("name", names())
def test_a_number_that_is_compared_is_one_that_was_published(name):
    recipe = load(name)
    if recipe.published_value is None:
        assert not recipe.tolerance, "a tolerance of nothing"
    else:
        assert f"{recipe.published_value:g}" in recipe.published.replace("0.90 ", "0.9 ")
        assert recipe.tolerance > 0
        assert recipe.differs


def test_every_file_that_holds_a_recipe_is_found_and_none_else():
    for file in Path(package.__path__[0]).glob("*.py"):
        module = __import__(f"reverie.recipes.{file.stem}", fromlist=["RECIPE"])
        own = isinstance(vars(module).get("RECIPE"), package.Recipe)
        assert own == (file.stem in names()), file.stem


# -------------------------------------------------------------------------------------------------------------- verdict


def test_better_is_more_or_less():
    recipe = load("vae_mnist")
    assert recipe.reached(recipe.goal)
    assert not recipe.reached(recipe.goal + 0.1)
    assert replace(recipe, higher=True).reached(recipe.goal + 0.1)


@pytest.mark.parametrize(
    ("value", "higher", "said"),
    [
        (3.0, False, "reproduced"),  # better than published
        (4.25, False, "reproduced"),  # worse by less than the tolerance
        (4.5, False, "reproduced"),  # worse by as much
        (4.75, False, "goal reached"),
        (5.0, False, "goal reached"),
        (5.25, False, "goal missed by 0.25"),
        (5.0, True, "reproduced"),
        (4.0, True, "reproduced, goal missed by 1"),
        (3.5, True, "reproduced, goal missed by 1.5"),
        (3.25, True, "goal missed by 1.75"),
    ],
)
def test_the_verdict_is_that_of_the_published_number_its_tolerance_and_the_goal(value, higher, said):
    recipe = replace(load("vae_mnist"), published_value=4.0, tolerance=0.5, goal=5.0, higher=higher)
    assert verdict(recipe, value) == said


def test_without_a_published_number_the_goal_decides_and_without_a_goal_a_value_is_reported():
    recipe = replace(load("vae_mnist"), published_value=None, tolerance=0.0, goal=5.0)
    assert verdict(recipe, 4.0) == "goal reached"
    assert verdict(recipe, 6.0) == "goal missed by 1"
    assert verdict(replace(recipe, goal=None), 6.0) == "reported"
    found = judged(replace(recipe, goal=None), {"value": 6.0, "unit": "nats"})
    assert (found["reached"], found["reproduced"], found["tolerance"]) == (None, None, None)
    assert found["evidence"] == "6.000 nats"


def test_the_evidence_says_how_far_from_the_published_number_a_value_is_and_on_which_side():
    recipe = replace(load("vae_mnist"), published_value=4.0, tolerance=0.5, goal=5.0)
    worse = judged(recipe, {"value": 4.25, "unit": "nats", "low": 4.125, "high": 4.5})["evidence"]
    assert worse == (
        "4.250 nats (95 %: 4.125 … 4.500); 0.25 worse than the published 4 (tolerance 0.5); goal ≤ 5"
    )  # fmt: skip
    assert "0.25 better than" in judged(recipe, {"value": 3.75})["evidence"]
    assert "0.25 better than" in judged(replace(recipe, higher=True), {"value": 4.25})["evidence"]
    assert "the same as the published 4" in judged(recipe, {"value": 4.0})["evidence"]


def test_an_interval_is_of_the_value_whose_unit_it_bears():
    """Of likelihoods the standard error is of nats an item; the value may be nats a token, of which an item has 64."""
    item = {"value": 128.0, "nats_an_item": 128.0, "standard_error": 0.5}
    assert interval(item) == pytest.approx((128 - Z / 2, 128 + Z / 2))
    assert interval({**item, "value": 2.0}) == pytest.approx((2 - Z / 128, 2 + Z / 128))
    assert interval({"value": 2.0}) is None


def test_folds_have_a_deviation_and_no_interval_of_one_run():
    found = [{"value": v, "low": v - 1, "high": v + 1, "standard_error": 1.0, "items": 2, "f": v} for v in (1.0, 2.0)]
    whole = over_folds(found)
    assert not {"low", "high", "standard_error"} & set(whole)
    assert (whole["value"], whole["f"], whole["items"]) == (1.5, 1.5, 4)
    assert spread(whole) == "deviation 0.71 over 2 folds"


# ----------------------------------------------------------------------------------------------------------- to the end


@pytest.fixture
def kitchen(tmp_path, monkeypatch) -> Kitchen:
    return Kitchen(tmp_path, monkeypatch)


def test_a_recipe_runs_and_keeps_its_result_beside_the_run(kitchen):
    result = reproduce("tiny_vae", Path("run"), seed=3)
    files = result.pop("files")
    assert files == [Path("run/result.json")]
    kept = json.loads(files[0].read_text())
    assert kept == json.loads(json.dumps(result))
    assert (kept["recipe"], kept["seed"], kept["steps"], kept["items"], kept["draws"]) == ("tiny_vae", 3, 3, 4, 2)
    assert kept["bits_a_unit"] == pytest.approx(kept["value"] / 64 / 0.6931471805599453)
    assert kept["reached"] == (kept["value"] <= 900) == ("missed" not in kept["verdict"])
    assert kept["reproduced"] == (kept["value"] <= 1001) == ("reproduced" in kept["verdict"])
    run = fit("pictures", out="run")  # is finished: nothing is trained
    assert held_out(run, draws=2)["nats_an_item"] == kept["value"]


def test_a_finished_seed_is_neither_trained_nor_measured_again(kitchen):
    first = reproduce("tiny_vae", Path("run"), seed=0)
    written = {file: file.stat().st_mtime_ns for file in Path("run").rglob("*") if file.is_file()}
    assert reproduce("tiny_vae", Path("run"), seed=0) == first
    assert kitchen.measured == 1
    assert {file: file.stat().st_mtime_ns for file in Path("run").rglob("*") if file.is_file()} == written


def test_a_result_whose_run_has_changed_is_measured_again(kitchen):
    first = reproduce("tiny_vae", Path("run"), seed=0)
    reproduce("tiny_vae", Path("other"), seed=1)
    Path("run/weights.safetensors").write_bytes(Path("other/weights.safetensors").read_bytes())
    assert reproduce("tiny_vae", Path("run"), seed=0)["value"] != first["value"]
    assert kitchen.measured == 3


def test_a_recipe_that_has_grown_goes_on_and_is_measured_again(kitchen):
    reproduce("tiny_vae", Path("run"), seed=0)
    kitchen.write(steps=5)
    assert reproduce("tiny_vae", Path("run"), seed=0)["steps"] == 5
    assert read(Path("run/log.jsonl"))[-1]["step"] == 5
    kitchen.write(steps=2)
    with pytest.raises(Problem, match=r"run: a run of 5 steps, and the recipe has 2. Name another folder by --out"):
        reproduce("tiny_vae", Path("run"), seed=0)
    assert json.loads(Path("run/result.json").read_text())["steps"] == 5


def test_a_goal_that_has_moved_is_judged_anew_without_measuring(kitchen, monkeypatch):
    reproduce("tiny_vae", Path("run"), seed=0)
    moved = replace(load("tiny_vae"), goal=-1.0, published_value=None)
    monkeypatch.setattr(__import__("sys").modules["reverie.recipes.tiny_vae"], "RECIPE", moved)
    assert reproduce("tiny_vae", Path("run"), seed=0)["verdict"].startswith("goal missed")
    assert json.loads(Path("run/result.json").read_text())["goal"] == -1
    assert kitchen.measured == 1


def test_killed_between_training_and_measuring_it_measures_and_does_not_train(kitchen):
    Path("stop").touch()
    with pytest.raises(KeyboardInterrupt):
        reproduce("tiny_vae", Path("run"), seed=0)
    assert not Path("run/result.json").exists()
    trained = Path("run/weights.safetensors").stat().st_mtime_ns
    Path("stop").unlink()
    result = reproduce("tiny_vae", Path("run"), seed=0)
    assert Path("run/weights.safetensors").stat().st_mtime_ns == trained
    assert result["value"] == json.loads(Path("run/result.json").read_text())["value"]


def test_seeds_have_folders_of_their_own_and_the_whole_is_their_mean_and_deviation(kitchen):
    two = over_seeds("tiny_vae", 2, Path("seeds"))
    assert kitchen.measured == 2
    three = over_seeds("tiny_vae", 3, Path("seeds"))
    assert kitchen.measured == 3, "finished seeds are not run again"
    values = [json.loads(Path(f"seeds/seed{k}/result.json").read_text())["value"] for k in range(3)]
    assert len(set(values)) == 3
    assert three["values"] == values
    assert two["values"] == values[:2]
    assert (three["value"], three["deviation_of_seeds"]) == pytest.approx((mean(values), stdev(values)))
    assert three["seeds_that_reach"] == sum(value <= 900 for value in values)
    assert json.loads(Path("seeds/result.json").read_text())["values"] == values
    assert over_seeds("tiny_vae", 1, Path("seeds"))["deviation_of_seeds"] is None


def test_usual_folders_of_seeds_are_those_of_one_seed(kitchen):
    reproduce("tiny_vae", Path("runs/recipe-tiny_vae-seed1"), seed=1)
    assert over_seeds("tiny_vae", 2, None)["files"] == [Path("runs/recipe-tiny_vae-seeds2.json")]
    assert kitchen.measured == 2
    assert Path("runs/recipe-tiny_vae-seed0/result.json").is_file()


def test_another_result_is_not_overwritten(kitchen):
    reproduce("tiny_vae", Path("run"), seed=0)
    before = Path("run/result.json").read_bytes()
    with pytest.raises(Problem, match=r"run/result.json: of tiny_vae, seed 0. Name another folder than run by --out"):
        reproduce("tiny_vae", Path("run"), seed=1)
    with pytest.raises(Problem, match=r"run/result.json: of tiny_vae, seed 0"):
        over_seeds("tiny_vae", 2, Path("run"))
    assert Path("run/result.json").read_bytes() == before
    Path("run/result.json").unlink()
    with pytest.raises(Problem, match=r"--seed 1: run was trained with seed 0. Name another folder by --out"):
        reproduce("tiny_vae", Path("run"), seed=1)
    Path("mine").mkdir()
    Path("mine/result.json").write_text('{"score": 1}')
    with pytest.raises(Problem, match=r"mine/result.json: no result of a recipe"):
        reproduce("tiny_vae", Path("mine"), seed=0)
    assert Path("mine/result.json").read_text() == '{"score": 1}'


def test_a_recipe_with_folds_holds_out_each_part_once_and_its_value_is_their_mean(tmp_path, monkeypatch):
    table = tmp_path / "rows.csv"
    table.write_text("a,b,kind\n" + "".join(f"{k},{k % 7},{'xy'[k % 2]}\n" for k in range(60)))
    rows = []

    def measure(run):
        held = run.prepared.held_out
        rows.append(set(held.columns(torch.arange(len(held)))["a"]))
        return {"value": float(len(rows)), "unit": "runs", "items": len(held)}

    options = {"predict": "kind", "calibration": 0.0}
    small = replace(load("adult_feedforward"), data=str(table), set="tiny", steps=2, options=options, folds=3)
    small = replace(small, measure=measure)
    monkeypatch.setattr("reverie.recipes.reproduce.load", lambda name: small)
    result = reproduce("small", tmp_path / "out", seed=0)
    assert len(set.union(*rows)) == sum(map(len, rows)) == result["items"] == 60
    assert (result["value"], result["deviation_of_folds"], result["folds"]) == (2, 1, [1, 2, 3])
    kept = json.loads((tmp_path / "out" / "result.json").read_text())
    assert kept["folds"] == [1, 2, 3]
    reproduce("small", tmp_path / "out", seed=0)
    assert len(rows) == 3  # measured already
    weights = tmp_path / "out" / "fold-2" / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    (tmp_path / "out" / "result.json").unlink()
    reproduce("small", tmp_path / "out", seed=0)
    assert len(rows) == 6
    assert weights.stat().st_mtime_ns == written  # trained already


def test_an_unknown_recipe_is_refused_with_the_names_that_are_near():
    with pytest.raises(Problem, match=r"nothing: no such recipe. There are: adult_feedforward, "):
        load("nothing")
    with pytest.raises(Problem, match=r"vae_mnits: no such recipe. Did you mean vae_mnist or iwae_mnist\?"):
        load("vae_mnits")
    with pytest.raises(Problem, match=r"esol: no such recipe. Did you mean esol_feedforward\?"):
        load("esol")


def test_pictures_are_classified_where_the_classifier_is(tmp_path):
    """A device that holds no values tells: what lies elsewhere can't meet what lies there."""
    found, codec = [], Codec((2, 2), 1, classes=("a", "b"))

    class Judge(torch.nn.Module):
        def predict(self, batch):
            found.append(batch["image"].device.type)
            return torch.eye(2)[[0] * (len(batch) - 1) + [1]]

    judge = Run(tmp_path, {})
    vars(judge).update(model=Judge(), codec=codec, spec=codec.spec, device=torch.device("meta"))
    assert shares(np.zeros((4, 2, 2, 1), np.uint8), judge) == [0.75, 0.25]
    assert found == ["meta"]


def test_what_the_measure_lacks_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Problem, match=r"the classifier is not trained. Run: reverie reproduce fashion_classifier"):
        reproduce("dcgan_fashion", Path("run"), seed=0)
    assert not list(tmp_path.iterdir())
