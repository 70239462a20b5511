"""Small data with known answers, in place of files."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from reverie.core import Batch, Field, Spec
from reverie.kinds.domains import Domains


@dataclass(frozen=True)
class Values:
    """Items held as tensors."""

    values: dict[str, Tensor]
    lengths: dict[str, Tensor] = field(default_factory=dict)
    masks: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        values, lengths, masks = (
            {k: v[index] for k, v in named.items()} for named in (self.values, self.lengths, self.masks)
        )
        return Batch(values, lengths, masks)

    def raw(self, index: Tensor) -> dict[str, Tensor]:
        return {k: v[index] for k, v in self.values.items()}


def pictures(
    count: int = 96, size: tuple[int, int] = (28, 28), channels: int = 1, classes: int = 3
) -> tuple[Spec, Values]:
    """Stripes in as many phases as classes, with noise: easy to learn, easy to get wrong."""
    g = torch.Generator().manual_seed(1)
    label = torch.randint(classes, (count,), generator=g)
    row = torch.arange(size[0])[:, None] + torch.zeros(size[1])
    stripes = torch.sign(torch.sin(0.7 * row + label[:, None, None] * 2.1))[:, None]
    x = (0.8 * stripes + 0.1 * torch.randn(count, channels, *size, generator=g)).clamp(-1, 1)
    image = Field((channels, *size), levels=256)
    spec = Spec(
        "image", {"image": image}, {"label": Field((), categories=classes, names=tuple(map(str, range(classes))))}
    )
    return spec, Values({"image": x, "label": label})


def domains(sizes: tuple[int, int] = (40, 25), size: tuple[int, int] = (28, 28)) -> tuple[Spec, Domains]:
    """Stripes across and stripes down, as many pictures of each as `sizes` says: no two of them are a pair."""
    across, down = (pictures(count, size, classes=2)[1].values["image"] for count in sizes)
    sets = {"across": Values({"image": across}), "down": Values({"image": down.transpose(2, 3).contiguous()})}
    return Spec("image", {"image": Field((1, *size), levels=256)}, domains=tuple(sets)), Domains(sets)


def tokens(count: int = 64, length: int = 16, vocabulary: int = 7) -> tuple[Spec, Values]:
    """Counting up, from anywhere, around and around."""
    g = torch.Generator().manual_seed(1)
    start = torch.randint(vocabulary, (count, 1), generator=g)
    text = (start + torch.arange(length + 1)) % vocabulary
    return Spec("text", {"text": Field((length + 1,), categories=vocabulary, start=0)}), Values({"text": text})


NUMBER = Field((), 0.0, 0.0)  # without bounds: mean 0, deviation 1


def rows(count: int = 96, numeric: bool = False) -> tuple[Spec, Values]:
    """A table: two numbers, one of them with gaps, and a category. The class is the sign of their sum, the number the
    sum itself."""
    g = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, count, generator=g).mul(64).round().div(64)  # exact in every process
    there = torch.rand(count, generator=g) < 0.8
    job = torch.randint(1, 4, (count,), generator=g)
    whole = a + torch.where(there, b, 0.0) + job - 2.0
    target = Field((), 0.0, 0.0) if numeric else Field((), categories=2, names=("no", "yes"))
    fields = {
        "a": NUMBER,
        "b": replace(NUMBER, missing=True),
        "job": Field((), categories=4, names=("other", "x", "y", "z")),  # 0: one that training has not seen
    }
    answer = whole / whole.std() if numeric else (whole > 0).long()
    values = {"a": a, "b": torch.where(there, b, 0.0), "job": job, "answer": answer}
    return Spec("table", fields, target={"answer": target}), Values(values, masks={"b": there})


def series(count: int = 64, past: int = 24, ahead: int = 6, channels: int = 2) -> tuple[Spec, Values]:
    """Waves of one period, from anywhere, each channel in a phase of its own."""
    g = torch.Generator().manual_seed(1)
    begin = torch.randint(100, (count, 1, 1), generator=g)
    time = torch.arange(past + ahead).view(1, -1, 1) + begin + 3 * torch.arange(channels)
    x = (torch.sin(time * 2 * torch.pi / 12) * 2**0.5).mul(64).round().div(64)  # exact in every process
    spec = Spec(
        "series",
        {"past": Field((past, channels), 0.0, 0.0)},
        target={"future": Field((ahead, channels), 0.0, 0.0)},
    )
    return spec, Values({"past": x[:, :past], "future": x[:, past:]})


def sounds(count: int = 48, samples: int = 2_000, rate: int = 8_000) -> tuple[Spec, Values]:
    """Tones of three pitches, of any length from half of the longest on; silence fills the rest."""
    g = torch.Generator().manual_seed(1)
    label = torch.randint(3, (count,), generator=g)
    lengths = torch.randint(samples // 2, samples + 1, (count,), generator=g)
    time = torch.arange(samples) / rate
    x = 0.5 * torch.sin(2 * torch.pi * (300.0 * 2.0**label)[:, None] * time)
    x = (x + 0.05 * torch.randn(count, samples, generator=g)) * (torch.arange(samples) < lengths[:, None])
    sound = Field((samples,), length=True, rate=rate)
    spec = Spec("sound", {"sound": sound}, target={"label": Field((), categories=3, names=("low", "mid", "high"))})
    return spec, Values({"sound": x.mul(2**15).round().div(2**15), "label": label}, {"sound": lengths})


def sentences(count: int = 96, longest: int = 12, vocabulary: int = 9) -> tuple[Spec, Values]:
    """Words drawn alike, of any number from 4 on: yes where word 2 stands before word 3 at once. 0 fills the rest."""
    g = torch.Generator().manual_seed(1)
    lengths = torch.randint(4, longest + 1, (count,), generator=g)
    words = torch.randint(2, vocabulary, (count, longest), generator=g)
    yes = torch.arange(count) % 2
    at = (torch.rand(count, generator=g) * (lengths - 1)).long()
    item = torch.arange(count)
    words = torch.where((words == 2), 4, words)
    words[item, at] = 2
    words[item, at + 1] = torch.where(yes.bool(), 3, 5)
    words = words * (torch.arange(longest) < lengths[:, None])
    spec = Spec(
        "sentences",
        {"text": Field((longest,), categories=vocabulary, length=True)},
        target={"label": Field((), categories=2, names=("no", "yes"))},
    )
    return spec, Values({"text": words, "label": yes}, {"text": lengths})


def pairs(count: int = 96, longest: int = 6, vocabulary: int = 8) -> tuple[Spec, Values]:
    """The target is the source turned around, of any number of words from 2 on. 0 ends and fills, 1 starts, 2 is an
    unknown word."""
    g = torch.Generator().manual_seed(1)
    lengths = torch.randint(2, longest + 1, (count,), generator=g)
    place = torch.arange(longest)
    source = torch.randint(3, vocabulary, (count, longest), generator=g) * (place < lengths[:, None])
    back = (lengths[:, None] - 1 - place).clamp(min=0)
    target = source.gather(1, back) * (place < lengths[:, None])
    field = Field((longest + 1,), categories=vocabulary, length=True)  # the last place is for the end
    source, target = (torch.cat([x, torch.zeros(count, 1, dtype=x.dtype)], 1) for x in (source, target))
    spec = Spec("pairs", {"source": field}, target={"target": replace(field, start=1)})
    return spec, Values({"source": source, "target": target}, {"source": lengths + 1, "target": lengths + 1})


def lines(count: int = 96, longest: int = 8, vocabulary: int = 9) -> tuple[Spec, Values]:
    """Sentences that count up from any word, around and around, of any number of words from 2 on. 0 ends and fills, 1
    starts. The class says whether a sentence is long."""
    g = torch.Generator().manual_seed(1)
    lengths = torch.randint(2, longest, (count,), generator=g)
    place = torch.arange(longest)
    first = torch.randint(vocabulary - 2, (count, 1), generator=g)
    words = (2 + (first + place) % (vocabulary - 2)) * (place < lengths[:, None])
    label = (lengths > longest // 2).long()
    spec = Spec(
        "sentences",
        {"text": Field((longest,), categories=vocabulary, length=True, start=1)},
        {"label": Field((), categories=2, names=("short", "long"))},
    )
    return spec, Values({"text": words, "label": label}, {"text": lengths + 1})


SETS = (pictures, tokens, rows, series, sounds, sentences, pairs, lines, domains)
