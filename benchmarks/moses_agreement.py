"""Measures of molecules beside the functions of the package moses itself, on the same molecules, and the scale that its
authors publish for training molecules in the samples' place.

    git clone https://github.com/molecularsets/moses && pip install rdkit fcd
    python benchmarks/moses_agreement.py moses --data DATA

DATA holds MOSES's train.csv.gz, test.csv.gz and test_scaffolds.csv.gz. The package wants libraries that no longer
install: its two files of measures are read without the rest, by stand-ins for pandas' tables of patterns, for pictures
and for what older RDKits had. FCD is compared with the package fcd's own, as the stand-in for fcd_torch."""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import tables
from reverie.judging.items import Listed
from reverie.kinds.molecule.properties import accessibility
from reverie.metrics import Sets, judge
from reverie.metrics.molecule import prepare
from reverie.metrics.molecule.alerts import passes

PUBLISHED = {  # the row "Train" of the package's README, and of its data/samples/train_metrics.csv
    "fcd": 0.008, "snn": 0.6419, "frag": 1.0, "scaf": 0.9907, "intdiv1": 0.8567, "intdiv2": 0.8508, "filters": 1.0,
    "snn_scaffolds": 0.5859, "frag_scaffolds": 0.9986, "fcd_scaffolds": 0.4755, "scaf_scaffolds": 0.0,
}  # fmt: skip


class Patterns:
    """What the package asks of pandas: a column of a .csv, and two of them one after the other."""

    def __init__(self, smarts: list[str]):
        self.smarts = smarts

    def append(self, other: Patterns, sort: bool) -> Patterns:
        return Patterns(self.smarts + other.smarts)

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(values=self.smarts)


def read_csv(where: str, names: list[str] | None = None) -> Patterns:
    with open(where, newline="") as file:
        rows = list(csv.reader(file))
    column = 0 if names else rows[0].index("smarts")
    return Patterns([row[column] for row in rows[0 if names else 1 :]])


def stand_in(name: str, **parts: Any) -> None:
    module = ModuleType(name)
    vars(module).update(parts)
    sys.modules[name] = module


def package(clone: Path) -> Any:
    """Its module of measures."""
    from rdkit.Chem import AllChem, rdFingerprintGenerator

    def morgan(molecule: Any, radius: int, nBits: int) -> Any:  # the package's word
        return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=nBits).GetFingerprint(molecule)

    if not hasattr(AllChem, "GetMorganFingerprintAsBitVect"):  # the function of old, by what took its place
        AllChem.GetMorganFingerprintAsBitVect = morgan
    vars(np)["NaN"] = np.nan
    stand_in("pandas", read_csv=read_csv, Series=tuple)
    stand_in("matplotlib", pyplot=None)
    stand_in("matplotlib.pyplot")
    stand_in("rdkit.six", iteritems=dict.items)
    stand_in("fcd_torch", FCD=object)
    stand_in("moses", __path__=[str(clone / "moses")])
    stand_in("moses.dataset", get_dataset=None, get_statistics=None)
    stand_in("moses.metrics", __path__=[str(clone / "moses" / "metrics")])
    stand_in("moses.metrics.SA_Score", sascorer=SimpleNamespace(calculateScore=accessibility), __path__=[])
    stand_in("moses.metrics.NP_Score", npscorer=None, __path__=[])
    from moses.metrics import metrics

    return metrics


def theirs(m: Any, fake: list[str], real: list[str], train: list[str]) -> dict[str, float]:
    """As its get_all_metrics calls them."""
    import fcd
    from moses.metrics import utils

    valid = m.remove_invalid(fake)
    gen, ref = ([utils.get_mol(text) for text in side] for side in (valid, real))
    found = {"validity": m.fraction_valid(fake), "unique": m.fraction_unique(valid, 1000)}
    found |= {"novelty": m.novelty(gen, train), "filters": m.fraction_passes_filters(gen)}
    found |= {"intdiv1": m.internal_diversity(gen), "intdiv2": m.internal_diversity(gen, p=2)}
    for name, metric in (("snn", m.SNNMetric()), ("frag", m.FragMetric()), ("scaf", m.ScafMetric())):
        found[name] = metric(gen=gen, ref=ref)
    for name, of in (("logp", utils.logP), ("sa", utils.SA), ("qed", utils.QED), ("weight", utils.weight)):
        found[f"{name}_w1"] = m.WassersteinMetric(of)(gen=gen, ref=ref)
    found["fcd"] = fcd.get_fcd(valid, real, device="cpu")
    return {name: float(value) for name, value in found.items()}


