"""Bits a pixel against PSNR: `reverie compress` beside JPEG, WebP and PNG.

    python benchmarks/compression.py [fashion emoji] [--runs FOLDER] [--pictures 2000] [--only-train DATA:NAME]

On Fashion-MNIST's test pictures, and on those emoji (both houses, laid on white, RGB) whose base code point is held out
with all its skin tones. Each run is trained once, on one thread, and kept in FOLDER. Results go to
results/compression.md and, drawn, to docs/pictures/compression-*.svg. All rates are of files that were written and read
back: a file a picture with its head and its checksum, and one file for all (`--together`) with all names.
"""

import argparse
import csv
import hashlib
import io
import os
import platform
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image

import curves
import pictures_coded as peers
import reverie
import tables
from pictures_coded import Point
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.tasks.compress import coded, packed
from reverie.tasks.decompress import unpacked
from reverie.tasks.packed import Packed, parse
from reverie.tasks.vectors import Some
from reverie.training.run import Run

SHADES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff", "fe0f")  # skin tones, and a mark that changes no picture


@dataclass(frozen=True)
class Order:
    """A run to train."""

    name: str
    steps: int
    fields: dict[str, Any]
    batch: int


SMALL: dict[str, Any] = {"width": 64, "code": 16, "halvings": 2, "blocks": 2, "prior": "place", "groups": 4}
WIDE: dict[str, Any] = {"width": 64, "code": 128, "halvings": 3, "blocks": 1, "prior": "place", "groups": 6}
ORDERS = {
    "fashion": [
        *(Order(f"lambda {q:g}", 3_500, {**SMALL, "quality": q}, 32) for q in (100.0, 500.0, 2_500.0)),
        Order("lossless", 2_800, {**SMALL, "quality": 30.0, "residual": "logistic", "learning_rate": 2e-3}, 32),
    ],
    "emoji": [Order(f"lambda {q:g}", 3_500, {**WIDE, "quality": q}, 16) for q in (100.0, 500.0, 2_000.0)],
}


def emoji(folder: Path) -> Path:
    """The emoji laid on white, in two parts: train and test, by base code point."""
    if folder.is_dir():
        return folder
    where, part = Path(os.environ["REVERIE_DATA"]) / "emoji", folder.with_name(f".emoji-{os.getpid()}")
    names = [row["file"] for row in csv.DictReader((where / "emoji.csv").read_text(encoding="utf-8").splitlines())]
    for house in ("noto", "twemoji"):
        with zipfile.ZipFile(where / f"{house}-64.zip") as archive:
            for name in names:
                if f"{house}/{name}" not in archive.namelist():
                    continue
                with Image.open(io.BytesIO(archive.read(f"{house}/{name}"))) as opened:
                    page = Image.new("RGBA", opened.size, (255, 255, 255, 255))
                    page.alpha_composite(opened.convert("RGBA"))
                base = "-".join(part for part in name.removesuffix(".png").split("-") if part not in SHADES)
                held = int(hashlib.sha256(base.encode()).hexdigest(), 16) % 10 == 0
                place = part / ("test" if held else "train")
                place.mkdir(parents=True, exist_ok=True)
                page.convert("RGB").save(place / f"{house}-{name}")
    try:
        part.rename(folder)  # whole or not there: two trainings may begin at once
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(part)  # the other was first
    return folder


def trained(data: str, order: Order, where: str, runs: Path) -> Run:
    """The run of an order; trained where it is not there yet."""
    folder = runs / f"{data}-{order.name.replace(' ', '-')}"
    if (folder / "last.ckpt").is_file() and Run.open(folder).step >= order.steps:
        return Run.open(folder)
    return reverie.fit(
        where, "compressive", out=folder, steps=order.steps, set="small", fields=order.fields,
        training={"batch": order.batch, "ema_items": 5_000.0},
    )  # fmt: skip


def ours(run: Run, items: Some, order: Order) -> Point:
    """Files written and read back: all of one set, the first of those that stand alone."""
    lossless = order.name == "lossless"
    names = [f"{i:05}.png" for i in range(len(items))]
    raw = items.raw(torch.arange(len(items)))
    alone = [content for content, _ in packed(run, items, names, lossless, together=False)]
    ((whole, _),) = packed(run, items, names, lossless, together=True)
    back = np.concatenate(list(unpacked(run, parsed(whole), len(items))))
    for k, content in enumerate(alone[:50]):
        assert np.array_equal(next(unpacked(run, parsed(content), 1))[0], back[k]), "two ways back differ"
    if lossless:
        assert np.array_equal(back, raw), "not lossless"
    pixels = raw.shape[0] * raw.shape[1] * raw.shape[2]
    rates = [8 * count / pixels for count in (sum(map(len, alone)), len(whole))]
    return Point("reverie", order.name, rates[0], rates[1], *peers.psnr(raw, back), sheet=True)


