"""Recurrent language model. Mikolov, Karafiát, Burget, Černocký & Khudanpur 2010, "Recurrent Neural Network Based
Language Model"; LSTM: Hochreiter & Schmidhuber 1997; GRU: Cho et al. 2014, arXiv:1406.1078; layers of LSTMs under
dropout: Zaremba et al. 2014, arXiv:1409.2329, Gal & Ghahramani 2016, arXiv:1512.05287.

Each token's distribution given those before it, all that is known of which stands in a state of fixed size. A long text
is read in order, each row of a batch where the same row of the batch before ended, with the state carried over:
gradients end at a window's beginning, what is remembered does not. `moses` are the settings of the molecules' benchmark
MOSES (Polykovskiy et al. 2020, arXiv:1811.12823).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Network, Passes, Prompt, Spec, Training, Update
from reverie.maths.sampling import collected
from reverie.maths.schedules import falling
from reverie.nets.carried import NAME, Carried
from reverie.nets.checks import at_least, positive, share
from reverie.nets.decay import adamw
from reverie.nets.decoding import Manner, written
from reverie.nets.stacked import FromZero, Reader, Stack, TokenNet
from reverie.nets.token_rows import UNSEEN, TokenRows
from reverie.nets.told import Told, conditions


@dataclass(frozen=True)
class Config:
    cell: Literal["rnn", "lstm", "gru"] = "lstm"  # Elman's of 1990 with tanh, or one with gates
    layers: int = 2  # of cells, each reading the one below
    width: int = 256  # of each layer's state
    embedding: int = 0  # width of a token's vector; 0: as wide as the state
    tied: bool = True  # the output layer is the tokens' vectors, behind a projection where these are not as wide
    dropout: float = 0.0  # share of the numbers that are dropped
    masks: Literal["item", "step"] = "item"  # item: one mask for all steps, also on inputs and outputs; step: as MOSES
    carry: bool = True  # a window of a long text goes on from the state that the one before it ended with
    learning_rate: float = 3e-3  # of AdamW, at its highest
    warm_up: float = 0.02  # share of the planned steps over which the learning rate rises
    decay: Literal["none", "linear", "cosine"] = "cosine"  # how the rate falls to 0 after that
    halvings: int = 0  # times that the rate is halved beside that, evenly over the planned steps
    beta1: float = 0.9  # of AdamW: its momentum
    beta2: float = 0.99  # of AdamW: memory of squared gradients
    weight_decay: float = 0.0  # of AdamW, on the layers' matrices only

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: any text, by characters or a small vocabulary, and whole items."""
        return Named(cls(layers=1), Training(batch=32, steps=3_000, clip=1.0, size=(128,)))

    @classmethod
    def medium(cls) -> Named:
        """For half an hour on two cores: Shakespeare by characters."""
        config = cls(layers=1, width=512, embedding=64, tied=False, dropout=0.25, learning_rate=2.5e-3)
        return Named(config, Training(batch=32, steps=7_500, clip=1.0, size=(64,), keep="best"))

    @classmethod
    def moses(cls) -> Named:
        """CharRNN of MOSES: 80 passes, the rate halved after every 10; no clipping. A token's vector has one number for
        each token of its vocabulary; the number here is ours."""
        spec = Spec("molecule", {"molecule": Field((64,), categories=30, length=True, start=1)})
        config = cls(
            layers=3, width=768, embedding=30, tied=False, dropout=0.2, masks="step", learning_rate=1e-3, warm_up=0.0,
            decay="none", halvings=7, beta2=0.999,
        )  # fmt: skip
        return Named(config, Training(batch=64, steps=2_000_000, passes=80, spec=spec))

    @classmethod
    def molecules(cls) -> Named:
        """One pass through a million molecules in about an hour of one core: ours."""
        config = cls(width=256, embedding=32, tied=False, learning_rate=2.5e-3)
        return Named(config, Training(batch=128, steps=100_000, passes=1, clip=1.0))

    @classmethod
    def music(cls) -> Named:
        """For a few hundred pieces and some minutes of one core: ours, found on the JSB chorales' valid part."""
        config = cls(tied=False, dropout=0.3, weight_decay=0.01, warm_up=0.05)
        return Named(config, Training(batch=8, steps=2_000, clip=1.0, ema_items=1_000.0, keep="best"))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(width=16, dropout=0.1, learning_rate=1e-2, warm_up=0.05)
        return Named(config, Training(batch=16, steps=200, clip=1.0, size=(16,)))


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0  # divides the logits: below 1 bolder, above 1 wilder; 0: always the likeliest token
    top_k: int = 0  # draw from that many likeliest tokens; 0: from all
    top_p: float = 1.0  # draw from the likeliest tokens that together hold this probability
    min_p: float = 0.0  # draw from tokens at least this many times as probable as the likeliest
    repetition_penalty: float = 1.0  # above 1: tokens that an item holds already come less often in it
    length: int = 0  # tokens; 0: as many as an item has at most


