"""How well a model that has a likelihood predicts held-out items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from reverie.core import Batch, Conditioned, Density, Items, Prior, Scores, Spec, UpperBound
from reverie.errors import listed
from reverie.metrics import Metric, Z, size_name
from reverie.metrics.music import Framed
from reverie.metrics.text import Bigrams, Counted, bits_per_byte, bits_per_character
from reverie.training.lanes import WIDE, wide
from reverie.training.seeds import generator, reseed

from .items import spread

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 100  # items at a time
ITEMS = 1000  # held-out items where nobody says, of numbers
TOKENS = 200_000  # the same of tokens
WINDOWS = 20_000  # training texts that the bigram baseline learns from, at most


@runtime_checkable
class Stated(Protocol):
    """Says what its `nll` takes the items for: likelihoods of other statements can't be compared."""

    likelihood: str  # in words: "discretised logistic"
    of_levels: bool  # a probability of the items' own levels, whose nats are bits a dimension as they are


class Scored(NamedTuple):
    nats: Tensor  # (N,) float64
    units: Tensor  # (N,) over how many dimensions or tokens
    exact: bool  # no draws are in it

    def interval(self, scale: float = 1.0) -> tuple[float, float, float]:
        """Nats a unit, times `scale`, with the 95 % interval of a ratio of means (items independent)."""
        ratio = float(self.nats.sum() / self.units.sum())
        error = float("nan")
        if len(self.nats) > 1:
            rest = self.nats - ratio * self.units
            error = sqrt(float(rest.square().sum()) * len(rest) / (len(rest) - 1)) / float(self.units.sum())
        return ratio * scale, (ratio - Z * error) * scale, (ratio + Z * error) * scale


@torch.inference_mode()
def score(run: Run, index: Tensor, seed: int, draws: int, ends: bool = True) -> Scored:
    """Of held-out items. A density is scored on pictures made continuous: see `dequantised`. Without `ends`, the token
    that ends an item is not scored."""
    model, items, found, exact = run.model, scored_items(run), [], True
    assert isinstance(model, Scores)
    dense = isinstance(model, Density) and model.density
    for k, part in enumerate(torch.split(index, BLOCK)):
        batch = items.take(part)
        if dense:
            batch = dequantised(batch, run.spec, generator(seed, "dequantise", k))
        batch = (batch if ends else endless(batch)).to(run.device)
        if k == 0:
            exact = all_equal(model, batch, seed)
        reseed(seed, "nll", k)
        found.append([x.double().cpu() for x in model.nll(batch, 1 if exact else draws)])
    nats, units = (torch.cat(parts) for parts in zip(*found))
    return Scored(nats, units, exact)


def endless(batch: Batch) -> Batch:
    """Items as they are, of which the last token is not scored."""
    return replace(batch, lengths={name: (counts - 1).clamp(min=0) for name, counts in batch.lengths.items()})


def all_equal(model: Scores, batch: Batch, seed: int) -> bool:
    """Is the likelihood exact? Then other draws change nothing."""
    twice = []
    for k in (1, 2):
        reseed(seed, "exact", k)
        twice.append(model.nll(batch, 1)[0])
    return torch.equal(*twice)


def dequantised(batch: Batch, spec: Spec, chance: torch.Generator) -> Batch:
    """Each number of a field with levels spread evenly over its level's cell, cells dividing [low, high] evenly: then a
    density's mean log-likelihood bounds that of the levels from below (Theis et al. 2016, arXiv:1511.01844)."""
    values = dict(batch.values)
    for name, field in spec.fields.items():
        if field.levels:
            level = (field.to_unit(values[name]) * (field.levels - 1)).round()
            unit = (level + torch.rand(level.shape, generator=chance)) / field.levels
            values[name] = field.from_unit(unit).to(values[name].dtype)
    return replace(batch, values=values)


