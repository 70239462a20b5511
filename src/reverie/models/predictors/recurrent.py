"""Recurrent networks for classes, labels and numbers of sentences, sounds, series and pictures. Elman 1990, "Finding
Structure in Time"; Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; Cho et al. 2014, arXiv:1406.1078.

One way or both (Schuster & Paliwal 1997, "Bidirectional Recurrent Neural Networks"), layer on layer, and one vector
from all steps by attention (Yang et al. 2016, "Hierarchical Attention Networks for Document Classification"). Sentences
are read token by token, sounds by log-mel frames, series row by row, pictures by rows of pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.schedules import falling
from reverie.maths.targets import form, nats, priced, shaped, width
from reverie.nets.checks import answer, at_least, positive, share
from reverie.nets.decay import adamw
from reverie.nets.frames import Look, Steps, Tokens, front, in_own_scale, own_future, put_back
from reverie.nets.pooling import Attend, last, mean
from reverie.nets.recurrent import Recurrent as Network


@dataclass(frozen=True)
class Config:
    cell: Literal["rnn", "lstm", "gru"] = "lstm"  # Elman's of 1990, or one with gates
    layers: int = 1  # of cells, each reading the one below
    width: int = 128  # of the state, each way
    both_ways: bool = True  # read each item from its end, too
    pooling: Literal["last", "mean", "attention"] = "attention"  # which of the states the answer is taken from
    embedding: int = 128  # width of a token's vector
    mels: int = 40  # bands of a sound's spectrogram
    hop: float = 0.01  # seconds between its frames, each of 2.5 times that length
    join: int = 1  # frames of a sound, or rows of a series, that make one step together
    shift: int = 0  # frames by which a sound is moved at most, at random
    mask_time: float = 0.0  # sounds: share of the frames that each of SpecAugment's two masks covers at most
    mask_bands: float = 0.0  # sounds: share of the bands that each of two masks covers at most
    window_norm: bool = False  # series: predict in the scale of each channel's own past, and put that back
    dropout: float = 0.3  # of tokens' vectors, between layers, and before the answer
    smoothing: float = 0.0  # share of a label that is spread over all classes
    learning_rate: float = 2e-3  # of AdamW, at its peak
    warmup: float = 0.1  # share of the steps in which the rate climbs from 0 to its peak
    decay: Literal["linear", "cosine"] = "cosine"  # how the rate falls to 0 after that
    weight_decay: float = 1e-2  # of AdamW, on matrices

    @classmethod
    def small(cls) -> Named:
        """For sentences and whatever else. Counted on reviews: 60 words of a vocabulary of 10,000, two classes."""
        spec = Spec(
            "sentences",
            {"text": Field((60,), categories=10_000, length=True)},
            target={"label": Field((), categories=2)},
        )
        return Named(cls(), Training(batch=64, steps=1_000, clip=1.0, keep="best", spec=spec))

    @classmethod
    def spoken(cls) -> Named:
        """For short sounds such as words, under SpecAugment's masks: of the 300 spoken digits of the official test
        part (Free Spoken Digit Dataset) 299 right, in a minute and a half on one core."""
        sound, label = Field((8_000,), length=True, rate=8_000), Field((), categories=10)
        config = cls(
            "gru", layers=2, join=2, shift=4, mask_time=0.15, mask_bands=0.15, smoothing=0.1, learning_rate=3e-3
        )
        spec = Spec("sound", {"sound": sound}, target={"label": label})
        return Named(config, Training(batch=64, steps=400, clip=1.0, spec=spec))

    @classmethod
    def ahead(cls) -> Named:
        """For the future of a series. Counted on four days of hourly ETTh1: 7 channels."""
        fields, target = {"past": Field((96, 7), 0.0, 0.0)}, {"future": Field((96, 7), 0.0, 0.0)}
        config = cls("gru", both_ways=False, pooling="last", window_norm=True, dropout=0.1, learning_rate=1e-3)
        spec = Spec("series", fields, target=target)
        return Named(config, Training(batch=32, steps=2_000, clip=1.0, keep="best", size=(96,), spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(layers=2, width=8, embedding=8, mels=12, hop=0.02, dropout=0.1, smoothing=0.1, learning_rate=1e-2)
        return Named(config, Training(batch=16, steps=60, clip=1.0))


class Recurrent(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, layers=1, width=1, embedding=1, mels=4, join=1, shift=0, weight_decay=0)
        positive(cfg, "learning_rate", "hop")
        share(cfg, "dropout", "smoothing", "warmup", "mask_time", "mask_bands")
        self.target, self.answer = answer(spec, "recurrent", "Pass --model seq2seq")
        look = Look(
            cfg.embedding, cfg.mels, cfg.hop, cfg.join, 0, shift=cfg.shift, mask_time=cfg.mask_time,
            mask_bands=cfg.mask_bands,
        )  # fmt: skip
        self.name, self.front = front(spec, look, "recurrent")
        if cfg.window_norm and not own_future(spec):
            raise ValueError("window_norm: only a series whose own future is predicted has a scale. Pass False")
        self.body = Network(cfg.cell, self.front.width, cfg.width, cfg.layers, cfg.both_ways, cfg.dropout)
        self.attend = Attend(self.body.width) if cfg.pooling == "attention" else None
        self.head = nn.Linear(self.body.width, width(self.answer))
        if form(self.answer) == "numbers":
            nn.init.zeros_(self.head.weight)  # starts at the mean
        nn.init.zeros_(self.head.bias)

    def optimizers(self) -> dict[str, Optimizer]:
        layers = [m for m in self.modules() if isinstance(m, nn.Linear | nn.RNNBase)]
        decayed = [p for m in layers for p in m.parameters() if p.ndim == 2]  # tokens' vectors are not among them
        return {"adam": adamw(self, decayed, self.cfg.learning_rate, self.cfg.weight_decay)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """Nats an item; `right` is the share of this batch that is predicted right, of what the network saw."""
        output, target = self.outputs(batch, vary=True), batch[self.target]
        total = nats(output, target, self.answer, self.cfg.smoothing).sum()
        return priced(total, output, target, self.answer)

    def rate(self, at: At) -> float:
        return falling(at, self.cfg.warmup, self.cfg.decay)

    def outputs(self, batch: Batch, vary: bool = False) -> Tensor:
        """What `Predicts` says."""
        y: Tensor = self.head(self.drop(self.pooled(batch, vary)))
        y = shaped(y, self.answer)
        return put_back(y, batch, self.name) if self.cfg.window_norm else y

    def pooled(self, batch: Batch, vary: bool = False) -> Tensor:
        """(B, features): one vector from the states."""
        y, steps = self.states(batch, vary)
        if self.attend is not None:
            found: Tensor = self.attend(y, steps.there)
            return found
        return mean(y, steps.there) if self.cfg.pooling == "mean" else last(y, steps.lengths, self.cfg.width)

    def states(self, batch: Batch, vary: bool = False) -> tuple[Tensor, Steps]:
        """(B, T, features), and the steps that they come from."""
        x = in_own_scale(batch, self.name) if self.cfg.window_norm else batch[self.name]
        steps: Steps = self.front(x, batch.lengths.get(self.name), batch.masks.get(self.name), vary)
        x = self.drop(steps.x) if isinstance(self.front, Tokens) else steps.x
        return self.body(x, steps.lengths), steps

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.cfg.dropout, self.training) if self.cfg.dropout else x

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """Logits of the classes (B, classes) or labels, or numbers."""
        return self.outputs(batch)

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees: (B, features)."""
        return self.pooled(batch)
