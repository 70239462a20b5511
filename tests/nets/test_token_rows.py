"""Rows of tokens: each token is predicted once, from what stands before it and nothing else."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core import Batch, Field, Spec
from reverie.nets.token_rows import UNSEEN, TokenRows

START = 1
rows = st.lists(st.integers(2, 8), max_size=5)


def whole(longest: int = 6) -> TokenRows:
    return TokenRows(Spec("music", {"music": Field((longest,), categories=9, length=True, start=START)}), "gpt")


def filled(items: list[list[int]], width: int = 0) -> torch.Tensor:
    width = max([width, *map(len, items)])
    return torch.tensor([row + [0] * (width - len(row)) for row in items]).view(len(items), width)


def pairs(inputs: list[int], targets: list[int]) -> list[tuple[list[int], int]]:
    """What is seen before each target that counts, and the target."""
    return [(inputs[: k + 1], target) for k, target in enumerate(targets) if target != UNSEEN]


@settings(deadline=None, max_examples=50)
@given(st.lists(rows, min_size=1, max_size=4))
def test_each_token_of_a_whole_item_is_said_after_the_start_and_those_before_it(items):
    own = [[*x, 0] for x in items]
    inputs, targets, counts = whole().read(
        Batch({"music": filled(own)}, {"music": torch.tensor([len(x) for x in own])})
    )
    assert counts.tolist() == [len(x) for x in own]
    for x, seen, said in zip(own, inputs.tolist(), targets.tolist()):
        assert pairs(seen, said) == [([START, *x[:k]], x[k]) for k in range(len(x))]


def test_the_first_token_of_a_window_is_given_and_what_is_beyond_a_shorter_one_is_not_scored():
    read = TokenRows(Spec("text", {"text": Field((5,), categories=9, start=0)}), "gpt").read
    text = torch.tensor([[3, 4, 5, 6, 7], [8, 7, 6, 0, 0]])
    inputs, targets, counts = read(Batch({"text": text}, {"text": torch.tensor([5, 3])}))
    assert inputs.tolist() == [[3, 4, 5, 6], [8, 7, 6, 0]]
    assert targets.tolist() == [[4, 5, 6, 7], [7, 6, UNSEEN, UNSEEN]]
    assert counts.tolist() == [4, 2]


def test_a_context_holds_the_start_and_all_but_the_end():
    assert whole(longest=6).context == 6
    assert TokenRows(Spec("text", {"text": Field((5,), categories=9, start=0)}), "gpt").context == 4
