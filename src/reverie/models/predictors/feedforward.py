"""Feed-forward network for rows of a table, pictures as they are and series. Rumelhart, Hinton & Williams 1986,
"Learning representations by back-propagating errors".

On tables with what makes such networks as good as boosted trees: numbers encoded piecewise linearly by the quantiles of
the training data (Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556), and an ensemble that shares its weights
(Gorishniy, Kotelnikov & Babenko 2025, TabM, arXiv:2410.24210; Wen, Tran & Ba 2020, arXiv:2002.06715). On series a map
along time that all channels share (Zeng et al. 2023, arXiv:2205.13504), in the past's own scale (Kim et al. 2022,
"Reversible Instance Normalization"). On sentences n-grams, weighed by their log-count ratios (Wang & Manning 2012).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Training, Update
from reverie.maths.schedules import falling
from reverie.maths.targets import form, nats, priced, shaped, width
from reverie.nets.checks import answer, at_least, positive, share
from reverie.nets.decay import adamw
from reverie.nets.feed import MemberNorm
from reverie.nets.frames import own_future, window_scale
from reverie.nets.ngrams import Counted, Ngrams, Prior
from reverie.nets.norm import population_statistics
from reverie.nets.rows import Categories, Dense, Heads, Numbers, Shared

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
PASSES = 32  # batches that batch norm's population statistics are averaged over


@dataclass(frozen=True)
class Config:
    hidden: tuple[int, ...] = (256, 256)  # widths of the hidden layers; none: linear or logistic regression
    activation: Literal["relu", "gelu", "silu", "tanh", "sigmoid"] = "relu"  # of the hidden layers
    norm: Literal["none", "batch", "layer"] = "none"  # before each activation
    residual: bool = False  # add a hidden layer's input to its output, where both are equally wide
    dropout: float = 0.1  # share of a hidden layer's outputs that is left out at random
    bins: int = 128  # of a table's number, at quantiles of the training data, at most; 0: the number as it is
    embed_numbers: int = 12  # width of a number's vector, where it has bins
    embedding: int = 16  # width of a category's vector, at most
    members: int = 16  # of the ensemble, which share their weights up to factors; 1: a single network
    window_norm: bool = False  # series: predict in the scale of each channel's own past, and put that back
    span: int = 2  # sentences: words in a row that count as one, at most
    places: int = 2**18  # of such n-grams that count, at most: those that are in most of the training items
    alpha: float = 1.0  # added to each count of an n-gram
    naive: float = 1.0  # what n-grams' weights start at: 1 is naive Bayes, which is too sure; at 0 nothing is said yet
    smoothing: float = 0.0  # share of a label that is spread over all classes
    learning_rate: float = 2e-3  # of AdamW, at its peak
    warmup: float = 0.05  # share of the steps in which the rate climbs from 0 to its peak
    decay: Literal["none", "linear", "cosine"] = "linear"  # how the rate falls to 0 after that
    weight_decay: float = 3e-4  # of AdamW, on matrices

    @classmethod
    def small(cls) -> Named:
        """For tables. The spec has the shape of the Adult data, for counting parameters: 6 numbers, 8 categories."""
        fields = {f"number {k}": Field((), 0.0, 0.0) for k in range(6)}
        counts = enumerate((10, 17, 8, 16, 7, 6, 3, 43))
        fields |= {f"category {k}": Field((), categories=n) for k, n in counts}
        spec = Spec("table", fields, target={"income": Field((), categories=2)})
        # few passes, at a rate that falls to 0, and small batches of small tables: on 270 to 29,000 rows of Adult's
        # training part this is as good as any number of passes, and better than the best look of many
        return Named(cls(), Training(batch=128, steps=6_000, passes=8, pass_steps=64, spec=spec))

    @classmethod
    def linear(cls) -> Named:
        """For series: a linear map from the past to the future. Counted on four days of hourly ETTh1: 7 channels."""
        fields, target = {"past": Field((336, 7), 0.0, 0.0)}, {"future": Field((96, 7), 0.0, 0.0)}
        config = cls(
            (), dropout=0.0, bins=0, members=1, window_norm=True, learning_rate=1e-3, decay="cosine", weight_decay=0.0
        )
        spec = Spec("series", fields, target=target)
        return Named(config, Training(batch=32, steps=3_000, keep="best", size=(336,), spec=spec))

    @classmethod
    def dense(cls) -> Named:
        """For small pictures: one wide network with batch norm. About 91 % of Fashion-MNIST's test set right, in seven
        minutes on one core."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": Field((), categories=10)})
        config = cls(
            (1024, 1024), "gelu", "batch", dropout=0.4, members=1, smoothing=0.1, learning_rate=2e-3, weight_decay=0.05
        )
        return Named(config, Training(batch=256, steps=8_000, spec=spec))

    @classmethod
    def ngrams(cls) -> Named:
        """For sentences: logistic regression on the log-count ratios of words and pairs of words. Counted on reviews:
        60 words of a vocabulary of 20,000, two classes."""
        text, label = Field((60,), categories=20_000, length=True), Field((), categories=2)
        config = cls((), dropout=0.0, members=1, naive=0.0, learning_rate=1e-2, warmup=0.0, weight_decay=0.3)
        spec = Spec("sentences", {"text": text}, target={"label": label})
        return Named(config, Training(batch=128, steps=800, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls((8, 8), "gelu", "layer", residual=True, bins=4, embed_numbers=3, embedding=4, members=3)
        return Named(config, Training(batch=16, steps=20))


class Feedforward(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, bins=0, embed_numbers=1, embedding=1, members=1, weight_decay=0, span=1, places=1)
        positive(cfg, "learning_rate", "alpha")
        share(cfg, "dropout", "smoothing", "warmup")
        if any(n < 1 for n in cfg.hidden):
            raise ValueError(f"hidden {cfg.hidden}: a layer without width. Pass widths of 1 or more")
        self.target, self.answer = answer(spec, "feedforward", "Predict something else")
        self.texts = tuple(k for k, f in spec.fields.items() if len(f.shape) == 1 and f.categories)
        self.wide = tuple(k for k, f in spec.fields.items() if f.shape and k not in self.texts)
        # then each channel is predicted from its own past
        self.serial = spec.kind == "series" and len(spec.fields) == 1 and own_future(spec)
        if cfg.window_norm and not self.serial:
            raise ValueError("window_norm: only a series whose own future is predicted has a scale. Pass False")
        self.numeric = tuple(k for k, f in spec.fields.items() if not f.shape and not f.categories)
        self.named = tuple(k for k, f in spec.fields.items() if not f.shape and f.categories)
        for name in self.wide:
            if spec.fields[name].categories or spec.fields[name].length:
                raise ValueError(f"{name}: feedforward takes numbers, single categories and sentences. Pass such data")
        self.numbers = Numbers(len(self.numeric), cfg.bins, cfg.embed_numbers) if self.numeric else None
        counts = [spec.fields[k].categories for k in self.named]
        self.categories = Categories(counts, cfg.embedding) if counts else None
        self.grams = self.counted(spec.fields[self.texts[0]]) if self.texts else None
        self.body, self.head = self.networks(self.inputs)

    @property
    def inputs(self) -> int:
        """Width of the vector that a row, or a channel of a series, becomes."""
        wide = [self.spec.fields[k] for k in self.wide]
        if self.serial:
            return wide[0].shape[0] * (1 + wide[0].missing)
        flat = sum(f.size * (1 + f.missing) for f in wide)
        numbers = len(self.numeric) * self.numbers.width if self.numbers else 0
        categories = self.categories.width if self.categories else 0
        return flat + numbers + categories + (self.grams.width if self.grams else 0)

    def counted(self, field: Field) -> Ngrams:
        """What each class's n-grams say, and where there are hidden layers, vectors of them too."""
        cfg = self.cfg
        if len(self.texts) > 1:
            raise ValueError(f"fields {list(self.texts)}: feedforward reads one text of an item. Leave out the others")
        start = cfg.naive if self.answer.categories else 0.0
        vectors = cfg.embedding if cfg.hidden else 0
        return Ngrams(field.categories, cfg.span, cfg.places, width(self.answer), vectors, start)

    def networks(self, inputs: int) -> tuple[nn.Sequential, Heads | Prior]:
        cfg, layers = self.cfg, []
        for k, (wide_in, wide_out) in enumerate(pairwise((inputs, *cfg.hidden))):
            norm = self.normed(wide_out)
            layer = Shared(cfg.members, wide_in, wide_out, first=k == 0)
            add = cfg.residual and wide_in == wide_out
            layers.append(Dense(layer, norm, ACTIVATIONS[cfg.activation], cfg.dropout, add))
        if self.grams and inputs == self.grams.width and not cfg.hidden:
            return nn.Sequential(), Prior(cfg.members, self.outs)  # the n-grams are the answer
        return nn.Sequential(*layers), Heads(cfg.members, (inputs, *cfg.hidden)[-1], self.outs)

    @property
    def outs(self) -> int:
        """Numbers that a member says of a row, or of a channel of a series."""
        return self.answer.shape[0] if self.serial else width(self.answer)

    def normed(self, wide: int) -> nn.Module:
        if self.cfg.norm == "batch":
            return MemberNorm(self.cfg.members, wide)
        return nn.LayerNorm(wide) if self.cfg.norm == "layer" else nn.Identity()

    @torch.no_grad()
    def begin(self, stream: Passes) -> None:
        """Edges of the bins at quantiles of the training data; n-grams and what they say of the classes."""
        if self.numbers and self.cfg.bins:
            parts = [self.gathered(batch) for batch in stream.whole()]
            values, there = (torch.cat(column) for column in zip(*parts))
            self.numbers.learn(values, there)
        if self.grams and not self.answer.categories:
            self.grams.find(self.texts_of(stream))
        elif self.grams:
            prior = self.grams.learn(self.texts_of(stream), self.cfg.alpha, form(self.answer) == "classes")
            self.head.bias.copy_(prior.expand_as(self.head.bias))

    def texts_of(self, stream: Passes) -> Iterator[Counted]:
        """Every training item's tokens and what holds of it."""
        for batch in stream.whole():
            truth = batch[self.target]
            one = form(self.answer) == "classes"
            holds = F.one_hot(truth, self.answer.categories) if one else truth.reshape(len(batch), -1)
            yield Counted(batch[self.texts[0]], batch.lengths.get(self.texts[0]), holds.bool())

    def optimizers(self) -> dict[str, Optimizer]:
        decayed = [m.weight for m in self.modules() if isinstance(m, nn.Linear | Heads | Ngrams)]
        return {"adam": adamw(self, decayed, self.cfg.learning_rate, self.cfg.weight_decay)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """Nats an item, the mean over the members' own: each learns to be right by itself."""
        outputs, target = self.outputs(batch), batch[self.target]
        k = outputs.shape[1]
        each = target.repeat_interleave(k, 0)
        total = nats(shaped(outputs.flatten(0, 1), self.answer), each, self.answer, self.cfg.smoothing).sum() / k
        return priced(total, self.joined(outputs.detach()), target, self.answer)

    def rate(self, at: At) -> float:
        return falling(at, self.cfg.warmup, self.cfg.decay)

    def outputs(self, batch: Batch) -> Tensor:
        """Of every member: (B, members, outputs)."""
        y: Tensor = self.head(self.inner(batch))
        if not self.serial:
            return y
        _, mean, deviation, _ = self.window(batch)
        y = y.view(len(batch), -1, *y.shape[1:]).permute(0, 2, 3, 1)  # (B, members, H, C)
        return (y * deviation[:, None] + mean[:, None]).flatten(2)

    def inner(self, batch: Batch) -> Tensor:
        """What the heads see: (B, members, width); of series (B · C, members, width)."""
        x = self.channels(batch) if self.serial else self.vector(batch)
        y: Tensor = self.body(x[:, None].expand(-1, self.cfg.members, -1))
        return y

    def window(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A series' past (B, L, C), its mean and deviation (B, 1, C), or 0 and 1, and which of it is there."""
        (name,) = self.wide
        x = batch[name]
        there = batch.masks.get(name, torch.ones_like(x, dtype=torch.bool))
        if self.cfg.window_norm:
            return x, *window_scale(batch, name), there
        return x, torch.zeros_like(x[:, :1]), torch.ones_like(x[:, :1]), there

    def channels(self, batch: Batch) -> Tensor:
        """Each channel of a series in its own scale: (B · C, inputs)."""
        x, mean, deviation, there = self.window(batch)
        parts = [torch.where(there, (x - mean) / deviation, 0.0)]
        if self.spec.fields[self.wide[0]].missing:
            parts.append((~there).to(x.dtype))
        return torch.cat(parts, 1).transpose(1, 2).flatten(0, 1)

    def flat(self, batch: Batch, name: str) -> Tensor:
        """A field of many numbers, and after them which are missing, where some may be: (B, inputs)."""
        x = batch[name]
        if not self.spec.fields[name].missing:
            return x.flatten(1)
        there = batch.masks.get(name, torch.ones_like(x, dtype=torch.bool))
        return torch.cat([torch.where(there, x, 0.0).flatten(1), (~there).to(x.dtype).flatten(1)], 1)

    def vector(self, batch: Batch) -> Tensor:
        """(B, inputs)."""
        parts = [self.flat(batch, name) for name in self.wide]
        if self.numbers:
            parts.append(self.numbers(*self.gathered(batch)))
        if self.categories:
            parts.append(self.categories(torch.stack([batch[name] for name in self.named], 1)))
        if self.grams:
            parts.append(self.grams(batch[self.texts[0]], batch.lengths.get(self.texts[0])))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)  # of wide pictures a copy costs

    def gathered(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Single numbers side by side, and which of them are there: (B, numbers) each."""
        values = torch.stack([batch[name] for name in self.numeric], 1)
        there = torch.ones_like(values, dtype=torch.bool)
        for k, name in enumerate(self.numeric):
            if name in batch.masks:
                there[:, k] = batch.masks[name]
        return values, there

    def joined(self, outputs: Tensor) -> Tensor:
        """The mean over members (B, members, outputs), of probabilities where there are any, as logits."""
        if outputs.shape[1] == 1:
            return shaped(outputs[:, 0], self.answer)
        if form(self.answer) == "classes":
            return outputs.log_softmax(2).logsumexp(1)
        if form(self.answer) == "labels":
            return shaped(torch.logit(torch.sigmoid(outputs).mean(1), eps=1e-6), self.answer)
        return shaped(outputs.mean(1), self.answer)

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """Logits of the classes (B, classes) or labels, or numbers: the mean over the members."""
        return self.joined(self.outputs(batch))

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees, members and channels side by side: (B, features)."""
        return self.inner(batch).reshape(len(batch), -1)

    def finish(self, stream: Passes) -> None:
        """Batch norm's population statistics."""
        population_statistics(self, [partial(self.see, stream, k) for k in range(PASSES)])

    def see(self, stream: Passes, k: int) -> None:
        self.inner(stream(k))
