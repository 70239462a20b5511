"""A comparison trains and judges all models alike, keeps what is done, loses no model to another's trouble, and mixes
nothing that can't be compared."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from clothes import clothes as pictures_of_clothes
from reverie.errors import Diverged, Problem, Stopped
from reverie.judging.compare import compare
from reverie.judging.comparison import Comparison, Row, Trained, read
from reverie.judging.evaluate import evaluate
from reverie.judging.order import Order, common_size, settled
from reverie.kinds import DataOptions
from reverie.training.fit import fit
from reverie.training.progress import Silent
from reverie.training.run import Run

ASKED = {"steps": 6, "set": "tiny", "samples": 12}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    """120 real pictures, in a folder a class."""
    base = tmp_path_factory.mktemp("data") / "clothes"
    for i, (picture, label) in enumerate(zip(*pictures_of_clothes(120))):
        folder = base / f"class {label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0]).save(folder / f"{i:03d}.png")
    return base


@pytest.fixture(scope="module")
def done(clothes, tmp_path_factory):
    """A finished comparison of two models that can be trained and one that can't: predictors, as they are judged
    in a moment."""
    patch = pytest.MonkeyPatch()
    patch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    out = tmp_path_factory.mktemp("done") / "compared"
    found = compare(clothes, "feedforward,gpt,convolutional", out=out, **ASKED)
    patch.undo()
    return found


@pytest.fixture
def copy(done, tmp_path):
    """The same in a folder that a test may change."""
    shutil.copytree(done.folder, tmp_path / "compared")
    return tmp_path / "compared"


class Listener(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def kept(folder):
    return json.loads((folder / "compare.json").read_text())


def state(folder):
    """When each file of a run was written that training or judging writes."""
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in (".ckpt", ".safetensors", ".json")}


def test_a_comparison_is_fit_and_evaluate_of_each(done, clothes, tmp_path):
    alone = fit(clothes, "convolutional", out=tmp_path / "alone", steps=6, set="tiny")
    weights = (done.folder / "convolutional-seed0" / "weights.safetensors").read_bytes()
    assert weights == (tmp_path / "alone" / "weights.safetensors").read_bytes()
    row = next(row for row in done.rows if row.model == "convolutional")
    assert row.seeds[0].metrics == evaluate(alone, samples=12).metrics
    assert (row.seeds[0].steps, row.seeds[0].items) == (6, 6 * alone.info["plan"]["batch"])


def test_all_runs_share_data_and_split(done):
    facts = [Run.open(done.folder / f"{model}-seed0").info["source"] for model in ("feedforward", "convolutional")]
    assert facts[0] == facts[1]
    assert done.fingerprint == facts[0]["fingerprint"]


def test_a_model_that_cant_be_trained_is_a_row_that_says_why(done):
    rows = {row.model: row for row in done.rows}
    assert not rows["gpt"].runs
    assert "takes a row of tokens" in rows["gpt"].trouble
    (field,) = Run.open(done.folder / "feedforward-seed0").spec.fields.values()
    assert field.shape == (1, 28, 28)  # gpt's wish for 16 tokens made no other's pictures smaller
    assert rows["feedforward"].runs
    assert rows["convolutional"].runs  # which came after it
    assert rows["gpt"].trouble in done.verdict
    assert "takes a row of tokens" in done.html.read_text()
    assert not (done.folder / "gpt-seed0").exists()


def test_the_json_says_what_was_asked_and_what_was_found(done):
    found = kept(done.folder)
    assert found == done.to_json()
    assert [one["model"] for one in found["models"]] == ["feedforward", "gpt", "convolutional"]
    assert found["budget"] == {"steps": 6}
    assert (found["seeds"], found["set"], found["samples"], found["measure"]) == (1, "tiny", 12, "accuracy_12")
    values = {one["model"]: one["mean"]["accuracy_12"]["value"] for one in found["models"] if one["seeds"]}
    assert found["best"] == max(values, key=values.get)
    assert found["best"] in found["verdict"][0]


def test_what_is_trained_and_judged_is_not_done_again(copy, clothes):
    before = state(copy / "feedforward-seed0") | state(copy / "convolutional-seed0")
    told = Listener()
    found = compare(clothes, "feedforward,gpt,convolutional", out=copy, reporter=told, **ASKED)
    assert state(copy / "feedforward-seed0") | state(copy / "convolutional-seed0") == before
    assert len([line for line in told.lines if "already" in line]) == 4
    assert found.best == kept(copy)["best"]


def test_resume_needs_no_other_word(copy, clothes, done):
    found = compare(clothes, out=copy, resume=True)
    assert found.order.models == ("feedforward", "gpt", "convolutional")
    assert found.to_json() == done.to_json()


@pytest.mark.parametrize("how", ["by other samples", "by hand", "not at all"])
def test_a_run_whose_report_is_not_that_of_the_protocol_is_judged_again(copy, clothes, how):
    run, other = copy / "feedforward-seed0", state(copy / "convolutional-seed0")
    samples = 12
    if how == "by hand":
        evaluate(Run.open(run), samples=11)
    elif how == "not at all":
        (run / "report" / "report.json").unlink()
    else:
        samples = 11
    found = compare(clothes, out=copy, resume=True, samples=samples)
    names = {m.name for row in found.rows for one in row.runs for m in one.metrics}
    assert f"accuracy_{samples}" in names
    assert f"accuracy_{23 - samples}" not in names
    report = json.loads((run / "report" / "report.json").read_text())
    assert report["metrics"][0]["name"] == f"accuracy_{samples}"
    assert (state(copy / "convolutional-seed0") == other) is (how != "by other samples")


def test_more_steps_and_seeds_extend_it(copy, clothes):
    found = compare(clothes, out=copy, steps=8, seeds=2, resume=True)
    rows = {row.model: row for row in found.rows}
    for model in ("feedforward", "convolutional"):
        assert [run.steps for run in rows[model].runs] == [8, 8]
        assert [Run.open(copy / f"{model}-seed{seed}").step for seed in (0, 1)] == [8, 8]
        infos = [Run.open(copy / f"{model}-seed{seed}").info for seed in (0, 1)]
        assert [info["plan"]["seed"] for info in infos] == [0, 1]
        assert {info["set"] for info in infos} == {"tiny"}
        values = [m.value for run in rows[model].runs for m in run.metrics if m.name == "log_loss_12"]
        span = rows[model].means["log_loss_12"]
        assert span.value == pytest.approx(sum(values) / 2)
        assert span.low < min(values) < max(values) < span.high  # 12.7 standard errors of two


class Interrupting(Listener):
    """Presses Ctrl-C when that model has started."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def step(self, step, logs, speed, seconds_left):
        if step == 3 and any(line.startswith(self.model) for line in self.lines):
            os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_it_goes_on_and_ends_as_if_it_had_not_been(done, clothes, tmp_path):
    folder = tmp_path / "cut"
    with pytest.raises(Stopped, match="the same command goes on"):
        compare(clothes, "feedforward,gpt,convolutional", out=folder, reporter=Interrupting("convolutional"), **ASKED)
    assert Run.open(folder / "convolutional-seed0").step == 3
    assert [len(one["seeds"]) for one in kept(folder)["models"]] == [1, 0, 0]
    before = state(folder / "feedforward-seed0")
    found = compare(clothes, "feedforward,gpt,convolutional", out=folder, **ASKED)
    assert state(folder / "feedforward-seed0") == before
    for ours, theirs in zip(found.rows, done.rows):
        assert [run.metrics for run in ours.runs] == [run.metrics for run in theirs.runs]
    for model in ("feedforward", "convolutional"):
        weights = [(place / f"{model}-seed0" / "weights.safetensors").read_bytes() for place in (folder, done.folder)]
        assert weights[0] == weights[1]


