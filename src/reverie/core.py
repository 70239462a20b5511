"""The contract between data, models and everything else.

Data flows one way: source → codec → spec → model → samples → codec → files → metrics. A codec states a `Spec`; a model
is built from it, owns its networks and says how they learn (`optimizers`, `updates`); the one trainer does the rest.
What a model can do besides learning is an ability: a small `Protocol`, met by `isinstance`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .spec import At, Field, Named, Spec, Training

__all__ = [
    "ABILITIES", "Absorbs", "Apart", "At", "Batch", "Begins", "Bound", "Bounds", "Carries", "Codec", "Compresses",
    "Conditioned", "Continues", "Decodes", "Denoises", "Density", "Described", "Encodes", "Exports", "Field",
    "Finishes", "Grammar", "Items", "Latents", "Loss", "Model", "Named", "Network", "Passes", "Predicts", "Prior",
    "Prompt", "Samples", "Says", "Scores", "Spec", "Tables", "Training", "Translates", "Update", "UpperBound",
    "Windowed", "always",
]  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Batch:
    """Encoded items: every field, condition and target of the spec under its name, the first axis over items."""

    values: Mapping[str, Tensor]
    lengths: Mapping[str, Tensor] = field(default_factory=dict)  # (B,) of each ragged field
    masks: Mapping[str, Tensor] = field(default_factory=dict)  # True where a value is there, of fields with gaps
    domains: Mapping[str, "Batch"] = field(default_factory=dict)  # one batch a domain, each in its own order
    follows: Tensor | None = None  # (B,) True where a row goes on where this row of the batch before ended; of lanes

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def __len__(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else max(map(len, self.domains.values()))

    def to(self, device: torch.device) -> "Batch":
        def move(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {k: v.to(device, non_blocking=True) for k, v in tensors.items()}

        inner = {k: v.to(device) for k, v in self.domains.items()}
        follows = None if self.follows is None else self.follows.to(device)
        return Batch(move(self.values), move(self.lengths), move(self.masks), inner, follows)


class Items(Protocol):
    """A set of encoded items in compact form, in memory or memory-mapped."""

    def __len__(self) -> int: ...

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """The items at index (B,), as floats or integers. With `vary`, what the codec varies (where a text's window
        starts, a mirrored picture) is drawn from torch's global generator, which the trainer has seeded."""
        ...

    def raw(self, index: Tensor) -> Any:
        """The same items decoded: what metrics, pages and people see."""
        ...


@runtime_checkable
class Apart(Protocol):
    """Items of several domains, unpaired: each domain is a set of its own. Item i of the whole is the i-th of each
    domain that has so many."""

    @property
    def domains(self) -> Mapping[str, Items]: ...


@runtime_checkable
class Windowed(Protocol):
    """Items that are windows of one long row, each of which begins where the one before ends."""

    def wider(self, tokens: int) -> Items:
        """The same row in windows of so many predicted tokens, where its own have fewer."""
        ...


@runtime_checkable
class Described(Protocol):
    """Items of which more is known than what a model sees: their file's name, the speaker, the group they belong to."""

    def columns(self, index: Tensor) -> Mapping[str, Sequence[str]]:
        """By column, what is known of the items at index (B,). "item" is what a person would call each."""
        ...


@runtime_checkable
class Passes(Protocol):
    """The training data, as `begin` and `finish` see it."""

    @property
    def shards(self) -> int:
        """Into how many parts a batch is cut in training: state that belongs to a shard has a row for each."""
        ...

    def __call__(self, k: int) -> Batch:
        """The k-th batch, shuffled and varied as in training."""
        ...

    def whole(self) -> Iterator[Batch]:
        """Every item once, in order and as it is, batch by batch."""
        ...


class Codec(Protocol):
    """Raw items <-> tensors, both ways. Frozen and JSON-able."""

    @property
    def spec(self) -> Spec: ...

    def encode(self, raw: Any) -> Batch: ...

    def decode(self, values: Mapping[str, Tensor]) -> Any: ...

    def to_json(self) -> dict[str, Any]: ...


# ------------------------------------------------------------------------------------------------------------ learning


@dataclass(frozen=True)
class Loss:
    """What one shard of a batch says. The trainer divides by the count over all shards and processes, so that unequal
    shards and padded items weigh right. Token models count tokens, the rest items; nats either way."""

    total: Tensor  # sum over the items or tokens; minimised
    count: int | Tensor
    logs: Mapping[str, Tensor] = field(default_factory=dict)  # sums over the same count
    stats: Mapping[str, Tensor] = field(default_factory=dict)  # sums that `Absorbs.absorb` gets, once an update


def always(at: At) -> float:
    """A schedule: 1 from the first step to the last."""
    return 1.0


