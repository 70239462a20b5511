"""What CharRNN reaches on MOSES, for samples that are judged by the same protocol: the benchmark's own table, version 1
of the data, mean of three trainings. Segler, Kogej, Tyrchan & Waller 2018, arXiv:1701.01329; Polykovskiy et al. 2020,
arXiv:1811.12823, table 2, as the authors' repository molecularsets/moses keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reverie.metrics import Metric

if TYPE_CHECKING:
    from .seen import Seen

PARTS = (1_584_663, 176_074, 176_225)  # molecules of MOSES's training, test and scaffold test parts
SAMPLES = 30_000
CHAR_RNN = {
    "validity": 0.9748, "unique_1k": 1.0, "unique_10k": 0.9994, "novelty": 0.8419, "filters": 0.9943,
    "intdiv1": 0.8562, "intdiv2": 0.8503, "fcd": 0.0732, "fcd_scaffolds": 0.5204, "snn": 0.6015,
    "snn_scaffolds": 0.5649, "frag": 0.9998, "frag_scaffolds": 0.9983, "scaf": 0.9242, "scaf_scaffolds": 0.1101,
}  # fmt: skip


def same(seen: Seen) -> bool:
    """Are these MOSES's data, and as many samples as it judges?"""
    sizes = (len(seen.bank), len(seen.real.smiles), len(seen.far.smiles) if seen.far else 0)
    return sizes == PARTS and len(seen.fake.smiles) == SAMPLES


def beside(seen: Seen, metric: Metric) -> Metric:
    """With CharRNN's number as the reference, where it is of the same protocol."""
    name = metric.name if metric.name in CHAR_RNN else metric.name.rpartition("_")[0]
    if name not in CHAR_RNN or metric.reference is not None or not same(seen):
        return metric
    said = f"{metric.protocol}; reference: CharRNN, as MOSES publishes it"
    if name.startswith("fcd"):
        said += ", against the whole part: of fewer the distance is larger, as the floor is (published: 0.008, 0.476)"
    return replace(metric, reference=CHAR_RNN[name], protocol=said)
