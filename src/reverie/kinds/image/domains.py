"""Two domains of pictures, unpaired: two places of any form, or one folder with trainA, trainB and, where they are,
testA, testB, the layout of the public sets (Zhu et al. 2017)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.domains import Domains

from .codec import Codec
from .items import Pictures
from .listing import Encoded
from .prepare import describe
from .sources import Images

SIDES = ("A", "B")  # of the public layout


@dataclass(frozen=True)
class Domain:
    """Where the pictures of one domain lie."""

    name: str
    train: str
    test: str = ""  # its own test part; "": a share of the training part is held out


def laid_out(folder: Path) -> list[Domain]:
    """The domains of a folder in the public layout; none where it is not in it."""
    if not all((folder / f"train{side}").is_dir() for side in SIDES):
        return []
    parts = [(side, folder / f"train{side}", folder / f"test{side}") for side in SIDES]
    return [Domain(side, str(train), str(test) if test.is_dir() else "") for side, train, test in parts]


def named(places: Sequence[str]) -> list[Domain]:
    """A domain each, called as its folder or file is, also where that is "."; of two with one name, with the folder
    that it lies in before it."""
    paths = [Path(place).resolve() for place in places]
    names = [path.name if path.is_dir() else path.name.split(".")[0] for path in paths]
    if not distinct(names):
        names = [f"{path.parent.name}-{name}" for path, name in zip(paths, names)]
    if not distinct(names):
        names = [f"{name}-{i}" for i, name in enumerate(names, 1)]
    return [Domain(name, place) for name, place in zip(names, places)]


def distinct(names: Sequence[str]) -> bool:
    """Also where upper and lower case are one."""
    return len({name.casefold() for name in names}) == len(names)


class NamedPictures(Pictures):
    """Pictures that know what their files are called."""

    def __init__(self, pictures: Pictures, codec: Codec, names: Callable[[], Sequence[str]]):
        super().__init__(pictures.images, None, pictures.rows, codec)
        self.names = names

    def columns(self, index: Tensor) -> Mapping[str, Sequence[str]]:
        """ "item": the file of each; "" where that is not known."""
        known = self.names()
        rows = self.rows[index.numpy()]
        return {"item": [known[k] if len(known) == len(self.images) else "" for k in rows]}


class DomainsOfPictures:
    """A source of several domains. Opening decodes nothing."""

    kind = "image"

    def __init__(self, domains: Sequence[Domain], options: DataOptions):
        self.domains, self.options = domains, options
        if options.test:
            raise Problem(f"--test {options.test}: of one set, and here are two. Name folders trainA, testA and so on")
        self.where = " and ".join(domain.train for domain in domains)

    def source(self, place: str, whole: bool = False) -> Images:
        """The pictures of one place; `whole`: none of them held out."""
        return Images(place, replace(self.options, beside=(), held_out=0.0 if whole else self.options.held_out))

    def summary(self) -> Summary:
        """Of each domain its own facts; what `fit` would do with both."""
        found = {domain.name: self.source(domain.train, bool(domain.test)).summary() for domain in self.domains}
        plan = [together(found)]
        for domain in self.domains:
            plan += [f"{domain.name}: {line}" for line in found[domain.name].plan]
            if domain.test:
                found[f"{domain.name}, held out"] = held = self.source(domain.test, True).summary()
                plan.append(f"{domain.name}: {held.count:,} pictures held out: its own test part")
        count = sum(one.count for one in found.values())
        bad = [line for one in found.values() for line in one.bad]
        first = found[self.domains[0].name]
        train = max(found[domain.name].train for domain in self.domains)
        facts = {name: f"{one.count:,} pictures; {said(one.facts)}" for name, one in found.items()}
        names = tuple(domain.name for domain in self.domains)
        return Summary("image", self.where, count, facts, bad, plan, train, first.shape, names)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Every domain at one size: as asked, else the smaller of those that they would have. Raises Problem where they
        differ in channels or depth."""
        made = [self.one(domain, size) for domain in self.domains]
        sizes = [codec_of(one).size for one in made]
        notes = []
        if len(set(sizes)) > 1:
            least = min(sizes, key=lambda size: size[0] * size[1])
            shown = ["x".join(map(str, one)) for one in (*sizes, least)]
            notes.append(f"domains of {' and '.join(shown[:-1])} pixels: all {shown[-1]} (another size: --size)")
            made = [self.one(domain, least) for domain in self.domains]
        self.alike([codec_of(one) for one in made])
        names = tuple(domain.name for domain in self.domains)
        codec = replace(codec_of(made[0]), classes=(), domains=names)
        notes += [f"{name}: {note}" for name, one in zip(names, made) for note in one.notes]
        train, held_out = (
            {domain.name: self.pictures(domain, one, part, codec) for domain, one in zip(self.domains, made)}
            for part in ("train", "held_out")
        )
        facts = [self.facts(domain, one) for domain, one in zip(self.domains, made)]
        text = json.dumps([[fact["name"], fact["fingerprint"]] for fact in facts])
        mark = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return Prepared(codec, Domains(train), Domains(held_out), mark, tuple(notes), domains=tuple(facts))

    def one(self, domain: Domain, size: tuple[int, ...]) -> Prepared:
        """One domain by itself."""
        made = self.source(domain.train, bool(domain.test)).prepare(size)
        if not domain.test:
            return made
        rest = self.source(domain.test, True).prepare(codec_of(made).size)
        self.alike([codec_of(made), codec_of(rest)], domain)
        mark = hashlib.blake2b(f"{made.fingerprint} {rest.fingerprint}".encode(), digest_size=16).hexdigest()
        note = f"{len(made.train):,} pictures to train on, {len(rest.train):,} held out: its own test part"
        return replace(made, held_out=rest.train, fingerprint=mark, notes=(*made.notes[:-1], note))

    def pictures(self, domain: Domain, made: Prepared, part: str, codec: Codec) -> NamedPictures:
        found = getattr(made, part)
        assert isinstance(found, Pictures)
        place = domain.test if domain.test and part == "held_out" else domain.train
        return NamedPictures(found, codec, lambda: self.files(place))

    def files(self, place: str) -> Sequence[str]:
        """Of every picture there, in order, its file; nothing of forms whose pictures have no files."""
        source = self.source(place)
        listing = source.listing() if source.place.form in ("folder", "zips") else None
        return list(listing.names) if isinstance(listing, Encoded) else []

    def alike(self, codecs: Sequence[Codec], domain: Domain | None = None) -> None:
        """Raises Problem where one network can't take pictures of both."""
        forms = [describe(codec.channels, codec.bits) for codec in codecs]
        if len(set(forms)) > 1:
            places = [domain.train, domain.test] if domain else [one.train for one in self.domains]
            have = ", ".join(f"{place}: {form}" for place, form in zip(places, forms))
            raise Problem(f"{have}; domains must have the same channels and depth. Save both as {forms[0]}")

    def facts(self, domain: Domain, made: Prepared) -> dict[str, Any]:
        """What run.json keeps of a domain."""
        place = {"where": str(Path(domain.train).resolve())}
        place |= {"test": str(Path(domain.test).resolve())} if domain.test else {}
        counts = {"items": len(made.train), "held_out": len(made.held_out)}
        return {"name": domain.name, **place, "fingerprint": made.fingerprint, **counts}


def codec_of(made: Prepared) -> Codec:
    assert isinstance(made.codec, Codec)
    return made.codec


def together(found: Mapping[str, Summary]) -> str:
    counts = " and ".join(f"{name} ({one.count:,})" for name, one in found.items())
    return f"two domains, unpaired: {counts}"


def said(facts: Mapping[str, Any]) -> str:
    """Facts of one domain in a line."""

    def one(value: Any) -> str:
        return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)

    return "; ".join(f"{name}: {one(value)}" for name, value in facts.items() if value)
