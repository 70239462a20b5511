"""A run that is killed at any moment and continued ends as the one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.training import checkpoint
from reverie.training.log import read

KINDS = {"vae": "pictures", "dcgan": "pictures", "wgan_gp": "pictures", "convolutional": "pictures", "gpt": "text"}
STEPS = 24
SCRIPT = """
import sys
import reverie.training.session as session
from reverie.training.fit import fit
session.SAVE_SECONDS = 0.0  # a checkpoint at each line of the log: a kill can fall into any stage of writing
data, model, out, steps = sys.argv[1:]
fit(data, model, out=out, steps=int(steps), set="tiny", training={"batch": 8})
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    for i, picture in enumerate(noise):
        place = folder / "pictures" / f"class-{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{i}.png")
    (folder / "text.txt").write_text("the cat sat on the mat; the dog sat on the log.\n" * 60)
    return {"pictures": folder / "pictures", "text": folder / "text.txt"}


def start(data: Path, model: str, out: Path, steps: int = STEPS) -> subprocess.Popen:
    command = [sys.executable, "-c", SCRIPT, str(data), model, str(out), str(steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "REVERIE_CACHE": str(out.parent / "cache")}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*asked) -> None:
    process = start(*asked)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


def same(a: Path, b: Path) -> None:
    """The weights byte for byte, the whole checkpoint but for the seconds it took, the log but for its seconds."""
    assert (a / "weights.safetensors").read_bytes() == (b / "weights.safetensors").read_bytes()
    for name in ("last.ckpt", "best.ckpt"):
        one, other = checkpoint.load(a / name), checkpoint.load(b / name)
        one.pop("seconds"), other.pop("seconds")
        assert equal(one, other), name
    logs = [[{k: v for k, v in line.items() if k != "seconds"} for line in read(f / "log.jsonl")] for f in (a, b)]
    assert logs[0] == logs[1]
    assert [line["step"] for line in logs[0]] == list(range(1, STEPS + 1))


def equal(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    return bool((a == b).all()) if hasattr(a, "shape") else a == b


def kill_at_random(process: subprocess.Popen, out: Path, chance: random.Random) -> bool:
    """Waits for some step of the log, and a little, then kills. Whether it was still running."""
    wanted, log = chance.randrange(STEPS), out / "log.jsonl"
    while process.poll() is None:
        lines = log.read_text().count("\n") if log.is_file() else -1
        if lines >= wanted:
            break
        time.sleep(0.005)
    time.sleep(chance.random() * 0.1)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return running


@pytest.mark.parametrize("model", sorted(KINDS))
def test_killed_three_times_and_continued(model, data, tmp_path):
    check(model, data, tmp_path, kills=3)


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(KINDS))
def test_killed_twenty_times_and_continued(model, data, tmp_path):
    check(model, data, tmp_path, kills=20)


def check(model: str, data: dict[str, Path], folder: Path, kills: int) -> None:
    source, whole, cut = data[KINDS[model]], folder / "whole", folder / "cut"
    finish(source, model, whole)
    chance, hits = random.Random(f"{model} {kills}"), 0
    for _ in range(kills):
        hits += kill_at_random(start(source, model, cut), cut, chance)
    assert hits, "no kill fell into the run"
    finish(source, model, cut)
    same(whole, cut)