def likelihood(run: Run, *, samples: int = 0, seed: int = 0, draws: int = 50) -> list[Metric]:
    """Of `samples` held-out items, evenly spaced (0: 1,000 items, or 200,000 tokens)."""
    held_out = scored_items(run)
    tokens = all(field.categories and field.shape for field in run.spec.fields.values())  # a table's words are none
    drawn = isinstance(run.model, Prior)  # a code an importance sample: each costs a pass
    longest = max(*(field.size for field in run.spec.fields.values()), WIDE * (held_out is not run.prepared.held_out))
    default = max(1, TOKENS // longest) if tokens and not drawn else ITEMS
    index = spread(len(held_out), samples or default)
    scored = score(run, index, seed, draws)
    return of_tokens(run, index, scored, draws) if tokens else of_numbers(run, scored, draws)


def scored_items(run: Run) -> Items:
    """The held-out items; of a text that a model reads in order, longer windows."""
    return wide(run.model, run.prepared.held_out)


def of_tokens_each(run: Run) -> str:
    """How long the windows are: of so many tokens that are predicted."""
    own = max(field.size for field in run.spec.fields.values()) - 1
    return f" of {own if scored_items(run) is run.prepared.held_out else WIDE:,} tokens"


def of_numbers(run: Run, scored: Scored, draws: int) -> list[Metric]:
    count = len(scored.nats)
    name = "nll_nats" if scored.exact else f"nll_nats_is{draws}"
    how = "exact" if scored.exact else f"{draws} importance samples an item, an upper bound in expectation"
    how = "an upper bound" if scored.exact and isinstance(run.model, UpperBound) and run.model.upper_bound else how
    bits, why = per_dimension(run, scored, how)
    value, low, high = scored._replace(units=torch.ones_like(scored.nats)).interval()
    protocol = f"held-out items, mean over {count} evenly spaced, {how}{stated(run.model)}; {why}"
    nats = Metric(name, value, "nats an item", count, protocol, low=real(low), high=real(high))
    return [nats, *([bits] if bits else [])]


def stated(model: Any) -> str:
    """What the likelihood is of, where it is more than that of the items by themselves."""
    said = f"; {model.likelihood}" if isinstance(model, Stated) else ""
    told = model.conditions if isinstance(model, Conditioned) and model.codes_told else ()  # type: ignore[attr-defined]
    given = listed([{"label": "class"}.get(name, name) for name in told])
    return f"{said}; given each item's {given}" if told else said


def per_dimension(run: Run, scored: Scored, how: str) -> tuple[Metric | None, str]:
    """Bits per dimension where they mean something, and why or why not."""
    levels = {field.levels for field in run.spec.fields.values()}
    count, name, model = len(scored.nats), "bits_per_dim", run.model
    if isinstance(model, Stated) and model.of_levels:  # Salimans et al. 2017, arXiv:1701.05517
        value, low, high = scored.interval(1 / log(2))
        protocol = f"{count} held-out items, {how}, a probability over their levels{stated(model)}"
        return Metric(name, value, "bits", count, protocol, low=real(low), high=real(high)), "a probability over levels"
    if not (isinstance(model, Density) and model.density):
        return None, "the model states no density or probability over the levels, so there are no bits a dimension"
    if len(levels) != 1 or not (level := levels.pop()):
        return None, "a density of continuous numbers: bits a dimension depend on their unit"
    value, low, high = (x + log(level) / log(2) for x in scored.interval(1 / log(2)))
    protocol = f"{count} held-out items, {level} levels dequantised by uniform noise: an upper bound{stated(model)}"
    return Metric(name, value, "bits", count, protocol, low=real(low), high=real(high)), "dequantised, on [0, 1]"


def of_tokens(run: Run, index: Tensor, scored: Scored, draws: int) -> list[Metric]:
    """Nats a token; bits a character and a byte of text, beside a bigram model learnt from the same training text. Of
    sentences, nats of a whole one too, and a line's end counts as one of their characters."""
    count, whole = len(index), scored_items(run)
    ended, counted = has_ends(run.spec), isinstance(whole, Counted)
    what = f"windows{of_tokens_each(run)}, each from an empty context" if counted and not ended else "items"
    windows, mark = f"{count} of {len(whole)} held-out {what}", size_name(count)
    if not scored.exact:
        windows, mark = f"{windows}, {draws} importance samples, an upper bound in expectation", f"is{draws}_{mark}"
    windows += stated(run.model)
    value, low, high = scored.interval()
    out = [Metric(f"nll_nats_{mark}", value, "nats a token", count, windows, low=real(low), high=real(high))]
    if ended or not counted:
        same = f"{windows}: e to the nats a token; compare at one vocabulary only"
        ends = [real(exp(x)) for x in (low, high)]
        out.append(Metric(f"perplexity_{mark}", exp(value), "tokens", count, same, *ends))
    if isinstance(whole, Framed) and ended:
        out += of_frames(run, index, scored, whole, draws)
    if ended and is_written(run.spec):
        value, low, high = scored._replace(units=torch.ones_like(scored.nats)).interval()
        ends = [real(x) for x in (low, high)]
        out.append(Metric(f"nll_nats_item_{mark}", value, "nats an item", count, windows, *ends))
    if not isinstance(whole, Counted):
        return out
    return [*out, *of_text(run, index, scored, whole, windows)]


def of_frames(run: Run, index: Tensor, scored: Scored, whole: Framed, draws: int) -> list[Metric]:
    """Nats a frame of music, as Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392) have it: a frame is the set of what
    sounds at a step, the first counts, the mean is over all frames. Their sets know of no end; here the token that ends
    a piece is counted in the first number. Without it the second is still no less than nats of sets alone, as what the
    model believes of an end at every step is lost to the frames."""
    frames = torch.tensor([whole.frames[i] for i in index.tolist()], dtype=torch.float64)
    count, out = len(index), []
    lost = score(run, index, 0, draws, ends=False)
    how = (
        f"{count} of {len(run.prepared.held_out)} held-out pieces, {int(frames.sum()):,} frames (steps), the first of "
    )
    how += "each among them; -log p of each frame's set of pitches"
    if not scored.exact:
        how += f", {draws} importance samples, an upper bound in expectation"
    how += stated(run.model)
    for name, nats, end in (
        ("nats_per_frame", scored.nats, "; the end of each piece is counted too"),
        ("nats_per_frame_endless", lost.nats, "; without the end of each piece: an upper bound of nats of sets alone"),
    ):
        value, low, high = Scored(nats, frames, scored.exact).interval()
        made = f"{name}_{size_name(count)}"
        out.append(Metric(made, value, "nats a frame", count, how + end, low=real(low), high=real(high)))
    return out


def has_ends(spec: Spec) -> bool:
    """Are the items sentences, of any number of tokens, in place of windows of a text?"""
    return any(field.length for field in spec.fields.values())


def is_written(spec: Spec) -> bool:
    """Are the items whole rows of tokens, written from a start to an end?"""
    return all(field.length and field.start is not None for field in spec.fields.values())


def of_text(run: Run, index: Tensor, scored: Scored, whole: Counted, windows: str) -> list[Metric]:
    """Bits a character and a byte."""
    count, out, reference = len(index), [], bigram_bits(run, index)
    for name, size, measure in (
        ("bits_per_character", whole.characters, bits_per_character),
        ("bits_per_byte", whole.bytes, bits_per_byte),
    ):
        share = size / whole.tokens  # characters a token
        value, low, high = (measure(x, share) for x in scored.interval())
        protocol = f"{windows}; {whole.tokens / size:.4g} tokens a {name.rsplit('_')[-1]}"
        if reference is not None:
            protocol += "; reference: a character bigram model of the training text"
        per_byte = whole.characters / whole.bytes if name == "bits_per_byte" else 1.0
        expected = None if reference is None else reference * per_byte
        out.append(Metric(name, value, "bits", count, protocol, low=real(low), high=real(high), reference=expected))
    return out


def bigram_bits(run: Run, index: Tensor) -> float | None:
    """Bits a character of the bigram baseline on the same held-out windows. A sentence lies between two line ends, of
    which the second is predicted too."""
    train, held_out = run.prepared.train, scored_items(run)
    end = "\n" if has_ends(run.spec) else ""

    def framed(texts: Sequence[str]) -> list[str]:
        return [f"{end}{text}{end}" for text in texts]

    model = Bigrams(framed(train.raw(spread(len(train), WINDOWS))))
    try:
        return model.bits(framed(held_out.raw(index)))
    except ValueError:
        return None


def real(x: float) -> float | None:
    """No interval from one item."""
    return x if x == x else None