@dataclass(frozen=True)
class Update:
    """One optimiser's turn: step it on `loss(batch, at)`. Every parameter that it does not hold is frozen."""

    optimizer: str  # its name in `Model.optimizers`
    loss: Callable[[Batch, At], Loss]
    repeat: int | Callable[[At], int] = 1  # turns a step, each on a fresh batch (n_critic)
    every: int | Callable[[At], int] = 1  # takes part only in every n-th step (lazy regularisation)
    rate: Callable[[At], float] = always  # factor on the optimiser's learning rate


class Model(nn.Module, ABC):
    """One family: owns its networks and says how they learn. Knows no device, rank, file or loop.

    Built as `Model(config, spec)`; raises ValueError, with the cure, where it can't make that spec. Its forward passes
    write no buffer: what must be counted over shards and processes goes through `Loss.stats`."""

    spec: Spec
    codes_told = True  # of a model with conditions: they go into an item's code, and its score, too

    @abstractmethod
    def optimizers(self) -> dict[str, Optimizer]:
        """Every parameter is in exactly one of them."""

    @abstractmethod
    def updates(self) -> Sequence[Update]:
        """A training step takes these turns, in order."""


# ----------------------------------------------------------------------------------------------------------- abilities


@runtime_checkable
class Absorbs(Protocol):
    """Keeps statistics that no gradient learns: a codebook's averages, a probability that adapts."""

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """`Loss.stats` and `Loss.count` of one update, summed over shards and processes. Called after every update, of
        whatever stats: what is a function of the weights alone (a power iteration) moves here too."""
        ...


@runtime_checkable
class Begins(Protocol):
    """Sets what the data say before the first step: a bias, a codebook, a scale. The caller has seeded torch; every
    process sees the same batches."""

    def begin(self, stream: Passes) -> None:
        """`stream(k)` is the k-th batch of training data, `stream.whole()` all of it."""
        ...


@runtime_checkable
class Carries(Protocol):
    """Reads items in their order, where it says so: each row of a batch is the item after the one that this row was in
    the batch before, but where `Batch.follows` is False. What it carries over goes through `Loss.stats` to `absorb`."""

    carries: bool


@runtime_checkable
class Finishes(Protocol):
    """Computes what sampling needs and no gradient learns (population statistics, a density on codes). Deterministic:
    the caller has seeded torch. Called on the averaged weights, before every use of them."""

    def finish(self, stream: Passes) -> None:
        """`stream(k)` is the k-th batch of training data, `stream.whole()` all of it."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Makes items from noise."""

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """The noise of one item, so that item i is the same whatever number is asked for."""
        ...

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Noise (B, …) and a value (B,) for each condition -> the fields of B items. `how` is the `Sampling` dataclass
        that stands in the model's file, if one does."""
        ...


