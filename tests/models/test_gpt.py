"""GPT against the paper's sizes, another implementation, and mathematics."""

from dataclasses import replace
from itertools import product
from math import log, sqrt

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from reverie.core import At, Batch, Exports, Field, Prompt, Samples, Scores, Spec
from reverie.errors import Problem
from reverie.models.autoregressive.gpt import GPT, Config, Sampling
from reverie.training.trainer import Plan, Trainer
from toys import Values, tokens

AT = At(0, 0, 1)
CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs


def spec_of(context: int, vocabulary: int, start: int | None = 0) -> Spec:
    return Spec("text", {"text": Field((context + 1,), categories=vocabulary, start=start)})


def build(context=12, vocabulary=11, seed=0, spread=0.3, start=0, **fields) -> GPT:
    """In float64, with weights wide enough that every part of the network matters."""
    torch.manual_seed(seed)
    cfg = Config(**{"layers": 2, "heads": 2, "width": 8, "dropout": 0.0, **fields})
    model = GPT(cfg, spec_of(context, vocabulary, start)).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(spread * torch.randn_like(p))
    return model


def text(*shape: int, vocabulary: int = 11, seed: int = 1) -> torch.Tensor:
    return torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(seed))


def uniforms(*shape: int, seed: int = 2) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------------------------- network


def test_gpt2_has_its_124_439_808_parameters():
    config, training = Config.gpt2()
    with torch.device("meta"):
        model = GPT(config, training.spec)
    assert [name for name, _ in model.named_children()] == ["transformer"]
    assert sum(p.numel() for p in model.parameters()) == 124_439_808
    assert training.size == (1024,)


def test_nanogpt_s_cpu_settings_have_its_parameters():
    """Its count leaves out positions: 12 · 4 · 128² in the blocks, 9 norms, 65 tokens; 64 positions added."""
    config, training = Config.nanogpt_cpu()
    model = GPT(config, training.spec)
    assert sum(p.numel() for p in model.parameters()) == 12 * 4 * 128**2 + 9 * 128 + (65 + 64) * 128
    assert (training.batch, training.steps, training.clip, training.ema_items) == (12, 2_000, 1.0, 0.0)


@pytest.mark.parametrize("bias", [True, False])
def test_logits_equal_those_of_transformers_gpt2(bias):
    """Weights copied over; theirs always has biases, which are zero where ours are left out."""
    transformers = pytest.importorskip("transformers")
    model = build(context=12, vocabulary=11, bias=bias)
    ours = model.transformer
    config = transformers.GPT2Config(vocab_size=11, n_positions=12, n_embd=8, n_layer=2, n_head=2)
    theirs = transformers.GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for p in theirs.parameters():
            p.zero_()
        base = theirs.transformer
        pairs = [(base.wte, ours.tokens), (base.wpe, ours.places), (base.ln_f, ours.norm)]
        for block, own in zip(base.h, ours.blocks):
            pairs += [(block.ln_1, own.norm1), (block.ln_2, own.norm2)]
            pairs += [(block.attn.c_attn, own.attention.qkv), (block.attn.c_proj, own.attention.out)]
            pairs += [(block.mlp.c_fc, own.up), (block.mlp.c_proj, own.down)]
        for their, own in pairs:
            transposed = type(their).__name__ == "Conv1D"
            their.weight.copy_(own.weight.T if transposed else own.weight)
            if getattr(own, "bias", None) is not None:
                their.bias.copy_(own.bias)
        assert sum(p.numel() for p in theirs.parameters()) >= sum(p.numel() for p in model.parameters())
        for length in (1, 5, 12):
            x = text(3, length)
            torch.testing.assert_close(ours(x), theirs(x).logits, **CLOSE)


