"""Transformer encoders for classes, labels and numbers of sentences, sounds, series and pictures. Vaswani et al. 2017,
"Attention Is All You Need", arXiv:1706.03762; Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words",
arXiv:2010.11929.

Sentences are seen as tokens, sounds as log-mel frames, series as rows, pictures as square patches. `paper` is the
vision transformer ViT-Base/16 as that paper trains it on ImageNet alone (table 3, appendix B.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.schedules import falling
from reverie.maths.targets import nats, priced, shaped, width
from reverie.nets.checks import answer, at_least, positive, share
from reverie.nets.decay import adamw
from reverie.nets.encoder import Encoder as Network
from reverie.nets.encoder import sinusoids
from reverie.nets.frames import Look, Steps, Tokens, front, in_own_scale, own_future, put_back
from reverie.nets.pooling import mean


@dataclass(frozen=True)
class Config:
    layers: int = 12  # each of attention and a dense network
    heads: int = 12  # of attention, in each layer; they divide the width
    width: int = 768  # of the vectors
    expansion: int = 4  # width of a dense network's hidden layer, in widths
    patch: int = 16  # side of a picture's patches, in pixels; what they do not divide is filled up with grey
    pooling: Literal["token", "mean"] = "token"  # the answer is taken from a vector of its own, or from the mean
    positions: Literal["learned", "sinusoidal"] = "learned"  # what is added to say where a vector stands
    mels: int = 40  # bands of a sound's spectrogram
    hop: float = 0.01  # seconds between its frames, each of 2.5 times that length
    join: int = 1  # frames of a sound, or rows of a series, that make one vector together
    shift: int = 0  # frames by which a sound is moved at most, at random
    mask_time: float = 0.0  # sounds: share of the frames that each of SpecAugment's two masks covers at most
    mask_bands: float = 0.0  # sounds: share of the bands that each of two masks covers at most
    window_norm: bool = False  # series: predict in the scale of each channel's own past, and put that back
    dropout: float = 0.1  # of the vectors that come in, of hidden units, and of what each layer adds
    smoothing: float = 0.0  # share of a label that is spread over all classes
    learning_rate: float = 3e-3  # of AdamW, at its peak
    warmup: float = 0.107  # share of the steps in which the rate climbs from 0 to its peak
    decay: Literal["linear", "cosine"] = "cosine"  # how the rate falls to 0 after that
    weight_decay: float = 0.3  # of AdamW, on matrices

    @classmethod
    def paper(cls) -> Named:
        """ViT-Base/16 on ImageNet: 86,567,656 parameters; 300 epochs in batches of 4,096, 10,000 steps of warm-up. The
        paper's decay is of every parameter, ours of matrices only; its head has a hidden layer before fine-tuning, ours
        is the one layer that it has from then on."""
        spec = Spec("image", {"image": Field((3, 224, 224), levels=256)}, {"label": Field((), categories=1000)})
        return Named(cls(), Training(batch=4096, steps=93_800, clip=1.0, size=(224, 224), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: sentences, series and small pictures."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": Field((), categories=10)})
        config = cls(
            4, 4, 128, 2, patch=4, pooling="mean", positions="sinusoidal", learning_rate=1e-3, weight_decay=0.05
        )
        return Named(config, Training(batch=64, steps=3_000, clip=1.0, keep="best", spec=spec))

    @classmethod
    def spoken(cls) -> Named:
        """For short sounds such as words, under SpecAugment's masks."""
        sound, label = Field((8_000,), length=True, rate=8_000), Field((), categories=10)
        config = cls(
            4, 4, 128, 2, pooling="mean", positions="sinusoidal", join=2, shift=4, mask_time=0.15, mask_bands=0.15,
            smoothing=0.1, learning_rate=1e-3, weight_decay=0.05,
        )  # fmt: skip
        spec = Spec("sound", {"sound": sound}, target={"label": label})
        return Named(config, Training(batch=64, steps=1_500, clip=1.0, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(
            2, 2, 16, 2, patch=7, mels=12, hop=0.02, smoothing=0.1, learning_rate=1e-2, warmup=0.2, weight_decay=0.01
        )
        return Named(config, Training(batch=16, steps=60, clip=1.0))


class Encoder(core.Model):
    places: Tensor  # (T, width), the class token's first

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, layers=1, heads=1, width=1, expansion=1, patch=1, mels=4, join=1, shift=0, weight_decay=0)
        positive(cfg, "learning_rate", "hop")
        share(cfg, "dropout", "smoothing", "warmup", "mask_time", "mask_bands")
        self.target, self.answer = answer(spec, "encoder", "Pass --model seq2seq")
        look = Look(cfg.width, cfg.mels, cfg.hop, cfg.join, cfg.patch, cfg.shift, cfg.mask_time, cfg.mask_bands)
        self.name, self.front = front(spec, look, "encoder")
        if cfg.window_norm and not own_future(spec):
            raise ValueError("window_norm: only a series whose own future is predicted has a scale. Pass False")
        self.enter = self.entrance()
        self.token = nn.Parameter(torch.zeros(cfg.width)) if cfg.pooling == "token" else None
        count = self.front.longest + (self.token is not None)
        if cfg.positions == "learned":
            self.places = nn.Parameter(0.02 * torch.randn(count, cfg.width))
        else:
            self.register_buffer("places", sinusoids(count, cfg.width), persistent=False)
        self.body = Network(cfg.width, cfg.heads, cfg.expansion * cfg.width, cfg.layers, cfg.dropout)
        self.head = nn.Linear(cfg.width, width(self.answer))
        nn.init.zeros_(self.head.weight)  # as in the vision transformer: starts by knowing nothing
        nn.init.zeros_(self.head.bias)

    def entrance(self) -> nn.Module:
        """From what is read to vectors of the width."""
        if isinstance(self.front, Tokens):
            return nn.Identity()
        layer = nn.Linear(self.front.width, self.cfg.width)
        nn.init.normal_(layer.weight, 0.0, self.front.width**-0.5)  # LeCun et al. 1998, as the vision transformer's
        nn.init.zeros_(layer.bias)
        return layer

    def optimizers(self) -> dict[str, Optimizer]:
        decayed = [m.weight for m in self.modules() if isinstance(m, nn.Linear)]  # not tokens' vectors, not places
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
        y: Tensor = self.head(self.pooled(batch, vary))
        y = shaped(y, self.answer)
        return put_back(y, batch, self.name) if self.cfg.window_norm else y

    def pooled(self, batch: Batch, vary: bool = False) -> Tensor:
        """(B, width): the class token's vector, or the mean of all that are there."""
        steps = self.vectors(batch, vary)
        y: Tensor = self.body(steps.x, steps.there)
        return y[:, 0] if self.token is not None else mean(y, steps.there)

    def vectors(self, batch: Batch, vary: bool = False) -> Steps:
        """What the first layer sees: the class token, if any, and after it the vectors, each at its place."""
        x = in_own_scale(batch, self.name) if self.cfg.window_norm else batch[self.name]
        steps: Steps = self.front(x, batch.lengths.get(self.name), batch.masks.get(self.name), vary)
        x, lengths = self.enter(steps.x), steps.lengths
        if self.token is not None:
            x = torch.cat([self.token.expand(x.shape[0], 1, -1), x], 1)
            lengths = None if lengths is None else lengths + 1
        x = x + self.places[: x.shape[1]]
        return Steps(F.dropout(x, self.cfg.dropout, self.training) if self.cfg.dropout else x, lengths)

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """Logits of the classes (B, classes) or labels, or numbers."""
        return self.outputs(batch)

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees: (B, features)."""
        return self.pooled(batch)
