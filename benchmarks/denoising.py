"""A denoising autoencoder beside scikit-image's non-local means and total variation (Chambolle), on the same pictures.

    python benchmarks/denoising.py [RUN] [--steps N] [--strip FILE]     # needs scikit-image

RUN is a run of `denoising` on the set; without it one is trained. The others' settings are the best of a grid for each
noise, on training pictures; every method sees the same noisy test pictures, cut and rounded to 8 bits as in a file.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

import reverie
import tables
from reverie.core import Batch
from reverie.training.run import Run

DATA, NOISES = "fashion-mnist", (0.3, 0.4, 0.5)  # deviations, of pixels in [0, 1]
TUNED, SHOWN, BLOCK = 200, 8, 500  # training pictures that settings are chosen on; pictures of the strip; at once
Cleaner = Callable[[np.ndarray], np.ndarray]  # noisy pictures (N, H, W) in [0, 1] -> clean ones


def noisy(pictures: np.ndarray, noise: float, seed: int) -> np.ndarray:
    chance = torch.Generator().manual_seed(seed)
    added = pictures + noise * torch.randn(pictures.shape, generator=chance).numpy()
    return filed(added)


def filed(pictures: np.ndarray) -> np.ndarray:
    """As they come back from a file of 8 bits."""
    return np.round(np.clip(pictures, 0, 1) * 255).astype(np.float32) / 255


def psnr(clean: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Decibels of each picture, for a range of 1: (N,)."""
    return -10 * np.log10(np.mean((clean - made) ** 2, axis=(1, 2)))


# ------------------------------------------------------------------------------------------------------------ cleaners


def ours(run: Run) -> Cleaner:
    name, field = run.spec.only

    @torch.inference_mode()
    def clean(pictures: np.ndarray) -> np.ndarray:
        made = []
        for block in torch.from_numpy(pictures)[:, None].split(BLOCK):
            item = run.model.decode(run.model.encode(Batch({name: field.from_unit(block)})))
            made.append(field.to_unit(item[name])[:, 0].numpy())
        return np.concatenate(made)

    return clean


def means(noise: float, patch: int, distance: int, strength: float, known: bool) -> Cleaner:
    settings = {"patch_size": patch, "patch_distance": distance, "h": strength * noise, "sigma": noise * known}
    return lambda pictures: np.stack([denoise_nl_means(one, fast_mode=True, **settings) for one in pictures])


def variation(noise: float, weight: float) -> Cleaner:
    return lambda pictures: np.stack([denoise_tv_chambolle(one, weight=weight * noise) for one in pictures])


def best(make: Callable[..., Cleaner], grid: dict[str, tuple], clean: np.ndarray, noise: float) -> dict[str, float]:
    """The settings of the grid with the highest mean PSNR on these pictures."""
    spoilt, found = noisy(clean, noise, seed=1), []
    for values in itertools.product(*grid.values()):
        cleaner = make(noise, *values)
        found.append((psnr(clean, filed(cleaner(spoilt))).mean(), values))
    return dict(zip(grid, max(found)[1]))


OTHERS = {
    "non-local means": (means, {
        "patch": (3, 5, 7), "distance": (5, 9, 13), "h / noise": (0.4, 0.6, 0.8, 1.0, 1.3), "known": (True, False),
    }),
    "total variation": (variation, {"weight / noise": tuple(np.linspace(0.2, 2.0, 19).round(2).tolist())}),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- the rest


def measure(run: Run, strip: str) -> list[dict[str, object]]:
    index = torch.arange(TUNED) * len(run.prepared.train) // TUNED
    tuning, test = (
        raw[..., 0].astype(np.float32) / 255
        for raw in (run.prepared.train.raw(index), run.prepared.held_out.raw(torch.arange(len(run.prepared.held_out))))
    )
    rows, shown = [], []
    for noise in NOISES:
        spoilt, settings = noisy(test, noise, seed=0), {}
        cleaners = {"reverie": ours(run)}
        for name, (make, grid) in OTHERS.items():
            settings[name] = best(make, grid, tuning, noise)
            cleaners[name] = make(noise, *settings[name].values())
        row: dict[str, object] = {"noise": noise, "pictures": len(test), "noisy": float(psnr(test, spoilt).mean())}
        shown.append([test[:SHOWN], spoilt[:SHOWN]])
        for name, clean in cleaners.items():
            begun = time.perf_counter()
            made = filed(clean(spoilt))
            row[f"{name}, ms a picture"] = 1000 * (time.perf_counter() - begun) / len(test)
            row[name] = float(psnr(test, made).mean())
            row[f"{name}, of the mean error"] = float(-10 * np.log10(np.mean((test - made) ** 2)))
            shown[-1].append(made[:SHOWN])
        row["ahead of the better"] = row["reverie"] - max(row[name] for name in OTHERS)
        row["settings"] = json.dumps(settings).replace('"', "")
        rows.append(row)
        print(json.dumps(row), flush=True)
    if strip:
        draw(shown, strip)
    return rows


def draw(shown: list[list[np.ndarray]], file: str) -> None:
    """A row each: clean, noisy, ours, the others; one noise below the other."""
    lines = [np.concatenate(list(one), axis=1) for noise in shown for one in noise]
    sheet = Image.fromarray((np.concatenate(lines) * 255).astype(np.uint8))
    sheet.resize((3 * sheet.width, 3 * sheet.height), Image.Resampling.NEAREST).save(file)


def said(run: Run) -> str:
    last = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()][-1]
    parameters = sum(p.numel() for p in run.model.parameters())
    return (
        "By `python benchmarks/denoising.py`: PSNR in dB for a range of 1, the mean over all test pictures and that of "
        f"their mean squared error. Of Fashion-MNIST's training part, {TUNED} pictures chose the others' settings. "
        f"reverie: `denoising`, set {run.info['set']}, {last['step']:,} steps of {run.info['plan']['batch']}, "
        f"{last['seconds']:.0f} s, {parameters:,} parameters, one run for all three noises."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--strip", default="")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        opened = Run.open(asked.run) if asked.run else reverie.fit(DATA, "denoising", out=folder, steps=asked.steps)
        found = measure(opened, asked.strip)
        print(tables.write("denoising", "Cleaning noisy pictures", said(opened), found))
