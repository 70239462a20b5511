"""What a model writes keeps to the grammar of its codec, untrained too, and is else what it would have written."""

import torch

from reverie.core import Continues, Grammar
from reverie.kinds.music.codec import Events, Grid
from reverie.kinds.music.grid import MOST, NEXT
from reverie.models.autoregressive.gpt import GPT, Config
from reverie.tasks.sample import block, items

GRID = Grid(60, 71, 4, 40, ties=True, bar=16)
EVENTS = Events(60, 71, 4, 40, 8, (16, 12), (90, 120), (0, 33), (40, 88))


def untrained(codec):
    torch.manual_seed(0)
    model = GPT(Config.tiny().config, codec.spec).eval()
    assert isinstance(model, Continues)
    assert isinstance(codec, Grammar)
    return model


def written(codec, grammar: bool):
    model = untrained(codec)
    return block(model, codec.spec, range(64), 0, None, None, allowed=codec.allowed if grammar else None)["music"]


def fits(codec, row: list[int]) -> bool:
    tokens = torch.tensor([row])
    return all(codec.allowed(tokens[:, :k], torch.tensor([k]))[0, row[k]] for k in range(len(row)))


def test_every_sample_of_an_untrained_model_is_within_the_grammar():
    for codec in (GRID, EVENTS):
        rows = [row[: (row + [0]).index(0)] for row in written(codec, grammar=True).tolist()]
        assert all(fits(codec, row) for row in rows)
        free = [row[: (row + [0]).index(0)] for row in written(codec, grammar=False).tolist()]
        assert not all(fits(codec, row) for row in free)


def test_samples_of_a_kind_with_a_grammar_are_drawn_within_it():
    pieces = items(untrained(GRID), GRID.spec, GRID, 64, seed=0)
    assert pieces == GRID.decode({"music": written(GRID, grammar=True)})
    assert max(len(frame) for piece in pieces for frame in piece.frames()) <= MOST


def test_what_is_allowed_keeps_its_odds():
    """Of the first token, drawn 640 times: the frequencies of allowed ones are the model's own, rescaled. A share has a
    deviation of at most sqrt(0.25 / 640)."""
    model = untrained(GRID)
    rows = [block(model, GRID.spec, range(k, k + 64), 0, None, None, allowed=GRID.allowed) for k in range(0, 640, 64)]
    firsts = torch.cat([row["music"][:, 0] for row in rows])
    start = torch.ones(1, 1, dtype=torch.long)
    p = model.transformer(start)[0, 0].softmax(0)
    may = GRID.allowed(start[:, :0], torch.tensor([0]))[0]
    expected = (p * may / (p * may).sum()).detach()
    assert (torch.bincount(firsts, minlength=len(p)) / 640 - expected).abs().max() < 5 * (0.25 / 640) ** 0.5
    assert set(firsts.tolist()) <= {NEXT, *range(3, 15)}
