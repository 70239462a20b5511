"""Recipes name what there is, and one runs, goes on where it was and keeps its result."""

import json
from dataclasses import replace

import pytest
import torch

from reverie.catalog import find
from reverie.errors import Problem
from reverie.recipes.__main__ import load, names, reproduce
from reverie.recipes.likelihood import held_out


@pytest.mark.parametrize("name", names())
def test_a_recipe_names_a_model_its_set_and_its_fields(name):
    recipe = load(name)
    family = find(recipe.model)
    assert recipe.set in family.sets
    assert set(recipe.fields) <= {setting.name for setting in family.fields()}
    assert not (recipe.steps and recipe.time)
    assert all((recipe.title, recipe.source, recipe.published))


def test_better_is_more_or_less():
    recipe = load("vae_mnist")
    assert recipe.reached(recipe.goal)
    assert not recipe.reached(recipe.goal + 0.1)
    assert replace(recipe, higher=True).reached(recipe.goal + 0.1)


def test_a_recipe_runs_and_keeps_its_result_beside_the_run(tmp_path, monkeypatch):
    def measure(run):
        found = held_out(run, draws=2)
        return {"value": found["nats_an_item"], "unit": "nats", **found}

    small = replace(load("vae_mnist"), data="demo-fashion", set="tiny", steps=2, fields={}, training={})
    small = replace(small, measure=measure)
    monkeypatch.setattr("reverie.recipes.__main__.load", lambda name: small)
    result = reproduce("small", tmp_path / "run", seed=3)
    kept = json.loads((tmp_path / "run" / "result.json").read_text())
    assert kept == json.loads(json.dumps(result))
    assert (kept["seed"], kept["steps"], kept["items"], kept["draws"]) == (3, 2, 1000, 2)
    assert kept["reached"] == (kept["value"] <= small.goal)
    assert kept["bits_a_unit"] == pytest.approx(kept["value"] / 784 / 0.6931471805599453)
    assert reproduce("small", tmp_path / "run", seed=3)["value"] == kept["value"]  # trained already, measured alike


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
    monkeypatch.setattr("reverie.recipes.__main__.load", lambda name: small)
    result = reproduce("small", tmp_path / "out", seed=0)
    assert len(set.union(*rows)) == sum(map(len, rows)) == result["items"] == 60
    assert (result["value"], result["deviation_of_folds"], result["folds"]) == (2, 1, [1, 2, 3])
    kept = json.loads((tmp_path / "out" / "result.json").read_text())
    assert kept["folds"] == [1, 2, 3]
    weights = tmp_path / "out" / "fold-2" / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    reproduce("small", tmp_path / "out", seed=0)
    assert weights.stat().st_mtime_ns == written  # trained already


def test_an_unknown_recipe_is_refused():
    with pytest.raises(Problem, match="no such recipe"):
        load("nothing")
