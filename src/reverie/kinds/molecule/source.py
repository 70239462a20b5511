"""Molecules at a place: what they are, and how they become items that a model learns to write."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary, attributes
from reverie.kinds.find import located
from reverie.kinds.split import Parts, key, parts
from reverie.kinds.table.smiles import INSTALL, installed

from . import cache, selfies, tokens, told
from .checked import ASKED, check
from .codec import TOKENS, Codec
from .gather import TEST, TRAIN, Gathered, files, gather
from .items import Encoded
from .properties import canonical
from .summary import facts
from .tokens import Ragged

USUAL = DataOptions().tokens  # what --tokens is where nobody says
KEPT = 2_000  # molecules from which on what is made of them is kept on disk
SLOW, RATE = 20_000, 800  # molecules whose writing as SELFIES is announced; a second
SHOWN = 3  # molecules that an error names


class Molecules:
    """A file of molecules, or a folder of such."""

    kind = "molecule"

    def __init__(self, where: str, options: DataOptions):
        if not installed():
            raise Problem(f"{where}: molecules, which only RDKit reads. Run: {INSTALL}")
        self.where, self.options = where, replace(options, calibration=0.0)
        self.tokens = TOKENS[0] if options.tokens == USUAL else options.tokens
        if self.tokens not in TOKENS:
            raise Problem(f"--tokens {self.tokens}: not of molecules. Take one of {', '.join(TOKENS)}")
        if len(options.size) > 1 or any(n < 2 for n in options.size):
            said = "x".join(map(str, options.size))
            raise Problem(f"--size {said}: a molecule is as long as a number of tokens, 2 or more. Write one, like 100")

    @cached_property
    def whole(self) -> Gathered:
        """All that the files hold, as they have it."""
        test = located(self.options.test) if self.options.test else None
        return gather(Path(self.where), self.options.column, test)

    @cached_property
    def good(self) -> Gathered:
        """The molecules, as RDKit writes them; what is none is in `bad`."""
        whole = self.whole
        found = check(whole.smiles)
        bad = [f"{whole.place(i)}: {whole.smiles[i][:40]!r}: {why}" for i, why in found.bad.items()]
        whole = replace(whole, smiles=found.smiles, bad=[*whole.bad, *bad])
        whole.notes = [*whole.notes, *([found.note] if found.note else [])]
        return whole.kept([i for i, one in enumerate(whole.smiles) if one]) if found.bad else whole

    def summary(self) -> Summary:
        good = self.good
        said = facts(good) if good.smiles else {}
        plan = []
        train, shape = 0, tuple[int, ...]()
        if good.bad and not self.options.skip_bad:
            plan = [*good.notes, "fit stops at such molecules: mend them, or pass --skip-bad"]
        else:
            prepared = self.prepare()
            plan, train = list(prepared.notes), len(prepared.train)
            shape = prepared.codec.spec.only[1].shape
        return Summary("molecule", self.where, len(good), said, tuple(good.bad), tuple(plan), train, shape)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Reads, checks, splits and encodes; of many molecules once. A model's wish for a size cuts none: a molecule
        is whole or not there. Raises Problem."""
        mark = self.fingerprint()
        kept = cache.load(self.version(mark))
        if kept and (self.options.skip_bad or not kept[1]["bad"]):
            return prepared(*kept, mark, f"tokens from the cache: {cache.place(self.version(mark))}")
        good = self.good
        if good.bad and not self.options.skip_bad:
            more = f" to leave out the {len(good.bad):,} such" if len(good.bad) > 1 else ""
            raise Problem(f"{self.where}: {good.bad[0]}. Mend it, or pass --skip-bad{more}")
        arrays, about = self.made(good)
        note = cache.keep(self.version(mark), arrays, about) if len(good) >= KEPT else ""
        return prepared(arrays, about, mark, note)

    def made(self, good: Gathered) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What is kept of the molecules: the arrays of each part, and all that is to be said."""
        notes = list(good.notes)
        if good.bad:
            notes.append(f"{len(good.bad):,} left out as no molecules: {'; '.join(good.bad[:SHOWN])}")
        good, texts, bonds = self.written(good, notes)
        if len(set(good.smiles)) < 2:
            raise Problem(f"{self.where}: {len(set(good.smiles))} molecule: nothing to learn from. Give more")
        names = tuple(sorted(tokens.counted(texts)))
        codec = Codec(self.tokens, names, 2, bonds=tuple(sorted(bonds.items())))
        rows = tokens.encoded(texts, codec.number)
        codec = replace(codec, longest=int(rows.lengths.max()))
        if self.options.size:
            good, texts, rows = self.short(good, texts, rows, notes)
            codec = replace(codec, longest=self.options.size[0])
        split = self.split(good)
        values = None
        if self.options.attributes:
            reckoned = told.values(good, self.options.attributes)
            found, values = attributes.fit(reckoned, self.options.attributes, split.train)
            codec = replace(codec, attributes=found)
            notes.append(f"told of each molecule: {found.said()}")
        notes += self.said(codec, rows)
        notes += split.notes
        others = sorted(set(good.parts) - {TRAIN, TEST, ""})
        sets = {TRAIN: split.train, TEST: split.held_out, **{name: good.of(name) for name in others}}
        notes += [f"{len(sets[name]):,} of {name} kept aside, to judge by" for name in others]
        spelt = tokens.spelt(good.smiles) if self.tokens != TOKENS[0] else None
        arrays = {
            f"{part}:{k}": v for part, at in sets.items() for k, v in arrayed(good, rows, spelt, values, at).items()
        }
        about = {"codec": codec.to_json(), "notes": notes, "sources": good.sources, "sets": list(sets)}
        return arrays, {**about, "bad": len(good.bad)}

    def written(self, good: Gathered, notes: list[str]) -> tuple[Gathered, list[str], dict[str, int]]:
        """The molecules in the language of the tokens. Those that SELFIES can't say are left out."""
        if self.tokens == TOKENS[0]:
            return good, good.smiles, {}
        if len(good) > SLOW:
            said = f"{len(good):,} molecules to be written as SELFIES, once: about {len(good) / RATE / 60:.0f} minutes"
            print(said, file=sys.stderr)
        bonds = selfies.bonds(good.smiles)
        found = [selfies.written(one, bonds) for one in good.smiles]
        there = [i for i, one in enumerate(found) if one is not None]
        if len(there) < len(found):
            first = next(good.smiles[i] for i, one in enumerate(found) if one is None)
            what = f"{len(found) - len(there):,} molecules that SELFIES can't say, such as {first[:60]}"
            if not self.options.skip_bad:
                raise Problem(f"{self.where}: {what}. Pass --skip-bad to leave them out, or --tokens {TOKENS[0]}")
            notes.append(f"left out: {what}")
        good, texts = good.kept(there), [one for one in found if one is not None]
        some = np.linspace(0, len(texts) - 1, min(len(texts), ASKED)).astype(int).tolist()
        other = [i for i in some if selfies.read(texts[i], bonds) != canonical(good.smiles[i])]
        if other:
            what = f"{len(other):,} of {len(some):,} come back from SELFIES as another molecule"
            notes.append(f"{what}, such as {good.smiles[other[0]][:60]}")
        return good, texts, bonds

    def short(
        self, good: Gathered, texts: list[str], rows: Ragged, notes: list[str]
    ) -> tuple[Gathered, list[str], Ragged]:
        """Those that --size is enough for."""
        most = self.options.size[0]
        there = np.flatnonzero(rows.lengths <= most)
        if len(there) < 2:
            raise Problem(
                f"--size {most}: {len(there):,} molecules are as short. Give {int(rows.lengths.max())} for all"
            )
        if len(there) < len(rows):
            notes.append(f"{len(rows) - len(there):,} molecules of more than {most} tokens left out (--size)")
        at = there.tolist()
        return good.kept(at), [texts[i] for i in at], rows.chosen(there)

    def split(self, good: Gathered) -> Parts:
        """The places of training and of held-out molecules. Copies stay in one part, unless the data has a test part
        of its own."""
        at = good.of(TRAIN, TEST, "")
        places = at.tolist()
        smiles = [good.smiles[i] for i in places]
        own = np.array([good.parts[i] == TEST for i in places])
        again = len(smiles) - len(set(smiles))
        alone = bool(again) and not own.any()
        columns = {name: [cells[i] for i in places] for name, cells in good.columns.items()}
        found = parts(len(at), self.options, own=own, columns=columns, kept_together=smiles if alone else None)
        notes = found.notes
        if alone:
            notes += (f"{again:,} molecules are repeated: each and its copies stay in one part",)
        elif own.any():
            learnt = {smiles[i] for i in found.train.tolist()}
            both = sum(smiles[i] in learnt for i in found.held_out.tolist())
            notes += (f"{both:,} held-out molecules are also among those learnt from",) if both else ()
        return Parts(at[found.train], at[found.held_out], at[found.calibration], notes)

    def said(self, codec: Codec, rows: Ragged) -> list[str]:
        lengths = rows.lengths
        usual = int(np.quantile(lengths, 0.999))
        long = f"; all but one in a thousand have at most {usual} (--size leaves longer ones out)"
        return [
            f"{len(codec.vocabulary)} tokens ({self.tokens}), found in all molecules",
            f"{lengths.mean():.3g} tokens a molecule, its end among them, {int(lengths.max())} at most"
            + (long if usual < 0.8 * lengths.max() and not self.options.size else ""),
        ]

    def fingerprint(self) -> str:
        """Of the files' contents, their order and the options that decide what becomes of them."""
        options = self.options
        about = [cache.FORM, self.tokens, options.size, options.column, options.attributes, key(options)]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        places = [*files(Path(self.where)), *(files(located(options.test)) if options.test else [])]
        for path in places:
            digest.update(path.name.encode("utf-8", "surrogateescape"))
            try:
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "blake2b").digest())
            except OSError as error:
                raise Problem(f"{path}: can't be read ({error.strerror}). Check its permissions") from None
        return digest.hexdigest()

    def version(self, mark: str) -> str:
        """The name of what is kept: another RDKit may write molecules in another way."""
        import rdkit

        return hashlib.blake2b(f"{mark} {rdkit.__version__}".encode(), digest_size=16).hexdigest()


