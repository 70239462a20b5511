"""From a listing to an array ready to train on: look at all, choose size, channels and depth, decode, resize."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL

from reverie.errors import Problem
from reverie.kinds import DataOptions

from . import cache
from .codec import Codec
from .listing import Decoded, Encoded, Listing
from .picture import Header, Unreadable, as_channels, as_depth, fitted, header, load
from .places import Place
from .work import spread

KEEP = 128  # pixels: pictures that all have one size with no side longer than this keep it
SIDE = 64  # pixels of the longer side otherwise
_SAME_ASPECT = 1.02  # aspects that differ by less are one
_FORMAT = 1  # of the cache and of the rules that fill it


@dataclass(frozen=True)
class Plan:
    """What the pictures become."""

    codec: Codec
    notes: tuple[str, ...]


def wished(options: DataOptions, size: tuple[int, ...]) -> tuple[int, int] | None:
    """The size that the person, else the model, asks for. Raises Problem."""
    given = tuple(options.size) or tuple(size)
    if not given:
        return None
    if len(given) > 2 or any(int(side) != side or side < 1 for side in given):
        raise Problem(f"--size {'x'.join(map(str, given))}: give one side, or height x width, such as 64 or 48x64.")
    return (int(given[0]), int(given[-1]))


def chosen_size(sizes: Counter[tuple[int, int]]) -> tuple[tuple[int, int], str]:
    """The size of pictures where nobody asks for one, and why. All of one size, at most 128: as they are. Else the
    longer side is 64 (less if the median is), at the pictures' own aspect if they share one, else square."""
    if len(sizes) == 1 and max(next(iter(sizes))) <= KEEP:
        size = next(iter(sizes))
        return size, f"{size[0]}x{size[1]} pixels, as they are"
    longest = sorted(max(size) for size in sizes.elements())
    side = min(SIDE, longest[len(longest) // 2])
    aspects = [height / width for height, width in sizes]
    if max(aspects) / min(aspects) < _SAME_ASPECT:
        height, width = max(sizes, key=lambda size: (sizes[size], size))
        scale = side / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        return size, f"resized to {size[0]}x{size[1]} at their own aspect (another size: --size)"
    return (side, side), f"of {len(sizes):,} sizes: resized to {side}x{side} (another size: --size)"


def plan(headers: Sequence[Header], listing: Listing, options: DataOptions, wish: tuple[int, int] | None) -> Plan:
    """Size, channels and depth from what all pictures say of themselves: the richest wins."""
    sizes = Counter((head.height, head.width) for head in headers)
    size, note = (wish, f"{wish[0]}x{wish[1]} pixels, as asked") if wish else chosen_size(sizes)
    notes = [note]
    resized = sum(count for own, count in sizes.items() if own != size)
    if resized:
        ways = {"crop": "the middle is kept", "pad": "padded with black or transparent", "stretch": "stretched"}
        how = ways[options.fit]
        notes.append(f"{resized:,} pictures resized by Lanczos; of another aspect: {how} (--aspect {options.fit})")
    kinds = Counter((head.channels, head.bits) for head in headers)
    channels = {c for c, _ in kinds}
    colour, alpha = bool(channels & {3, 4}), bool(channels & {2, 4})
    codec = Codec(size, (3 if colour else 1) + alpha, max(bits for _, bits in kinds), options.fit, listing.classes)
    if len(kinds) > 1:
        parts = ", ".join(f"{count:,} {describe(*kind)}" for kind, count in kinds.most_common())
        rich = describe(codec.channels, codec.bits)
        notes.append(f"mixed pictures ({parts}): all become {rich}, so that nothing is lost")
    for count, said in (
        (sum(head.frames for head in headers), "with more than one frame: the first is taken"),
        (sum(head.reduced for head in headers), "16-bit colour pictures in a layout that is read at 8 bits"),
    ):
        if count:
            notes.append(f"{count:,} pictures {said}")
    return Plan(codec, tuple(notes))


def describe(channels: int, bits: int) -> str:
    names = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}
    return names[channels] + (" 16-bit" if bits == 16 else "")


def key_of(place: Place, options: DataOptions, wish: tuple[int, int] | None) -> str:
    """Names what decoding gives, without reading a picture."""
    choice = [_FORMAT, PIL.__version__, place.key, wish, options.fit, options.column, options.skip_bad]
    return hashlib.blake2b(json.dumps(choice).encode(), digest_size=20).hexdigest()


# ------------------------------------------------------------------------------------------------------------ decoding


def headers_of(listing: Encoded) -> list[Header | str]:
    """What each picture says of itself, or what is wrong with it."""

    def look(i: int) -> Header | str:
        try:
            return header(listing.read(i))
        except Unreadable as error:
            return str(error)
        except OSError as error:
            return f"can't be read ({error.strerror or error})"

    return spread(len(listing), look, "looking at pictures")


def refuse(where: str, bad: Sequence[tuple[str, str]]) -> Problem:
    """The one line about pictures that can't be read."""
    name, trouble = bad[0]
    leave = "it out" if len(bad) == 1 else f"out the {len(bad):,} such files"
    return Problem(f"{shown(where, name)}: {trouble}. Remove it, or pass --skip-bad to leave {leave}.")


def shown(where: str, name: str) -> str:
    """A picture's name as the person knows it."""
    whole = f"{where.rstrip('/')}/{name}" if not where.endswith(f"/{name}") and where != name else where
    return whole.encode("utf-8", "backslashreplace").decode().replace("\n", " ")


def decoded(listing: Encoded, where: str, options: DataOptions, wish: tuple[int, int] | None, key: str) -> cache.Stored:
    """Every picture decoded and resized, in the listing's order. Raises Problem on the first that can't be, unless
    those are to be left out."""
    heads = headers_of(listing)
    all_read = False
    while True:  # a picture may turn out broken only when its pixels are read: then size and channels are chosen anew
        bad = [*listing.lost, *((listing.names[i], head) for i, head in enumerate(heads) if isinstance(head, str))]
        fine = [i for i, head in enumerate(heads) if isinstance(head, Header)]
        if bad and not options.skip_bad:
            bad += [] if all_read else _broken(listing, fine)
            raise refuse(where, sorted(bad))
        if not fine:
            raise Problem(f"{where}: none of its {len(bad):,} pictures can be read. `reverie data {where}` says why.")
        chosen = plan([heads[i] for i in fine], listing, options, wish)  # type: ignore[misc]
        images, built, troubles = _array(listing, fine, chosen.codec)
        if not troubles:
            break
        _drop(built)
        all_read = True
        for i, trouble in troubles.items():
            heads[i] = trouble
    notes = [*listing.notes, *chosen.notes]
    if bad:
        name, trouble = sorted(bad)[0]
        notes.append(f"{len(bad):,} pictures that can't be read left out, such as {shown(where, name)} ({trouble})")
    labels = None if listing.labels is None else listing.labels[fine]
    test = None if listing.test is None else listing.test[fine]
    return _kept(images, labels, test, replace(chosen, notes=tuple(notes)), key, built)


def _broken(listing: Encoded, fine: Sequence[int]) -> list[tuple[str, str]]:
    """Pictures whose head is fine and whose pixels are not."""

    def check(k: int) -> str:
        return _trouble(listing, fine[k], Codec((8, 8)))[0]

    troubles = spread(len(fine), check, "checking pictures")
    return [(listing.names[i], trouble) for i, trouble in zip(fine, troubles) if trouble]


def _trouble(listing: Encoded, i: int, codec: Codec) -> tuple[str, np.ndarray | None]:
    try:
        return "", load(listing.read(i), codec.size, codec.fit, codec.channels, codec.bits)
    except Unreadable as error:
        return str(error), None
    except OSError as error:
        return f"can't be read ({error.strerror or error})", None


def _array(listing: Encoded, fine: Sequence[int], codec: Codec) -> tuple[np.ndarray, Path | None, dict[int, str]]:
    images, built = blank(len(fine), codec)

    def fill(k: int) -> str:
        trouble, picture = _trouble(listing, fine[k], codec)
        if picture is not None:
            images[k] = picture
        return trouble

    try:
        troubles = spread(len(fine), fill, f"decoding pictures ({images.nbytes / 1e6:,.0f} MB)")
    except BaseException:
        _drop(built)
        raise
    return images, built, {i: trouble for i, trouble in zip(fine, troubles) if trouble}


def blank(count: int, codec: Codec) -> tuple[np.ndarray, Path | None]:
    """An array for that many pictures: in memory where it fits, else in a file of the cache, whose folder is
    returned too. Raises Problem."""
    shape = (count, *codec.size, codec.channels)
    size = int(np.prod(shape, dtype=np.int64)) * codec.bits // 8
    if cache.fits(size):
        return np.empty(shape, codec.dtype), None
    trouble = cache.room(size)
    if trouble:
        need = f"--size {codec.size[0]}x{codec.size[1]}: {size / 1e9:,.1f} GB of pictures need a cache"
        raise Problem(f"{need}, but {trouble}. Name a larger place by REVERIE_CACHE, or take a smaller --size.")
    built = cache.workplace()
    return np.lib.format.open_memmap(built / "images.npy", mode="w+", dtype=codec.dtype, shape=shape), built


def _drop(built: Path | None) -> None:
    if built is not None:
        shutil.rmtree(built, ignore_errors=True)


def array_ready(listing: Decoded, options: DataOptions, wish: tuple[int, int] | None, key: str) -> cache.Stored:
    """The same for pictures that are numbers already; kept on disk only where resizing them took work."""
    count, height, width, channels = listing.images.shape
    heads = [Header(height, width, channels, 8 * listing.images.itemsize, "array")] * count
    chosen = plan(heads, listing, options, wish)
    codec = chosen.codec
    chosen = replace(chosen, notes=(*listing.notes, *chosen.notes))
    if codec.size == (height, width) and cache.fits(listing.images.nbytes):
        images = np.ascontiguousarray(listing.images)
        content = cache.content_of(images, listing.labels, listing.test, listing.classes)
        return cache.Stored(images, listing.labels, listing.test, codec.to_json(), list(chosen.notes), content)
    images, built = blank(count, codec)

    def fill(i: int) -> None:
        one = fitted(np.asarray(listing.images[i]), codec.size, codec.fit)
        images[i] = as_depth(as_channels(one, codec.channels), codec.bits)

    spread(count, fill, f"resizing pictures ({images.nbytes / 1e6:,.0f} MB)")
    return _kept(images, listing.labels, listing.test, chosen, key, built)


def _kept(images: np.ndarray, labels, test, chosen: Plan, key: str, built: Path | None) -> cache.Stored:  # type: ignore[no-untyped-def]
    content = cache.content_of(images, labels, test, chosen.codec.classes)
    stored = cache.Stored(images, labels, test, chosen.codec.to_json(), list(chosen.notes), content)
    trouble = "" if built else cache.room(images.nbytes)
    if not trouble:
        try:
            if built is not None:
                images.flush()  # type: ignore[attr-defined]
            cache.store(key, stored, built)
            if built is not None:
                return cache.load(key) or stored
            said = f"{images.nbytes / 1e6:,.1f} MB decoded kept in {cache.folder()}, to be there at once the next time"
        except OSError as error:
            trouble = f"{cache.folder()} can't be written ({error.strerror or error})"
    return replace(stored, notes=[*stored.notes, f"not kept for the next time: {trouble}" if trouble else said])
