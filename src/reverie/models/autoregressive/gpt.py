"""GPT-2. Radford, Wu, Child, Luan, Amodei & Sutskever 2019, "Language Models are Unsupervised Multitask Learners".

A decoder-only transformer: each token's distribution given those before it. Where the paper is silent on how it was
trained, `gpt2` takes the values of GPT-3 of the same size (Brown et al. 2020, arXiv:2005.14165, table 2.1, appendix B).
`nanogpt_cpu` are the settings that nanoGPT's README gives for a small computer. With rotary positions (Su et al. 2021,
arXiv:2104.09864), norm rms (Zhang & Sennrich 2019, arXiv:1910.07467), dense swiglu (Shazeer 2020, arXiv:2002.05202),
groups (Ainslie et al. 2023, arXiv:2305.13245) and no biases it is Llama's (Touvron et al. 2023, arXiv:2302.13971).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Network, Prompt, Spec, Training, Update
from reverie.maths.sampling import collected
from reverie.maths.schedules import warm_up_then_cosine
from reverie.nets.checks import at_least, positive, share
from reverie.nets.decay import adamw
from reverie.nets.decoding import Manner, Reader, written
from reverie.nets.token_rows import UNSEEN, TokenRows
from reverie.nets.told import Told, conditions
from reverie.nets.transformer import Form, Transformer, gpt2_


@dataclass(frozen=True)
class Config:
    layers: int = 12  # blocks, each of attention and a dense network
    heads: int = 12  # of attention, in each block; they divide the width
    width: int = 768  # of the residual stream
    dropout: float = 0.1  # of embeddings, attention and what each block adds
    bias: bool = True  # in linear layers and layer norms
    positions: Literal["learnt", "rotary"] = "learnt"  # a vector a place, or queries and keys turned by it
    norm: Literal["layer", "rms"] = "layer"  # over each token's numbers; rms has neither mean nor bias
    dense: Literal["gelu", "gelu_erf", "swiglu"] = "gelu"  # of each block; gelu: its tanh form; swiglu: gated, 8/3 wide
    groups: int = 0  # heads of keys and values, shared by the heads of queries; 0: each has its own
    deviation: float = 0.02  # of the weights at the start
    learning_rate: float = 6e-4  # of AdamW, at its highest
    warm_up: float = 0.00125  # share of the planned steps over which the learning rate rises
    floor: float = 0.1  # share of the learning rate that the cosine falls to at the planned end
    beta1: float = 0.9  # of AdamW: its momentum
    beta2: float = 0.95  # of AdamW: memory of squared gradients
    weight_decay: float = 0.1  # of AdamW, on matrices and embeddings only

    @classmethod
    def gpt2(cls) -> Named:
        """124,439,808 parameters: vocabulary 50,257, context 1,024, batches of 512 windows, 300 billion tokens."""
        spec = Spec("text", {"text": Field((1025,), categories=50_257, start=50_256)})
        return Named(cls(), Training(batch=512, steps=572_000, clip=1.0, size=(1024,), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: any text, by characters or a small vocabulary."""
        config = cls(layers=4, heads=4, width=128, dropout=0.0, learning_rate=2e-3, warm_up=0.05, beta2=0.99)
        return Named(config, Training(batch=16, steps=3_000, clip=1.0, size=(128,)))

    @classmethod
    def medium(cls) -> Named:
        """1.5 million parameters, for half an hour on two cores: rotary positions and SwiGLU, a longer context, many
        small steps at a high rate that falls to 0."""
        config = cls(
            layers=5, heads=4, width=160, dropout=0.0, bias=False, positions="rotary", dense="swiglu",
            learning_rate=2.5e-3, warm_up=0.02, floor=0.0, beta2=0.99,
        )  # fmt: skip
        return Named(config, Training(batch=6, steps=4_000, clip=1.0, size=(256,)))

    @classmethod
    def base(cls) -> Named:
        """10.6 million parameters, for a GPU or for a day: the shape of nanoGPT's character model of Shakespeare. A
        text of a million characters is learnt by heart before the last step: the best look's weights are kept."""
        config = cls(layers=6, heads=6, width=384, dropout=0.2, learning_rate=1e-3, warm_up=0.02, beta2=0.99)
        return Named(config, Training(batch=64, steps=5_000, clip=1.0, size=(256,), keep="best"))

    @classmethod
    def nanogpt_cpu(cls) -> Named:
        """nanoGPT's README, Shakespeare on a CPU: no biases, no dropout, 100 steps of warm-up in 2,000."""
        spec = Spec("text", {"text": Field((65,), categories=65, start=0)})
        config = cls(
            layers=4, heads=4, width=128, dropout=0.0, bias=False, learning_rate=1e-3, warm_up=0.05, beta2=0.99
        )
        return Named(config, Training(batch=12, steps=2_000, clip=1.0, size=(64,), spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(layers=2, heads=2, width=16, learning_rate=1e-2, warm_up=0.05)
        return Named(config, Training(batch=16, steps=200, clip=1.0, size=(16,)))


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0  # divides the logits: below 1 bolder, above 1 wilder; 0: always the likeliest token
    top_k: int = 0  # draw from that many likeliest tokens; 0: from all
    top_p: float = 1.0  # draw from the likeliest tokens that together hold this probability
    min_p: float = 0.0  # draw from tokens at least this many times as probable as the likeliest
    repetition_penalty: float = 1.0  # above 1: tokens that an item holds already come less often in it
    length: int = 0  # tokens; 0: as many as an item has at most


class GPT(core.Model):
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, layers=1, heads=1, width=1, groups=0, weight_decay=0)
        positive(cfg, "deviation", "learning_rate")
        share(cfg, "dropout", "warm_up", "beta1", "beta2")
        if not 0 <= cfg.floor <= 1:
            raise ValueError(f"floor {cfg.floor}: not in [0, 1]. Pass a share of the learning rate")
        self.rows = TokenRows(spec, "gpt")
        form = Form(cfg.positions, cfg.norm, cfg.dense, cfg.groups, cfg.bias)
        self.transformer = Transformer(
            self.rows.vocabulary, self.rows.context, cfg.width, cfg.layers, cfg.heads, cfg.dropout, form
        )
        gpt2_(self.transformer, cfg.deviation)
        self.told: Told | None = None
        if told := conditions(spec):
            self.conditions = told
            self.told = Told(spec, cfg.width, cfg.deviation)

    def optimizers(self) -> dict[str, Optimizer]:
        matrices = (p for p in self.parameters() if p.ndim >= 2)
        betas = (self.cfg.beta1, self.cfg.beta2)
        return {"adamw": adamw(self, matrices, self.cfg.learning_rate, self.cfg.weight_decay, betas)}

    def updates(self) -> Sequence[Update]:
        rate = partial(warm_up_then_cosine, share=self.cfg.warm_up, floor=self.cfg.floor)
        return [Update("adamw", self.loss, rate=rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """-log p of every token of an item, given those before it: nats, counted a token. The first token of a window
        is given, not scored."""
        nats, counts = self.cross_entropy(batch, "sum")
        return Loss(nats, counts.sum(), {"loss": nats})

    def cross_entropy(self, batch: Batch, reduction: str) -> tuple[Tensor, Tensor]:
        """Nats, summed or one a place (B T,), and how many tokens of each item (B,) are predicted."""
        inputs, targets, counts = self.rows.read(batch)
        logits = self.transformer(inputs, self.says(batch.values))
        nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=UNSEEN, reduction=reduction)
        return nats, counts

    def says(self, condition: Mapping[str, Tensor]) -> Tensor | None:
        """What is told of each item, to add to its embeddings: (B, 1, width)."""
        return self.told(condition) if self.told is not None else None

    # -------------------------------------------------------------------------------------------------------- abilities

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """Exact: `draws` changes nothing."""
        nats, counts = self.cross_entropy(batch, "none")
        return nats.view(len(counts), -1).sum(1), counts

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """A number in [0, 1) for each token: (length,). Of 53 bits: rare tokens come as often as they should."""
        length = self.manner(how).length or self.rows.context
        return torch.rand(length, dtype=torch.float64, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Tokens (B, length) that follow the start token, which is not among them; 0 after a whole item's end."""
        columns = self.written(Prompt.empty(noise, condition), noise, how)
        return {self.rows.name: collected(columns, noise, noise.shape[1])}

    def written(self, prompt: Prompt, noise: Tensor, how: Any) -> Iterator[Tensor]:
        reader = self.reader(len(noise), self.says(prompt.condition))
        return written(reader, self.rows, prompt, noise, self.manner(how))

    def manner(self, how: Any) -> Manner:
        s: Sampling = how or Sampling()
        return Manner(s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.length)

    def reader(self, count: int, told: Tensor | None) -> Reader:
        """Of so many items, which are told that (B, 1, width)."""
        return self.transformer.reader(count, told)

    def network(self) -> Network:
        """tokens (B, T) -> logits of the token after each (B, T, V), T up to the context."""
        return self.rows.network(self.transformer, self.told is not None, ragged=True)