class RecurrentLM(core.Model):
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, layers=1, width=1, embedding=0, halvings=0, weight_decay=0)
        positive(cfg, "learning_rate")
        share(cfg, "dropout", "warm_up", "beta1", "beta2")
        self.rows = TokenRows(spec, "recurrent_lm")
        wide = cfg.embedding or cfg.width
        stack = Stack(cfg.cell, wide, cfg.width, cfg.layers, cfg.dropout, cfg.masks == "step")
        self.reads = TokenNet(stack, self.rows.vocabulary, wide, cfg.tied)
        self.carries = cfg.carry and not self.rows.whole  # whole items have nothing before them
        self.carried = Carried(stack.parts, cfg.layers, cfg.width) if self.carries else None
        self.told: Told | None = None
        if told := conditions(spec):
            self.conditions = told
            self.told = Told(spec, wide)

    def begin(self, stream: Passes) -> None:
        """A state for each row of each shard of a batch."""
        if self.carried is not None:
            self.carried.cut(stream.shards, -(-len(stream(0)) // stream.shards))

    def optimizers(self) -> dict[str, Optimizer]:
        layers = (m for m in self.modules() if isinstance(m, nn.RNNBase))
        decayed = [p for layer in layers for p in layer.parameters() if p.ndim == 2]
        betas = (self.cfg.beta1, self.cfg.beta2)
        return {"adam": adamw(self, decayed, self.cfg.learning_rate, self.cfg.weight_decay, betas)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def rate(self, at: At) -> float:
        halved = min(self.cfg.halvings, int(at.progress * (self.cfg.halvings + 1)))
        return float(falling(at, self.cfg.warm_up, self.cfg.decay) * 0.5**halved)

    def loss(self, batch: Batch, at: At) -> Loss:
        """-log p of every token of an item, given those before it: nats, counted a token. The first token of a window
        is given, not scored; what the window follows is in the state that it begins with."""
        begin = change = None
        if self.carried is not None and batch.follows is not None:
            begin = self.carried.before(batch.follows, at.shard)
        inputs, targets, counts = self.rows.read(batch)
        logits, state = self.reads(inputs, self.says(batch.values), begin)
        nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=UNSEEN, reduction="sum")
        if self.carried is not None and batch.follows is not None:
            change = self.carried.change(state, at.shard)
        return Loss(nats, counts.sum(), {"loss": nats}, change or {})

    def says(self, condition: Mapping[str, Tensor]) -> Tensor | None:
        """What is told of each item, to add to its embeddings: (B, 1, embedding)."""
        return self.told(condition) if self.told is not None else None

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        if self.carried is not None and NAME in stats:
            self.carried.absorb(stats)

    def finish(self, stream: Passes) -> None:
        """What is sampled, scored and kept begins from nothing: no trace of the texts that were read last."""
        if self.carried is not None:
            self.carried.states.zero_()

    # -------------------------------------------------------------------------------------------------------- abilities

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """Exact: `draws` changes nothing. Each window by itself, however long: nothing is known before its first."""
        inputs, targets, counts = self.rows.read(batch)
        told, state, nats = self.says(batch.values), None, torch.zeros(len(counts), device=inputs.device)
        for x, y in zip(*(torch.split(rows, self.rows.context, 1) for rows in (inputs, targets))):  # so that logits fit
            logits, state = self.reads(x, told, state)
            nats = nats + F.cross_entropy(logits.transpose(1, 2), y, ignore_index=UNSEEN, reduction="none").sum(1)
        return nats, counts

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """A number in [0, 1) for each token: (length,). Of 53 bits: rare tokens come as often as they should."""
        length = self.manner(how).length or self.rows.context
        return torch.rand(length, dtype=torch.float64, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Tokens (B, length) that follow the start token, which is not among them; 0 after a whole item's end."""
        columns = self.written(Prompt.empty(noise, condition), noise, how)
        return {self.rows.name: collected(columns, noise, noise.shape[1])}

    def written(self, prompt: Prompt, noise: Tensor, how: Any) -> Iterator[Tensor]:
        reader = Reader(self.reads, self.says(prompt.condition))
        return written(reader, self.rows, prompt, noise, self.manner(how))

    def manner(self, how: Any) -> Manner:
        s: Sampling = how or Sampling()
        return Manner(s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.length)

    def network(self) -> Network:
        """tokens (B, T) -> logits of the token after each (B, T, V), from a state of zeros. T is fixed: other programs
        are given a recurrent layer step by step."""
        return self.rows.network(FromZero(self.reads), self.told is not None, ragged=False)
