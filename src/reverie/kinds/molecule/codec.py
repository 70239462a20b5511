"""Molecules <-> tokens: a SMILES atom by atom, or the symbols of SELFIES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.attributes import Attributes
from reverie.spec import Field, Spec

from . import selfies, tokens
from .tokens import END, FIRST, START, Ragged

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

TOKENS = ("atoms", "selfies")
NAME = "molecule"  # of the field
LISTED = 5  # tokens that an error names


@dataclass(frozen=True)
class Codec:
    """SMILES <-> integers: 0 ends a molecule and fills a batch, 1 is what writing starts from. By atoms a SMILES comes
    back as it was; by SELFIES as RDKit writes the molecule."""

    tokens: str  # atoms | selfies
    vocabulary: tuple[str, ...]  # in the order of their numbers, from 2 on
    longest: int  # tokens of a molecule, with its end
    attributes: Attributes | None = None  # numbers beside each molecule
    bonds: tuple[tuple[str, int], ...] = ()  # of SELFIES: the most that charged and rare atoms have

    def __post_init__(self) -> None:
        if self.tokens not in TOKENS:
            raise Problem(f"{self.tokens}: no way to cut a molecule. Take one of {', '.join(TOKENS)}")

    @property
    def categories(self) -> int:
        return FIRST + len(self.vocabulary)

    @property
    def spec(self) -> Spec:
        field = Field((self.longest,), categories=self.categories, length=True, start=START)
        told = self.attributes
        condition = {} if told is None else {"attributes": told.field}
        return Spec("molecule", {NAME: field}, condition)

    @cached_property
    def number(self) -> dict[str, int]:
        return {token: k + FIRST for k, token in enumerate(self.vocabulary)}

    def rows(self, raw: Sequence[str]) -> Ragged:
        """The tokens of SMILES, each with its end. Raises Problem on what training has not seen."""
        texts = list(raw) if self.tokens == "atoms" else [self._symbols(one) for one in raw]
        try:
            return tokens.encoded(texts, self.number)
        except KeyError:
            unknown = [(one, token) for one in texts for token in tokens.cut(one) if token not in self.number]
        named = ", ".join(list(dict.fromkeys(token for _, token in unknown))[:LISTED])
        what = f"not among the {len(self.vocabulary)} tokens of the training molecules"
        raise Problem(f"{unknown[0][0][:40]}: {named} {what}. Leave it out")

    def ids(self, smiles: str) -> np.ndarray:
        """The tokens of one SMILES (n,) int64, without its end. Raises Problem on what training has not seen."""
        return self.rows([smiles]).row(0)[:-1].astype(np.int64)

    def encode(self, raw: Sequence[str]) -> Batch:
        """SMILES as (B, T), as wide as the longest, and their lengths, ends among them."""
        import torch

        from reverie.core import Batch

        values, lengths = self.rows(raw).filled(np.arange(len(raw)))
        return Batch({NAME: torch.from_numpy(values)}, {NAME: torch.from_numpy(lengths)})

    def decode(self, values: Mapping[str, Tensor]) -> list[str]:
        """(B, T) -> SMILES, each up to its end. By atoms some may be no molecule: `properties.mol` knows."""
        rows = values[NAME].tolist()
        said = ("", "", *self.vocabulary)
        texts = ["".join(said[t] for t in row[: (row + [END]).index(END)]) for row in rows]
        return texts if self.tokens == "atoms" else [selfies.read(text, dict(self.bonds)) for text in texts]

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        if self.attributes is None:
            del values["attributes"]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        try:
            told = Attributes.from_json(data["attributes"]) if data.get("attributes") else None
            bonds = tuple((str(name), int(most)) for name, most in data["bonds"])
            return Codec(str(data["tokens"]), tuple(map(str, data["vocabulary"])), int(data["longest"]), told, bonds)
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"molecule codec: {error}. Take it from a run.json that fit wrote.") from None

    def _symbols(self, smiles: str) -> str:
        found = selfies.written(smiles, dict(self.bonds))
        if found is None:
            raise Problem(f"{smiles[:40]}: SELFIES can't say this molecule. Leave it out, or train with --tokens atoms")
        return found
