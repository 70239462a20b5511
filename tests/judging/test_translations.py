"""A translator is judged each direction by itself: known translators get the words and numbers that they deserve."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import reverie
from coded import written
from reverie import core
from reverie.errors import Problem
from reverie.judging.course import Course
from reverie.judging.samples import Asked
from reverie.judging.translations import matched, translations
from reverie.metrics.features import of_module
from reverie.training.run import Run

COUNT = 24
COURSE = Course(step=10, usual=10, passes=5)


class Says(core.Model):
    """Turns a picture into what a test says."""

    def __init__(self, spec, how):
        super().__init__()
        self.spec, self.how, self.weight = spec, how, nn.Parameter(torch.zeros(()))

    def optimizers(self):
        return {}

    def updates(self):
        return []

    def translate(self, values, source, to):
        return {"image": self.how(values["image"], to)}


class Eye(nn.Module):
    """Features: the pictures' own pixels, by quarters."""

    def forward(self, x):
        return nn.functional.avg_pool2d(x[:, :1], 4).flatten(1)


EYE = of_module(Eye(), "quarters", 16)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """Pictures of a patch of light, and the same file by file as negatives, so that the true pairs are known."""
    place, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for part, count in (("train", 40), ("test", COUNT)):
        for k in range(count):
            x = rng.integers(0, 30, (16, 16, 1)).astype(np.uint8)
            top, left = rng.integers(0, 10, 2)
            x[top : top + 6, left : left + 6] += 200
            written(place / f"{part}A" / f"{part}-{k}.png", x)
            if part == "test":
                written(place / f"{part}B" / f"{part}-{k}.png", 255 - x)
            else:
                written(place / f"{part}B" / f"other-{k}.png", 255 - np.roll(x, 5, 0))
    return place


@pytest.fixture(scope="module")
def trained(folders, tmp_path_factory) -> Run:
    return reverie.fit(folders, "cyclegan", set="tiny", steps=3, out=tmp_path_factory.mktemp("runs") / "run")


def judged(trained: Run, how):
    run = Run(trained.path, trained.info)
    vars(run).update(model=Says(run.spec, how).eval().requires_grad_(False), prepared=trained.prepared)
    found = translations(run, Asked(extractor=EYE), COURSE)
    return found, {metric.name: metric for metric in found.metrics}


def test_a_perfect_translator_reaches_its_floor_comes_back_exactly_and_meets_its_partners(trained):
    found, m = judged(trained, lambda x, to: -x)
    for to, source in (("A", "B"), ("B", "A")):
        f = m[f"to_{to}_frechet_{COUNT}"]
        assert f.value < 0.2 * f.reference
        assert f"of {source} as {to}" in f.protocol
        assert f"of {source} untouched" in f.protocol
        assert m[f"cycle_rmse[{source}]"].value == 0
        assert m[f"pair_pixels[{to}]"].value == pytest.approx(0, abs=1e-9)
        assert m[f"pair_features[{to}]"].value == pytest.approx(0, abs=1e-4)
        assert m[f"pair_nearer_pixels[{to}]"].value == m[f"pair_nearer_features[{to}]"].value == 1
        assert m[f"pair_pixels[{to}]"].samples == COUNT
    assert [v.name for v in found.verdicts] == ["good"]
    assert found.strips is not None


def test_one_that_changes_nothing_has_gone_no_way_and_is_nearer_to_no_partner(trained):
    found, m = judged(trained, lambda x, to: x)
    for to in "AB":
        f = m[f"to_{to}_frechet_{COUNT}"]
        assert f.value == pytest.approx(f.reference)
        assert m[f"pair_nearer_pixels[{to}]"].value == 0
        assert m[f"pair_pixels[{to}]"].value == pytest.approx(m[f"pair_pixels[{to}]"].reference)
    assert found.verdicts[0].name != "good"
    assert any("no nearer to B than it was" in line for line in found.lines)


def test_the_worse_direction_decides_and_what_is_lost_on_the_way_back_is_measured(trained):
    """To B everything is right, to A nothing happens: A and back is off by a picture's distance to its negative."""
    found, m = judged(trained, lambda x, to: -x if to == "B" else x)
    assert m[f"to_B_frechet_{COUNT}"].value < 0.2 * m[f"to_B_frechet_{COUNT}"].reference
    assert found.verdicts[0].name != "good"
    x = trained.prepared.held_out.domains["A"].raw(torch.arange(COUNT)).astype(float) / 255
    true = np.sqrt(((1 - 2 * x) ** 2).mean((1, 2, 3))).mean()
    assert m["cycle_rmse[A]"].value == pytest.approx(true, rel=1e-5)


def test_one_name_in_two_domains_is_no_pair_where_strangers_are_as_like(folders, tmp_path, trained):
    rng = np.random.default_rng(1)
    for side in "AB":
        for part in ("train", "test"):
            for k in range(12):
                written(tmp_path / f"{part}{side}" / f"{k}.png", rng.integers(0, 256, (16, 16, 1)).astype(np.uint8))
    run = reverie.fit(tmp_path, "cyclegan", set="tiny", steps=1, out=tmp_path / "run")
    found, m = judged(run, lambda x, to: -x)
    assert not any(name.startswith("pair") for name in m)
    assert any("than strangers" in note for note in found.notes)


def test_names_that_stand_twice_are_no_partners():
    assert matched(["a", "b", "c", "c", ""], ["c", "b", "a", "b", "", "d"]) == {0: 2}


def test_evaluate_writes_a_page_with_strips_and_refuses_what_needs_samples(trained):
    report = trained.evaluate(samples=8, extractor=EYE)
    assert {"cycle_rmse[A]", "cycle_rmse[B]", "to_A_frechet_8", "to_B_frechet_8"} <= {m.name for m in report.metrics}
    page = report.html.read_text()
    assert "Translated" in page
    assert "data:image/png" in page
    assert "A (40 and 24 held-out) and B (40 and 24 held-out)" in page
    with pytest.raises(Problem, match="makes no samples to judge"):
        trained.evaluate(against="mnist")
