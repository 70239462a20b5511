"""Beside eriklindernoren/PyTorch-GAN's own scripts, on the same pictures, for the same wall time, in turns.

    git clone https://github.com/eriklindernoren/PyTorch-GAN
    python benchmarks/pytorch_gan.py PyTorch-GAN [gan cgan …] [--seconds 600] [--seeds 1] [--keep DIR] [--set gan=small]

The scripts run as they stand, with their own defaults, from the clone; only torchvision is replaced, by pictures of
Fashion-MNIST that are ready as tensors (which spares them decoding) and by a `save_image` that writes nothing. Their
clock begins at the first picture they read; ours, `reverie.fit`, at its call, so that preparing, looks and
checkpoints count. Ours goes first, `--time SECONDS`; theirs gets as many seconds as that took. One thread each. 28×28
where the script can; `dcgan`'s convolutions need 32, so that it gets the pictures with a frame of background, which
is cut off its samples. Its generators have batch norm, and its scripts never leave training mode: samples are drawn
in both modes and the better distance counts.

Judged by reverie's own measures on as many samples of each as it judges by itself, against all held-out pictures. Each
arm is kept in DIR when it is done: the same command goes on after a cut.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

MODELS = ("gan", "cgan", "dcgan", "wgan", "wgan_gp")
DATA, SIDE, CLASSES = "fashion-mnist", 28, 10
SIZES = {"gan": 28, "cgan": 28, "dcgan": 32, "wgan": 28, "wgan_gp": 28}  # what each script is asked for
SAMPLES, BLOCK = 4000, 64


# ---------------------------------------------------------------------------------------------------------- their arm


class TimeUp(Exception):
    """Raised from where a script reads a picture."""


class Pictures:
    """Stands where torchvision's MNIST stands: (picture (1, H, W) in [-1, 1], class) by number."""

    begun = 0.0  # when the first picture was read
    seconds = 0.0
    size = SIDE

    def __init__(self, *where: Any, **how: Any):
        pictures, self.labels = data("train")
        frame = (Pictures.size - SIDE) // 2
        self.pictures = torch.nn.functional.pad(pictures, [frame] * 4, value=-1.0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        Pictures.begun = Pictures.begun or time.monotonic()
        if time.monotonic() - Pictures.begun > Pictures.seconds:
            raise TimeUp
        return self.pictures[i], int(self.labels[i])


def stand_in() -> None:
    """Modules of torchvision's names, as far as the scripts use them."""
    for name in ("torchvision", "torchvision.transforms", "torchvision.utils", "torchvision.datasets"):
        sys.modules[name] = ModuleType(name)
        if "." in name:
            setattr(sys.modules["torchvision"], name.split(".")[1], sys.modules[name])
    for name in ("Compose", "Resize", "ToTensor", "Normalize"):
        setattr(sys.modules["torchvision.transforms"], name, lambda *given: None)
    sys.modules["torchvision.utils"].save_image = lambda *given, **how: None  # type: ignore[attr-defined]
    sys.modules["torchvision.datasets"].MNIST = Pictures  # type: ignore[attr-defined]


def theirs(clone: Path, model: str, seconds: float, seed: int) -> dict[str, Any]:
    """Samples of the script's generator after that time, in both modes."""
    stand_in()
    script = clone.resolve() / "implementations" / model / f"{model}.py"
    Pictures.seconds, Pictures.size = seconds, SIZES[model]
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the scripts draw from it
    sys.argv = [str(script), "--img_size", str(SIZES[model]), "--n_epochs", "1000000"]
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    with TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        work = Path(folder) / "implementations" / model  # it makes folders beside itself
        work.mkdir(parents=True)
        os.chdir(work)
        with contextlib.suppress(TimeUp):
            exec(compile(script.read_text(), str(script), "exec"), names)
        os.chdir("/")
    took = time.monotonic() - Pictures.begun
    steps = names["epoch"] * len(names["dataloader"]) + names["i"]
    torch.manual_seed(seed)
    kept = {f"samples_{mode}": drawn(names, model, mode == "train") for mode in ("train", "eval")}
    return {"seconds": took, "steps": steps, **kept}


@torch.no_grad()
def drawn(names: Mapping[str, Any], model: str, training: bool) -> np.ndarray:
    """(SAMPLES, 28, 28, 1) uint8; of a conditional script, classes in turn."""
    generator = names["generator"].train(training)
    blocks = []
    for first in range(0, SAMPLES, BLOCK):
        z = torch.randn(BLOCK, names["opt"].latent_dim)
        labels = [torch.arange(first, first + BLOCK) % CLASSES] if model == "cgan" else []
        blocks.append(generator(z, *labels))
    x = torch.cat(blocks)[:SAMPLES]
    frame = (x.shape[-1] - SIDE) // 2
    x = x[:, :, frame : frame + SIDE, frame : frame + SIDE]
    return x.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()


# ------------------------------------------------------------------------------------------------------------- our arm


def ours(model: str, name: str, seconds: float, seed: int) -> dict[str, Any]:
    import reverie

    begun = time.monotonic()
    with TemporaryDirectory() as folder:
        run = reverie.fit(DATA, model, out=Path(folder) / "run", time=f"{seconds:g}s", seed=seed, set=name)
        took = time.monotonic() - begun
        last = json.loads((run.path / "log.jsonl").read_text().splitlines()[-1])
        return {"seconds": took, "steps": last["step"], "samples_eval": run.sample(SAMPLES, seed=seed)}


def data(part: str) -> tuple[Tensor, Tensor]:
    """Pictures (N, 1, 28, 28) in [-1, 1] and their classes."""
    batch = prepared(part)
    return batch["image"].contiguous(), batch["label"]


def prepared(part: str) -> Any:
    from reverie.kinds import DataOptions
    from reverie.kinds.find import open_source

    found = getattr(open_source(DATA, DataOptions()).prepare(), part)
    return found.take(torch.arange(len(found)))


# --------------------------------------------------------------------------------------------------------- the pairing


def arm(who: str, model: str, asked: argparse.Namespace, seed: int, seconds: float) -> Path:
    """The kept result of one arm; trained in a process of its own where it is not there yet."""
    name = dict(pair.split("=") for pair in asked.set).get(model, "") if who == "ours" else ""
    file = Path(asked.keep) / f"{model}-{who}{name and '-' + name}-{asked.seconds:g}s-seed{seed}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, __file__, str(Path(asked.clone).resolve()), model, "--seconds", str(seconds)]
        words += [
            "--arm",
            who,
            "--seed",
            str(seed),
            "--out",
            str(file.resolve()),
            *["--set", f"{model}={name}"] * bool(name),
        ]
        subprocess.run(words, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return file


def trained(asked: argparse.Namespace) -> None:
    """What the process of one arm does."""
    torch.set_num_threads(1)
    model, names = asked.models[0], dict(pair.split("=") for pair in asked.set)
    if asked.arm == "ours":
        found = ours(model, names.get(model, ""), asked.seconds, asked.seed)
    else:
        found = theirs(Path(asked.clone), model, asked.seconds, asked.seed)
    part = Path(asked.out).with_suffix(".part.npz")
    np.savez(part, **found)
    part.rename(asked.out)


def judged(file: Path) -> dict[str, Any]:
    """Measures of an arm, kept beside it: of the mode with the smaller distance."""
    told = file.with_suffix(".json")
    if told.exists():
        return json.loads(told.read_text())
    from reverie.metrics.image import judge

    held_out = np.asarray(raw("held_out"))
    with np.load(file, allow_pickle=False) as kept:
        found = []
        for mode in (key for key in kept.files if key.startswith("samples_")):
            values = {m.name.rsplit("_", 1)[0]: m.value for m in judge(held_out, kept[mode])}
            found.append({"mode": mode.removeprefix("samples_"), **values})
        best = min(found, key=lambda one: one["frechet"])
        result = {"seconds": float(kept["seconds"]), "steps": int(kept["steps"]), **best}
    told.write_text(json.dumps(result))
    return result


def raw(part: str) -> Any:
    from reverie.kinds import DataOptions
    from reverie.kinds.find import open_source

    found = getattr(open_source(DATA, DataOptions()).prepare(), part)
    return found.raw(torch.arange(len(found)))


def pair(model: str, asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    file = arm("ours", model, asked, seed, asked.seconds)
    with np.load(file, allow_pickle=False) as kept:
        took = float(kept["seconds"])
    other = arm("theirs", model, asked, seed, took)
    a, b = judged(file), judged(other)
    row: dict[str, Any] = {"model": model, "seed": seed}
    for key in ("frechet", "recall", "precision", "coverage"):
        row |= {f"{key}, reverie": a[key], f"{key}, theirs": b[key]}
    row |= {"steps, reverie": a["steps"], "steps, theirs": b["steps"]}
    row |= {"s, reverie": round(a["seconds"]), "s, theirs": round(b["seconds"]), "their mode": b["mode"]}
    row["ahead"] = "yes" if a["frechet"] < b["frechet"] and a["recall"] > b["recall"] else "no"
    return row


def version(clone: str, model: str) -> str:
    """The script's object in git: the same where the script is."""
    script = (Path(clone) / "implementations" / model / f"{model}.py").read_bytes()
    return f"{model} {hashlib.sha1(b'blob %d' % len(script) + bytes(1) + script).hexdigest()[:10]}"


def main(asked: argparse.Namespace) -> None:
    rows = []
    for seed in range(asked.seeds):
        for model in asked.models or MODELS:
            rows.append(pair(model, asked, seed))
            print(json.dumps(rows[-1]), flush=True)
    if not asked.models and not asked.trial:
        import tables

        said = (
            f"By `python benchmarks/pytorch_gan.py CLONE --seconds {asked.seconds:g} --seeds {asked.seeds}`: "
            f"Fashion-MNIST, scripts of the git objects {', '.join(version(asked.clone, m) for m in MODELS)}; the same "
            f"wall time for each, one thread, in turns; {SAMPLES:,} samples of each against the 10,000 test pictures, "
            "features of reverie's default extractor. Fréchet distance: lower is better; precision, recall, coverage: "
            "higher."
        )
        print(tables.write("pytorch_gan", "Beside PyTorch-GAN's scripts", said, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; all where left out")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--keep", default="runs/pytorch_gan", help="folder of what is done")
    parser.add_argument("--set", action="append", default=[], metavar="MODEL=SET", help="reverie's set of a model")
    parser.add_argument("--trial", action="store_true", help="write no page of results")
    for flag in ("--arm", "--out"):
        parser.add_argument(flag, default="", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    trained(asked) if asked.arm else main(asked)
