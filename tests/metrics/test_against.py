"""Samples that are judged by other data than the held-out part are not said to be judged by the held-out part."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from clothes import clothes
from metrics.table_rows import rows
from reverie.judging.items import Listed
from reverie.metrics import Sets, features, judge
from tunes import walks

WORDS = ("or", "not", "to", "be", "question", "whether", "nobler", "mind", "suffer", "slings")
PYTHON = "import this\n\n\ndef one(x):\n    return x\n\n\nfor k in range(3):\n    print(one(k))\n"


def text(count, seed):
    g = torch.Generator().manual_seed(seed)
    return [" ".join(WORDS[k] for k in torch.randint(len(WORDS), (12,), generator=g).tolist()) for _ in range(count)]


def windows(count, seed):
    x = np.random.default_rng(seed).standard_normal((count, 8, 2)).cumsum(1)
    return [{"window": one, "channels": ("a", "b")} for one in x]


def molecules(count, seed):
    ends = [a + b for a in ("C", "CC", "CO", "CN", "OC", "CCO") for b in ("", "C", "CC", "CCC", "CCCC")]
    return [f"{ends[k % len(ends)]}{ring}" for k, ring in enumerate(["c1ccccc1", "C1CCOC1"] * (count // 2))]


MADE = {
    "text": text,
    "sentences": text,
    "music": walks,
    "series": windows,
    "table": rows,
    "molecule": molecules,
}


def protocols(kind, what):
    made = MADE[kind]
    sets = Sets(
        Listed(made(60, 1)), Listed(made(60, 2)), Listed(made(60, 3)), bank=Listed(made(80, 3)),
        untrained=Listed(made(20, 4)), what=what,
    )  # fmt: skip
    return {m.name: m.protocol for m in judge(kind, import_module(f"reverie.metrics.{kind}").prepare(sets))}


@pytest.mark.parametrize("kind", MADE)
def test_a_protocol_says_what_samples_are_judged_by(kind):
    if kind == "molecule" and not find_spec("rdkit"):
        pytest.skip("rdkit is not installed")
    found = protocols(kind, "given (x)")
    assert len(found) > 4
    assert not [name for name, protocol in found.items() if "held-out" in protocol or "later" in protocol]
    assert [name for name, protocol in found.items() if "given (x)" in protocol]
    assert [name for name, protocol in protocols(kind, "held-out").items() if "held-out" in protocol]


def test_code_that_is_judged_by_other_code_says_so():
    fake, real = (Listed([PYTHON] * 10) for _ in range(2))
    kind = import_module("reverie.metrics.text")
    found = {m.name: m.protocol for m in judge("text", kind.prepare(Sets(fake, real, fake, what="given (x)")))}
    assert "given (x) texts" in found["parses"]
    assert not [name for name, protocol in found.items() if "held-out" in protocol]


def test_pictures_that_are_judged_by_other_pictures_say_so():
    pictures, labels = clothes(240)
    fake, real, train = pictures[:80], pictures[80:160], pictures[160:]
    classes = tuple(map(str, range(10)))
    sets = Sets(
        fake, real, train, bank=train, untrained=fake, labels=labels[160:], classes=classes,
        extractor=features.cheap(), what="given (x)",
    )  # fmt: skip
    found = {m.name: m.protocol for m in judge("image", import_module("reverie.metrics.image").prepare(sets))}
    assert {"spread_80", "repeats_80", "copies_80"} <= found.keys()
    assert not [name for name, protocol in found.items() if "held-out" in protocol]
