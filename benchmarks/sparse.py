"""Is a sparse autoencoder as sparse as it was asked to be, and what does that cost?

    python benchmarks/sparse.py [--steps 6000]

On MNIST, the same network and training for each way to sparsity, and for a dense code of the same width (of which every
unit passes); all measured on the test part.
"""

import argparse
import json
from tempfile import TemporaryDirectory

import torch

import reverie
import tables
from reverie.nets.reconstruction import reconstruction, squared_error

DATA, BLOCK = "mnist", 500
WAYS = {
    "dense": {"sparsity": "top_k", "target": 1.0, "first": 1.0},
    "top_k": {"sparsity": "top_k"},
    "kl": {"sparsity": "kl"},
    "l1": {"sparsity": "l1", "penalty": 0.1},
}


@torch.inference_mode()
def measure(run, name: str) -> dict[str, object]:
    model, items, sums = run.model, run.prepared.held_out, {}
    for index in torch.arange(len(items)).split(BLOCK):
        batch = items.take(index)
        seen, units = model.flat.seen(batch), model.encode(batch)
        outputs = model.decoder(units)
        on = model.active(units)
        for key, value in {
            "nats": reconstruction(model.flat, seen, outputs, model.cfg.error).sum(),
            "squared error": squared_error(model.flat, seen, outputs).sum(),
            "active": on.double().mean(1).sum(),
            "mean activation": units.mean(1).sum(),
        }.items():
            sums[key] = sums.get(key, 0.0) + float(value) / len(items)
    last = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()][-1]
    return {"way": name, "units": model.cfg.units, "target": model.cfg.target, **sums, "dead": last["dead"],
            "seconds": round(last["seconds"])}  # fmt: skip


def main(steps: int) -> None:
    rows: list[dict[str, object]] = []
    for name, fields in WAYS.items():
        with TemporaryDirectory() as folder:
            row = measure(reverie.fit(DATA, "sparse", out=folder, steps=steps, fields=fields), name)
        dense = rows[0] if rows else row
        of = {"top_k": "active", "kl": "mean activation"}.get(name)
        row["off target"] = row[of] / row["target"] - 1 if of else ""
        for key in ("nats", "squared error"):
            row[f"{key} / dense"] = row[key] / dense[key]
        rows.append(row)
        print(json.dumps(row), flush=True)
    said = (
        f"By `python benchmarks/sparse.py --steps {steps}`, on MNIST's test part. The target is of the share of active "
        "units of top_k, of the mean activation of kl; l1 has none. Active: not 0; of kl, above 0.5. Dead: not active "
        "for any of the last 10,000 training items."
    )
    print(tables.write("sparse", "Sparse codes", said, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6_000)
    main(parser.parse_args().steps)
