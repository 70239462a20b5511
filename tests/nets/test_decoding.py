"""The loop that writes: against a network that is looked up in a table, one item at a time and by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from reverie.core import Field, Prompt, Spec
from reverie.errors import Problem
from reverie.maths.sampling import NOTHING, collected, inverse_cdf, penalised, probabilities
from reverie.nets.decoding import Manner, written
from reverie.nets.token_rows import TokenRows

PLAIN = Manner(1.0, 0, 1.0, 0.0, 1.0, 0)
START, LONGEST = 1, 9


def logits_of(rows: Tensor) -> Tensor:
    """A function of all that was read: (B, T) -> (B, 9)."""
    weight = torch.arange(1, rows.shape[1] + 1, dtype=torch.float64)
    key = (rows.double() + 1) @ weight
    return 2 * torch.sin(key[:, None] * torch.arange(1, 10, dtype=torch.float64))


@dataclass
class Table:
    """Reads as a network does."""

    parts: list[Tensor] = field(default_factory=list)

    def read(self, tokens: Tensor) -> Tensor:
        self.parts.append(tokens)
        return logits_of(torch.cat(self.parts, 1))


def spec() -> TokenRows:
    return TokenRows(Spec("music", {"music": Field((LONGEST,), categories=9, length=True, start=START)}), "gpt")


def by_hand(prompt: list[int], noise: list[float], how: Manner = PLAIN, allowed: Callable | None = None) -> list[int]:
    """One item, its own tokens up to its end."""
    own = list(prompt)
    for u in noise:
        if len(own) == LONGEST - 1:
            break
        logits = logits_of(torch.tensor([[START, *own]]))
        seen = torch.tensor([[t in own for t in range(9)]])
        logits = penalised(logits, seen, how.repetition_penalty)
        if allowed:
            logits = logits.masked_fill(~allowed(torch.tensor([own]).view(1, -1), torch.tensor([len(own)])), -torch.inf)
        p = probabilities(logits, how.temperature, how.top_k, how.top_p, how.min_p)
        own.append(int(inverse_cdf(p, torch.tensor([u], dtype=torch.float64))))
        if own[-1] == 0:
            break
    return own


def uniforms(count: int, length: int, seed: int = 0) -> Tensor:
    return torch.rand(count, length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def ragged(rows: list[list[int]], width: int) -> Tensor:
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


PROMPTS = [[], [3], [4, 5, 6], [2, 2], [8, 7, 6, 5, 4]]


def tokens_of(columns: list[Tensor], i: int) -> list[int]:
    return [int(c[i]) for c in columns if c[i] != NOTHING]


@pytest.mark.parametrize(
    "how", [PLAIN, replace(PLAIN, temperature=0.5, top_k=5), replace(PLAIN, repetition_penalty=1.7)]
)
def test_items_with_prompts_of_any_length_are_what_each_is_by_itself(how):
    noise = uniforms(5, 7)
    prompt = Prompt(ragged(PROMPTS, 5), torch.tensor([len(p) for p in PROMPTS]))
    columns = list(written(Table(), spec(), prompt, noise, how))
    for i, u in enumerate(noise.tolist()):
        assert tokens_of(columns, i) == by_hand(PROMPTS[i], u, how)


def test_what_is_collected_is_each_items_tokens_and_zeros():
    noise = uniforms(5, 7)
    prompt = Prompt(ragged(PROMPTS, 5), torch.tensor([len(p) for p in PROMPTS]))
    found = collected(written(Table(), spec(), prompt, noise, PLAIN), noise, LONGEST)
    for i, row in enumerate(found.tolist()):
        own = by_hand(PROMPTS[i], noise[i].tolist())
        assert row == own + [0] * (LONGEST - len(own))


def test_a_whole_item_leaves_room_for_its_end_and_stops_there():
    noise = uniforms(200, 40)
    found = collected(written(Table(), spec(), Prompt.empty(noise, {}), noise, PLAIN), noise, LONGEST)
    assert found[:, -1].eq(0).all()
    ended = found.eq(0).int().argmax(1)
    assert (found.ne(0).sum(1) == ended).all()  # nothing after an end
    assert ended.max() == LONGEST - 1
    assert ended.min() == 0


def test_only_what_is_allowed_is_written():
    """A token at least as large as the last, each item's own so far in sight."""

    def rising(tokens: Tensor, counts: Tensor) -> Tensor:
        last = torch.cat([tokens.new_zeros(len(tokens), 1), tokens], 1).gather(1, counts[:, None])
        return (torch.arange(9) >= last.clamp(min=2)) | (torch.arange(9) == 0)

    prompts = [[], [3], [4, 5, 6], [2, 2], [8]]
    noise = uniforms(5, 7, seed=3)
    prompt = Prompt(ragged(prompts, 3), torch.tensor([len(p) for p in prompts]), {}, rising)
    columns = list(written(Table(), spec(), prompt, noise, PLAIN))
    for i, u in enumerate(noise.tolist()):
        own = tokens_of(columns, i)
        assert own == by_hand(prompts[i], u, allowed=rising)
        body = [t for t in own if t]
        assert body == sorted(body)
    free = [by_hand(p, u) for p, u in zip(prompts, noise.tolist())]
    assert free != [tokens_of(columns, i) for i in range(5)]


def test_where_nothing_is_allowed_it_says_so():
    noise = uniforms(2, 3)
    none = replace(Prompt.empty(noise, {}), allowed=lambda tokens, counts: torch.zeros(2, 9, dtype=torch.bool))
    with pytest.raises(Problem, match="the constraint allows no token"):
        list(written(Table(), spec(), none, noise, PLAIN))


def test_a_penalty_makes_what_was_written_rarer_and_nothing_else():
    logits = torch.tensor([[2.0, -2.0, 1.0, -1.0]])
    seen = torch.tensor([[True, True, False, False]])
    assert penalised(logits, seen, 2.0).tolist() == [[1.0, -4.0, 1.0, -1.0]]
    assert torch.equal(penalised(logits, seen, 1.0), logits)
