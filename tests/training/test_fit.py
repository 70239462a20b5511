"""`fit` as a person meets it: what it writes, what it refuses, how it goes on."""

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.errors import Diverged, NoRoom, Problem, Stopped
from reverie.tasks import calibrate
from reverie.training import checkpoint, files
from reverie.training.fit import fit
from reverie.training.log import read
from reverie.training.pace import seconds
from reverie.training.progress import Silent
from reverie.training.run import Run
from reverie.training.session import Looks

SMALL = {"set": "tiny", "training": {"batch": 8}}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (30, 16, 20), dtype=np.uint8)):
        Image.fromarray(x).save(folder / f"{i}.png")
    return folder


def test_a_run_is_one_folder_that_says_everything(pictures, tmp_path):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=4, **SMALL)
    found = {p.name for p in run.path.iterdir()}
    assert {"run.json", "last.ckpt", "best.ckpt", "weights.safetensors", "log.jsonl", "samples"} <= found
    modes = {p.name: p.stat().st_mode for p in run.path.iterdir() if p.suffix}
    assert len(set(modes.values())) == 1, modes  # each may be read by whom the person's umask lets
    moved = run.path.rename(tmp_path / "elsewhere")
    again = Run.open(moved)
    assert np.array_equal(again.sample(5, seed=3), Run.open(moved).sample(9, seed=3)[:5])
    assert again.sample(2).shape == (2, 16, 20, 1)
    assert not np.array_equal(again.sample(5, seed=3), again.sample(5, seed=4))


def test_without_a_model_one_is_chosen_and_the_run_finds_its_data_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "cats.txt"
    text.write_text("the cat sat on the mat; the dog sat on the log.\n" * 200)
    run = fit(text, steps=2, set="tiny")
    assert run.path.resolve() == tmp_path / "runs" / "cats-gpt"
    assert run.prepared.fingerprint == run.info["source"]["fingerprint"]
    assert len(run.sample(2)) == 2


@pytest.mark.parametrize("killed", ["before the weights", "before the checkpoint", "before the calibration"])
def test_a_run_killed_at_its_end_has_its_last_weights_when_it_is_called_again(killed, tmp_path, monkeypatch):
    table, cut = tmp_path / "t.csv", tmp_path / "cut"
    table.write_text("a,b,y\n" + "".join(f"{i},{i % 5},{'yn'[i % 2]}\n" for i in range(200)))
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("reverie.training.session.SAVE_SECONDS", 0.0)
    asked = {"steps": 5, "predict": "y", "training": {"batch": 8, "keep": "last"}}
    whole = fit(table, "feedforward", out=tmp_path / "whole", **asked).path
    where, name = {
        "before the weights": (checkpoint, "save_weights"),
        "before the checkpoint": (checkpoint, "save"),
        "before the calibration": (calibrate, "calibration"),
    }[killed]
    goes_on = getattr(where, name)

    def dies(first, *more):
        if len(read(cut / "log.jsonl")) == 5 and getattr(first, "name", "") != "best.ckpt":
            raise KeyboardInterrupt
        return goes_on(first, *more)

    monkeypatch.setattr(where, name, dies)
    with pytest.raises(KeyboardInterrupt):
        fit(table, "feedforward", out=cut, **asked)
    monkeypatch.setattr(where, name, goes_on)
    fit(table, "feedforward", out=cut, **asked)
    for name in ("weights.safetensors", "calibration.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_run_killed_between_its_last_look_and_its_only_checkpoint_is_made_whole(pictures, tmp_path):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=3, **SMALL)
    weights = (run.path / "weights.safetensors").read_bytes()
    (run.path / "last.ckpt").unlink()  # best.ckpt is of the last step
    fit(pictures, out=run.path)
    assert Run.open(run.path).step == 3
    assert (run.path / "weights.safetensors").read_bytes() == weights


def test_the_same_command_again_changes_nothing(pictures, tmp_path):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=3, **SMALL)
    before = {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()}
    fit(pictures, out=run.path)
    assert {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()} == before