def test_weights_start_as_the_paper_has_them():
    """Standard deviations over at least 16,384 draws: within 5 standard errors, 1/sqrt(2n) of each. 2 layers add 4
    times to the residual stream."""
    torch.manual_seed(0)
    net = GPT(Config(layers=2, heads=4, width=128), spec_of(128, 200)).transformer
    expected = {"tokens": 0.02, "places": 0.02}
    for i in range(2):
        expected |= {f"blocks.{i}.attention.qkv": 0.02, f"blocks.{i}.up": 0.02}
        expected |= {f"blocks.{i}.attention.out": 0.01, f"blocks.{i}.down": 0.01}
    for name, deviation in expected.items():
        weight = net.get_submodule(name).weight.detach()
        error = 5 / sqrt(2 * weight.numel())
        assert float(weight.std()) == pytest.approx(deviation, rel=error), name
        assert abs(float(weight.mean())) < 5 * deviation / sqrt(weight.numel()), name
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    assert len(biases) == 2 * 6 + 1
    assert all((b == 0).all() for b in biases)


def test_the_loss_starts_at_the_logarithm_of_the_vocabulary():
    """Tied weights of deviation 0.02 give logits of deviation 0.02 · sqrt(128) = 0.23 (the normed stream has unit
    variance), which raise the mean loss over ln V by half their variance, 0.026, and the token's own embedding, still
    in the stream, moves its own logit alone, which is not the target here."""
    torch.manual_seed(0)
    model = GPT(Config.small().config, spec_of(128, 65))
    start = text(16, 1, vocabulary=65)
    x = (start + 7 * torch.arange(129)) % 65
    loss = model.loss(Batch({"text": x}), AT)
    assert loss.total.item() / loss.count == pytest.approx(log(65) + 0.026, abs=0.05)


def test_a_token_sees_no_later_one():
    model = build()
    x = text(1, 12)
    with torch.no_grad():
        before = model.transformer(x)
        for place in range(12):
            other = x.clone()
            other[0, place] = (other[0, place] + 1) % 11
            changed = (model.transformer(other) != before).any(-1)[0]
            assert not changed[:place].any()
            assert changed[place:].all()


def test_every_parameter_gets_a_gradient_and_decay_is_for_matrices():
    model = build().train()
    loss = model.loss(Batch({"text": text(8, 13)}), AT)
    loss.total.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())
    groups = model.optimizers()["adamw"].param_groups
    decay = {id(p): g["weight_decay"] for g in groups for p in g["params"]}
    assert {decay[id(p)] for p in model.parameters() if p.ndim == 2} == {0.1}
    assert {decay[id(p)] for p in model.parameters() if p.ndim == 1} == {0.0}


def test_dropout_acts_in_training_only_and_keeps_the_mean():
    model = build(dropout=0.5)
    x, drop = text(2, 12), model.transformer.blocks[0].drop
    assert torch.equal(model.transformer(x), model.transformer(x))
    model.train()
    assert not torch.equal(model.transformer(x), model.transformer(x))
    ones = torch.ones(100_000, dtype=torch.float64)
    assert float(drop(ones).mean()) == pytest.approx(1.0, abs=5 / sqrt(100_000))  # five standard errors
    assert set(drop(ones).unique().tolist()) == {0.0, 2.0}


# ---------------------------------------------------------------------------------------------------------------- loss


def brute(model: GPT, row: list[int]) -> list[float]:
    """-log p of each token but the first, by a pass of its own over what stands before it."""
    nats = []
    for i in range(1, len(row)):
        logits = model.transformer(torch.tensor([row[:i]]))[0, -1]
        nats.append(float(logits.logsumexp(0) - logits[row[i]]))
    return nats


def test_loss_is_the_sum_over_tokens_in_nats():
    model, x = build(), text(3, 13)
    with torch.no_grad():
        loss = model.loss(Batch({"text": x}), AT)
        exact = [sum(brute(model, row)) for row in x.tolist()]
        nats, counts = model.nll(Batch({"text": x}), 1)
    assert int(loss.count) == 3 * 12
    assert float(loss.total) == pytest.approx(sum(exact), rel=1e-12)
    assert float(loss.logs["loss"]) == pytest.approx(sum(exact), rel=1e-12)
    assert nats.tolist() == pytest.approx(exact, rel=1e-12)
    assert counts.tolist() == [12, 12, 12]


