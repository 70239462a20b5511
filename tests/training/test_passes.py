"""Steps and batches that suit the size of the data."""

from dataclasses import replace

import pytest

from reverie.spec import SMALLEST, Training
from reverie.training.fit import fit
from reverie.training.progress import Silent

SUITED = Training(batch=128, steps=6_000, passes=8, pass_steps=64)


@pytest.mark.parametrize(
    ("items", "batch", "steps"),
    [
        (30_000, 128, 1_875),  # 8 passes
        (8_192, 128, 512),
        (4_096, 64, 512),  # as many steps: the batch is smaller
        (270, SMALLEST, 135),  # no batch is smaller than that
        (1, SMALLEST, 1),
        (1_000_000, 128, 6_000),  # no more than the set's
    ],
)
def test_a_pass_takes_enough_steps_and_there_are_so_many_passes(items, batch, steps):
    found = SUITED.of(items)
    assert (found.batch, found.steps) == (batch, steps)


def test_without_passes_nothing_depends_on_the_data():
    assert Training(batch=64, steps=100).of(5) == Training(batch=64, steps=100)


def test_rows_of_a_table_may_have_passes_of_their_own():
    training = Training(batch=64, steps=5_000, row_passes=60)
    assert (training.of(64, "table").steps, training.of(64, "table").passes) == (60, 60)
    assert training.of(64, "image").steps == 5_000
    assert training.of(1_000_000, "table").steps == 5_000
    assert replace(training, row_passes=0, passes=2).of(64, "table").steps == 2


class Says(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_a_run_says_its_passes_and_takes_a_batch_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    table = tmp_path / "t.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i % 5},{'yn'[i % 2]}\n" for i in range(200)))
    says = Says()
    run = fit(table, "feedforward", out=tmp_path / "run", predict="y", fields={"hidden": (8,)}, reporter=says)
    items = run.info["source"]["items"]
    assert run.info["plan"]["batch"] == SMALLEST
    assert run.step == run.info["default_steps"] == -(-8 * items // SMALLEST)
    assert any(f"{run.step} steps are" in line and "passes through the items" in line for line in says.lines)
    other = fit(
        table, "feedforward", out=tmp_path / "other", predict="y", fields={"hidden": (8,)}, training={"batch": 64}
    )
    assert other.info["plan"]["batch"] == 64
    more = run.step + 5
    assert fit(table, "feedforward", out=tmp_path / "run", predict="y", steps=more).step == more