def test_a_longer_run_is_the_shorter_one_gone_on(pictures, tmp_path):
    short = fit(pictures, "vae", out=tmp_path / "a", steps=3, **SMALL)
    fit(pictures, out=short.path, steps=6)
    whole = fit(pictures, "vae", out=tmp_path / "b", steps=6, **SMALL)
    weights = [(r.path / "weights.safetensors").read_bytes() for r in (short, whole)]
    assert weights[0] == weights[1]  # the tiny set's rate is constant: schedules do not part them
    assert [s["steps"] for s in Run.open(short.path).info["segments"]] == [3, 6]
    assert [line["step"] for line in read(short.path / "log.jsonl")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "dcgan"}, "--model dcgan"),
        ({"fields": {"latents": 9}}, "--latents 9"),
        ({"training": {"batch": 4}}, "--batch 4"),
        ({"seed": 7}, "--seed 7"),
        ({"steps": 2}, "planned for 3"),
        ({"set": "paper"}, "was trained with"),
    ],
)
def test_only_steps_and_time_may_change_in_an_old_folder(pictures, tmp_path, change, says):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=3, **SMALL)
    before = {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()}
    with pytest.raises(Problem, match=says):
        fit(pictures, out=run.path, **change)
    assert {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()} == before


def test_other_data_in_an_old_folder_is_refused(pictures, tmp_path):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, **SMALL)
    Image.new("L", (20, 16), 7).save(pictures / "new.png")
    with pytest.raises(Problem, match="other data"):
        fit(pictures, out=run.path, steps=4)


def test_a_folder_that_is_no_run_is_left_alone(pictures, tmp_path):
    place = tmp_path / "thesis"
    place.mkdir()
    (place / "thesis.tex").write_text("mine")
    with pytest.raises(Problem, match="not empty, and no run"):
        fit(pictures, "vae", out=place, steps=2, **SMALL)
    assert [p.name for p in place.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["", "10x", "-3m", "0", "m"])
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(Problem, match="--time"):
        seconds(text)


def test_durations():
    assert [seconds(t) for t in ("90s", "10m", "1.5h", "30")] == [90, 600, 5400, 30]


