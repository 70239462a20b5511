"""The recurrent language model against mathematics: its score, its samples, and the state that it carries."""

from dataclasses import replace
from itertools import product
from math import log

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import At, Batch, Carries, Exports, Field, Prompt, Samples, Scores, Spec
from reverie.models.autoregressive.recurrent_lm import Config, RecurrentLM, Sampling
from reverie.training.stream import Stream
from reverie.training.trainer import Plan, Trainer
from toys import Values, lines, tokens

AT = At(0, 0, 1)
CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs
each_cell = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def window(length: int, vocabulary: int, start: int = 0) -> Spec:
    return Spec("text", {"text": Field((length + 1,), categories=vocabulary, start=start)})


def build(spec: Spec, seed: int = 0, **fields) -> RecurrentLM:
    """In float64, with weights wide enough that every part of the network matters."""
    torch.manual_seed(seed)
    model = RecurrentLM(Config(**{"layers": 2, "width": 6, **fields}), spec).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model


def text(*shape: int, vocabulary: int = 11, seed: int = 1) -> torch.Tensor:
    return torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(seed))


def uniforms(*shape: int, seed: int = 2) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def brute(model: RecurrentLM, row: list[int], told: torch.Tensor | None = None) -> list[float]:
    """-log p of each token but the first, by a pass of its own over what stands before it."""
    nats = []
    for i in range(1, len(row)):
        logits = model.reads(torch.tensor([row[:i]]), told)[0][0, -1]
        nats.append(float(logits.logsumexp(0) - logits[row[i]]))
    return nats


# ---------------------------------------------------------------------------------------------------------------- loss


@each_cell
def test_loss_and_score_are_sums_over_tokens_in_nats(cell):
    model, x, lengths = build(window(12, 11), cell=cell), text(4, 13), torch.tensor([13, 5, 2, 1])
    batch = Batch({"text": x}, {"text": lengths})
    with torch.no_grad():
        loss = model.loss(batch, AT)
        nats, counts = model.nll(batch, 1)
        exact = [sum(brute(model, row[:n])) for row, n in zip(x.tolist(), lengths.tolist())]
    assert float(loss.total) == pytest.approx(sum(exact), rel=1e-12)
    assert float(loss.logs["loss"]) == pytest.approx(sum(exact), rel=1e-12)
    assert nats.tolist() == pytest.approx(exact, rel=1e-12)
    assert counts.tolist() == [12, 4, 1, 0]
    assert int(loss.count) == 17


def test_a_window_longer_than_training_s_is_scored_by_one_pass():
    """In parts, the state handed on; all of it counts."""
    model, x = build(window(5, 11)), text(2, 24)
    with torch.no_grad():
        nats, counts = model.nll(Batch({"text": x}), 1)
        exact = [sum(brute(model, row)) for row in x.tolist()]
    assert nats.tolist() == pytest.approx(exact, rel=1e-12)
    assert counts.tolist() == [23, 23]


@each_cell
def test_probabilities_of_all_windows_sum_to_one(cell):
    model = build(window(5, 3), cell=cell)
    every = torch.tensor([(2, *rest) for rest in product(range(3), repeat=5)])
    with torch.no_grad():
        nats, _ = model.nll(Batch({"text": every}), 1)
    assert float((-nats).exp().sum()) == pytest.approx(1.0, rel=1e-12)


def told_items(longest: int = 4) -> tuple[Spec, dict[str, torch.Tensor]]:
    """Whole items of four tokens, 0 the end and 1 the start; what one of them is told."""
    own = Field((longest,), categories=4, length=True, start=1)
    condition = {
        "label": Field((), categories=2),
        "attributes": Field((1,), 0.0, 1.0),
    }
    told = {
        "label": torch.tensor([1]),
        "attributes": torch.tensor([[0.3]], dtype=torch.double),
    }
    return Spec("music", {"music": own}, condition), told


def test_probabilities_of_all_whole_items_sum_to_one_whatever_is_told():
    """Rows that end within four places, and those of four tokens that have not ended."""
    spec, told = told_items()
    model = build(spec)
    ended = [(*r, 0) for n in range(4) for r in product((1, 2, 3), repeat=n)]
    rows = [*ended, *product((1, 2, 3), repeat=4)]
    values = torch.tensor([(*r, 0, 0, 0, 0)[:4] for r in rows])
    every = {k: v.expand(len(rows), *v.shape[1:]) for k, v in told.items()}
    with torch.no_grad():
        nats, counts = model.nll(Batch({"music": values, **every}, {"music": torch.tensor(list(map(len, rows)))}), 1)
    assert float((-nats).exp().sum()) == pytest.approx(1.0, rel=1e-12)
    assert counts.tolist() == list(map(len, rows))


