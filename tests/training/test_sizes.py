"""Which size a time is enough for: known paces, known answers."""

import pytest

from reverie.training.sizes import Trial, largest

PACES = {"quick": 0.01, "small": 0.1, "base": 10.0}  # seconds a step, of 100 steps


def trials(tried):
    for name, pace in PACES.items():

        def seconds(name=name, pace=pace):
            tried.append(name)
            return pace

        yield Trial(name, 100, pace, seconds)


@pytest.mark.parametrize(
    ("budget", "name", "tried"),
    [
        (0.5, "quick", ["quick"]),  # none fits: the smallest, and no other is tried
        (1.0, "quick", ["quick"]),  # small should take ten times as long, and is not tried
        (5.0, "quick", ["quick", "small"]),
        (10.0, "small", ["quick", "small"]),
        (400.0, "small", ["quick", "small", "base"]),
        (1000.0, "base", ["quick", "small", "base"]),
    ],
)
def test_the_largest_size_that_fits_is_taken(budget, name, tried):
    seen = []
    assert largest(trials(seen), budget) == name
    assert seen == tried