def test_a_sitting_that_is_cut_forgets_nothing_that_was_judged(copy, clothes):
    shutil.rmtree(copy / "feedforward-seed0")
    judged = kept(copy)["models"][2]
    with pytest.raises(Stopped):
        compare(clothes, out=copy, resume=True, reporter=Interrupting("feedforward"))
    assert kept(copy)["models"][2] == judged
    before = state(copy / "convolutional-seed0")
    compare(clothes, out=copy, resume=True)
    assert state(copy / "convolutional-seed0") == before


def test_a_time_is_a_budget_that_more_time_extends(clothes, tmp_path):
    asked = {"out": tmp_path / "timed", "set": "tiny", "samples": 12}
    found = compare(clothes, "convolutional", time="1s", **asked)
    run = Run.open(found.folder / "convolutional-seed0")
    assert [segment["time"] for segment in run.info["segments"]] == [1.0]
    steps = run.step
    assert found.rows[0].runs[0].steps == steps == run.info["segments"][0]["steps"]
    told = Listener()
    compare(clothes, "convolutional", time="1s", reporter=told, **asked)
    assert len([line for line in told.lines if "already" in line]) == 2
    more = compare(clothes, "convolutional", time="6s", **asked | {"samples": 11})
    assert more.rows[0].runs[0].steps > steps
    assert more.order.budget == "6 s"