@pytest.mark.parametrize("name", ["label", "attributes"])
def test_each_thing_that_is_told_changes_what_is_likely(name):
    spec, told = told_items()
    model = build(spec)
    other = {"label": torch.tensor([0]), "attributes": told["attributes"] + 0.5}
    row, length = torch.tensor([[3, 2, 0, 0]]), {"music": torch.tensor([3])}
    with torch.no_grad():
        one = model.nll(Batch({"music": row, **told}, length), 1)[0]
        two = model.nll(Batch({"music": row, **told, name: other[name]}, length), 1)[0]
    assert abs(float(one - two)) > 1e-3
    assert model.conditions == ("label", "attributes")


# -------------------------------------------------------------------------------------------------------------- sample


def slow(model: RecurrentLM, prompt: list[int], noise: list[float], temperature: float = 1.0) -> list[int]:
    """No state kept: every token by a pass over all before it, chosen by walking up the running sum."""
    row = list(prompt)
    for u in noise:
        p = (model.reads(torch.tensor([row]))[0][0, -1] / temperature).softmax(0).cumsum(0)
        row.append(int((p <= u * p[-1]).sum()))
    return row[len(prompt) :]


@each_cell
@pytest.mark.parametrize("length", [1, 12, 40])
def test_samples_are_the_inverse_cdf_of_a_network_that_keeps_no_state(cell, length):
    """Beyond a window's length too."""
    model, noise = build(window(12, 11, start=4), cell=cell), uniforms(3, length)
    with torch.no_grad():
        found = model.sample(noise, {}, Sampling(temperature=0.7))["text"]
        assert found.tolist() == [slow(model, [4], row, 0.7) for row in noise.tolist()]


def test_prompts_of_different_lengths_are_gone_on_from():
    model, prompt, lengths = build(window(12, 11)), text(3, 7), torch.tensor([7, 2, 0])
    noise = uniforms(3, 5)
    turns = torch.stack(list(model.written(Prompt(prompt, lengths), noise, None)), 1)
    with torch.no_grad():
        for row, own, n, u in zip(turns.tolist(), prompt.tolist(), lengths.tolist(), noise.tolist()):
            said = [token for token in row if token >= 0]
            assert said == own[:n] + slow(model, [0, *own[:n]], u)


# --------------------------------------------------------------------------------------------------------------- state


def long_text(count: int, length: int, vocabulary: int = 5) -> tuple[Spec, Values, torch.Tensor]:
    """A row of tokens, and its windows, of which neighbours share one."""
    row = text(count * length + 1, vocabulary=vocabulary)
    places = length * torch.arange(count)[:, None] + torch.arange(length + 1)
    return window(length, vocabulary), Values({"text": row[places]}), row


def trained(model: RecurrentLM, items: Values, steps: int, **plan) -> Trainer:
    trainer = Trainer(model, items, Plan(**{"batch": 4, **plan}), Fabric(accelerator="cpu", devices=1))
    while trainer.step < steps:
        trainer.advance(12)
    return trainer


@each_cell
def test_the_carried_state_is_that_of_one_long_pass_over_the_lane_s_text(cell):
    """Five batches without a step between them, on two shards of unequal size: three lanes of one text."""
    spec, items, row = long_text(30, 7)
    model = build(spec, cell=cell)
    stream = Stream(items, 3, 0, 2, ordered=True)
    model.begin(stream)
    with torch.no_grad():
        for k in range(5):
            stats = [model.loss(stream.shard(k, s), replace(AT, shard=s)).stats["carried"] for s in range(2)]
            model.absorb({"carried": stats[0] + stats[1]}, 1.0)
        places = [[int(stream.index(k)[lane]) for k in range(5)] for lane in range(3)]
        for lane, own in enumerate(places):
            begin = next((k for k in range(4, 0, -1) if own[k] == 0), 0)  # where the lane came to the text's beginning
            whole = model.reads(row[None, 7 * own[begin] : 7 * (own[4] + 1)])[1][:, :, 0]
            shard, place = divmod(lane, 2)
            torch.testing.assert_close(model.carried.states[shard, :, :, place], whole, **CLOSE)


