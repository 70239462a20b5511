"""Is a sparse autoencoder as sparse as it was asked to be, and what does that cost?

    python benchmarks/sparse.py [--steps 4000] [--target 0.1,0.25,0.5] [--units 500] [--ways top_k,kl,l1]

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
DENSE = {"sparsity": "top_k", "target": 1.0, "first": 1.0}


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


def main(steps: int, targets: list[float], units: int, ways: list[str]) -> None:
    rows: list[dict[str, object]] = []
    aimed = [(way, {"sparsity": way, "target": target}) for target in targets for way in ways if way != "l1"]
    for name, fields in [("dense", DENSE), *aimed, *[("l1", {"sparsity": "l1", "penalty": 0.1})] * ("l1" in ways)]:
        with TemporaryDirectory() as folder:
            row = measure(reverie.fit(DATA, "sparse", out=folder, steps=steps, fields={**fields, "units": units}), name)
        dense = rows[0] if rows else row
        of = {"top_k": "active", "kl": "mean activation"}.get(name)
        row["off target"] = row[of] / row["target"] - 1 if of else ""
        for key in ("nats", "squared error"):
            row[f"{key} / dense"] = row[key] / dense[key]
        rows.append(row)
        print(json.dumps(row), flush=True)
    asked = f"--steps {steps} --units {units} --ways {','.join(ways)}"
    said = (
        f"By `python benchmarks/sparse.py {asked}`, on MNIST's test part. The target is of the share of active "
        "units of top_k, of the mean activation of kl; l1 has none. Active: not 0; of kl, above 0.5. Dead: not active "
        "for any of the last 10,000 training items. Nats are cross-entropies of grey levels."
    )
    print(tables.write("sparse", "Sparse codes", said, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--target", default="0.1,0.25,0.5")
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--ways", default="top_k,kl,l1")
    asked = parser.parse_args()
    targets = [float(part) for part in asked.target.split(",")]
    main(asked.steps, targets, asked.units, asked.ways.split(","))
