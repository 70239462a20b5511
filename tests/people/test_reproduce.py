"""`reverie reproduce` as a person meets it: what it lists and says, how it ends, and that it goes on."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kitchen import Kitchen
from reverie.cli import main
from reverie.kinds import public
from reverie.recipes.kept import every
from reverie.recipes.reproduce import names


@pytest.fixture
def typed(bare):
    return lambda *words: bare("reproduce", *words)


def test_without_a_name_it_lists_every_recipe_with_what_is_kept(desk, typed):
    found = desk.reverie("reproduce", "--json").json
    assert [one["recipe"] for one in found["recipes"]] == names()
    kept = {one.name: one for one in every()}
    for one in found["recipes"]:
        whole = kept[one["recipe"]].whole if one["recipe"] in kept else {"value": None}
        assert one["value"] == whole["value"]
        assert bool(one["verdict"]) == bool(one["took"]) == (one["recipe"] in kept)
    said = typed("--list").out
    for one in found["recipes"]:
        line = next(line for line in said.splitlines() if line.startswith(one["recipe"] + " "))
        assert one["title"] in line
        assert one["wanted"] in line
    assert said.splitlines()[-1] == "next: reverie reproduce RECIPE"
    assert desk.files() == {}


def test_with_a_name_list_says_all_of_that_recipe_and_runs_nothing(typed, tmp_path):
    said = typed("vae_mnist", "--list").out
    for words in ("86.76 nats after 3,280 epochs", "arXiv:1509.00519", "goal: ≤ 87.2", "differs: 3,280 epochs"):
        assert words in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing",), ("nothing: no such recipe", "There are: adult_feedforward")),
        (("vae_mnits",), ("vae_mnits: no such recipe", "Did you mean vae_mnist or iwae_mnist?")),
        (("vae_mnist", "--seeds", "0"), ("--seeds 0: below 1",)),
        (("vae_mnist", "--seeds", "many"), ("--seeds many: not a whole number",)),
        (("vae_mnist", "--seed", "1", "--seeds", "2"), ("--seed 1 --seeds 2", "one of the two")),
        (("--out", "here"), ("--out here", "reverie reproduce RECIPE --out here")),
        (("vae_mnist", "--list", "--seeds", "2"), ("--seeds 2: nothing is run here",)),
        (("vae_mnist", "gpt_shakespeare"), ("gpt_shakespeare: one thing too many",)),
    ],
)
def test_bad_input_is_one_line(typed, tmp_path, words, says):
    typed(*words).refused(*says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seeds", [(), ("--seeds", "2")])
def test_data_that_is_not_there_is_one_line_that_says_where_to_put_it(typed, tmp_path, seeds):
    where = str(tmp_path / ".cache" / "sets" / "etth1")
    typed("etth1_linear", *seeds).refused("etth1: not here", f"Put ETTh1.csv into {where}", "REVERIE_DATA")
    assert not list(tmp_path.iterdir())


def test_without_a_network_one_line_says_where_to_put_a_set_that_would_be_downloaded(typed, tmp_path, monkeypatch):
    nowhere = tuple(replace(r, urls=("http://127.0.0.1:9/x",)) for r in public.REMOTES["tinyshakespeare"])
    monkeypatch.setitem(public.REMOTES, "tinyshakespeare", nowhere)
    where = str(tmp_path / ".cache" / "sets" / "tinyshakespeare")
    typed("gpt_shakespeare").refused("no connection", f"Put tinyshakespeare.txt into {where}", "REVERIE_DATA")
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def run(capsys, *words):
    code = main(["reproduce", *words])
    return code, *capsys.readouterr()


def test_it_ends_with_the_number_the_published_one_the_tolerance_and_the_verdict(tmp_path, monkeypatch, capsys):
    Kitchen(tmp_path, monkeypatch)
    code, out, _ = run(capsys, "tiny_vae")
    assert code == 0
    lines = out.splitlines()
    assert "published: 1000 nats (a test)" in lines
    assert "differs: in all" in lines
    assert any("than the published 1000 (tolerance 1); goal ≤ 900" in line for line in lines)
    assert f"wrote {Path('runs/recipe-tiny_vae-seed0/result.json')}" in lines
    assert lines[-1].startswith("next: reverie ")


def test_ctrl_c_while_it_measures_has_its_code_and_the_same_command_goes_on(tmp_path, monkeypatch, capsys):
    kitchen = Kitchen(tmp_path, monkeypatch)
    Path("stop").touch()
    code, _, err = run(capsys, "tiny_vae", "--seeds", "2")
    assert (code, kitchen.measured) == (130, 1)
    assert "the same command goes on" in err
    Path("stop").unlink()
    code, out, _ = run(capsys, "tiny_vae", "--seeds", "2")
    assert (code, kitchen.measured) == (0, 3)
    assert "over 2 seeds" in out


AS_COMMAND = """
import sys, reverie.recipes as package
package.__path__.append("recipes")
from reverie.cli import main
sys.exit(main(["reproduce", "tiny_vae"]))
"""


def test_ctrl_c_while_it_trains_has_its_code_and_the_same_command_ends_as_if_uncut(tmp_path, monkeypatch, capsys):
    """By the weights, bit for bit: a run that was cut is the run that was not."""
    kitchen = Kitchen(tmp_path, monkeypatch)
    kitchen.write(steps=1000)
    assert stopped(tmp_path) == 130
    assert not list(tmp_path.glob("runs/*/result.json"))
    code, out, _ = run(capsys, "tiny_vae")
    assert code == 0
    assert "goes on at step" in out
    code, out, _ = run(capsys, "tiny_vae", "--out", "whole")
    assert code == 0
    assert "goes on at step" not in out
    cut, whole = (Path(name) / "weights.safetensors" for name in ("runs/recipe-tiny_vae-seed0", "whole"))
    assert cut.read_bytes() == whole.read_bytes()


def stopped(folder: Path) -> int:
    """The exit code of a command that gets Ctrl-C once its log has a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", AS_COMMAND], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    log, end = folder / "runs/recipe-tiny_vae-seed0/log.jsonl", time.monotonic() + 120
    while time.monotonic() < end and not (log.is_file() and log.read_text().strip()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=120)
