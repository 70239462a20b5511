"""Convolutional networks for classes, labels and numbers of pictures and sounds. LeCun, Bottou, Bengio & Haffner 1998,
"Gradient-Based Learning Applied to Document Recognition"; He, Zhang, Ren & Sun 2016, arXiv:1512.03385.

With what has become usual since: batch norm (Ioffe & Szegedy 2015, arXiv:1502.03167), global average pooling (Lin,
Chen & Yan 2014, arXiv:1312.4400), cutout, mixup and CutMix, and the mean over several views of a picture. A sound is
seen as the picture of its log-mel spectrogram.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.mixing import cutmix, cutout, mixup
from reverie.maths.schedules import one_cycle
from reverie.maths.targets import form, nats, priced, shaped, width
from reverie.nets.checks import answer, at_least, picture, positive, share
from reverie.nets.conv import doubling, halvings
from reverie.nets.decay import adamw
from reverie.nets.init import he_
from reverie.nets.mel import LogMel
from reverie.nets.norm import population_statistics
from reverie.nets.residual import plain, residual

POOLED = 4  # shortest side down to which the picture is halved
WIDEST = 4  # channels double with each halving, up to this many times the first width
PASSES = 32  # batches that batch norm's population statistics are averaged over
SHIFTS = ((0, 0), (-1, -1), (1, 1), (-1, 1), (1, -1))  # pixels, of the views


@dataclass(frozen=True)
class Config:
    form: Literal["plain", "residual"] = "plain"  # two convolutions a halving, or three, two of them beside a short cut
    width: int = 16  # channels of the first block, doubled with each halving, up to 4 times
    smoothing: float = 0.0  # share of a label that is spread over all classes (Szegedy et al. 2016)
    shift: int = 0  # pixels by which a picture is moved at most, at random, along each axis; its edge is repeated
    mirror: bool = False  # turn pictures left to right at random: not for digits and letters
    cutout: int = 0  # pixels of a side of the square that each picture lacks, at random; 0: none
    mixup: float = 0.0  # alpha of mixup; 0: none
    cutmix: float = 0.0  # alpha of CutMix; 0: none. With both, each batch takes one of the two
    mels: int = 40  # bands of a sound's spectrogram
    hop: float = 0.0125  # seconds between its frames, each of twice that length
    views: int = 1  # that a prediction is the mean of: mirrored where `mirror` is on, moved by a pixel
    learning_rate: float = 5e-3  # of AdamW, at its peak
    warmup: float = 0.2  # share of the steps in which the rate climbs from 0 to its peak; then it falls to 0
    weight_decay: float = 1e-2  # of AdamW, on convolutions and the last layer

    @classmethod
    def small(cls) -> Named:
        """About 92 % of Fashion-MNIST's test set right, in three minutes on two cores."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": Field((), categories=10)})
        return Named(cls(), Training(batch=128, steps=3_000, spec=spec))

    @classmethod
    def augmented(cls) -> Named:
        """For pictures of things, which stay what they are when mirrored and moved: residual, the mean of ten views. No
        size, as digits and letters do not."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)}, {"label": Field((), categories=10)})
        config = cls(form="residual", width=32, smoothing=0.1, shift=3, mirror=True, views=10)
        return Named(config, Training(batch=128, steps=5_000, spec=spec))

    @classmethod
    def spoken(cls) -> Named:
        """For short sounds such as words: residual, moved in time and pitch."""
        sound, label = Field((8_000,), length=True, rate=8_000), Field((), categories=10)
        config = cls(form="residual", width=16, smoothing=0.1, shift=3, views=5, weight_decay=5e-2)
        return Named(
            config, Training(batch=64, steps=1_500, spec=Spec("sound", {"sound": sound}, target={"label": label}))
        )

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls("residual", width=4, shift=1, mirror=True, smoothing=0.1, cutout=3, mixup=0.2, cutmix=1.0, views=3)
        return Named(config, Training(batch=16, steps=20))


class Convolutional(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, width=1, shift=0, weight_decay=0, cutout=0, mixup=0, cutmix=0, views=1)
        positive(cfg, "learning_rate")
        share(cfg, "smoothing", "warmup")
        apart = "Put each class in a folder of its own"
        self.target, self.answer = answer(spec, "convolutional", "Predict something else", apart)
        self.mixes = bool(cfg.mixup or cfg.cutmix)
        if self.mixes and form(self.answer) != "classes":
            raise ValueError(f"mixup {cfg.mixup} cutmix {cfg.cutmix}: only classes can be mixed. Pass 0 for both")
        if cfg.views > self.most_views:
            raise ValueError(f"views {cfg.views}: there are {self.most_views} (mirror doubles them). Pass no more")
        self.name, field = spec.only
        self.front = heard(cfg, field) if field.rate else None
        if self.front is None:
            picture(spec, "convolutional")
        elif cfg.mirror or self.mixes or cfg.cutout:
            raise ValueError("mirror, cutout, mixup and cutmix are of pictures: sounds have none. Leave them out")
        channels, height, breadth = (
            field.shape if self.front is None else (1, cfg.mels, field.size // self.front.hop + 1)
        )
        widths = doubling(cfg.width, len(halvings((height, breadth), POOLED)), WIDEST)
        self.body = {"plain": plain, "residual": residual}[cfg.form](channels, widths)
        self.head = nn.Linear(widths[-1], width(self.answer))
        he_(self)
        if form(self.answer) == "numbers":
            nn.init.zeros_(self.head.weight)  # starts at the mean
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def most_views(self) -> int:
        return len(SHIFTS) * (2 if self.cfg.mirror else 1)

    def optimizers(self) -> dict[str, Optimizer]:
        decayed = (p for p in self.parameters() if p.ndim > 1)  # not biases and batch norm
        return {"adam": adamw(self, decayed, self.cfg.learning_rate, self.cfg.weight_decay)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """Nats an item; `right` is the share of this batch that is predicted right, of what the network saw."""
        (x, frames), target = self.seen(batch), batch[self.target]
        x = self.varied(x)
        wanted = target
        if self.mixes:
            x, wanted = self.mixed(x, F.one_hot(target, self.answer.categories).to(x.dtype))
        output = shaped(self.head(self.pooled(x, frames)), self.answer)
        total = nats(output, wanted, self.answer, self.cfg.smoothing).sum()
        return priced(total, output, target, self.answer)

    def rate(self, at: At) -> float:
        return one_cycle(at, self.cfg.warmup)

    def varied(self, x: Tensor) -> Tensor:
        """Pictures mirrored, moved and cut out at random, by torch's global generator: (B, C, H, W) -> (B, C, H, W)."""
        if self.cfg.mirror:
            x = torch.where((torch.rand(len(x), device=x.device) < 0.5).view(-1, 1, 1, 1), x.flip(3), x)
        x = moved(x, self.cfg.shift) if self.cfg.shift else x
        return cutout(x, self.cfg.cutout) if self.cfg.cutout else x

    def mixed(self, x: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """By mixup or CutMix; where both are on, a coin decides."""
        blend = bool(self.cfg.mixup) and (not self.cfg.cutmix or bool(torch.rand(()) < 0.5))
        return mixup(x, shares, self.cfg.mixup) if blend else cutmix(x, shares, self.cfg.cutmix)

    def seen(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Pictures (B, C, H, W), and of sounds how many of the W frames are there (B,). Sounds are always filled up to
        the longest that the codec knows, so that what is said of one doesn't hang on its neighbours."""
        x = batch[self.name]
        if self.front is None:
            return x, None
        lengths = batch.lengths.get(self.name, torch.full((x.shape[0],), x.shape[1], device=x.device))
        whole = F.pad(x, (0, self.spec.only[1].size - x.shape[1]))
        return self.front(whole, lengths)[:, None], lengths // self.front.hop + 1

    def pooled(self, x: Tensor, frames: Tensor | None) -> Tensor:
        """(B, C, H, W) -> (B, features): the mean over what is there."""
        y: Tensor = self.body(x.contiguous(memory_format=torch.channels_last))
        if frames is None:
            return y.mean(dim=(2, 3))
        place = torch.arange(y.shape[3], device=y.device) * (x.shape[3] / y.shape[3])
        there = (place < frames[:, None]).to(y.dtype)  # (B, w)
        return torch.einsum("bchw,bw->bc", y, there) / (there.sum(1, keepdim=True) * y.shape[2])

    # -------------------------------------------------------------------------------------------------------- abilities

    def predict(self, batch: Batch) -> Tensor:
        """Logits of the classes (B, classes), of the labels, or numbers: the mean over the views, of classes that of
        their probabilities."""
        x, frames = self.seen(batch)
        seen = [shaped(self.head(self.pooled(view, frames)), self.answer) for view in self.viewed(x)]
        if len(seen) == 1:
            return seen[0]
        stacked = torch.stack(seen)
        if form(self.answer) == "classes":
            return stacked.log_softmax(2).logsumexp(0)
        return stacked.mean(0)

    def viewed(self, x: Tensor) -> list[Tensor]:
        """The picture itself first; every second one mirrored, where that is learnt."""
        sides = [x, x.flip(3)] if self.cfg.mirror else [x]
        views = [at_place(side, *by) for by in SHIFTS for side in sides]
        return views[: self.cfg.views]

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees of the picture itself: (B, features)."""
        return self.pooled(*self.seen(batch))

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """Batch norm's population statistics, of pictures as they are."""
        population_statistics(self, [partial(self.see, stream, k) for k in range(PASSES)])

    def see(self, stream: Callable[[int], Batch], k: int) -> None:
        self.features(stream(k))


def heard(cfg: Config, field: Field) -> LogMel:
    """The front end of sounds. Raises ValueError."""
    positive(cfg, "hop")
    at_least(cfg, mels=4)
    return LogMel(field.rate, cfg.mels, 2 * cfg.hop, cfg.hop)


def moved(x: Tensor, most: int) -> Tensor:
    """Each picture moved by up to `most` pixels along each axis, its edge repeated: (B, C, H, W) -> (B, C, H, W)."""
    by = torch.randint(-most, most + 1, (2, len(x), 1), device=x.device)
    return shifted(x, by[0], by[1])


def at_place(x: Tensor, down: int, right: int) -> Tensor:
    """All pictures moved alike."""
    if not (down or right):
        return x
    h, w = x.shape[2:]
    rows = (torch.arange(h, device=x.device) + down).clamp(0, h - 1)
    columns = (torch.arange(w, device=x.device) + right).clamp(0, w - 1)
    return x[:, :, rows][..., columns]


def shifted(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each picture read from that many (B, 1) pixels further down and right, its edge repeated."""
    b, _, h, w = x.shape
    rows = (torch.arange(h, device=x.device) + down).clamp(0, h - 1)  # (B, H)
    columns = (torch.arange(w, device=x.device) + right).clamp(0, w - 1)  # (B, W)
    items = torch.arange(b, device=x.device).view(b, 1, 1)
    return x.permute(0, 2, 3, 1)[items, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