def test_padding_counts_for_nothing():
    model, x, lengths = build(), text(4, 13), torch.tensor([13, 5, 2, 1])
    with torch.no_grad():
        loss = model.loss(Batch({"text": x}, {"text": lengths}), AT)
        exact = [sum(brute(model, row[:n])) for row, n in zip(x.tolist(), lengths.tolist())]
        nats, counts = model.nll(Batch({"text": x}, {"text": lengths}), 1)
        other = x.clone()
        other[1, 5:] = 3
        same, _ = model.nll(Batch({"text": other}, {"text": lengths}), 1)
    assert int(loss.count) == 12 + 4 + 1 + 0
    assert float(loss.total) == pytest.approx(sum(exact), rel=1e-12)
    assert nats.tolist() == pytest.approx(exact, rel=1e-12)
    assert counts.tolist() == [12, 4, 1, 0]
    torch.testing.assert_close(same, nats, **CLOSE)


def test_probabilities_of_all_sequences_sum_to_one():
    model = build(context=5, vocabulary=3)
    every = torch.tensor([(2, *rest) for rest in product(range(3), repeat=5)])
    with torch.no_grad():
        nats, _ = model.nll(Batch({"text": every}), 1)
    assert len(every) == 243
    assert float((-nats).exp().sum()) == pytest.approx(1.0, rel=1e-12)


def melody(longest: int = 4) -> Spec:
    """Whole items of tokens 2 to 4, told a class and a number."""
    own = Field((longest,), categories=5, length=True, start=1)
    told = {
        "label": Field((), categories=2),
        "attributes": Field((1,), 0.0, 1.0),
    }
    return Spec("music", {"music": own}, told)


def told_model(spec: Spec) -> GPT:
    torch.manual_seed(0)
    model = GPT(Config(layers=2, heads=2, width=8, dropout=0.0), spec).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return model


def test_whole_items_that_are_told_something_come_as_often_as_their_score_says():
    """Of rows of up to 3 tokens and an end the likeliest five that end by themselves."""
    model = told_model(melody())
    rows = [r for n in range(4) for r in product((2, 3, 4), repeat=n)]
    over = [(*r, 0, 0, 0, 0)[:4] for r in rows]
    lengths = torch.tensor([len(r) + 1 for r in rows])
    count = len(rows)
    told = {
        "label": torch.ones(count, dtype=torch.long), "attributes": torch.full((count, 1), 0.3, dtype=torch.double),
    }  # fmt: skip
    with torch.no_grad():
        nats, counts = model.nll(Batch({"music": torch.tensor(over), **told}, {"music": lengths}), 1)
        assert counts.tolist() == lengths.tolist()
        noise = uniforms(4_000, 4)
        wide = {k: v[:1].expand(4_000, *v.shape[1:]) for k, v in told.items()}
        drawn = model.sample(noise, wide, None)["music"]
    likely = {tuple(r): float((-n).exp()) for r, n in zip(over, nats)}
    assert sum(likely.values()) < 1  # 0 and 1 may stand within a row that a network knows no rule for
    for row, p in sorted(likely.items(), key=lambda x: -x[1])[:5]:
        if row[-2]:  # its end is forced
            continue
        share = float((drawn == torch.tensor(row)).all(1).double().mean())
        assert share == pytest.approx(p, abs=5 * sqrt(p * (1 - p) / 4_000))  # five standard errors


@pytest.mark.parametrize("name", ["label", "attributes"])
def test_each_thing_that_is_told_changes_what_is_likely_and_is_asked_for(name):
    model = told_model(melody())
    told = {
        "label": torch.tensor([0]), "attributes": torch.tensor([[0.2]], dtype=torch.double),
    }  # fmt: skip
    other = {"label": torch.tensor([1]), "attributes": told["attributes"] + 0.5}
    row, length = torch.tensor([[4, 2, 0, 0]]), {"music": torch.tensor([3])}
    with torch.no_grad():
        one = model.nll(Batch({"music": row, **told}, length), 1)[0]
        two = model.nll(Batch({"music": row, **told, name: other[name]}, length), 1)[0]
    assert abs(float(one - two)) > 1e-3
    assert model.conditions == ("label", "attributes")