def test_a_window_s_loss_is_what_its_place_in_the_long_text_says():
    """The second batch's nats are those of the same tokens in a pass over both windows."""
    spec, items, row = long_text(12, 6)
    model, stream = build(spec), Stream(items, 2, 0, ordered=True)
    model.begin(stream)
    with torch.no_grad():
        model.absorb(model.loss(stream(0), AT).stats, 1.0)
        loss, exact = model.loss(stream(1), AT), 0.0
        for lane in range(2):
            begin = 6 * int(stream.index(0)[lane])
            exact += sum(brute(model, row[begin : begin + 13].tolist())[6:])
    assert stream(1).follows.all()
    assert float(loss.total) == pytest.approx(exact, rel=1e-12)


def test_no_gradient_reaches_beyond_a_window():
    spec, items, _ = long_text(12, 6)
    model, stream = build(spec).train(), Stream(items, 2, 0, ordered=True)
    model.begin(stream)
    model.absorb(model.loss(stream(0), AT).stats, 1.0)
    assert not model.carried.states.requires_grad
    model.loss(stream(1), AT).total.backward()
    carried = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    state = model.carried.before(stream(1).follows, 0).detach()
    inputs, targets, _ = model.rows.read(stream(1))
    logits = model.reads(inputs, None, state)[0]
    nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").backward()
    for one, p in zip(carried, model.parameters()):
        torch.testing.assert_close(one, p.grad, **CLOSE)


def test_a_shard_s_loss_hangs_on_its_own_rows_alone():
    spec, items, _ = long_text(24, 5)
    model, stream = build(spec), Stream(items, 6, 0, 2, ordered=True)
    model.begin(stream)
    model.carried.states.normal_()
    with torch.no_grad():
        one = model.loss(stream.shard(1, 0), replace(AT, shard=0)).total
        model.carried.states[1] += 1.0
        assert torch.equal(model.loss(stream.shard(1, 0), replace(AT, shard=0)).total, one)
        model.carried.states[0] += 1.0
        assert not torch.equal(model.loss(stream.shard(1, 0), replace(AT, shard=0)).total, one)


@pytest.mark.parametrize("cut", [1, 7, 11])
def test_a_cut_run_is_the_whole_run_state_and_all(cut):
    """Across an epoch's end too: 13 windows on 4 lanes are 4 batches."""
    spec, items, _ = long_text(13, 6)
    whole = trained(build(spec, dropout=0.2).float(), items, 12, shards=2).state()
    half = trained(build(spec, dropout=0.2).float(), items, cut, shards=2).state()
    rest = trained(build(spec, dropout=0.2, seed=1).float(), items, 0, shards=2)
    rest.load(half)
    while rest.step < 12:
        rest.advance(12)
    assert rest.state()["model"]["carried.states"].abs().sum() > 0
    for name, value in whole["model"].items():
        assert torch.equal(rest.state()["model"][name], value), name


def test_what_is_carried_in_training_is_in_no_sample_score_or_kept_weight():
    spec, items, _ = long_text(13, 6)
    trainer = trained(build(spec).float(), items, 3, ema_items=16.0)
    kept, batch, noise = trainer.weights(), items.take(torch.arange(4)), uniforms(4, 9)
    assert (kept.carried.states == 0).all()
    assert (trainer.model.carried.states != 0).any()  # and training's own is as it was
    with torch.no_grad():
        before = kept.nll(batch, 1)[0], kept.sample(noise, {}, None)["text"]
        kept.carried.states.fill_(9.0)
        after = kept.nll(batch, 1)[0], kept.sample(noise, {}, None)["text"]
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


VALUES, ENDS, LENGTH = 8, 1 / 8, 5  # of the secrets; the chance that a wait ends at the next token; of a window