def arrayed(
    good: Gathered, rows: Ragged, spelt: Ragged | None, values: np.ndarray | None, at: np.ndarray
) -> dict[str, np.ndarray]:
    """What `Encoded` is made of, for the molecules at those sorted places."""
    own = rows.chosen(at)
    made = {"flat": own.flat, "ends": own.ends}
    made["numbers"] = np.array(good.numbers, np.int32)[at]
    made["files"] = np.array(good.files, np.uint16)[at]
    if spelt is not None:
        letters = spelt.chosen(at)
        made |= {"letters": letters.flat, "letter_ends": letters.ends}
    if values is not None:
        made["told"] = values[at]
    return made


def prepared(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any], mark: str, note: str) -> Prepared:
    """Data ready to train on, from what is kept of it."""
    codec, sources = Codec.from_json(about["codec"]), tuple(about["sources"])

    def one(part: str) -> Encoded:
        own = {name.partition(":")[2]: x for name, x in arrays.items() if name.partition(":")[0] == part}
        spelt = Ragged(own["letters"], own["letter_ends"]) if "letters" in own else None
        rows = Ragged(own["flat"], own["ends"])
        return Encoded(codec, rows, spelt, own["numbers"], own["files"], sources, own.get("told"))

    sets = {part: one(part) for part in about["sets"]}
    held_out = replace(sets[TEST], beside={name: x for name, x in sets.items() if name not in (TRAIN, TEST)})
    return Prepared(codec, sets[TRAIN], held_out, mark, (*about["notes"], *([note] if note else [])))
