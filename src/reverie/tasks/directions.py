"""Directions of a space that samples come from, and what a step along each does.

Of noise, whose numbers are alike, the numbers themselves, those that change an item most first. Of what noise becomes,
the principal axes of samples' codes, the longest first (Härkönen et al. 2020, "GANSpace", arXiv:2004.02546).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reverie.errors import Problem

from .latent import among, items_of, points
from .project import alone

if TYPE_CHECKING:
    from reverie.training.run import Run

DIMS = 8  # directions, or numbers of a code, that are moved where nobody says
SAMPLES = 2_000  # whose codes say where a space's axes lie
PROBED, PART = 4, 64  # samples on which a step is tried, and steps at a time


@dataclass(frozen=True)
class Directions:
    """Unit vectors (D, latents) of a space, and the code that is moved along them."""

    space: str
    names: list[str]
    axes: Tensor
    deviation: Tensor  # (D,) of samples' codes along each
    effect: Tensor  # (D,) root mean square change of an item's values by one deviation
    base: Tensor  # (latents,)
    mean: Tensor  # (latents,)
    given: dict[str, Tensor]  # the class of the base, (1,)
    notes: list[str]

    def moved(self, run: Run, shifts: Tensor) -> dict[str, Tensor]:
        """Items of the base, its place on each axis in turn set to each of `shifts` deviations: those of the first axis
        first."""
        own = (self.base - self.mean) @ self.axes.T  # (D,)
        places = shifts[None, :] * self.deviation[:, None] - own[:, None]  # (D, S)
        codes = (self.base + places[:, :, None] * self.axes[:, None, :]).flatten(0, 1)
        told = among(self.given, [0] * len(codes))
        return items_of(run, codes, told, self.space)


def directions(run: Run, space: str, dims: int, item: str = "") -> Directions:
    """The first `dims` directions of a space; 0: some. The base is sample 0, or an item that is projected. Raises
    Problem."""
    first = next(iter(run.model.spaces)) == space  # type: ignore[arg-type]
    codes, given = points(run, range(SAMPLES), 0, space)
    dims = dims or min(DIMS, codes.shape[1])
    if dims > codes.shape[1]:
        raise Problem(f"--dims {dims}: a code of {space} has {codes.shape[1]} numbers. Give that or fewer")
    base, told, notes = start(run, space, codes, given, item)
    if first:
        axes, deviation = torch.eye(codes.shape[1]), codes.std(0)
        effect = effects(run, space, axes * deviation[:, None], codes[:PROBED], among(given, slice(PROBED)))
        order = effect.argsort(descending=True, stable=True)[:dims]
        axes, deviation, effect = axes[order], deviation[order], effect[order]
        names, how = [f"{space}{k}" for k in order.tolist()], "ordered by how much one deviation changes an item"
    else:
        _, lengths, turned = torch.pca_lowrank(codes, min(dims + 8, *codes.shape), niter=4)
        axes, deviation = turned.T[:dims].contiguous(), lengths[:dims] / (len(codes) - 1) ** 0.5
        effect = effects(run, space, axes * deviation[:, None], codes[:PROBED], among(given, slice(PROBED)))
        names = [f"{space} axis {k + 1}" for k in range(len(axes))]
        share = float(deviation.square().sum() / codes.var(0).sum())
        how = f"principal axes of {len(codes):,} samples' codes: these hold {share:.0%} of their variance"
    said = f"effect: root mean square change of an item's values by one deviation, over {PROBED} samples"
    return Directions(space, names, axes, deviation, effect, base, codes.mean(0), told, [*notes, how, said])


def effects(run: Run, space: str, stepped: Tensor, codes: Tensor, given: dict[str, Tensor]) -> Tensor:
    """Of each step (D, latents) the root mean square change that it makes in items: (D,)."""
    found = []
    before = items_of(run, codes, given, space)
    for part in torch.split(stepped, PART):
        whole = (codes + part[:, None]).flatten(0, 1)  # (steps * count, latents)
        after = items_of(run, whole, among(given, [*range(len(codes))] * len(part)), space)
        change = [(after[k].reshape(len(part), -1) - before[k].reshape(1, -1)).float() for k in before]
        found.append(torch.cat(change, 1).square().mean(1).sqrt())
    return torch.cat(found)


def start(
    run: Run, space: str, codes: Tensor, given: dict[str, Tensor], item: str
) -> tuple[Tensor, dict[str, Tensor], list[str]]:
    """The code that is moved, its class, and what to say of it."""
    if not item:
        return codes[0], among(given, slice(1)), ["all else stays as in sample 0"]
    found = alone(run, item, space)
    (row,) = found.rows()
    about = f"all else stays as in {row['item']}, projected ({row['psnr_db']:.1f} dB)"
    return found.codes[0], found.given, [about, *found.notes]