def parsed(data: bytes) -> Packed:
    return parse(data, "a file of the benchmark")


def at(points: Sequence[Point], psnr: float, rate: str, by: str = "psnr") -> float:
    """Bits a pixel of a curve at a PSNR: the rate's logarithm on straight lines between settings; nan outside."""
    known = sorted((getattr(p, by), getattr(p, rate)) for p in points)
    x, y = np.array(known).T
    return float(np.exp(np.interp(psnr, x, np.log(y)))) if x[0] <= psnr <= x[-1] else float("nan")


def beside(mine: Sequence[Point], others: Sequence[Point]) -> list[dict[str, Any]]:
    """A row for each of our runs: the peers' bits a pixel at the same PSNR, of both kinds, in both ways."""
    rows = []
    for point in mine:
        row: dict[str, Any] = {"run": point.setting, "PSNR, dB": round(point.psnr, 2)}
        for rate, said in (("alone", "a file a picture"), ("shared", "shared")):
            row[f"reverie, {said}"] = round(getattr(point, rate), 3)
            for name in ("JPEG", "WebP"):
                curves = [[p for p in others if p.name == one] for one in {p.name for p in others}]
                same = [c for c in curves if c[0].name.startswith(name)]
                both = [[at(c, getattr(point, by), rate, by) for c in same] for by in ("psnr", "psnr_mean")]
                row[f"{name}, {said}"] = round(float(np.nanmin(both[0] or [np.nan])), 3)
                row[f"{name} at equal mean PSNR, {said}"] = round(float(np.nanmin(both[1] or [np.nan])), 3)
        rows.append(row)
    return rows


def drawn(data: str, mine: Sequence[Point], others: Sequence[Point]) -> None:
    """PSNR over bits a pixel with what files share told once, as a picture of its own."""
    lines = {}
    for name in ["reverie", *sorted({p.name for p in others})]:
        points = [p for p in (*mine, *others) if p.name == name and np.isfinite(p.psnr)]
        lines[name] = sorted((p.shared, p.psnr) for p in points)
    curves.drawn(f"compression-{data}", "PSNR in dB", "bits a pixel", lines)


