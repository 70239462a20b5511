"""How evenly the paths between two items go, of one run beside another's: longest step over mean step.

    python benchmarks/smoothness.py RUN OTHER [--pairs 50] [--steps 10]

Both runs must be of the same data. The same pairs of held-out items are joined by a straight line in each run's codes;
steps are measured on EfficientNet's features of the pictures. Pairs are drawn once, seeded. Beside both stands what no
model made: the same pairs cross-faded pixel by pixel.
"""

import argparse
import json

import numpy as np
import torch

import tables
from reverie import Run
from reverie.maths.paths import spherical, straight, unevenness
from reverie.metrics import features, student
from reverie.tasks.codes import decoded, encoded
from reverie.tasks.interpolate import Along
from reverie.tasks.vectors import Some


def unevennesses(run: Run, index: torch.Tensor, along: Along) -> np.ndarray:
    """(pairs,): items at index (2 · pairs,) two by two."""
    codes = encoded(run, Some(run.prepared.held_out, index))
    paths = [along.walked(a, b, lambda c, _: decoded(run, c)) for a, b in codes.view(-1, 2, codes.shape[1])]
    pictures = np.concatenate([run.codec.decode(path) for path in paths])
    return measured(run, pictures, along.steps)


def faded(run: Run, index: torch.Tensor, steps: int) -> np.ndarray:
    """The same of the pictures themselves, cross-faded."""
    raw = torch.as_tensor(np.asarray(run.prepared.held_out.raw(index))).double()
    share = torch.linspace(0, 1, steps, dtype=torch.float64).view(-1, *[1] * (raw.dim() - 1))
    paths = [
        torch.lerp(a.expand(steps, *a.shape), b.expand(steps, *b.shape), share) for a, b in zip(raw[::2], raw[1::2])
    ]
    return measured(run, torch.cat(paths).round().to(torch.uint8).numpy(), steps)


def measured(run: Run, pictures: np.ndarray, steps: int) -> np.ndarray:
    points = features.default(max(run.spec.only[1].shape[1:]))(pictures).double()
    return np.array([unevenness(path) for path in points.view(-1, steps, points.shape[1])])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("other")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    one, two = Run.open(asked.run), Run.open(asked.other)
    if one.info["source"]["fingerprint"] != two.info["source"]["fingerprint"]:
        raise SystemExit(f"{asked.run} and {asked.other}: of different data. Train both on the same")
    order = torch.randperm(len(one.prepared.held_out), generator=torch.Generator().manual_seed(0))
    index, rows = order[: 2 * asked.pairs], []
    fade = faded(one, index, asked.steps)
    ways = {"straight": (straight, False), "spherical": (spherical, False), "straight, --even": (straight, True)}
    for name, (way, even) in ways.items():
        here, there = (unevennesses(run, index, Along(run, way, asked.steps, even)) for run in (one, two))
        middle, low, high = student((here - there).tolist())
        row = {"path": name, "pairs": asked.pairs, "steps": asked.steps}
        for run, values in ((one, here), (two, there)):
            row[f"{run.info['model']}, {run.step:,} steps"] = float(values.mean())
        row |= {
            "cross-fade of pixels": float(fade.mean()),
            "difference": f"{middle:+.3f} ({low:+.3f} to {high:+.3f})",
            "first more even": f"{(here < there).mean():.0%}",
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    said = "By `python benchmarks/smoothness.py`: longest over mean step on the paths between pairs, means over pairs."
    print(tables.write("smoothness", "How evenly paths go", said, rows))
