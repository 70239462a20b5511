"""A run that is killed at any moment and continued ends as the one that was not."""

import multiprocessing
import os
import random
import time
import traceback
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import reverie.training.session as session
from reverie.training import checkpoint
from reverie.training.fit import fit
from reverie.training.log import read

KINDS = {
    "vae": "pictures", "dcgan": "pictures", "wgan_gp": "pictures", "convolutional": "pictures", "gpt": "text",
    "stylegan2": "pictures",  # lazy updates, the mean path length, the strength of augmentation and what it counts
    "cyclegan": "domains",  # two domains, each in an order of its own, and pools of pictures that were made before
    "recurrent_lm": "text",  # the state that goes on from window to window
    "recurrent_lm of molecules": "molecules",  # whole items, each of its own length
}  # fmt: skip
FIELDS = {"stylegan2": {"augment": "ada", "augment_target": -0.9, "augment_ramp": 400.0}, "cyclegan": {"pool": 10}}
HELD = {  # what a checkpoint must hold of these beside weights: by now it has left where it began
    "stylegan2": ("path_mean", "augment.p"),
    "cyclegan": ("made_first.images", "made_second.filled"),
    "recurrent_lm": ("carried",),
}
STEPS = 24
# processes are forked from one that has imported what a run takes: a second in place of five
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["reverie.training.fit", "lightning_fabric", "torch._dynamo", "test_kill"])


def trained(data: Any, model: str, out: Path, fields: dict[str, Any]) -> None:
    """What such a process does. What went wrong lies beside the run."""
    session.SAVE_SECONDS = 0.0  # a checkpoint at each line of the log: a kill can fall into any stage of writing
    os.environ["REVERIE_CACHE"] = str(out.parent / "cache")
    try:
        fit(data, model, out=out, steps=STEPS, set="tiny", training={"batch": 8}, fields=fields)
    except BaseException:
        out.with_suffix(".txt").write_text(traceback.format_exc())
        raise


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("data")
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    for i, picture in enumerate(noise):
        place = folder / "pictures" / f"class-{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{i}.png")
    (folder / "text.txt").write_text("the cat sat on the mat; the dog sat on the log.\n" * 60)
    chains = ("C" * n + tail for n in range(1, 11) for tail in ("O", "N", "F", "Cl", "C#N", "OC"))
    (folder / "molecules.smi").write_text("\n".join(chains))
    domains = [folder / "pictures" / f"class-{k}" for k in range(2)]
    places = {"pictures": folder / "pictures", "text": folder / "text.txt", "domains": domains}
    return {**places, "molecules": folder / "molecules.smi"}


def start(data: Any, model: str, out: Path) -> BaseProcess:
    process = FORKED.Process(target=trained, args=(data, model.split()[0], out, FIELDS.get(model, {})))
    process.start()
    return process


def finish(data: Any, model: str, out: Path) -> None:
    process = start(data, model, out)
    process.join(timeout=300)
    assert process.exitcode == 0, out.with_suffix(".txt").read_text()


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


def kill_at_random(process: BaseProcess, out: Path, chance: random.Random) -> bool:
    """Waits for some step of the log, and a little, then kills. Whether it was still running."""
    wanted, log = chance.randrange(STEPS), out / "log.jsonl"
    while process.is_alive():
        lines = log.read_text().count("\n") if log.is_file() else -1
        if lines >= wanted:
            break
        time.sleep(0.005)
    time.sleep(chance.random() * 0.1)
    running = process.is_alive()
    process.kill()
    process.join()
    return running


@pytest.mark.parametrize("model", sorted(KINDS))
def test_killed_three_times_and_continued(model, data, tmp_path):
    check(model, data, tmp_path, kills=3)


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(KINDS))
def test_killed_twenty_times_and_continued(model, data, tmp_path):
    check(model, data, tmp_path, kills=20)


def check(model: str, data: dict[str, Any], folder: Path, kills: int) -> None:
    if KINDS[model] == "molecules":
        pytest.importorskip("rdkit")
    source, whole, cut = data[KINDS[model]], folder / "whole", folder / "cut"
    finish(source, model, whole)
    chance, hits = random.Random(f"{model} {kills}"), 0
    for _ in range(kills):
        hits += kill_at_random(start(source, model, cut), cut, chance)
    assert hits, "no kill fell into the run"
    finish(source, model, cut)
    same(whole, cut)
    state = checkpoint.load(whole / "last.ckpt")["trainer"]["model"]
    for name in HELD.get(model, ()):
        found = [value for key, value in state.items() if name in key]
        assert found, f"no {name} in the checkpoint"
        assert any(value.any() for value in found), f"{name} is as it began: it proves nothing"