def test_the_score_is_exact_whatever_the_draws():
    model, batch = build(), Batch({"text": text(3, 13)})
    assert isinstance(model, Scores)
    assert torch.equal(model.nll(batch, 1)[0], model.nll(batch, 50)[0])


# -------------------------------------------------------------------------------------------------------------- sample


def slow(model: GPT, prompt: list[int], noise: list[float], how: Sampling) -> list[int]:
    """No cache: every token by a pass over the whole of what it sees, chosen by walking up the running sum."""
    context, row, first = model.transformer.context, list(prompt), max(0, len(prompt) - model.transformer.context)
    for u in noise:
        if len(row) - first > context:
            first = len(row) - max(1, context // 2)
        logits = model.transformer(torch.tensor([row[first:]]))[0, -1]
        order = logits.argsort(descending=True).tolist()
        kept = order[: how.top_k or None]
        p = (logits[kept] / how.temperature).softmax(0)
        enough = int((p.cumsum(0) < how.top_p).sum()) + 1
        weights = {kept[i]: float(p[i]) for i in range(min(enough, len(kept)))}
        at, token = 0.0, -1
        for token in sorted(weights):
            at += weights[token]
            if at > u * sum(weights.values()):
                break
        row.append(token)
    return row[len(prompt) :]


def gone_on(model: GPT, prompt: Tensor, noise: Tensor, how: Sampling | None = None) -> Tensor:
    """The prompt and what follows it."""
    asked = Prompt(prompt, torch.full((len(prompt),), prompt.shape[1]))
    return torch.stack(list(model.written(asked, noise, how)), 1)


HOWS = [Sampling(), Sampling(temperature=0.6), Sampling(top_k=4), Sampling(top_p=0.7), Sampling(1.4, 6, 0.8)]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("length", [1, 12, 40])
def test_samples_are_the_inverse_cdf_of_the_uncached_network(how, length):
    """Beyond the context of 12 too, where the last 6 tokens are read again."""
    model, noise = build(start=4), uniforms(3, length)
    with torch.no_grad():
        found = model.sample(noise, {}, how)["text"]
        exact = [slow(model, [4], row, how) for row in noise.tolist()]
    assert found.dtype == torch.int64
    assert found.tolist() == exact


@pytest.mark.parametrize("length", [1, 11, 12, 13, 30])
def test_prompts_of_any_length_are_gone_on_from(length):
    model, prompt, noise = build(), text(2, length), uniforms(2, 15)
    with torch.no_grad():
        found = gone_on(model, prompt, noise)
        exact = [slow(model, [0, *p], u, Sampling()) for p, u in zip(prompt.tolist(), noise.tolist())]
    assert found[:, :length].tolist() == prompt.tolist()
    assert found[:, length:].tolist() == exact


def test_a_context_of_one_token_samples_too():
    model, noise = build(context=1), uniforms(2, 5)
    with torch.no_grad():
        found = model.sample(noise, {}, Sampling())["text"].tolist()
        assert found == [slow(model, [0], row, Sampling()) for row in noise.tolist()]


def test_the_cache_gives_the_logits_of_a_whole_pass_however_it_is_filled():
    net, x = build().transformer, text(3, 12)
    with torch.no_grad():
        whole = net(x)
        for parts in ([12], [1] * 12, [5, 1, 6], [11, 1]):
            cache = net.cache(3)
            steps = [net.logits(net.features(part, cache)) for part in x.split(parts, dim=1)]
            torch.testing.assert_close(torch.cat(steps, 1), whole, **CLOSE)


def test_an_item_does_not_depend_on_its_companions():
    model, noise = build().float(), uniforms(6, 30)
    with torch.no_grad():
        whole = model.sample(noise, {}, Sampling())["text"]
        turned = model.sample(noise.flip(0), {}, Sampling())["text"].flip(0)
        other = model.sample(torch.cat([noise[:1], uniforms(5, 30, seed=9)]), {}, Sampling())["text"]
    assert torch.equal(whole, turned)
    assert torch.equal(whole[0], other[0])
    assert not torch.equal(whole[1], other[1])


def test_samples_follow_the_model_s_own_distribution():
    """All 27 texts of 3 tokens by their exact probabilities: chi-square of 26 degrees of freedom, above 71 or below 5
    with probability 7e-6, were the seed drawn anew."""
    model, n = build(context=4, vocabulary=3, start=1), 40_000
    every = torch.tensor([(1, *rest) for rest in product(range(3), repeat=3)])
    with torch.no_grad():
        nats, _ = model.nll(Batch({"text": every}), 1)
        drawn = model.sample(uniforms(n, 3), {}, Sampling())["text"]
    expected = n * (-nats).exp()
    counts = (drawn * torch.tensor([9, 3, 1])).sum(1).bincount(minlength=27).double()
    assert float(expected.min()) > 5
    assert 5 < float(((counts - expected).square() / expected).sum()) < 71


def test_temperature_zero_is_the_likeliest_token_whatever_the_noise():
    model = build()
    with torch.no_grad():
        found = model.sample(uniforms(2, 10), {}, Sampling(temperature=0))["text"]
        again = model.sample(uniforms(2, 10, seed=5), {}, Sampling(top_k=1))["text"]
        row = [0]
        for _ in range(10):
            row.append(int(model.transformer(torch.tensor([row]))[0, -1].argmax()))
    assert found.tolist() == again.tolist() == [row[1:]] * 2


def test_noise_is_one_number_a_token():
    model = build()
    assert isinstance(model, Samples)
    g = torch.Generator().manual_seed(0)
    assert model.noise(g, None).shape == (12,)
    assert model.noise(g, Sampling(length=99)).shape == (99,)
    whole = torch.stack([model.noise(torch.Generator().manual_seed(i), None) for i in range(1_000)])
    assert 0 <= float(whole.min()) < 0.001
    assert 0.999 < float(whole.max()) < 1
    assert float(whole.mean()) == pytest.approx(0.5, abs=5 / sqrt(12 * whole.numel()))  # five standard errors


def test_a_text_without_a_start_token_starts_with_0():
    none, zero, noise = build(start=None), build(start=0), uniforms(2, 8)
    with torch.no_grad():
        assert torch.equal(none.sample(noise, {}, None)["text"], zero.sample(noise, {}, None)["text"])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Sampling(temperature=-1.0), "--temperature -1.0"),
        (Sampling(temperature=float("nan")), "--temperature nan"),
        (Sampling(top_k=-3), "--top-k -3"),
        (Sampling(top_p=0.0), "--top-p 0.0"),
        (Sampling(top_p=1.5), "--top-p 1.5"),
        (Sampling(length=-1), "--length -1"),
        (Sampling(min_p=1.5), "--min-p 1.5"),
        (Sampling(repetition_penalty=0.0), "--repetition-penalty 0.0"),
    ],
)
def test_sampling_out_of_range_is_one_line(how, said):
    model = build()
    for ask in (lambda: model.noise(torch.Generator(), how), lambda: model.sample(uniforms(1, 2), {}, how)):
        with pytest.raises(Problem, match=f"^{said}: .*Pass") as caught:
            ask()
        assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------------------------------- learn


