"""gpt with other positions, norms, dense networks and shared keys: against their equations, and against Llama."""

from dataclasses import replace
from itertools import product
from math import pi

import pytest
import torch

from reverie.core import At, Batch, Field, Spec
from reverie.models.autoregressive.gpt import GPT, Config

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs
LLAMA = {"positions": "rotary", "norm": "rms", "dense": "swiglu", "bias": False}
FORMS = [
    {}, {"positions": "rotary"}, {"norm": "rms"}, {"dense": "swiglu"}, {"dense": "gelu_erf"}, {"groups": 1},
    {**LLAMA, "groups": 2},
]  # fmt: skip


def spec_of(context: int, vocabulary: int) -> Spec:
    return Spec("text", {"text": Field((context + 1,), categories=vocabulary, start=0)})


def build(context=12, vocabulary=11, seed=0, **fields) -> GPT:
    """In float64, with weights wide enough that every part of the network matters."""
    torch.manual_seed(seed)
    cfg = Config(**{"layers": 2, "heads": 4, "width": 16, "dropout": 0.0, **fields})
    model = GPT(cfg, spec_of(context, vocabulary)).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model


def text(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(seed))


# -------------------------------------------------------------------------------------------------------- equations


def test_rms_norm_divides_by_the_root_of_the_mean_square():
    """Zhang & Sennrich, equation 4, with eps in the root; each norm of the network."""
    net = build(norm="rms").transformer
    x = torch.randn(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for layer in (net.blocks[0].norm1, net.blocks[1].norm2, net.norm):
        by_hand = x / (x.square().sum(1, keepdim=True) / 16 + 1e-5).sqrt() * layer.weight
        torch.testing.assert_close(layer(x), by_hand, **CLOSE)


@pytest.mark.parametrize("bias", [True, False])
def test_swiglu_is_a_product_of_two_layers_one_of_them_through_swish(bias):
    """Shazeer, equation 6: (Swish_1(xW) ⊙ xV) W2, Swish_1(z) = z / (1 + e^-z)."""
    block = build(dense="swiglu", bias=bias).transformer.blocks[0]
    x = torch.randn(3, 2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w, v = block.up.weight.chunk(2)
    b, c = block.up.bias.chunk(2) if bias else (0.0, 0.0)
    z = x @ w.T + b
    product_ = z / (1 + (-z).exp()) * (x @ v.T + c)
    dense = product_ @ block.down.weight.T + (block.down.bias if bias else 0.0)
    came = x + block.attention(block.norm1(x))
    torch.testing.assert_close(block.down(block.bent(block.up(x))), dense, **CLOSE)
    torch.testing.assert_close(block(x), came + block.down(block.bent(block.up(block.norm2(came)))), **CLOSE)


def test_gelu_is_x_times_the_normal_s_distribution_function_and_its_tanh_form_is_near_it():
    """Hendrycks & Gimpel, section 2; the tanh form lies within 5e-4 of it, and is another function."""
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)
    exact, near = (build(dense=d).transformer.blocks[0].bent(x) for d in ("gelu_erf", "gelu"))
    torch.testing.assert_close(exact, x * torch.distributions.Normal(0.0, 1.0).cdf(x), **CLOSE)
    by_hand = 0.5 * x * (1 + torch.tanh((2 / pi) ** 0.5 * (x + 0.044715 * x**3)))
    torch.testing.assert_close(near, by_hand, **CLOSE)
    assert 1e-5 < float((exact - near).abs().max()) < 5e-4


@pytest.mark.parametrize("width", [48, 96, 192, 384, 768])
def test_swiglu_has_as_many_weights_as_gelu_where_three_divides_the_width(width):
    counts = []
    for dense in ("gelu", "swiglu"):
        with torch.device("meta"):
            cfg = Config(width=width, heads=4, layers=1, dense=dense, bias=False)
            block = GPT(cfg, spec_of(4, 5)).transformer.blocks[0]
        counts.append(block.up.weight.numel() + block.down.weight.numel())
    assert counts == [8 * width**2] * 2


def test_rotary_positions_have_no_weights_and_shared_keys_fewer():
    count = {name: sum(p.numel() for p in build(**f).parameters()) for name, f in
             {"gpt2": {}, "rotary": {"positions": "rotary"}, "groups": {"groups": 1}}.items()}  # fmt: skip
    assert count["gpt2"] - count["rotary"] == 12 * 16
    assert count["gpt2"] - count["groups"] == 2 * 2 * 3 * (16 * 4 + 4)  # layers, k and v, heads less, weights


def test_with_rotary_positions_attention_is_the_same_wherever_a_text_stands():
    net = build(positions="rotary").transformer
    attention = net.blocks[0].attention
    x = torch.randn(1, 6, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    early, late = (attention(x, turn=net.turns[:, first : first + 6]) for first in (0, 5))
    torch.testing.assert_close(early, late, **CLOSE)


# ------------------------------------------------------------------------------------------------------------ llama


def llama(model: GPT, exact: bool):
    """transformers' Llama with the weights of ours. It makes angles and root mean squares in float32, whatever its own
    precision; `exact` gives it angles of float64 and torch's own norm, which is tested above."""
    transformers = pytest.importorskip("transformers")
    cfg, ours = model.cfg, model.transformer
    block = ours.blocks[0]
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=cfg.width, intermediate_size=block.down.in_features, num_hidden_layers=cfg.layers,
        num_attention_heads=cfg.heads, num_key_value_heads=cfg.groups or cfg.heads, max_position_embeddings=12,
        rms_norm_eps=1e-5, tie_word_embeddings=True, attention_bias=False, mlp_bias=False, hidden_act="silu",
    )  # fmt: skip
    theirs = transformers.LlamaForCausalLM(config).to(ours.tokens.weight.dtype).eval()
    base = theirs.model
    with torch.no_grad():
        base.embed_tokens.weight.copy_(ours.tokens.weight)
        base.norm.weight.copy_(ours.norm.weight)
        for their, own in zip(base.layers, ours.blocks):
            depth, a = cfg.width // cfg.heads, own.attention
            parts = own.attention.qkv.weight.split([n * depth for n in (a.heads, a.groups, a.groups)])
            for name, part in zip("qkv", parts):
                getattr(their.self_attn, f"{name}_proj").weight.copy_(part)
            their.self_attn.o_proj.weight.copy_(a.out.weight)
            gate, up = own.up.weight.chunk(2)
            their.mlp.gate_proj.weight.copy_(gate)
            their.mlp.up_proj.weight.copy_(up)
            their.mlp.down_proj.weight.copy_(own.down.weight)
            their.input_layernorm.weight.copy_(own.norm1.weight)
            their.post_attention_layernorm.weight.copy_(own.norm2.weight)
    if exact:
        base.rotary_emb, base.norm = Angles(cfg.width // cfg.heads), ours.norm
        for their, own in zip(base.layers, ours.blocks):
            their.input_layernorm, their.post_attention_layernorm = own.norm1, own.norm2
    assert sum(p.numel() for p in theirs.parameters()) == sum(p.numel() for p in model.parameters())
    return theirs


class Angles(torch.nn.Module):
    """As theirs, in float64."""

    def __init__(self, depth: int):
        super().__init__()
        self.theta = 10_000 ** (-torch.arange(0, depth, 2, dtype=torch.float64) / depth)

    def forward(self, x, position_ids):
        angles = (position_ids[..., None].double() * self.theta).repeat(1, 1, 2)
        return angles.cos(), angles.sin()


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_logits_equal_those_of_transformers_llama(groups):
    model = build(**LLAMA, groups=groups)
    theirs = llama(model, exact=True)
    with torch.no_grad():
        for length in (1, 5, 12):
            x = text(3, length)
            torch.testing.assert_close(model.transformer(x), theirs(x).logits, **CLOSE)
    single = model.float()
    theirs = llama(single, exact=False)
    with torch.no_grad():
        x = text(3, 12)
        torch.testing.assert_close(single.transformer(x), theirs(x).logits, rtol=1e-4, atol=1e-4)


# ------------------------------------------------------------------------------------------------------- in the model


@pytest.mark.parametrize("form", FORMS, ids=lambda f: "-".join(map(str, f.values())) or "gpt2")
def test_the_cache_is_exact(form):
    """Cached logits are those of a whole pass, however the cache is filled."""
    net, x = build(**form).transformer, text(3, 12)
    with torch.no_grad():
        whole = net(x)
        for parts in ([12], [1] * 12, [5, 1, 6]):
            cache = net.cache(3)
            steps = [net.logits(net.features(part, cache)) for part in x.split(parts, dim=1)]
            torch.testing.assert_close(torch.cat(steps, 1), whole, **CLOSE)


@pytest.mark.parametrize("form", FORMS, ids=lambda f: "-".join(map(str, f.values())) or "gpt2")
def test_every_parameter_learns_and_no_token_sees_a_later_one(form):
    model = build(**form).train()
    loss = model.loss(Batch({"text": text(8, 13)}), At(0, 0, 1))
    loss.total.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())
    x = text(1, 12)
    other = x.clone()
    other[0, 6] = (other[0, 6] + 1) % 11
    with torch.no_grad():
        changed = (model.transformer(x) != model.transformer(other)).any(-1)[0]
    assert changed.tolist() == [False] * 6 + [True] * 6


def test_probabilities_of_all_sequences_sum_to_one_as_llama():
    model = build(context=5, vocabulary=3, **LLAMA, groups=2)
    every = torch.tensor([(2, *rest) for rest in product(range(3), repeat=5)])
    with torch.no_grad():
        nats, _ = model.nll(Batch({"text": every}), 1)
    assert float((-nats).exp().sum()) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"groups": 3}, "groups 3: does not divide the heads, 4. Pass one"),
        ({"groups": -1}, "groups -1: too small. Pass 0"),
        ({"positions": "rotary", "width": 12}, "heads of 3 numbers: rotary positions need an even count. Pass another"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_cure(fields, said):
    cfg = replace(Config(layers=1, heads=4, width=16), **fields)
    with pytest.raises(ValueError, match=said):
        GPT(cfg, spec_of(12, 11))
