"""The page of results says what the kept files say, whole, and what has changed since."""

import json
import shutil
from dataclasses import replace
from statistics import mean, stdev

import pytest

from reverie.errors import Problem
from reverie.recipes.kept import FOLDER, every, older
from reverie.recipes.page import page
from reverie.recipes.reproduce import load, names, settings
from reverie.terminal import duration

FILES = sorted(FOLDER.glob("**/result*.json"))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def rows(text: str, name: str) -> list[list[str]]:
    """A recipe's line in each table."""
    return [cells(line) for line in text.splitlines() if line.startswith(f"| `{name}` |")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_kept_result_is_of_a_recipe_that_is_there_and_of_the_seed_that_its_folder_names(file):
    result = json.loads(file.read_text())
    assert result["recipe"] in names()
    assert file.parent.name == f"{result['recipe']}-seed{result['seed']}"


def test_the_page_has_each_kept_result_with_what_it_took_and_how_to_get_it():
    text = page()
    for file in FILES:
        result = json.loads(file.read_text())
        numbers, taken, _ = rows(text, result["recipe"])
        assert f"{result['value']:#.4g}" in numbers[1]
        assert result["unit"] in numbers[1]
        if "low" in result:
            assert f"{result['low']:#.4g} … {result['high']:#.4g}" in numbers[1]
        assert duration(result["training_seconds"]) in taken[4]
        assert f"torch {result['environment']['torch']}" in taken[6]
        assert taken[7].startswith(f"`reverie reproduce {result['recipe']}")


def test_several_seeds_are_one_row_with_their_mean_their_deviation_and_each_value():
    text = page()
    values = [json.loads((FOLDER / f"dcgan_fashion-seed{k}" / "result.json").read_text())["value"] for k in range(3)]
    numbers, taken, _ = rows(text, "dcgan_fashion")
    assert numbers[1].startswith(f"{mean(values):#.4g} ")
    assert f"deviation {stdev(values):.2g} over 3 seeds" in numbers[1]
    assert all(f"{value:#.4g}" in numbers[1] for value in values)
    assert (taken[2], taken[7]) == ("0, 1, 2", "`reverie reproduce dcgan_fashion --seeds 3`")


def folder(tmp_path, **changes):
    """benchmarks/results with one result, changed."""
    made = tmp_path / "results"
    shutil.copytree(FOLDER / "etth1_linear-seed0", made / "etth1_linear-seed0")
    file = made / "etth1_linear-seed0" / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return made


def test_the_page_follows_the_file(tmp_path):
    text = page(folder(tmp_path, value=0.12345, unit="leagues"))
    assert rows(text, "etth1_linear")[0][1] == "0.1235 leagues"
    assert "reproduced" in rows(text, "etth1_linear")[0][5]


def test_the_verdict_is_that_of_the_recipe_as_it_is_now(tmp_path):
    text = page(folder(tmp_path, value=0.4, goal=1.0, reached=True, verdict="reproduced"))
    assert rows(text, "etth1_linear")[0][5] == "goal missed by 0.014"


def test_a_result_whose_recipe_is_gone_fails(tmp_path):
    with pytest.raises(Problem, match=r"result.json: of etth0, and there is no such recipe. Remove the file"):
        page(folder(tmp_path, recipe="etth0"))


def test_a_file_that_is_no_result_fails(tmp_path):
    with pytest.raises(Problem, match=r"result.json: no result of a recipe"):
        page(folder(tmp_path, value=None))


def test_a_result_of_an_older_recipe_is_marked(tmp_path):
    assert "older recipe" not in page(folder(tmp_path / "a"))
    recipe = load("vae_mnist")
    now = {"steps": recipe.steps, "settings": settings(recipe)}
    assert older(recipe, now) == ""
    assert older(recipe, {"steps": recipe.steps}) == "", "a result of before settings were kept"
    assert older(recipe, {**now, "steps": 10}) == "10 steps, and the recipe has 850,000"
    assert older(replace(recipe, fields={"latents": 3}), now) == "another fields than the recipe has"
    assert older(replace(recipe, goal=0.0), now) == ""
    other = settings(load("etth1_linear")) | {"fields": {"bins": 3}}
    text = page(folder(tmp_path / "b", settings=other))
    assert "**of an older recipe**: another fields than the recipe has" in rows(text, "etth1_linear")[0][1]


def test_an_installation_without_kept_results_has_none(tmp_path):
    assert every(tmp_path / "nowhere") == []
    assert "No recipe's result is kept yet." in page(tmp_path / "results")