def ours(given: Sets) -> dict[str, float]:
    found = judge("molecule", prepare(given))
    return {metric.name.rpartition("_")[0]: metric.value for metric in found}


def agreement(m: Any, train: list[str], test: list[str], count: int) -> list[dict[str, Any]]:
    """Samples that are test molecules from another place, training molecules, and broken ones."""
    fake = [*test[1 :: len(test) // count][: count // 2], *train[:: len(train) // count][: count // 2], "C(", "c1cc"]
    fake += fake[:7]
    real = test[:: len(test) // count][:count]
    mine = ours(Sets(Listed(fake), Listed(real), Listed(train[:100]), bank=Listed(train)))
    other = theirs(m, fake, real, train)
    return [
        {"measure": name, "ours": mine[name], "moses": value, "apart": f"{abs(mine[name] - value):.1e}"}
        for name, value in other.items()
    ]


def filters(utils: Any, others: list[str]) -> dict[str, Any]:
    """Of molecules that were not chosen by these filters."""
    pairs = [(passes(text), bool(utils.mol_passes_filters(text))) for text in others]
    same = sum(a == b for a, b in pairs)
    return {"measure": f"filters, {len(pairs):,} other molecules: same answer", "ours": same / len(pairs), "moses": 1.0,
            "apart": f"{len(pairs) - same} molecules"}  # fmt: skip


def scale(train: list[str], test: list[str], far: list[str], count: int) -> list[dict[str, Any]]:
    """Training molecules as samples, against the whole test parts, beside what is published for them."""
    some = Listed(train[:: len(train) // count][:count])
    begun = time.time()
    found = ours(Sets(some, Listed(test), Listed(train[:100]), bank=Listed(train), beside={"scaffolds": Listed(far)}))
    seconds = time.time() - begun
    rows = [
        {
            "measure": f"{name}, training molecules",
            "ours": found[name],
            "moses": value,
            "apart": f"{found[name] - value:+.4f}",
        }
        for name, value in PUBLISHED.items()
        if name in found
    ]
    return [*rows, {"measure": "seconds for these", "ours": seconds, "moses": "", "apart": ""}]


def smiles(file: Path) -> list[str]:
    with gzip.open(file, "rt") as lines:
        return [line.strip() for line in lines][1:]


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("clone", type=Path)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--molecules", type=int, default=2_000)
    asked.add_argument(
        "--train", type=int, default=30_000, help="training molecules in the samples' place; 0: leave out"
    )
    args = asked.parse_args()
    m = package(args.clone)
    from moses.metrics import utils
    from rdkit import Chem, RDConfig

    train, test, far = (smiles(args.data / f"{name}.csv.gz") for name in ("train", "test", "test_scaffolds"))
    rows = agreement(m, train, test, args.molecules)
    nci = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().split("\n")
    read = [line.split()[0] for line in nci if line.strip() and Chem.MolFromSmiles(line.split()[0]) is not None]
    rows.append(filters(utils, read))
    rows += scale(train, test, far, args.train) if args.train else []
    said = f"By `python benchmarks/moses_agreement.py moses --data DATA`: {args.molecules:,} molecules against as many "
    said += (
        f"of the test part, both programs on the same; then {args.train:,} training molecules against the whole test "
    )
    said += "parts (FCD and properties: 30,000 of each), beside the row that MOSES publishes for all of them."
    print(tables.write("moses_agreement", "Measures of molecules beside moses", said, rows))


if __name__ == "__main__":
    main()