def test_time_becomes_steps_once(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("reverie.training.pace.WARM_UP", 0.1)
    run = fit(pictures, "vae", out=tmp_path / "run", time="2s", **SMALL)
    planned = run.info["segments"][0]
    assert planned["time"] == 2
    assert planned["steps"] == run.step >= 1
    same = fit(pictures, "vae", out=tmp_path / "other", steps=planned["steps"], **SMALL)
    assert (run.path / "weights.safetensors").read_bytes() == (same.path / "weights.safetensors").read_bytes()


def test_another_time_for_a_run_without_a_checkpoint_is_measured_too(monkeypatch, tmp_path):
    class Cut(Silent):
        def start(self, steps, done):
            raise KeyboardInterrupt

    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("reverie.training.length.step_seconds", lambda trainer: 0.5)
    table = tmp_path / "t.csv"
    table.write_text("a,y\n" + "".join(f"{i},{'yn'[i % 2]}\n" for i in range(60)))
    for time in ("10s", "20s", "5s"):
        with pytest.raises(KeyboardInterrupt):
            fit(table, "feedforward", out=tmp_path / "run", predict="y", time=time, set="tiny", reporter=Cut())
    planned = [segment["steps"] for segment in Run.open(tmp_path / "run").info["segments"]]
    assert planned == [18, 36]  # 9 of 10 seconds, of 20; what was planned is not cut short


@pytest.mark.parametrize(("planned", "until"), [(60, 60), (640, 640), (3_200, 3_200), (20_000, 20_000), (100, 10_000)])
def test_looks_are_early_evenly_spaced_and_at_the_end(planned, until):
    apart = max(50, planned // 16)
    early = {step for step in (planned // 64, planned // 32) if step >= 50}
    looks = Looks(planned, until)
    assert {step for step in range(until + 100) if step in looks} == {*early, *range(apart, until, apart), until}


class Interrupting(Silent):
    """Presses Ctrl-C at a step."""

    def __init__(self, at: int):
        self.at = at

    def step(self, step, logs, speed, seconds_left):
        if step == self.at:
            os.kill(os.getpid(), 2)


def test_ctrl_c_saves_and_says_how_to_go_on(pictures, tmp_path):
    with pytest.raises(Stopped, match="same command goes on"):
        fit(pictures, "vae", out=tmp_path / "run", steps=9, reporter=Interrupting(4), **SMALL)
    assert 4 <= Run.open(tmp_path / "run").step < 9
    run = fit(pictures, out=tmp_path / "run")
    whole = fit(pictures, "vae", out=tmp_path / "whole", steps=9, **SMALL)
    assert (run.path / "weights.safetensors").read_bytes() == (whole.path / "weights.safetensors").read_bytes()


def test_a_divergence_is_named_keeps_the_last_good_checkpoint_and_needs_a_retry(pictures, tmp_path):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, **SMALL)
    state = checkpoint.load(run.path / "last.ckpt")
    poisoned = {k: v * float("inf") if v.is_floating_point() else v for k, v in state["trainer"]["model"].items()}
    checkpoint.save(run.path / "last.ckpt", {**state, "trainer": {**state["trainer"], "model": poisoned}})
    before = (run.path / "last.ckpt").read_bytes()
    with pytest.raises(Diverged, match=r"step 3.*--learning-rate"):
        fit(pictures, out=run.path, steps=4)
    assert (run.path / "last.ckpt").read_bytes() == before
    with pytest.raises(Problem, match="diverged"):
        fit(pictures, out=run.path, steps=4)
    checkpoint.save(run.path / "last.ckpt", state)
    fit(pictures, out=run.path, steps=4, retry=True)
    info = json.loads((run.path / "run.json").read_text())
    assert info["plan"]["attempt"] == 1
    assert "trouble" not in info


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected pos 64")])
def test_a_full_disk_leaves_the_last_checkpoint_whole(pictures, tmp_path, monkeypatch, error):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, **SMALL)
    before = (run.path / "last.ckpt").read_bytes()

    def full(state, where, *asked, **more):
        Path(where).write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda where: SimpleNamespace(free=0))
    with pytest.raises(NoRoom, match="the disk is full"):
        fit(pictures, out=run.path, steps=4)
    assert (run.path / "last.ckpt").read_bytes() == before
    assert not list(run.path.glob(".*.part*"))


@pytest.mark.parametrize("wrong", [{"steps": 2.5}, {"steps": "5"}, {"seed": "x"}, {"shards": 1.0}, {"time": 5}])
def test_a_wish_of_another_type_is_one_line_and_leaves_no_folder(pictures, tmp_path, wrong):
    name = next(iter(wrong))
    with pytest.raises(Problem, match=f"^{name}="):
        fit(pictures, "vae", out=tmp_path / "run", **{**SMALL, "steps": 2, **wrong})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x80\x04\x95"])
def test_a_corrupted_checkpoint_is_named_and_not_overwritten(pictures, tmp_path, content):
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, **SMALL)
    (run.path / "last.ckpt").write_bytes(content)
    with pytest.raises(Problem, match="not a whole checkpoint"):
        fit(pictures, out=run.path, steps=4)
    assert (run.path / "last.ckpt").read_bytes() == content


