"""Does augmentation help where pictures are few? StyleGAN2 on 500 emoji, without it, with DiffAugment and with ADA.

    REVERIE_DATA=… python benchmarks/small_data.py OUT [--steps 6000] [--batch 128] [--arms bare diff ada] [--report]

500 of Noto's emoji, one of each base emoji, at 32×32 with transparency, train; all others judge. The arms see the same
batches for as many steps; each is a run in OUT, and a run that was cut goes on. The page, results/small_data.md, and
its curve are of the runs' logs: the distance of 500 samples to 500 of the others at every look. `--narrow --batch 32
--steps 42000`, a core for each arm, has a page of its own.
"""

import argparse
import hashlib
import io
import os
import zipfile
from pathlib import Path

from PIL import Image

import curves
import reverie
import tables
from emoji_translation import base
from reverie.training.log import read
from reverie.training.run import Run

TRAINED, SIDE = 500, 32
ARMS = {"bare": {}, "diff": {"augment": "diff"}, "ada": {"augment": "ada", "augment_ramp": 100_000.0}}
WIDE = {"width": 32, "widest": 256, "path": 0.0, "mixing": 0.0, "learning_rate": 2.5e-3}
# for one core; R1 as weak as in ADA's own settings at 32 px (arXiv:2006.06676, appendix D)
NARROW = {**WIDE, "width": 8, "widest": 64, "gamma": 0.01, "beside": 4}
DISTANCE = "frechet_cheap_500"


def plain(name: str) -> str:
    """A base emoji without the mark that changes no drawing."""
    return "-".join(code for code in base(name).split("-") if code != "fe0f")


def prepare(folder: Path) -> Path:
    """train/ and test/, in an order that hangs on names alone; written once."""
    if folder.is_dir():
        return folder
    work = folder.with_name(f"{folder.name}.part")
    with zipfile.ZipFile(Path(os.environ["REVERIE_DATA"]) / "emoji" / "noto-64.zip") as archive:
        files = [name for name in archive.namelist() if name.endswith(".png")]
        first = {plain(name): name for name in sorted(files, key=lambda name: (-len(name), name))}  # without tones
        ordered = sorted(first, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        for i, name in enumerate(ordered):
            place = work / ("train" if i < TRAINED else "test")
            place.mkdir(parents=True, exist_ok=True)
            with Image.open(io.BytesIO(archive.read(first[name]))) as opened:
                # reduced with its colours times its opacity, so that no colour under what is transparent shows
                small = opened.convert("RGBA").convert("RGBa").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            small.convert("RGBA").save(place / Path(first[name]).name)
    work.rename(folder)
    return folder


def report(out: Path, arms: list[str], name: str) -> Path:
    """A row a look that all arms have reached."""
    runs = {arm: Run.open(out / arm) for arm in arms}
    looks = {
        arm: {x["step"]: x[DISTANCE] for x in read(run.path / "log.jsonl") if DISTANCE in x}
        for arm, run in runs.items()
    }
    plan, info = next(iter(runs.values())).info["plan"], next(iter(runs.values())).info
    named = {"bare": "without augmentation", "diff": "DiffAugment", "ada": "ADA"}
    lines = {named[arm]: [(step * plan["batch"] / 1000, y) for step, y in looks[arm].items()] for arm in arms}
    curve = curves.drawn(name.replace("_", "-"), "Fréchet distance", "thousand items", lines, falling=True)
    steps = sorted(set.intersection(*(set(found) for found in looks.values())))
    rows = [
        {"steps": step, "items": f"{step * plan['batch']:,}", **{arm: round(looks[arm][step]) for arm in arms}}
        for step in steps
    ]
    trained = info["segments"][-1]
    said = (
        f"By `python benchmarks/small_data.py`: {DISTANCE} (features that are for watching a run) of StyleGAN2 on "
        f"{TRAINED} emoji at {SIDE}×{SIDE}, batches of {plan['batch']}; lower is better. Trained on "
        f"{trained['device']} with torch {trained['torch']}.\n\n"
        f"![the table as curves](../../docs/pictures/{curve.name})\n\nThe page was made with"
    )
    return tables.write(name, "Augmentation on 500 emoji", said, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--narrow", action="store_true", help="a quarter of the channels, for one core")
    parser.add_argument("--report", action="store_true", help="from what there is, without training")
    asked = parser.parse_args()
    for arm in [] if asked.report else asked.arms:
        data, training = prepare(asked.out / "emoji"), {"batch": asked.batch}
        fields = {**(NARROW if asked.narrow else WIDE), **ARMS[arm]}
        reverie.fit(data, "stylegan2", out=asked.out / arm, steps=asked.steps, fields=fields, training=training)
    print(report(asked.out, asked.arms, "small_data_narrow" if asked.narrow else "small_data"))