def test_one_batch_is_overfit():
    """8 windows of random tokens: they can only be learnt by heart. What stays is the entropy of the next token where
    windows begin alike, computed here; an optimum that the loss reaches and cannot pass."""
    torch.manual_seed(0)
    cfg = replace(Config.tiny().config, width=32, dropout=0.0, weight_decay=0.0)
    x = text(8, 13)
    model = GPT(cfg, spec_of(12, 11))
    t = Trainer(model, Values({"text": x}), Plan(batch=8), Fabric(accelerator="cpu", devices=1))
    for _ in range(300):
        t.advance(300)
    with torch.no_grad():
        nats, _ = model.eval().nll(Batch({"text": x}), 1)
    rest = 0.0
    for end in range(1, 13):
        groups: dict[tuple[int, ...], list[int]] = {}
        for row in x.tolist():
            groups.setdefault(tuple(row[:end]), []).append(row[end])
        rest -= sum(log(nexts.count(n) / len(nexts)) for nexts in groups.values() for n in nexts)
    assert float(nats.sum()) == pytest.approx(rest, abs=0.02 * 96)  # 0.02 nats a token


def test_counting_is_learnt_and_gone_on_with():
    """The toy counts up, around and around: all is known from the first token on."""
    spec, items = tokens()
    torch.manual_seed(0)
    config, training = Config.tiny()
    model = GPT(config, spec)
    t = Trainer(model, items, Plan(batch=training.batch, clip=training.clip), Fabric(accelerator="cpu", devices=1))
    for _ in range(200):
        t.advance(200)
    model.eval()
    with torch.no_grad():
        nats, counts = model.nll(items.take(torch.arange(64)), 1)
        prompt = torch.arange(7)[:, None]
        told = gone_on(model, prompt, uniforms(7, 15), Sampling(top_p=0.9))[:, 1:]
    assert float(nats.sum() / counts.sum()) < 0.05
    assert torch.equal(told, (prompt + torch.arange(1, 16)) % 7)


