"""When a run has stopped improving: the rule on histories with known answers, and `fit --stop auto` on real runs."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.training import checkpoint, measure, stopping
from reverie.training.fit import fit
from reverie.training.log import read
from reverie.training.progress import Silent
from reverie.training.run import Run
from reverie.training.stopping import GROUPS, PATIENCE, Look, look_steps, noise, rate_note, said, verdict

# ------------------------------------------------------------------------------------------------------- the rule alone


def history(values, width=0.0, start=50, apart=50):
    """Looks of these values. The left-out ones of neighbours differ so that the noise of any two is about `width`."""
    wave = torch.randn(len(values), GROUPS, generator=torch.Generator().manual_seed(1)).double()
    # of two looks the differences of the waves have variance 2, and noise² = t² (k - 1)/k Σ d², which is 2 t² (k - 1)
    scale = width / (2.093 * (2 * (GROUPS - 1) * (GROUPS - 1) / GROUPS) ** 0.5)
    return [
        Look(start + apart * k, float(value), tuple((value + scale * wave[k]).tolist()))
        for k, value in enumerate(values)
    ]


def ending(looks, since=0):
    """The look at which a run of this history ends; None where it does not."""
    return next((k for k in range(len(looks)) if verdict(looks[: k + 1], since)), None)


def test_what_improves_goes_on_and_what_does_not_ends_after_the_patience():
    better = history(100.0 - 5 * np.arange(40), width=1.0)
    assert ending(better) is None
    flat = history([100.0, *[60.0] * 30], width=1.0)
    assert ending(flat) == 1 + PATIENCE
    worse = history(60.0 + np.arange(30), width=1.0)
    assert ending(worse) == PATIENCE


def test_an_improvement_below_the_noise_does_not_count_and_small_ones_that_add_up_do():
    dip = [60.0] * 20
    dip[4] = 59.0
    assert ending(history(dip, width=4.0)) == PATIENCE
    assert ending(history(dip, width=0.1)) == 4 + PATIENCE
    slow = 60.0 - np.arange(60)  # four looks to come beyond a noise of 4, four times fewer than the patience
    assert ending(history(slow, width=4.0)) is None
    assert ending(history(60.0 - 0.1 * np.arange(60), width=4.0)) == PATIENCE


def test_the_mark_is_the_last_improvement_and_the_line_says_it_with_the_noise():
    looks = history([90.0, 70.0, 50.0, *[51.0, 49.9] * 8], width=3.0, start=800, apart=400)[: 3 + PATIENCE]
    found = verdict(looks)
    assert (found.mark, found.step) == (1600, 1600 + 400 * PATIENCE)
    assert found.noise == noise(looks[2], looks[-1])
    line = said(found, 10_000, "frechet_cheap_500")
    width = f"±{found.noise:.2g}"
    assert line == (
        f"stopped at step 4,800 of 10,000: frechet_cheap_500 has not improved by more than its noise ({width}) "
        "since step 1,600"
    )


def test_where_a_person_had_it_go_on_the_patience_begins_anew():
    looks = history([60.0] * 40, width=1.0)
    assert ending(looks) == PATIENCE
    assert ending(looks, since=looks[PATIENCE].step) == 2 * PATIENCE


def test_without_looks_or_groups_there_is_no_end_and_no_noise():
    assert verdict([]) is None
    assert noise(Look(1, 2.0), Look(2, 1.0)) == 0.0
    assert noise(Look(1, 2.0, (1.0, 2.0)), Look(2, 1.0, (1.0, 2.0, 3.0))) == 0.0


def test_the_noise_of_a_mean_is_its_standard_error_times_students_quantile():
    """Two looks whose items differ by independent N(0.3, 2²): the difference of their means has a standard error of
    2 / √n. The squared estimate over 300 trials has a relative deviation of √(2 / 19 / 300) = 0.019: five of them."""
    n, trials, g, squares = 200, 300, torch.Generator().manual_seed(0), []
    dealt = measure.groups(n, GROUPS)
    for _ in range(trials):
        shared = 50 * torch.randn(n, generator=g).double()  # what both looks see alike cancels
        one = shared + 2**0.5 * torch.randn(n, generator=g).double()
        two = shared + 2**0.5 * torch.randn(n, generator=g).double() + 0.3
        looks = [Look(k, *measure.ratio("m", x, torch.ones(n), dealt)[1:]) for k, x in enumerate((one, two))]
        squares.append(noise(*looks) ** 2)
    expected = (2.0930 * 2 / n**0.5) ** 2
    assert np.mean(squares) == pytest.approx(expected, rel=5 * 0.019)


def test_a_flat_measure_whose_looks_share_nothing_seldom_outlasts_the_patience():
    """The worst case: values of independent draws. A look improves on the first by chance 2.5 times in 100 (one side of
    the interval, as the groups' differences are normal), so that some of 8 do in 2.5 to 20 (Bonferroni). Five standard
    errors of 500 histories are 0.035 and 0.09."""
    g, on, trials = torch.Generator().manual_seed(2), 0, 500
    for _ in range(trials):
        parts = torch.randn(PATIENCE + 1, GROUPS, generator=g).double()
        means = parts.mean(1, keepdim=True)
        left = (means * GROUPS - parts) / (GROUPS - 1)
        looks = [Look(50 * k, float(m), tuple(row.tolist())) for k, (m, row) in enumerate(zip(means[:, 0], left))]
        on += verdict(looks) is None
    assert on > 0
    assert 0.025 - 0.035 < on / trials < 0.2 + 0.09


@pytest.mark.parametrize(("count", "parts"), [(500, 20), (40, 20), (9, 4), (4, 2), (3, 0), (0, 0)])
def test_groups_share_out_all_items_at_least_two_each_and_always_alike(count, parts):
    dealt = measure.groups(count, GROUPS)
    assert len(dealt) == parts
    assert not measure.groups(count, 0)
    if parts:
        assert sorted(torch.cat(dealt).tolist()) == list(range(count))
        assert min(map(len, dealt)) >= 2
        assert all(torch.equal(a, b) for a, b in zip(dealt, measure.groups(count, GROUPS)))


def test_looks_come_a_sixteenth_of_the_steps_apart_whatever_the_plan():
    steps = sorted(look_steps(100_000))
    assert steps[:3] == [50, 100, 150]
    assert all(50 <= b - a <= max(50, b // 16) for a, b in pairwise(steps))
    assert len(steps) < 120
    shorter = look_steps(7_777)
    assert shorter - {7_777} == {s for s in steps if s < 7_777}
    for mark in (800, 10_000, 50_000):  # the patience: 1.6 times the steps to the mark
        at = next(k for k, s in enumerate(steps) if s >= mark)
        assert 1.5 < steps[at + PATIENCE] / steps[at] < 1.7


def test_a_rate_that_is_still_high_is_named_and_a_constant_or_fallen_one_is_not():
    assert "still at 68% of its full value" in rate_note([(0.68, 0.0), (0.5, 0.0)], 3_200)
    assert "--steps 3200" in rate_note([(0.68, 0.0)], 3_200)
    assert rate_note([(1.0, 1.0), (0.05, 0.0), (0.15, 0.1)], 3_200) == ""


# ----------------------------------------------------------------------------------------------------------- whole runs


SMALL = {"set": "tiny", "training": {"batch": 8}}


class Told(Silent):
    """Keeps what was said; presses Ctrl-C at a step."""

    def __init__(self, at=-1):
        self.at, self.lines = at, []

    def say(self, line):
        self.lines.append(line)

    def step(self, step, logs, speed, seconds_left):
        if step == self.at:
            os.kill(os.getpid(), 2)


@pytest.fixture
def noise_table(tmp_path, monkeypatch):
    """Classes that nothing tells: a predictor soon learns the rows by heart, and predicts others worse and worse."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    table = tmp_path / "t.csv"
    x = np.random.default_rng(0).normal(size=(300, 4)).round(3)
    rows = (",".join(map(str, [*row, "yn"[i * 7919 % 13 % 2]])) for i, row in enumerate(x))
    table.write_text("a,b,c,d,y\n" + "\n".join(rows) + "\n")
    return table


def asked(table, folder, **more):
    chosen = {"steps": 1_500, "predict": "y", "training": {"batch": 16, "keep": "last"}, "stop": "auto", **more}
    return fit(table, "feedforward", out=folder, **chosen)


def test_a_run_that_no_longer_improves_ends_says_so_keeps_its_best_look_and_is_done(noise_table, tmp_path):
    told = Told()
    run = asked(noise_table, tmp_path / "run", reporter=told)
    segment, best = run.info["segments"][-1], checkpoint.load(run.path / "best.ckpt")
    ended = segment["stopped"]
    assert ended["step"] == run.step < segment["steps"] == 1_500
    assert any(line.startswith(f"stopped at step {run.step:,} of 1,500: held_out_nats has not") for line in told.lines)
    looks = {line["step"]: line["held_out_nats"] for line in read(run.path / "log.jsonl") if "held_out_nats" in line}
    assert sum(step > ended["since"] for step in looks) == PATIENCE
    assert min(looks, key=looks.get) == best["best"]["step"] < run.step
    kept, weights = checkpoint.load_weights(run.path / "weights.safetensors"), best["trainer"]["average"]
    assert all(torch.equal(kept[name], weights[name]) for name in weights)
    assert any(line.startswith(f"kept: step {best['best']['step']}") for line in told.lines)
    # again: done, and nothing changes
    before, again = files(run), Told()
    asked(noise_table, run.path, reporter=again)
    fit(noise_table, out=run.path, predict="y", reporter=again)  # `stop` is as before where nobody says
    assert files(run) == before
    assert sum("done, stopped at step" in line and "--stop never" in line for line in again.lines) == 2
    # and goes on where a person says so
    with pytest.raises(Problem, match="planned for 1500"):
        asked(noise_table, run.path, steps=run.step)
    longer = asked(noise_table, run.path, steps=1_600)
    later = longer.info["segments"][-1]["stopped"]["step"]
    assert longer.step == later > ended["step"]
    whole = asked(noise_table, run.path, stop="never", steps=0)
    assert whole.step == 1_600
    assert [s["from"] for s in whole.info["segments"]] == [0, ended["step"], later]


def files(run):
    return {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()}


def test_a_run_cut_in_the_middle_of_its_history_ends_at_the_same_step_with_the_same_bytes(noise_table, tmp_path):
    whole = asked(noise_table, tmp_path / "whole")
    end = whole.info["segments"][-1]["stopped"]["step"]
    for at in (end - 120, end - 30):  # each between two looks
        with pytest.raises(Problem, match="goes on from here"):
            asked(noise_table, tmp_path / "cut", reporter=Told(at - at % 5))
        assert 0 < Run.open(tmp_path / "cut").step < end
    cut = asked(noise_table, tmp_path / "cut")
    assert cut.info["segments"][-1]["stopped"] == whole.info["segments"][-1]["stopped"]
    assert len(cut.info["segments"]) == 1
    for name in ("weights.safetensors", "calibration.json"):
        assert (cut.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    states = [checkpoint.load(run.path / "last.ckpt") for run in (cut, whole)]
    assert states[0]["history"] == states[1]["history"]
    assert len(states[0]["history"]) > PATIENCE


def test_a_run_killed_after_its_last_checkpoint_and_before_run_json_is_done(noise_table, tmp_path):
    run = asked(noise_table, tmp_path / "run")
    before = files(run)
    info = json.loads((run.path / "run.json").read_text())
    del info["segments"][-1]["stopped"]
    (run.path / "run.json").write_text(json.dumps(info))
    asked(noise_table, run.path)
    assert json.loads((run.path / "run.json").read_text()) == json.loads(before["run.json"])
    assert (run.path / "weights.safetensors").read_bytes() == before["weights.safetensors"]


def test_two_processes_end_where_one_does_and_keep_the_same_look(noise_table, tmp_path):
    words = ["--model", "feedforward", "--predict", "y", "--batch", "16", "--shards", "2", "--stop", "auto"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "reverie"]
    command = [*launch, "fit", str(noise_table), *words, "--steps", "1500", "--out", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, timeout=300, capture_output=True)
    asked(noise_table, tmp_path / "one", shards=2)
    one, two = (Run.open(tmp_path / name).info["segments"][-1]["stopped"] for name in ("one", "two"))
    assert (one["step"], one["since"]) == (two["step"], two["since"])
    assert one["noise"] == pytest.approx(two["noise"], rel=1e-2)


def test_another_word_than_auto_or_never_is_refused(noise_table, tmp_path):
    with pytest.raises(Problem, match="--stop soon: not one of never, auto"):
        asked(noise_table, tmp_path / "run", stop="soon")
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_the_rule_goes_on_with_it(tmp_path, monkeypatch):
    """No history in its checkpoint, no `stop` in its run.json."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (60, 16, 20), dtype=np.uint8)):
        Image.fromarray(x).save(folder / f"{i}.png")
    run = fit(folder, "dcgan", out=tmp_path / "run", steps=3, **SMALL)
    state = checkpoint.load(run.path / "last.ckpt")
    state.pop("history"), state["sentinel"].pop("noted")
    checkpoint.save(run.path / "last.ckpt", state)
    info = json.loads((run.path / "run.json").read_text())
    info["segments"][0].pop("stop"), info["segments"][0].pop("from")
    (run.path / "run.json").write_text(json.dumps(info))
    longer = fit(folder, out=run.path, steps=60, stop="auto")
    history = checkpoint.load(longer.path / "last.ckpt")["history"]
    assert [look[0] for look in history] == [50, 60]
    real = longer.prepared.held_out
    assert len(history[0][2]) == min(stopping.GROUPS, len(real) // 2)
