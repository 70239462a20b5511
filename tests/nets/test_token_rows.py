"""Rows of tokens: each token is predicted once, from what stands before it and nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core import Batch, Field, Spec
from reverie.nets.token_rows import UNSEEN, TokenRows

START = 1
rows = st.lists(st.integers(2, 8), max_size=5)


def whole(room: int = 0, longest: int = 6) -> TokenRows:
    told = {"given": Field((room,), categories=9, length=True)} if room else {}
    return TokenRows(Spec("music", {"music": Field((longest,), categories=9, length=True, start=START)}, told), "gpt")


def filled(items: list[list[int]], width: int = 0) -> torch.Tensor:
    width = max([width, *map(len, items)])
    return torch.tensor([row + [0] * (width - len(row)) for row in items]).view(len(items), width)


def pairs(inputs: list[int], targets: list[int]) -> list[tuple[list[int], int]]:
    """What is seen before each target that counts, and the target."""
    return [(inputs[: k + 1], target) for k, target in enumerate(targets) if target != UNSEEN]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=4))
def test_each_token_of_a_whole_item_is_said_after_what_is_given_the_start_and_those_before_it(items):
    told, own = [g for g, _ in items], [[*x, 0] for _, x in items]
    batch = Batch({"given": filled(told, 5), "music": filled(own, 6)}, {"music": torch.tensor([len(x) for x in own])})
    inputs, targets, counts = whole(room=5).read(batch)
    assert counts.tolist() == [len(x) for x in own]
    for g, x, seen, said in zip(told, own, inputs.tolist(), targets.tolist()):
        assert pairs(seen, said) == [([*g, START, *x[:k]], x[k]) for k in range(len(x))]


@settings(deadline=None, max_examples=50)
@given(st.lists(rows, min_size=1, max_size=4))
def test_without_anything_given_an_item_begins_with_the_start(items):
    own = [[*x, 0] for x in items]
    inputs, targets, _ = whole().read(Batch({"music": filled(own)}, {"music": torch.tensor([len(x) for x in own])}))
    for x, seen, said in zip(own, inputs.tolist(), targets.tolist()):
        assert pairs(seen, said) == [([START, *x[:k]], x[k]) for k in range(len(x))]


def test_the_first_token_of_a_window_is_given_and_what_is_beyond_a_shorter_one_is_not_scored():
    read = TokenRows(Spec("text", {"text": Field((5,), categories=9, start=0)}), "gpt").read
    text = torch.tensor([[3, 4, 5, 6, 7], [8, 7, 6, 0, 0]])
    inputs, targets, counts = read(Batch({"text": text}, {"text": torch.tensor([5, 3])}))
    assert inputs.tolist() == [[3, 4, 5, 6], [8, 7, 6, 0]]
    assert targets.tolist() == [[4, 5, 6, 7], [7, 6, UNSEEN, UNSEEN]]
    assert counts.tolist() == [4, 2]


def test_a_context_holds_what_is_given_the_start_and_all_but_the_end():
    assert whole(room=5, longest=6).context == 11
    assert whole(longest=6).context == 6
    assert TokenRows(Spec("text", {"text": Field((5,), categories=9, start=0)}), "gpt").context == 4


@pytest.mark.parametrize("field", [Field((5,), categories=8, length=True), Field((5,), categories=9)])
def test_what_is_given_is_a_row_of_the_items_own_tokens(field):
    spec = Spec("music", {"music": Field((6,), categories=9, length=True, start=1)}, {"given": field})
    with pytest.raises(ValueError, match="given: gpt is told a row of the item's own tokens"):
        TokenRows(spec, "gpt")
