"""What `reverie data` says of pictures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.kinds import Summary

from . import attributes, cache
from .listing import Decoded, Encoded
from .picture import Header, Unreadable, header, pixels
from .prepare import describe, plan, shown, wished
from .sources import split
from .trees import counts
from .work import spread

if TYPE_CHECKING:
    from .sources import Images

SHOWN = 20  # bad files that are named


def summarise(source: Images) -> Summary:
    """Decodes every picture once, keeps none; with --test also as `fit` does."""
    listing = source.listing()
    if isinstance(listing, Decoded):
        count, height, width, channels = listing.images.shape
        heads: list[Header] = [Header(height, width, channels, 8 * listing.images.itemsize, "array")] * count
        prints = spread(count, lambda i: _print(np.ascontiguousarray(listing.images[i]).data), "comparing pictures")
        bad: list[tuple[str, str]] = []
    else:
        heads, prints, bad = _read_all(listing)
    fine = [i for i, head in enumerate(heads) if head]
    repeated = _repeats(listing, [(i, prints[i]) for i in fine])
    facts = _facts([heads[i] for i in fine])
    if listing.labels is not None:
        facts["classes"] = counts(listing.labels[fine], listing.classes)
    facts |= {"unreadable": len(bad), "duplicates": len(repeated)}
    cures = [f"{shown(source.where, name)}: {trouble}. Remove it, or pass --skip-bad." for name, trouble in sorted(bad)]
    pairs = [(shown(source.where, a), shown(source.where, b)) for a, b in repeated]
    again = [f"{b}: the same as {a}. Remove it, or it counts twice." for a, b in pairs]
    wrong = tuple(_some(cures) + _some(again))
    planned = _planned(source, listing, [heads[i] for i in fine], fine)
    return Summary("image", source.where, len(fine), facts, wrong, **planned)


def _print(data) -> bytes:  # type: ignore[no-untyped-def]
    return hashlib.blake2b(data, digest_size=12).digest()


def _read_all(listing: Encoded) -> tuple[list[Any], list[bytes], list[tuple[str, str]]]:
    def look(i: int) -> tuple[Header | None, bytes, str]:
        try:
            data = listing.read(i)
            head = header(data)
            pixels(data)
            return head, _print(data), ""
        except Unreadable as error:
            return None, b"", str(error)
        except OSError as error:
            return None, b"", f"can't be read ({error.strerror or error})"

    seen = spread(len(listing), look, "looking at pictures")
    bad = [*listing.lost, *((listing.names[i], trouble) for i, (_, _, trouble) in enumerate(seen) if trouble)]
    return [head for head, _, _ in seen], [mark for _, mark, _ in seen], bad


def _repeats(listing: Encoded | Decoded, prints: Sequence[tuple[int, bytes]]) -> list[tuple[str, str]]:
    """(first, again) of pictures whose content is the same."""
    first: dict[bytes, int] = {}
    return [(listing.names[first[mark]], listing.names[i]) for i, mark in prints if first.setdefault(mark, i) != i]


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"… and {len(lines) - SHOWN:,} more of that sort"]


def _facts(heads: Sequence[Header]) -> dict[str, Any]:
    if not heads:
        return {}
    sizes = Counter((head.height, head.width) for head in heads)
    facts: dict[str, Any] = {}
    for name, values in (("height", [h.height for h in heads]), ("width", [h.width for h in heads])):
        ordered = sorted(values)
        facts[name] = {"min": ordered[0], "median": ordered[len(ordered) // 2], "max": ordered[-1]}
    facts["sizes"] = len(sizes)
    facts["channels"] = dict(Counter(describe(head.channels, 8) for head in heads).most_common())
    facts["bits"] = dict(sorted(Counter(str(head.bits) for head in heads).items()))
    facts["formats"] = dict(Counter(head.form for head in heads).most_common())
    return facts


def _planned(
    source: Images, listing: Encoded | Decoded, heads: Sequence[Header], fine: Sequence[int]
) -> dict[str, Any]:
    """What `fit` would do with it: fields of Summary."""
    if not heads:
        return {}
    chosen = plan(heads, listing, source.options, wished(source.options, ()))
    codec = chosen.codec
    field = codec.spec.fields["image"]
    size = len(heads) * field.size * codec.bits // 8
    where = "in memory" if cache.fits(size) else "mapped from the cache"
    if source.options.test:
        prepared = source.prepare()
        learnt, parts = len(prepared.train), prepared.notes[-1]
    else:
        test = None if listing.test is None else listing.test[fine]
        train, _, parts = split(len(heads), test, source.options.held_out)
        learnt = len(train)
    told = []
    if source.options.attributes:
        names = source.options.attributes
        found, _ = attributes.fit(attributes.read(source.place, listing, names), names, np.arange(len(listing)))
        told = [f"told of each picture: {found.said()}"]
    plans = (
        f"size {codec.size[0]}x{codec.size[1]}, {describe(codec.channels, codec.bits)}",
        *listing.notes,
        *chosen.notes,
        *told,
        parts,
        f"{size / 1e6:,.1f} MB decoded, {where}; the cache is {cache.folder()}",
    )
    return {"plan": plans, "train": learnt, "shape": field.shape}
