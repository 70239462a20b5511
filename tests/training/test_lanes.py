"""Lanes: every row of a batch walks through the items in their order, a function of (seed, lane, k)."""

from itertools import pairwise

import pytest
import torch

from reverie.training.lanes import rows
from reverie.training.stream import Stream
from toys import Values

SIZES = [(12, 4), (13, 4), (100, 7), (9, 8), (3, 8), (1, 1), (5, 1)]  # items, lanes


def numbers(count: int) -> Values:
    return Values({"x": torch.arange(count)})


def epochs(count: int, lanes: int, many: int = 3) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    steps = -(-count // lanes)
    return [[rows(count, lanes, 0, e * steps + k) for k in range(steps)] for e in range(many)]


@pytest.mark.parametrize(("count", "lanes"), SIZES)
def test_every_epoch_reads_every_item_and_as_few_as_can_be_twice(count, lanes):
    for epoch in epochs(count, lanes):
        read = torch.cat([index for index, _ in epoch])
        assert set(read.tolist()) == set(range(count))
        assert len(read) - count < lanes


@pytest.mark.parametrize(("count", "lanes"), SIZES)
def test_a_lane_follows_where_its_item_is_the_next_and_says_so(count, lanes):
    for epoch in epochs(count, lanes):
        assert not epoch[0][1].any()  # a new epoch begins elsewhere
        for (before, _), (index, follows) in pairwise(epoch):
            assert torch.equal(index, (before + 1) % count)
            assert torch.equal(follows, index != 0)  # the first follows nothing


def test_each_epoch_begins_elsewhere_and_each_seed_too():
    begins = [int(rows(1_000, 4, seed, epoch * 250)[0][0]) for seed in range(3) for epoch in range(5)]
    assert len(set(begins)) == len(begins)


def test_a_batch_is_a_function_of_its_number_alone():
    walked, jumped = (Stream(numbers(50), 8, 3, ordered=True) for _ in range(2))
    for k in range(40):
        last = walked(k)
    assert torch.equal(last["x"], jumped(39)["x"])
    assert torch.equal(last.follows, jumped(39).follows)


def test_shards_are_the_lanes_cut_in_parts():
    whole, parts = Stream(numbers(50), 11, 0, ordered=True), Stream(numbers(50), 11, 0, 4, ordered=True)
    for k in (0, 3, 4, 7):
        cut = [parts.shard(k, s) for s in range(4)]
        assert torch.equal(torch.cat([batch["x"] for batch in cut]), whole.shard(k, 0)["x"])
        assert torch.equal(torch.cat([batch.follows for batch in cut]), whole.shard(k, 0).follows)


def test_what_is_not_read_in_order_follows_nothing():
    assert Stream(numbers(50), 8, 0)(1).follows is None


class Moving(Values):
    """Items that vary where they are asked to."""

    def take(self, index, vary=False):
        return super().take(index + 1_000 * vary)


def test_in_lanes_items_stay_as_they_are():
    assert int(Stream(Moving({"x": torch.arange(50)}), 8, 0, ordered=True).shard(2, 0)["x"].max()) < 50
