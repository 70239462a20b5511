"""How well codes keep neighbours, classes and groups, beside principal components, UMAP and the pixels themselves.

    reverie fit mnist --model vae --latents 2 --out runs/mnist-2      # and the like with 32
    python benchmarks/embedding.py runs/mnist-2 runs/mnist-32 [--draws 20]

Of each run, on all its held-out items (of MNIST the test set): trustworthiness on 2,000 of them, the accuracy of 5
nearest neighbours (each item left out in turn), k-means with as many clusters as classes, and a linear probe that sees
100 labels of the training part and is asked about the held-out one. PCA and UMAP (where umap-learn is installed) are
fitted to the same held-out items, with as many dimensions as the code has; the probe sees PCA of the training part.
"""

import argparse
import json
import time

import torch

import tables
from reverie import Run
from reverie.metrics import embedding, student
from reverie.tasks.codes import encoded
from reverie.tasks.vectors import Some, bare, evenly, known, vectors

PAIRS, MEASURED, POOL = 2_000, 10_000, 10_000  # items of all pairs, of the rest, and that labels are drawn from


def scores(points: torch.Tensor, raw: torch.Tensor, labels: torch.Tensor) -> dict[str, object]:
    few = evenly(len(raw), PAIRS)
    groups = embedding.grouped(points, len(labels.unique()))[0]
    found = embedding.agreement(groups, labels)
    trust = embedding.trustworthiness(raw[few], points[few])
    near = embedding.neighbour_accuracy(points, labels)
    return {"trustworthiness": trust, "5-NN accuracy": near, "k-means ARI": found.ari, "k-means NMI": found.nmi}


def probed(known: tuple, asked: tuple, draws: int) -> str:
    middle, low, high = student(embedding.probe(known, asked, 100, draws))
    return f"{middle:.4f} ({low:.4f} to {high:.4f})"


def umap(raw: torch.Tensor, dimensions: int) -> torch.Tensor | None:
    try:
        from umap import UMAP
    except ImportError:
        return None
    return torch.from_numpy(UMAP(15, dimensions, random_state=0).fit_transform(raw.numpy()))


def measure(run: Run, draws: int) -> list[dict[str, object]]:
    held, train = run.prepared.held_out, run.prepared.train
    asked, pool = Some(held, evenly(len(held), MEASURED)), Some(train, evenly(len(train), POOL))
    codes, more = (bare(run, encoded(run, part)).float() for part in (asked, pool))
    raw, rest = (vectors(run.spec, part) for part in (asked, pool))
    labels, seen = known(run, asked).values, known(run, pool).values
    size = codes.shape[1]
    base = {"items": len(asked), "dimensions": size}
    rows = []

    def add(name: str, points: torch.Tensor | None, probe: str = "") -> None:
        if points is None:
            return
        begin = time.perf_counter()
        rows.append({"what": name, **base, **scores(points.float(), raw, labels), "probe, 100 labels": probe})
        print(json.dumps({**rows[-1], "seconds": round(time.perf_counter() - begin)}), flush=True)

    name = f"{run.info['model']}, {run.step:,} steps"
    add(name, codes, probed((more, seen), (codes, labels), draws))
    middle = rest.mean(0)
    basis = (
        torch.linalg.eigh((rest - middle).double().T @ (rest - middle).double()).eigenvectors.flip(1)[:, :size].float()
    )
    linear = ((rest - middle) @ basis, (raw - middle) @ basis)
    add("PCA", embedding.principal(raw, size), probed((linear[0], seen), (linear[1], labels), draws))
    add("UMAP", umap(raw, size))
    base["dimensions"] = raw.shape[1]
    add("the items themselves", raw, probed((rest, seen), (raw, labels), draws))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--draws", type=int, default=20)
    given = parser.parse_args()
    found: list[dict[str, object]] = []
    for folder in given.runs:
        found += [row for row in measure(Run.open(folder), given.draws) if row not in found]
    said = (
        "By `python benchmarks/embedding.py`: codes of held-out items beside what needs no training. The probe's "
        f"interval is of {given.draws} draws of 100 labels."
    )
    print(tables.write("embedding", "Codes as a picture of the data", said, found))