def test_without_a_set_the_size_is_the_largest_that_the_time_is_enough_for(pictures, tmp_path, monkeypatch):
    """And it stays so when the run goes on with more time. Each pace is of a trial, the last one of the run."""
    paces = iter([0.001, 9, 20])
    for place in ("choice", "length"):  # a trial of each size, then the run's own
        monkeypatch.setattr(f"reverie.training.{place}.step_seconds", lambda trainer: next(paces))
    run = fit(pictures, "dcgan", out=tmp_path / "run", time="60s", training={"batch": 4})
    assert (run.info["set"], run.info["config"]["width"], run.step) == ("quick", 32, 2)
    assert fit(pictures, out=run.path, steps=3).info["set"] == "quick"


def test_a_larger_size_of_a_text_model_brings_its_own_context(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cats.txt").write_text("the cat sat on the mat; the dog sat on the log.\n" * 200)
    paces = iter([0.001, 0.001, 0.001, 20])
    for place in ("choice", "length"):  # a trial of each size, then the run's own
        monkeypatch.setattr(f"reverie.training.{place}.step_seconds", lambda trainer: next(paces))
    small = {"fields": {"layers": 1, "width": 24}, "training": {"batch": 1}}
    run = fit("cats.txt", time="60s", **small)
    assert (run.info["set"], run.info["source"]["size"]) == ("base", [256])
    assert run.model.spec.fields["text"].shape == (257,)
    assert fit("cats.txt", steps=3, **small).step == 3  # found again, with its own set and size


def test_a_run_that_was_cut_before_its_first_checkpoint_can_be_sampled_and_goes_on(pictures, tmp_path):
    class Cut(Silent):
        def step(self, step, *rest):
            if step >= 50:  # its first look
                raise KeyboardInterrupt

    asked = {"out": tmp_path / "cut", "steps": 60, **SMALL}
    with pytest.raises(KeyboardInterrupt):
        fit(pictures, "vae", reporter=Cut(), **asked)
    assert not (tmp_path / "cut" / "last.ckpt").exists()
    assert Run.open(tmp_path / "cut").sample(2).shape == (2, 16, 20, 1)
    whole = fit(pictures, "vae", out=tmp_path / "whole", steps=60, **SMALL)
    ended = fit(pictures, "vae", **asked)
    assert (ended.path / "weights.safetensors").read_bytes() == (whole.path / "weights.safetensors").read_bytes()


def test_two_processes_do_not_train_in_one_folder(pictures, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, **SMALL)
    with open(run.path / ".lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Problem, match="another process"):
            fit(pictures, out=run.path, steps=4)


def test_a_folder_in_which_nothing_was_written_is_as_before(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("old", "new"):
        with pytest.raises(Problem), files.locked(tmp_path / name):
            raise Problem("refused")
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]
    assert not list((tmp_path / "old").iterdir())


def test_a_temporary_file_takes_the_name_only_when_whole(tmp_path):
    file = tmp_path / "x.json"
    files.write_text(file, "old")
    with pytest.raises(KeyboardInterrupt):
        files.write(
            file, lambda part: (part.write_text("half"), (_ for _ in ()).throw(KeyboardInterrupt))[1].__next__()
        )
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


class Listening(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(("fields", "rests"), [({"decay": "cosine"}, True), ({"decay": "none"}, False)])
def test_a_run_whose_rate_has_fallen_to_0_says_that_more_steps_teach_nothing(tmp_path, fields, rests):
    (tmp_path / "words.txt").write_text("to be or not to be, that is the question. " * 60)
    more = {"out": tmp_path / "run", "fields": fields, **SMALL}
    fit(tmp_path / "words.txt", "recurrent_lm", steps=4, reporter=(first := Listening()), **more)
    before = {k: v.clone() for k, v in Run.open(tmp_path / "run").model.state_dict().items()}
    fit(tmp_path / "words.txt", "recurrent_lm", steps=8, reporter=(second := Listening()), **more)
    after = Run.open(tmp_path / "run").model.state_dict()
    said = [line for line in second.lines if "teach nothing" in line]
    assert bool(said) == rests
    assert not any("teach nothing" in line for line in first.lines)
    same = all(torch.equal(v, after[k]) for k, v in before.items() if "carried" not in k)
    assert same == rests
