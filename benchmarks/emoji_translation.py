"""Noto emoji as Twemoji and back, learnt without a single pair: by cyclegan, judged by the true pairs.

    python benchmarks/emoji_translation.py OUT [--steps N] [--set small] [--batch B] [--width W] [--size S]

Half of the base emoji (code points without skin tones) give only Noto's drawing to train on, the other half only
Twemoji's; a tenth of them give neither, and judge. Emoji whose drawing equals one that is trained on judge nothing.
Drawings are laid on white and have three channels: as people see them, so that no colour under what is transparent
counts. The same command goes on where it was cut; OUT then holds the data, the run, its report and `strips.png`.
"""

import argparse
import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import reverie
import tables
from reverie.tasks.sheet import sheet, shown, stacked
from reverie.tasks.turned import turned
from reverie.training.progress import Reporter, Silent
from reverie.training.run import Run

HOUSES, TONES = ("noto", "twemoji"), {f"{code:x}" for code in range(0x1F3FB, 0x1F400)}
HELD_OUT, STRIP = 0.1, 10  # share of base emoji; emoji on the strip


def base(name: str) -> str:
    """An emoji without its skin tones."""
    return "-".join(code for code in Path(name).stem.split("-") if code not in TONES)


def share(name: str) -> float:
    """Where a base emoji falls in [0, 1): of its name alone."""
    return int.from_bytes(hashlib.blake2b(base(name).encode(), digest_size=6).digest(), "big") / 2**48


def part(name: str) -> str:
    """Who learns from an emoji: one house, or nobody."""
    place = (share(name) - HELD_OUT) / (1 - HELD_OUT)
    return "held out" if place < 0 else HOUSES[place >= 0.5]


def drawings(house: str) -> dict[str, bytes]:
    """Every emoji as RGB on white, (64, 64, 3)."""
    with zipfile.ZipFile(Path(os.environ["REVERIE_DATA"]) / "emoji" / f"{house}-64.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        found = {}
        for name in names:
            x = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGBA")).astype(float)
            alpha = x[..., 3:] / 255
            found[Path(name).name] = np.rint(x[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8).tobytes()
    return found


def prepare(folder: Path) -> None:
    """A folder a house, with its training and test part; written once."""
    if folder.is_dir():
        return
    every = {house: drawings(house) for house in HOUSES}
    trained = {data for house in HOUSES for name, data in every[house].items() if part(name) == house}
    work = folder.with_name(f"{folder.name}.part")
    for house, found in every.items():
        other = every[HOUSES[house == HOUSES[0]]]
        for name, data in found.items():
            learns = part(name) == house
            judges = part(name) == "held out" and not {data, other.get(name, data)} & trained
            if learns or judges:
                file = work / house / ("train" if learns else "test") / name
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.frombuffer(data, np.uint8).reshape(64, 64, 3)).save(file)
    work.rename(folder)


class Printing(Silent):
    """What a run says and measures, a line each."""

    def say(self, words: str) -> None:
        print(words, flush=True)

    def measure(self, step: int, name: str, value: float) -> None:
        print(f"step {step}: {name} {value:.4g}", flush=True)


def strips(run: Run) -> Image.Image:
    """Held-out emoji, evenly spaced: as they were, translated, as the other house drew them, and back."""
    held_out = run.prepared.held_out.domains
    files = {house: held_out[house].columns(torch.arange(len(held_out[house])))["item"] for house in HOUSES}
    index = torch.arange(STRIP) * len(files[HOUSES[0]]) // STRIP
    pages = []
    for source, to in (HOUSES, HOUSES[::-1]):
        one = turned(run.model, run.codec, held_out[source], index, source, to)
        partner = torch.tensor([files[to].index(files[source][int(k)]) for k in index])
        rows = (one.was, one.there, held_out[to].raw(partner), one.back)
        pages.append(sheet([list(shown(raw)) for raw in rows], (source, f"as {to}", f"true {to}", "and back")))
    return stacked(pages)


def table(run: Run) -> list[dict[str, object]]:
    """What `evaluate` says, a row a measure."""
    report = run.evaluate()
    print(*report.headline, *report.notes, sep="\n", flush=True)
    keys = {"measure": "name", "value": "value", "low": "low", "high": "high"}
    keys |= {"floor": "floor", "untouched": "reference", "pictures": "samples"}
    return [{head: getattr(m, key) for head, key in keys.items()} for m in report.metrics]


def said(run: Run) -> str:
    step, plan = run.step, run.info["plan"]
    counts = "; ".join(
        f"{d['name']} {d['items']:,} and {d['held_out']:,} held out" for d in run.info["source"]["domains"]
    )
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    return (
        f"By `python benchmarks/emoji_translation.py`: set {run.info['set']}, {step:,} steps of {plan['batch']} on "
        f"{device}. {counts}; no base emoji is on both sides, or in both houses' training part. RGB on white."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--set", default="small")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--size", type=int, default=64, help="pixels a side that is trained and judged at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", default="emoji_translation", help="the name of the page of results")
    asked = parser.parse_args()
    prepare(asked.out / "data")
    reporter: Reporter = Printing()
    run = reverie.fit(
        [asked.out / "data" / house for house in HOUSES],
        "cyclegan",
        out=asked.out / "run",
        steps=asked.steps,
        set=asked.set,
        seed=asked.seed,
        size=(asked.size, asked.size),
        fields={"width": asked.width} if asked.width else {},
        training={"batch": asked.batch} if asked.batch else {},
        reporter=reporter,
    )
    strips(run).save(asked.out / "strips.png")
    print(tables.write(asked.page, "Noto and Twemoji, translated", said(run), table(run)))


if __name__ == "__main__":
    main()
