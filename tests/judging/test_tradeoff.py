"""A trade-off: one run a weight, what each buys, and a page; the same order goes on."""

import json

import pytest

import reverie
from reverie.errors import Problem
from reverie.judging.tradeoff import tradeoff


def test_more_weight_buys_less_rate_and_costs_distortion(tmp_path):
    """Far apart enough that 60 steps tell; and asked again with one weight more, only that one is trained."""
    asked = {"out": tmp_path / "t", "steps": 60, "set": "tiny", "samples": 100}
    made = tradeoff("demo-fashion", "vae", (300.0, 0.1), **asked)
    rates, distortions = ([found[n].value for *_, found in made.points] for n in ("rate_bits", "distortion_nats"))
    assert rates[0] > 2 * rates[1]
    assert distortions[0] < distortions[1]
    assert [beta for beta, *_ in made.points] == [0.1, 300.0]
    run = reverie.open(tmp_path / "t" / "beta-300")
    assert run.info["config"]["beta"] == 300.0
    before = (tmp_path / "t" / "beta-0.1" / "weights.safetensors").stat().st_mtime_ns
    again = tradeoff("demo-fashion", "vae", (0.1, 300.0, 3.0), **asked)
    assert len(again.points) == 3
    assert (tmp_path / "t" / "beta-0.1" / "weights.safetensors").stat().st_mtime_ns == before
    kept = json.loads(again.json.read_text())
    assert [point["beta"] for point in kept["points"]] == [0.1, 3.0, 300.0]
    page = again.html.read_text()
    assert page.count("<svg") == 3  # distortion, reconstruction and detail, over rate
    assert "rate_bits" in page


@pytest.mark.parametrize(
    ("model", "betas", "words"),
    [("dcgan", (1.0,), "no rate"), ("vae", (-1.0,), "0 or more"), ("vae", (), "0 or more"), ("vea", (1.0,), "vae")],
)
def test_what_has_no_curve_is_refused_in_words(model, betas, words, tmp_path):
    with pytest.raises(Problem, match=words):
        tradeoff("demo-fashion", model, betas, out=tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Problem, match="no trade-off"):
        tradeoff("demo-fashion", "vae", (1.0,), out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