def echoes(windows: int) -> tuple[Spec, Values]:
    """A secret of 8 values, blanks, the secret again in other letters, and so on: after 8 tokens in the mean, which is
    longer than a window. No secret is used twice, so that none is learnt by heart."""
    count, chance = windows * LENGTH + 1, torch.Generator().manual_seed(0)
    secrets = torch.randint(VALUES, (count // 5,), generator=chance)
    waits = (torch.rand(len(secrets), generator=chance, dtype=torch.float64).log() / log(1 - ENDS)).floor().long()
    ends = (waits + 2).cumsum(0)  # where each echo lies, and one
    row = torch.full((int(ends[-1]),), 2 * VALUES)
    row[ends - 1], row[ends - 2 - waits] = VALUES + secrets, secrets
    places = LENGTH * torch.arange(windows)[:, None] + torch.arange(LENGTH + 1)
    return window(LENGTH, 2 * VALUES + 1), Values({"text": row[places]})


def test_what_lies_before_the_window_is_known_if_the_state_is_carried_and_only_then():
    """The least nats a token can be had for: a secret costs ln 8, and each token after it, until the echo, the entropy
    of whether the wait ends there. Who can't look beyond a window pays ln 8 also for an echo whose secret lies before
    it: of a lag of L tokens, a share 1 - (5 - L + 1) / 5 of them, all if L > 5. Over the last 4,000 tokens of training
    on ever new ones; learning is not at its end, and chance is worth 0.01."""
    steps, group = 500, 1 + 1 / ENDS  # tokens from a secret to the next, in the mean
    spec, items = echoes(32 * steps)
    surprise = -ENDS * log(ENDS) - (1 - ENDS) * log(1 - ENDS)
    least = (log(VALUES) + surprise / ENDS) / group
    inside = sum(ENDS * (1 - ENDS) ** (lag - 1) * (LENGTH - lag + 1) / LENGTH for lag in range(1, LENGTH + 1))
    blind = least + (1 - inside) * log(VALUES) / group
    reached = {}
    for carry in (True, False):
        torch.manual_seed(0)
        model = RecurrentLM(Config("gru", layers=1, width=32, carry=carry, learning_rate=1e-2), spec)
        trainer = Trainer(model, items, Plan(batch=32, clip=1.0), Fabric(accelerator="cpu", devices=1))
        losses = [float(trainer.advance(steps)["loss"]) for _ in range(steps)]
        reached[carry] = sum(losses[-25:]) / 25
    assert least - 0.03 < reached[True] < (least + blind) / 2 < blind - 0.03 < reached[False]


def test_only_windows_are_carried_along_and_only_where_the_config_says_so():
    text_spec, item_spec = tokens()[0], lines()[0]
    for spec, carry, expected in ((text_spec, True, True), (text_spec, False, False), (item_spec, True, False)):
        model = RecurrentLM(replace(Config.tiny().config, carry=carry), spec)
        assert isinstance(model, Carries)
        assert model.carries == expected
        assert ("carried.states" in model.state_dict()) == expected


# ------------------------------------------------------------------------------------------------------------- settings


def test_moses_has_the_benchmark_s_network():
    """LSTMs of 768, each of four gates with two biases, on vectors as wide as the vocabulary, and a dense layer."""
    config, training = Config.moses()
    with torch.device("meta"):
        model = RecurrentLM(config, training.spec)
    v, h = 30, 768
    expected = v * v + 4 * h * (v + h + 2) + 2 * 4 * h * (2 * h + 2) + (h + 1) * v
    assert sum(p.numel() for p in model.parameters()) == expected
    assert (training.batch, training.passes, training.clip) == (64, 80, 0.0)
    rates = [model.rate(At(epoch, 0, 80)) for epoch in range(80)]
    assert rates == [0.5 ** (epoch // 10) for epoch in range(80)]


def test_weight_decay_is_of_the_layers_matrices_alone():
    model = build(window(12, 11), embedding=4, weight_decay=0.1)
    groups = model.optimizers()["adam"].param_groups
    decayed = {id(p) for g in groups if g["weight_decay"] for p in g["params"]}
    assert decayed == {id(p) for layer in model.reads.stack.layers for p in layer.parameters() if p.ndim == 2}


def test_its_abilities_are_those_that_it_lists():
    model = build(window(12, 11))
    assert isinstance(model, Samples)
    assert isinstance(model, Scores)
    assert isinstance(model, Exports)
    leaves = model.network()
    x = torch.stack([leaves.draw(torch.Generator().manual_seed(i))["tokens"] for i in range(2)])
    with torch.no_grad():
        assert torch.equal(leaves.module(x), model.reads(x)[0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layers": 0}, "layers 0: too small"),
        ({"width": 0}, "width 0: too small"),
        ({"embedding": -1}, "embedding -1: too small"),
        ({"halvings": -1}, "halvings -1: too small"),
        ({"dropout": 1.0}, "dropout 1.0: not in"),
        ({"learning_rate": 0.0}, "learning_rate 0.0: not above 0"),
    ],
)
def test_values_that_can_t_be_are_one_line(fields, said):
    with pytest.raises(ValueError, match=f"^{said}.*Pass"):
        RecurrentLM(Config(**fields), window(12, 11))