def strip(data: str, run: Run, items: Some, rate: float, peers_points: Sequence[Point]) -> None:
    """Twelve pictures: as they are, at our rate, and by the JPEG whose rate (shared) is the next higher one."""
    raw = items.raw(torch.arange(len(items)))[:: max(1, len(items) // 12)][:12]
    batch = items.take(torch.arange(len(items))[:: max(1, len(items) // 12)][:12])
    _, made = coded(run.model, batch, len(raw), False)
    jpegs = [p for p in peers_points if p.name.startswith("JPEG") and p.shared >= rate]
    nearest = min(jpegs, key=lambda p: p.shared)
    options = {"subsampling": 2 if nearest.name.endswith("20") else 0} if raw.shape[3] == 3 else {}
    files = [peers.written(x, "JPEG", quality=int(nearest.setting), optimize=True, **options) for x in raw]
    rows = [raw, run.codec.decode(made), np.stack([peers.read(file, raw.shape[3]) for file in files])]
    whole = np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)
    times = max(1, 56 // raw.shape[1])
    page = whole.repeat(times, 0).repeat(times, 1)
    peers.image(page).save(curves.DRAWN / f"compression-{data}.png", optimize=True)
    print(
        f"{data}: strip of ours at {rate:.3f} and {nearest.name} {nearest.setting} at {nearest.shared:.3f} bits a pixel"
    )


def measured(data: str, runs: Path, pictures: int) -> dict[str, Any]:
    """All points of one set."""
    where = "fashion-mnist" if data == "fashion" else str(emoji(runs / "emoji"))
    orders = [(order, trained(data, order, where, runs)) for order in ORDERS[data]]
    held_out = open_source(where, DataOptions()).prepare().held_out
    items = Some(held_out, torch.arange(min(pictures, len(held_out))))
    raw = items.raw(torch.arange(len(items)))
    mine = [ours(run, items, order) for order, run in orders]
    lossy, whole = [*peers.jpeg(raw), *peers.webp(raw)], peers.lossless(raw)
    strip(data, orders[0][1], items, mine[0].shared, lossy)
    drawn(data, [p for p in mine if p.setting != "lossless"], lossy)
    return {
        "data": data, "pictures": len(items), "mine": mine, "lossy": lossy, "whole": whole,
        "megabytes": max((run.path / "weights.safetensors").stat().st_size for _, run in orders) / 1e6,
    }  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> str:
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *(tables.row(row, heads) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def told(point: Point, head: bool) -> dict[str, Any]:
    """A row of the full list."""
    row: dict[str, Any] = {"codec": point.name, "setting": point.setting}
    row |= {"bits a pixel, a file a picture": round(point.alone, 3), "shared": round(point.shared, 3)}
    how = "one file" if point.name == "reverie" else "sheet" if point.sheet else "less what is alike"
    row |= {"shared by": how} | ({"PSNR, dB": round(point.psnr, 2)} if head else {})
    return row | ({"mean of pictures' own": round(point.psnr_mean, 2)} if head else {})


def page(found: Sequence[dict[str, Any]]) -> str:
    """The whole of results/compression.md."""
    said = [f"# Compression beside JPEG, WebP and PNG\n\n{SAID}"]
    for one in found:
        mine = [p for p in one["mine"] if p.setting != "lossless"]
        whole = [p for p in one["mine"] if p.setting == "lossless"]
        said.append(
            f"## {TITLES[one['data']]}\n\n{one['pictures']:,} pictures that no run has seen. A run's weights, which "
            f"both sides need and no rate counts, take {one['megabytes']:.1f} MB (an installed libjpeg 0.6 MB)."
        )
        rows = beside(mine, one["lossy"])
        said.append(
            "Bits a pixel of each run, and of the others at the same PSNR (of the mean squared error over all "
            "pictures):\n\n" + table([{k: v for k, v in row.items() if "mean PSNR" not in k} for row in rows])
        )
        said.append(
            "The same at the same mean of the pictures' own PSNR:\n\n"
            + table(
                [
                    {k: v for k, v in row.items() if (k != "PSNR, dB" and "equal" in k) or "reverie" in k or k == "run"}
                    for row in rows
                ]
            )
        )
        said.append(f"![PSNR against bits a pixel](../../docs/pictures/compression-{one['data']}.svg)")
        said.append("Nothing lost:\n\n" + table([told(p, False) for p in (*whole, *one["whole"])]))
        said.append(
            "<details><summary>Every setting</summary>\n\n"
            + table([told(p, True) for p in (*mine, *one["lossy"])])
            + "\n\n</details>"
        )
    machine = (
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.system()} {platform.machine()}, "
    )
    machine += f"pillow {PIL.__version__}, constriction {version('constriction')}"
    return "\n\n".join([*said, machine + "."]) + "\n"


SAID = """By `python benchmarks/compression.py`. Every rate is of files that were written and read back. *A file a
picture*: all bytes of all files; of reverie's, 12 bytes of each are head and checksum. *Shared*: what files
have in common is told once. Of reverie, one file for all by `--together`, with every name; of the others, the
smaller of two: one sheet on which all pictures stand below each other, with tables made for the sheet; or all
files less the bytes that all of them have alike (of JPEG, an abbreviated stream with the standard's tables).
JPEG's own tables are made for each picture (`optimize`), of colour pictures with whole and with halved
colour, the better one is compared; WebP with `method=6`."""
TITLES = {
    "fashion": "Fashion-MNIST, 28 × 28, grey",
    "emoji": "Emoji of two houses on white, 64 × 64, RGB; held out by base code point",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=list(ORDERS))
    parser.add_argument("--runs", type=Path, default=Path("runs/compression"))
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--only-train", default="", help="name of one order: trains it and ends")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.only_train:
        data, _, name = args.only_train.partition(":")
        where = "fashion-mnist" if data == "fashion" else str(emoji(args.runs / "emoji"))
        trained(data, next(order for order in ORDERS[data] if order.name == name), where, args.runs)
        return
    found = [measured(data, args.runs, args.pictures) for data in args.data]
    file = tables.RESULTS / "compression.md"
    file.write_text(page(found), encoding="utf-8")
    print(file)


if __name__ == "__main__":
    main()
