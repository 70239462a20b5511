"""Are planted copies of training pictures found, and honest pictures left in peace?

    python benchmarks/copies.py [DATA …] [--planted 300] [--honest 2000]

Of each set's training part, pictures are planted as they are, saved as JPEG of quality 75, mirrored, and moved by a
pixel; of its held-out part, pictures are taken as samples of a model that copied nothing. Those are then split in two
halves, a hundred times: how often is one of them accused beside the other?
"""

import argparse
import io
import json

import numpy as np
import torch
from PIL import Image
from scipy.stats import fisher_exact

import tables
from reverie.judging.verdict import COPIED, SURE
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.metrics import copies

SPLITS = 100


def jpeg(pictures: np.ndarray) -> np.ndarray:
    out = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture[..., :3]).save(file, "JPEG", quality=75)
        whole = picture.copy()
        whole[..., :3] = np.array(Image.open(file)).reshape(*picture.shape[:2], -1)
        out.append(whole)
    return np.stack(out)


def moved(pictures: np.ndarray) -> np.ndarray:
    """Each in its turn up, down, left or right, the border black."""
    out = np.zeros_like(pictures)
    out[0::4, 1:], out[1::4, :-1] = pictures[0::4, :-1], pictures[1::4, 1:]
    out[2::4, :, 1:], out[3::4, :, :-1] = pictures[2::4, :, :-1], pictures[3::4, :, 1:]
    return out


FORMS = {"exact": lambda x: x, "jpeg 75": jpeg, "mirrored": lambda x: x[:, :, ::-1].copy(), "moved": moved}


def measure(data: str, planted: int, honest: int) -> dict[str, object]:
    prepared = open_source(data, DataOptions()).prepare()
    train, held_out = prepared.train, prepared.held_out
    bank = copies.Bank(train.raw(torch.arange(len(train))))
    chance = torch.Generator().manual_seed(0)
    which = torch.randperm(len(train), generator=chance)[:planted]
    pictures, row = train.raw(which), {"data": data, "training pictures": len(train), "planted of each": planted}
    for name, change in FORMS.items():
        found = copies.nearest(change(pictures), bank)
        row[f"{name}, found"] = float(found.copied.double().mean())
    index = torch.randperm(len(held_out), generator=chance)[:honest]
    usual = copies.nearest(held_out.raw(index), bank)
    row["honest pictures"] = len(index)
    row["flagged"] = float(usual.copied.double().mean())
    row["accused"] = f"{accused(usual, chance)} of {SPLITS} halves"
    return row


def accused(found: copies.Found, chance: torch.Generator) -> int:
    """By the rule of the verdict, on copies and on exact copies."""
    total = 0
    for _ in range(SPLITS):
        one, two = torch.randperm(len(found.residual), generator=chance).chunk(2)
        for flags in (found.copied, found.exact):
            hits, others = int(flags[one].sum()), int(flags[two].sum())
            table = [[hits, len(one) - hits], [others, len(two) - others]]
            p = fisher_exact(table, alternative="greater").pvalue
            if p < SURE and hits / len(one) - others / len(two) > COPIED:
                total += 1
                break
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=["fashion-mnist", "mnist", "cifar10"])
    parser.add_argument("--planted", type=int, default=300)
    parser.add_argument("--honest", type=int, default=2000)
    asked = parser.parse_args()
    rows = []
    for name in asked.data:
        rows.append(measure(name, asked.planted, asked.honest))
        print(json.dumps(rows[-1]), flush=True)
    said = "By `python benchmarks/copies.py`: shares of planted copies that are found, of held-out pictures flagged."
    print(tables.write("copies", "Planted copies", said, rows))
