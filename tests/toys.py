"""Small data with known answers, in place of files."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from reverie.core import Batch, Field, Spec


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


SETS = (pictures, tokens, rows)