@dataclass(frozen=True)
class Prompt:
    """What stands there before a model writes on."""

    tokens: Tensor  # (B, P), P from 0 on: what items begin with, without the token that writing starts from
    lengths: Tensor  # (B,): how many of them are each item's
    condition: Mapping[str, Tensor] = field(default_factory=dict)  # as `Samples.sample` is told it
    allowed: Callable[[Tensor, Tensor], Tensor] | None = None
    """Of tokens so far (B, W), of which counts (B,) are each item's own, the prompt's among them: which tokens may come
    next, (B, V) of booleans. None: all."""

    @staticmethod
    def empty(
        noise: Tensor, condition: Mapping[str, Tensor], allowed: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> "Prompt":
        """Nothing stands there yet, of as many items as the noise has."""
        none = torch.zeros(len(noise), 0, dtype=torch.long, device=noise.device)
        return Prompt(none, none.new_zeros(len(noise)), condition, allowed)


@runtime_checkable
class Continues(Protocol):
    """Writes token by token, and so goes on from what is there, within what is allowed."""

    def written(self, prompt: Prompt, noise: Tensor, how: Any) -> Iterator[Tensor]:
        """The tokens of each item one after the other (B,), the prompt's first, then one for each number of its noise
        (B, N) in [0, 1), so that what an item is does not hang on the others. -1 where an item has nothing at this
        turn: it waits for a longer opening, or it has ended."""
        ...


@runtime_checkable
class Grammar(Protocol):
    """A codec that knows of which rows of tokens its items are."""

    def allowed(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """As `Prompt.allowed` has it."""
        ...


@runtime_checkable
class Says(Protocol):
    """Has something to say of how its samples are made."""

    def said(self) -> str:
        """Of a finished model, in one line: what a person should know."""
        ...


@runtime_checkable
class Conditioned(Protocol):
    """Its samples follow a condition."""

    conditions: tuple[str, ...]  # names in `Spec.condition`


@runtime_checkable
class Encodes(Protocol):
    """Items -> codes."""

    def encode(self, batch: Batch) -> Tensor: ...  # (B, latents)


@runtime_checkable
class Decodes(Protocol):
    """Codes -> items, without chance."""

    def decode(self, codes: Tensor) -> dict[str, Tensor]: ...


@runtime_checkable
class Denoises(Protocol):
    """Was trained to bring back clean items: `decode(encode(noisy))`."""

    removes: str  # what it has learnt to take away, in words: "Gaussian noise of deviation 0.3"


@runtime_checkable
class Latents(Protocol):
    """Its samples come from points of a space that can be walked through and searched: noise, or what noise becomes on
    its way to an item (StyleGAN's w). `generated(placed(noise, c, how, s), c, s)` is `sample(noise, c, how)`."""

    spaces: Mapping[str, int]  # from noise on: into how many equal parts, coarse to fine, a code of each falls

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any, space: str) -> Tensor:
        """The codes of noise (B, …) in that space: (B, latents)."""
        ...

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        """Codes (B, latents) -> items, without chance, and so that gradients reach the codes."""
        ...


@runtime_checkable
class Prior(Protocol):
    """Knows how probable a code is."""

    def code_nll(self, codes: Tensor) -> Tensor:
        """Nats of codes (B, latents) under the density that sampling draws them from: (B,)."""
        ...


@dataclass(frozen=True)
class Tables:
    """How often each value of some integers comes, beside the others: what an entropy coder needs. Whole numbers, so
    that every process has the same."""

    frequencies: Tensor  # (T, K) int64, each at least 1: of K values in a row, for each of T tables
    rows: Tensor  # (n,), or (B, n) where each item has its own: which table holds for which integer
    low: Tensor  # the same shape: the value that the table's first column stands for
    open: bool = False  # the last column stands for every value that is not in the table


@runtime_checkable
class Compresses(Protocol):
    """Says an item in integers, and how often each of them comes: few bits, and the same in every process."""

    def symbols(self, batch: Batch, lossless: bool) -> list[Tensor]:
        """The integers of each stage, (B, n) int64. Raises ValueError where the model can't be lossless."""
        ...

    def coding(self, lossless: bool) -> Generator[Tables, Tensor, dict[str, Tensor]]:
        """Yields the tables of each stage, is sent its integers (B, n), returns the items' fields: of every item the
        same whatever its company, the number of threads and the processor."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Has a likelihood."""

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """Nats of each item (B,), and over how many dimensions or tokens they are spread (B,). `draws` importance
        samples where the exact value is out of reach."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns items of one domain of `Spec.domains` into items of another."""

    def translate(self, values: Mapping[str, Tensor], source: str, to: str) -> dict[str, Tensor]:
        """Fields of B items of the domain `source` -> the same fields as the domain `to` has them, without chance; of
        each item the same whatever its company."""
        ...


class Bound(NamedTuple):
    """-log p(x) is at most rate + distortion, in nats. Kingma & Welling 2014, equation 3; Alemi et al. 2018."""

    mean: Tensor  # (B, latents) of each item's posterior
    rate: Tensor  # (B, latents) what each latent says of the item: KL(q(z|x) ‖ p(z))
    distortion: Tensor  # (B,) -log p(x|z): what is left to be said


@runtime_checkable
class Bounds(Protocol):
    """Has a bound of its likelihood that falls into what a code costs and what is left."""

    def bound(self, batch: Batch) -> Bound: ...


@runtime_checkable
class Density(Protocol):
    """Says of what its `nll` is the likelihood. True: of a density over fields mapped to [0, 1], so that a caller who
    dequantises first gets bits a dimension. False, or not said: of probabilities."""

    density: bool


@runtime_checkable
class UpperBound(Protocol):
    """Says whether its `nll` is above -log p(x) even where no draws are in it."""

    upper_bound: bool


@dataclass(frozen=True)
class Network:
    """A network as other programs use it, the first axis of every input and output over items."""

    module: nn.Module
    draw: Callable[[torch.Generator], Mapping[str, Tensor]]  # inputs of one item, by name, in the order of arguments
    outputs: tuple[str, ...]
    axes: Mapping[str, Mapping[int, tuple[str, int]]] = field(default_factory=dict)  # that may vary: name, longest


@runtime_checkable
class Exports(Protocol):
    """Leaves the program as another network than its sampler: a loop of many passes leaves as one of them."""

    def network(self) -> Network: ...


@runtime_checkable
class Predicts(Protocol):
    """Items -> what `Spec.predicted` asks for. Of one class among n: logits (B, n); of several labels: a logit for each
    (B, labels); of numbers: their expected values in the codec's units, (B, *shape); of a sequence: its most probable
    tokens (B, T), 0 from its end on."""

    def predict(self, batch: Batch) -> Tensor: ...


ABILITIES = {
    "sample": Samples,
    "continue": Continues,
    "condition": Conditioned,
    "encode": Encodes,
    "decode": Decodes,
    "denoise": Denoises,
    "latent": Latents,
    "prior": Prior,
    "compress": Compresses,
    "score": Scores,
    "bound": Bounds,
    "predict": Predicts,
    "translate": Translates,
}
