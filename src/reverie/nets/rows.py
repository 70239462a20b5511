"""Networks on rows of numbers and categories: how a row becomes a vector, and dense layers shared by an ensemble."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

ROWS = 16  # values that a bin holds on average, at least


class Numbers(nn.Module):
    """Each number as a vector of its own: (B, F) -> (B, F · width).

    With bins, piecewise-linear encoding and a linear map a feature (Gorishniy, Rubachev & Babenko 2022,
    arXiv:2203.05556, equation 1): bin t of a feature holds 0 below its lower edge, 1 above its upper one and rises
    linearly between; the first and the last bin, where they have a width, go on rising beyond the outer edges. Edges
    are quantiles, set by `learn`; a bin without width is a step. Without bins, the number itself. A number that is
    missing is encoded as 0 and told by one more input."""

    edges: Tensor

    def __init__(self, count: int, bins: int, width: int):
        super().__init__()
        self.bins, self.width = bins, (width if bins else 1) + 1
        if bins:
            self.register_buffer("edges", torch.zeros(count, bins + 1))
            self.map = nn.Parameter(torch.empty(count, bins, width))
            self.bias = nn.Parameter(torch.zeros(count, width))
            nn.init.uniform_(self.map, -(bins**-0.5), bins**-0.5)

    def learn(self, values: Float[Tensor, "n f"], there: Bool[Tensor, "n f"]) -> None:
        """Edges at evenly spaced quantiles of the values that are there; where one value is so frequent that it would
        hold several, of its distinct values: else all that is rare would share a bin. No more bins than leave each
        `ROWS` values on average: the others have no width. Of fewer distinct values than bins the outer bins may be
        among those without: then they are steps, and nothing rises beyond the edges on that side."""
        if not self.bins:
            return
        for k in range(values.shape[1]):
            seen = values[there[:, k], k].double()
            if len(seen):
                used = min(self.bins, max(1, len(seen) // ROWS))
                shares = spread(used, self.bins)
                edges = seen.sort().values[(shares * (len(seen) - 1)).round().long()]
                if len(torch.unique(edges)) < used + 1:
                    distinct = torch.unique(seen)
                    edges = distinct[(shares * (len(distinct) - 1)).round().long()]
                self.edges[k] = edges.to(self.edges.dtype)

    def forward(self, x: Float[Tensor, "b f"], there: Bool[Tensor, "b f"]) -> Float[Tensor, "b d"]:
        inside = there.to(x.dtype)
        if not self.bins:
            return torch.stack([x * inside, 1 - inside], 2).flatten(1)
        encoded = self.encode(x) * inside[..., None]
        mapped = torch.einsum("bft,ftw->bfw", encoded, self.map) + self.bias
        return torch.cat([mapped, (1 - inside)[..., None]], 2).flatten(1)

    def encode(self, x: Float[Tensor, "b f"]) -> Float[Tensor, "b f t"]:
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        wide = high > low
        share = (x[..., None] - low) / torch.where(wide, high - low, 1.0)
        share = torch.where(wide, share, (x[..., None] >= high).to(x.dtype))
        first = torch.arange(self.bins, device=x.device) == 0
        last = torch.arange(self.bins, device=x.device) == self.bins - 1
        share = torch.where(first & wide, share, share.clamp(min=0))
        return torch.where(last & wide, share, share.clamp(max=1))


def spread(used: int, bins: int) -> Float[Tensor, " e"]:
    """Shares of the values below each of bins + 1 edges, of which `used` bins are of a share above 0, the outer two
    among them, as those go on beyond the edges. A bin whose two edges fall on one value has no width all the same, the
    outer ones too, where there are fewer distinct values than bins."""
    inner = torch.linspace(1, max(1, used - 1), bins - 1, dtype=torch.float64).round()
    return torch.cat([inner.new_tensor([0.0]), inner, inner.new_tensor([float(used)])]) / used


class Categories(nn.Module):
    """Each category as a learnt vector: (B, C) of integers -> (B, sum of widths). A vector has at most `width` numbers,
    fewer where there are few categories."""

    def __init__(self, counts: Sequence[int], width: int):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(n, min(width, (n + 1) // 2 + 1)) for n in counts])
        self.width = sum(table.embedding_dim for table in self.tables)  # type: ignore[misc]

    def forward(self, x: Int[Tensor, "b c"]) -> Float[Tensor, "b d"]:
        return torch.cat([table(x[:, k]) for k, table in enumerate(self.tables)], 1)


class Shared(nn.Module):
    """One dense layer for every member of an ensemble, each with factors of its own on what goes in and what comes out:
    (B, members, in) -> (B, members, out). Wen, Tran & Ba 2020 (BatchEnsemble), arXiv:2002.06715, equation 5. Factors
    start at 1; those of the `first` layer's input at random signs, which alone make the members differ (TabM, Gorishniy
    et al. 2025, arXiv:2410.24210)."""

    def __init__(self, members: int, wide_in: int, wide_out: int, first: bool = False):
        super().__init__()
        self.linear = nn.Linear(wide_in, wide_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(members, wide_out))
        nn.init.uniform_(self.bias, -(wide_in**-0.5), wide_in**-0.5)
        self.scaled = members > 1
        if self.scaled:
            signs = torch.randint(0, 2, (members, wide_in)) * 2.0 - 1  # of the default type
            self.before = nn.Parameter(signs if first else torch.ones(members, wide_in))
            self.after = nn.Parameter(torch.ones(members, wide_out))

    def forward(self, x: Float[Tensor, "b k i"]) -> Float[Tensor, "b k o"]:
        if not self.scaled:
            y: Tensor = self.linear(x) + self.bias
            return y
        return torch.addcmul(self.bias, self.linear(x * self.before), self.after)


class Heads(nn.Module):
    """A last layer for each member: (B, members, in) -> (B, members, out)."""

    def __init__(self, members: int, wide_in: int, wide_out: int):
        super().__init__()
        bound = wide_in**-0.5
        self.weight = nn.Parameter(torch.empty(members, wide_in, wide_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, wide_out))

    def forward(self, x: Float[Tensor, "b k i"]) -> Float[Tensor, "b k o"]:
        return torch.einsum("bki,kio->bko", x, self.weight) + self.bias


class Dense(nn.Module):
    """A layer, its norm, activation and dropout, with the input added where widths agree and that is asked for."""

    def __init__(self, layer: Shared, norm: nn.Module, activation: Callable[[], nn.Module], dropout: float, add: bool):
        super().__init__()
        self.layer, self.norm, self.activation = layer, norm, activation()
        self.dropout, self.add = nn.Dropout(dropout), add

    def forward(self, x: Float[Tensor, "b k i"]) -> Float[Tensor, "b k o"]:
        y: Tensor = self.dropout(self.activation(self.norm(self.layer(x))))
        return x + y if self.add else y
