"""Beam search against a search of every sequence, and greedy writing against a plain loop."""

from itertools import product

import pytest
import torch

from reverie.maths.beam import Writer, penalty, search

WORDS = 3  # 0 ends


class Tables:
    """The next token hangs on the item and on all that was written, which only `keep` hands on."""

    def __init__(self, items: int, rows: int, seed: int = 0, ending: float = 0.0):
        g = torch.Generator().manual_seed(seed)
        logits = torch.randn(items, 997, WORDS, generator=g, dtype=torch.float64) * 1.5
        logits[:, :, 0] += ending
        self.table = logits.log_softmax(2)
        self.item = torch.arange(items)
        self.before = torch.zeros(items * rows, dtype=torch.int64)
        self.steps = 0

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        self.before = (self.before * 5 + tokens + 1) % 997
        return self.table[self.item.repeat_interleave(len(tokens) // len(self.item)), self.before]

    def keep(self, rows: torch.Tensor, items: torch.Tensor) -> None:
        self.before, self.item = self.before[rows], self.item[items]


def first(items: int) -> torch.Tensor:
    return torch.ones(items, dtype=torch.int64)


def log_p(table: torch.Tensor, words: list[int]) -> float:
    """Of one item's sequence, with its end."""
    before, total = 0, 0.0
    for last, word in zip([1, *words], [*words, 0]):
        before = (before * 5 + last + 1) % 997
        total += float(table[before, word])
    return total


def everything(table: torch.Tensor, longest: int, alpha: float) -> tuple[float, list[int]]:
    found = [
        (log_p(table, list(words)) / penalty(n + 1, alpha), list(words))
        for n in range(longest)
        for words in product(range(1, WORDS), repeat=n)
    ]
    return max(found)


def test_the_tables_are_a_writer():
    assert isinstance(Tables(1, 1), Writer)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_that_holds_every_sequence_finds_the_best_of_all(alpha, seed):
    items, longest = 5, 4
    beam = WORDS**longest
    writer = Tables(items, beam, seed)
    table = writer.table
    said, score = search(writer, first(items), beam, longest, alpha)
    assert said.shape == (items, longest)
    for k in range(items):
        wanted, words = everything(table[k], longest, alpha)
        assert float(score[k]) == pytest.approx(wanted, abs=1e-5)  # scores are kept as float32
        assert said[k].tolist() == words + [0] * (longest - len(words))


@pytest.mark.parametrize("seed", range(6))
def test_a_beam_of_one_is_greedy(seed):
    items, longest = 8, 6
    writer = Tables(items, 1, seed)
    table = writer.table
    said, score = search(writer, first(items), 1, longest, 0.7)
    for k in range(items):
        words, before, last = [], 0, 1
        while len(words) < longest - 1:
            before = (before * 5 + last + 1) % 997
            last = int(table[k, before].argmax())
            if last == 0:
                break
            words.append(last)
        assert said[k].tolist() == words + [0] * (longest - len(words))
        assert float(score[k]) == pytest.approx(log_p(table[k], words) / penalty(len(words) + 1, 0.7), abs=1e-5)


@pytest.mark.parametrize("beam", [1, 2, 3])
def test_an_items_sequence_does_not_hang_on_the_others(beam):
    together, apart = Tables(12, beam, 3), []
    table = together.table
    said, _ = search(together, first(12), beam, 7, 1.0)
    assert len({tuple(row) for row in (said == 0).tolist()}) > 2  # they end at different places
    for k in range(12):
        alone = Tables(1, beam)
        alone.table = table[k : k + 1]
        apart.append(search(alone, first(1), beam, 7, 1.0)[0])
    assert torch.equal(said, torch.cat(apart))


def test_what_never_ends_is_ended_at_the_last_place():
    said, score = search(Tables(4, 2, ending=-1e3), first(4), 2, 5)
    assert bool((said[:, :4] > 0).all())
    assert said[:, 4].tolist() == [0] * 4
    assert bool((score < -900).all())


def test_an_end_that_is_out_of_reach_does_no_harm():
    writer = Tables(2, 2)
    writer.table[:, :, 0] = -torch.inf
    said, _ = search(writer, first(2), 2, 4)
    assert bool((said[:, 3] == 0).all())


@pytest.mark.parametrize(("ending", "alpha", "steps"), [(30.0, 0.0, 1), (30.0, 1.0, 1), (-30.0, 0.0, 9)])
def test_it_stops_as_soon_as_nothing_can_be_better(ending, alpha, steps):
    writer = Tables(4, 3, ending=ending)
    search(writer, first(4), 3, 9, alpha)
    assert writer.steps == steps


def test_the_penalty_is_equation_14():
    assert penalty(1, 0.6) == 1.0
    assert penalty(7, 1.0) == 2.0
    assert penalty(19, 0.5) == 2.0
    assert penalty(50, 0.0) == 1.0