def test_a_diverged_run_loses_no_other(copy, clothes):
    """The second seed of the first model diverges by a learning rate that nobody would take."""
    fields = {"learning_rate": 1e30}
    with pytest.raises(Diverged):
        fit(clothes, "feedforward", out=copy / "feedforward-seed1", steps=6, set="tiny", seed=1, fields=fields)
    found = compare(clothes, out=copy, resume=True, seeds=2)
    row = found.rows[0]
    assert sorted(row.seeds) == [0]
    assert row.trouble.startswith("1 of 2 seeds failed; seed 1:")
    assert "diverged" in row.trouble
    assert sorted(found.rows[2].seeds) == [0, 1]


def test_where_no_model_can_be_trained_the_first_trouble_is_raised_and_nothing_stays(clothes, tmp_path):
    with pytest.raises(Problem, match="takes a row of tokens"):
        compare(clothes, "gpt,seq2seq", out=tmp_path / "none", **ASKED)
    assert not (tmp_path / "none").exists()


def test_other_data_is_refused_and_nothing_changes(copy, clothes, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(clothes, other)
    next(other.rglob("*.png")).unlink()
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    for where, more in ((other, {}), (clothes, {"held_out": 0.2}), (clothes, {"size": (14, 14)})):
        with pytest.raises(Problem, match="other data, or read otherwise"):
            compare(where, out=copy, resume=True, **more)
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before


def test_a_folder_of_something_else_is_left_alone(clothes, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Problem, match="not empty, and no comparison"):
        compare(clothes, "vae", out=tmp_path, **ASKED)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


# ------------------------------------------------------------------------------------------- what may change, and sizes

BEFORE = {
    "options": {"held_out": 0.2},
    "set": "tiny",
    "samples": 12,
    "budget": {"steps": 60},
    "seeds": 2,
    "models": [{"model": "vae"}, {"model": "dcgan"}],
}
TIMED = {**BEFORE, "budget": {"time": "10m", "seconds": 600.0}}


def order(**more):
    return Order("data", **{"models": ("vae", "dcgan"), "out": Path("there"), **more})


def test_what_is_left_out_is_as_it_was():
    found = settled(order(models=()), BEFORE)
    assert found.models == ("vae", "dcgan")
    assert (found.steps, found.time, found.seeds, found.set, found.samples) == (60, "", 2, "tiny", 12)
    assert found.options.held_out == 0.2
    assert settled(order(), TIMED).time == "10m"


def test_each_data_option_that_is_left_out_is_as_it_was():
    before = {**BEFORE, "options": {"held_out": 0.2, "size": [32, 32], "predict": "labels"}}
    found = settled(order(options=DataOptions(held_out=0.3, fit="pad")), before).options
    assert found == DataOptions(held_out=0.3, fit="pad", size=(32, 32), predict="labels")


@pytest.mark.parametrize("name", ["options", "set", "samples", "budget", "seeds", "models", "size"])
@pytest.mark.parametrize("spoilt", ["missing", "another"])
def test_a_spoilt_compare_json_is_one_line(tmp_path, name, spoilt):
    file = tmp_path / "compare.json"
    one = {"seed": 0, **Trained("vae-seed0").to_json()}
    good = {**BEFORE, "format": 1, "size": [], "models": [{"model": "vae", "seeds": [one]}]}
    file.write_text(json.dumps(good))
    assert read(tmp_path) == good
    parts = {"budget": {"hours": 3}, "models": [{"model": "vae", "seeds": [{"seed": 0, "run": "vae-seed0"}]}]}
    bad = {k: v for k, v in good.items() if k != name} if spoilt == "missing" else {**good, name: parts.get(name, 1.5)}
    file.write_text(json.dumps(bad))
    with pytest.raises(
        Problem, match=f"compare.json: its {name} is spoilt .*Bring back a copy, or name another folder"
    ):
        read(tmp_path)


def test_without_a_folder_the_defaults_are_ten_minutes_and_one_seed():
    found = settled(order(), None)
    assert (found.steps, found.time, found.seeds, found.samples) == (0, "10m", 1, 0)
    assert found.budget == "10 min"


@pytest.mark.parametrize(
    ("more", "before"),
    [
        ({"steps": 60}, BEFORE),
        ({"steps": 61}, BEFORE),
        ({"seeds": 3}, BEFORE),
        ({"models": ("wgan_gp", "dcgan", "vae")}, BEFORE),
        ({"time": "600"}, TIMED),
        ({"time": "0.5h"}, TIMED),
    ],
)
def test_more_is_an_extension(more, before):
    found = settled(order(**more), before)
    assert all(getattr(found, name) == value for name, value in more.items())


@pytest.mark.parametrize(
    ("more", "before", "says"),
    [
        ({"steps": 59}, BEFORE, "--steps 59: there compares by --steps 60. Pass that or more"),
        ({"time": "10m"}, BEFORE, "--time 10m: there compares by --steps 60"),
        ({"steps": 60}, TIMED, "--steps 60: there compares by --time 10m"),
        ({"time": "9m"}, TIMED, "--time 9m: there compares by --time 10m"),
        ({"seeds": 1}, BEFORE, "--seeds 1: there compares 2"),
        ({"set": "small"}, BEFORE, "--set small: there compares with --set tiny"),
        ({"set": "tiny"}, {**BEFORE, "set": ""}, "--set tiny: there compares without --set"),
        ({"models": ("vae", "gpt")}, BEFORE, "--models vae,gpt: there also compares dcgan. Name it too"),
    ],
)
def test_less_or_something_else_says_how_to_go_on(more, before, says):
    with pytest.raises(Problem) as caught:
        settled(order(**more), before)
    assert says in str(caught.value)
    assert "or name another folder by --out" in str(caught.value)


@pytest.mark.parametrize(
    ("models", "more", "forced", "before", "size"),
    [
        (("vae", "dcgan"), {}, (), None, ()),  # small: all take the data's own
        (("vae", "dcgan"), {"set": "paper"}, (), None, (64, 64)),
        (("wgan_gp", "dcgan"), {"set": "paper"}, (), None, (64, 64)),  # of 32 and 64
        (("dcgan",), {"set": "paper"}, (), None, ()),  # no other to agree with
        (("vae", "dcgan"), {"set": "paper", "options": DataOptions(size=(20, 20))}, (), None, ()),
        (("vae", "dcgan"), {"set": "paper"}, (48, 48), (), (48, 48)),  # what the folder has
        (("dcgan", "vae"), {"set": "paper"}, (), (64, 64), (64, 64)),  # a model more, after one that asked for it
        (("vae", "dcgan"), {}, (), (), ()),
        (("vae", "gpt"), {}, (), None, ()),  # a length of text is no size of pictures
    ],
)
def test_all_models_get_one_size(models, more, forced, before, size):
    assert common_size(order(models=models, steps=9, **more), "image", forced, before) == size


def test_a_model_of_another_size_is_not_added_to_runs_of_the_datas_own():
    with pytest.raises(Problem, match="asks for items of 64x64, and there compares by items as they are"):
        common_size(order(models=("vae", "dcgan"), steps=9, set="paper"), "image", (), ())


def test_the_size_that_a_folder_has_is_what_its_runs_get(clothes, tmp_path):
    asked = settled(Order(str(clothes), ("feedforward",), tmp_path / "sized", **ASKED), None)
    begun = Comparison(asked, [Row("feedforward")], "", (14, 18))
    begun.folder.mkdir()
    begun.json.write_text(json.dumps(begun.to_json()))  # killed before its first run
    found = compare(clothes, "feedforward", out=begun.folder, **ASKED)
    (field,) = Run.open(found.folder / "feedforward-seed0").spec.fields.values()
    assert field.shape[1:] == found.size == (14, 18)
    assert compare(clothes, out=begun.folder, resume=True).to_json() == found.to_json()


@pytest.mark.slow
def test_models_that_ask_for_different_sizes_are_judged_by_one(clothes, tmp_path):
    """wgan_gp's paper asks for 32×32, the vae's for the pictures as they are; --set is the paper's for both."""
    told = Listener()
    fields = {"steps": 1, "set": "paper", "samples": 8}
    found = compare(clothes, "vae,wgan_gp", out=tmp_path / "sized", reporter=told, **fields)
    assert found.size == (32, 32)
    assert "size: 32x32 for all models, the largest that one asks for; --size sets another" in told.lines
    for model in ("vae", "wgan_gp"):
        (field,) = Run.open(found.folder / f"{model}-seed0").spec.fields.values()
        assert field.shape[1:] == (32, 32)
    again = compare(clothes, "vae,wgan_gp", out=tmp_path / "sized", **fields)
    assert again.to_json() == found.to_json()