def test_the_rate_rises_then_falls_to_a_tenth():
    (update,) = GPT(Config.nanogpt_cpu().config, spec_of(64, 65)).updates()
    rates = [update.rate(At(step, 0, 2_000)) for step in (0, 49, 99, 100, 1_050, 2_000, 3_000)]
    assert rates == pytest.approx([1 / 101, 50 / 101, 100 / 101, 1.0, 0.55, 0.1, 0.1], rel=1e-9)


# -------------------------------------------------------------------------------------------------------------- refuse


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec("image", {"image": Field((1, 28, 28))}), "numbers: gpt takes a row of tokens"),
        (Spec("image", {"image": Field((4, 4), categories=9)}), "categories: gpt takes a row of tokens"),
        (spec_of(0, 5), "no token to predict"),
    ],
)
def test_items_that_are_no_text_are_refused_in_words(spec, said):
    with pytest.raises(ValueError, match=said):
        GPT(Config.tiny().config, spec)


@pytest.mark.parametrize(
    "fields",
    [
        {"heads": 3, "width": 8}, {"heads": 0}, {"layers": 0}, {"width": 0}, {"dropout": 1.0}, {"dropout": -0.1},
        {"warm_up": 1.5}, {"floor": 2.0}, {"learning_rate": 0.0}, {"beta2": 1.0}, {"weight_decay": -1.0},
    ],
)  # fmt: skip
def test_config_out_of_range_is_refused_with_the_cure(fields):
    with pytest.raises(ValueError, match="Pass"):
        GPT(replace(Config.tiny().config, **fields), spec_of(12, 11))


def test_it_leaves_as_its_next_token_network():
    model = build()
    assert isinstance(model, Exports)
    found = model.network()
    (x,) = found.draw(torch.Generator().manual_seed(0)).values()
    assert x.shape == (12,)
    assert 0 <= int(x.min()) <= int(x.max()) < 11
    with torch.no_grad():
        torch.testing.assert_close(found.module(x[None]), model.transformer(x[None]))
    assert found.axes == {"tokens": {1: ("length", 12)}}
    assert build(context=1).network().axes == {}


def test_what_is_told_more_than_tokens_does_not_leave_without_it():
    with pytest.raises(Problem, match=r"--format onnx: .* Export it by --format safetensors"):
        told_model(melody()).network()
