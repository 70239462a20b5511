"""The coder's bytes are as many as the probabilities say, and bring back whatever was told."""

from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core import Tables
from reverie.tasks.entropy import Reader, Writer, gamma


def tables(n: int, open: bool = True, own: int = 0) -> Tables:
    """Seven tables over nine values, the fifth the usual one; with `own` each item has its own rows."""
    g = torch.Generator().manual_seed(0)
    often = torch.randint(1, 1_000, (7, 9), generator=g)
    often[:, 4] = 20_000
    rows = torch.randint(0, 7, (own, n) if own else (n,), generator=g)
    return Tables(often, rows, rows - 3, open)


def drawn(t: Tables, items: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(1)
    rows, low = (p if p.dim() == 2 else p.expand(items, -1) for p in (t.rows, t.low))
    often = t.frequencies[rows.flatten()].double()
    often[:, -1] = 0
    column = torch.multinomial(often, 1, generator=g) if len(often) else torch.zeros(0, dtype=torch.int64)
    return column.view(items, -1) + low


@pytest.mark.parametrize("n", [0, 1, 3, 40, 1_000])
@pytest.mark.parametrize("own", [0, 3])
def test_bytes_are_as_many_as_the_probabilities_say(n, own):
    """Probabilities of 24 bits cost next to nothing; the end costs a byte."""
    t = tables(n, own=own)
    symbols = drawn(t, 3)
    writer = Writer()
    writer.write(symbols, t)
    content = writer.content()
    often = t.frequencies[t.rows.expand(3, -1).flatten()].double()
    column = symbols - t.low
    bits = -(often.gather(1, column.view(-1, 1))[:, 0] / often.sum(1)).log2().sum()
    assert int(bits / 8) <= len(content) <= ceil(1.0005 * float(bits) / 8) + 1
    assert torch.equal(Reader(content).read(t, 3), symbols)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(-(2**62), 2**62), st.integers(-20, 20)), min_size=4, max_size=4))
def test_any_numbers_come_back_however_far_off_the_table(values):
    t, symbols = tables(2), torch.tensor(values).view(2, 2)
    for trim in (True, False):
        writer = Writer(trim)
        writer.write(symbols, t)
        writer.write(symbols.flip(0), t)
        reader = Reader(writer.content())
        assert torch.equal(reader.read(t, 2), symbols)
        assert torch.equal(reader.read(t, 2), symbols.flip(0))


def test_a_distance_that_no_whole_number_has_is_refused():
    writer, t = Writer(), tables(1)
    writer.write(torch.tensor([[2**40]]), t)
    (stage,) = writer.stages
    stage.far[:] = [(63, 64), *[((1 << 16) - 1, 1 << 16)] * 3, ((1 << 15) - 1, 1 << 15)]
    broken = Writer(trim=False)
    broken.put(stage)
    with pytest.raises(ValueError, match="none of this run's"):
        Reader(broken.content()).read(t, 1)


def test_a_far_number_costs_twice_the_bits_of_its_distance():
    assert [len(gamma(v)) for v in (0, 1, 2**16 - 1, 2**17)] == [1, 2, 2, 3]
    writer = Writer()
    writer.write(torch.tensor([[2**40]]), tables(1))
    assert len(writer.content()) <= 2 + 1 + (42 + 6) // 8  # the last column, the length in 6 bits, the distance in 42


def test_a_number_that_a_closed_table_lacks_is_a_bug_not_another_number():
    with pytest.raises(ValueError, match="a bug in the model"):
        Writer().write(torch.tensor([[9_999]]), tables(1, open=False))
