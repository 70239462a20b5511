"""Sequence to sequence, such as a sentence and its translation. Vaswani et al. 2017, "Attention Is All You Need",
arXiv:1706.03762; Luong, Pham & Manning 2015, arXiv:1508.04025.

A transformer, or LSTMs with attention. Both write by beam search (Wu et al. 2016, arXiv:1609.08144).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.beam import search
from reverie.maths.schedules import inverse_root, one_cycle
from reverie.maths.targets import form
from reverie.maths.vocabulary import token_nats
from reverie.nets.checks import at_least, positive, share
from reverie.nets.luong import Luong
from reverie.nets.packed import Packed
from reverie.nets.translation import Translator


@dataclass(frozen=True)
class Config:
    form: Literal["transformer", "lstm"] = "transformer"  # Vaswani's network, or Luong's
    width: int = 512  # of a token's vector, and of every layer
    layers: int = 6  # of the encoder, and of the decoder
    heads: int = 8  # of a transformer's attention; they divide the width
    feed: int = 2048  # width of a transformer's dense networks
    norm: Literal["after", "before"] = "after"  # a transformer's: after each sub-layer, as in the paper, or before it
    tied: bool = True  # source, target and output share one embedding, where both vocabularies are equally large
    dropout: float = 0.1  # of embeddings and of what each layer adds or hands on
    smoothing: float = 0.1  # share of a token that is spread over the vocabulary
    beam: int = 5  # beginnings that the search keeps; 1: always the likeliest token
    length_penalty: float = 1.0  # alpha of Wu et al. 2016, equation 14: above 0, longer sequences
    learning_rate: float = 7e-4  # of Adam, at its peak
    warmup: float = 0.04  # share of the steps in which the rate climbs from 0 to its peak
    decay: Literal["inverse_root", "linear"] = "inverse_root"  # how the rate falls after that; linear: to 0

    @classmethod
    def paper(cls) -> Named:
        """The base model: 63 million parameters with a shared vocabulary of 37,000. 100,000 steps on about 25,000
        tokens of each language; searched with 4 beginnings and alpha 0.6, section 6.1."""
        read, written = (Field((100,), categories=37_000, length=True, start=start) for start in (None, 1))
        spec = Spec("pairs", {"source": read}, target={"target": written})
        return Named(cls(beam=4, length_penalty=0.6), Training(batch=900, steps=100_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For some ten thousand sentences, in an hour on one core: the network of Wu et al. 2021, arXiv:2105.14462,
        with its norms before the sub-layers and less dropout, for fewer epochs."""
        config = cls(
            width=128, heads=4, layers=4, feed=256, norm="before", dropout=0.2, learning_rate=4e-3, warmup=0.1,
            decay="linear",
        )  # fmt: skip
        read, written = (Field((100,), categories=6_000, length=True, start=start) for start in (None, 1))
        spec = Spec("pairs", {"source": read}, target={"target": written})
        training = Training(batch=128, steps=6_000, ema_items=15_000, keep="best", spec=spec)
        return Named(config, training)

    @classmethod
    def classic(cls) -> Named:
        """LSTMs with attention, for as much data, in as long; by Adam, where the paper has SGD."""
        config = cls("lstm", 192, 1, dropout=0.2, learning_rate=2e-3, warmup=0.05, decay="linear")
        read, written = (Field((100,), categories=6_000, length=True, start=start) for start in (None, 1))
        spec = Spec("pairs", {"source": read}, target={"target": written})
        training = Training(batch=128, steps=5_000, clip=5.0, ema_items=15_000, keep="best", spec=spec)
        return Named(config, training)

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(width=16, layers=1, heads=2, feed=32, beam=2, learning_rate=1e-2, warmup=0.2, decay="linear")
        return Named(config, Training(batch=16, steps=20))


class Seq2seq(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, width=2, layers=1, heads=1, feed=1, beam=1, length_penalty=0)
        positive(cfg, "learning_rate")
        share(cfg, "dropout", "smoothing", "warmup")
        (self.name, read), (self.target, written) = both(spec)
        self.start, self.longest = written.start or 0, written.shape[0]
        sizes = read.categories, written.categories
        tied = cfg.tied and sizes[0] == sizes[1]
        if cfg.form == "lstm":
            self.net: Luong | Translator = Luong(sizes, tied, cfg.width, cfg.layers, cfg.dropout)
        else:
            self.net = Translator(sizes, tied, cfg.width, cfg.layers, cfg.heads, cfg.feed, cfg.dropout, cfg.norm)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, betas=(0.9, 0.98), eps=1e-9, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def rate(self, at: At) -> float:
        share = self.cfg.warmup
        return inverse_root(at, share) if self.cfg.decay == "inverse_root" else one_cycle(at, share)

    def loss(self, batch: Batch, at: At) -> Loss:
        """Nats of the targets' tokens, their ends among them, with smoothing; "nats" are those without it."""
        said, wanted, _ = self.forced(batch)
        total, nats = token_nats(said, self.net.target.weight, wanted, self.cfg.smoothing)
        return Loss(total, len(wanted), {"loss": total, "nats": nats.sum()})

    def forced(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What the output layer sees of each target token that is there, given those before it (N, width), that token
        (N,), and of which item it is (N,)."""
        order = (lengths := batch.lengths[self.target]).argsort(stable=True)  # neighbours are alike: see nets/packed.py
        sources, targets = Packed(batch.lengths[self.name][order]), Packed(lengths[order])
        target = batch[self.target][order]
        given = F.pad(target[:, :-1], (1, 0), value=self.start)
        said = self.net(batch[self.name][order], sources, given, targets)
        return said, targets.of(target), order[targets.item]

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """The best sequences that beam search finds: (B, T), 0 from their end on, T the longest of the spec."""
        writer = self.net.writer(batch[self.name], batch.lengths[self.name])
        first = batch[self.name].new_full((len(batch),), self.start)
        return search(writer, first, self.cfg.beam, self.longest, self.cfg.length_penalty)[0]

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """Of each target given its source, its end among its tokens. Exact: `draws` changes nothing."""
        said, wanted, item = self.forced(batch)
        _, nats = token_nats(said, self.net.target.weight, wanted)
        return nats.new_zeros(len(batch)).index_add(0, item, nats), batch.lengths[self.target]


def both(spec: Spec) -> tuple[tuple[str, Field], tuple[str, Field]]:
    """Name and field of what is read, and of what is written. Raises ValueError where they aren't ragged tokens."""
    (name, read), (target, written) = spec.only, spec.predicted
    if form(written) != "sequence" or not written.length or written.start is None:
        raise ValueError(
            f"{target}: no sequence that ends: seq2seq writes those. Predict a text, or pass another --model"
        )
    if not read.categories or not read.length or len(read.shape) != 1:
        raise ValueError(f"{name}: no tokens of varying number: seq2seq reads those. Pass texts, or another --model")
    return (name, read), (target, written)
