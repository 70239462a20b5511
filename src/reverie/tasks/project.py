"""A real picture in the space that a generator's samples come from: the code whose picture is nearest to it.

By optimisation, as Karras et al. 2020, arXiv:1912.04958, section 5 and appendix D, with pixels beside the features; of
any generator, without an encoder. The search begins at the nearest of some samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Adam

from reverie.core import At, Items
from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.maths.schedules import warm_up_then_cosine
from reverie.metrics.features.maps import colours, maps
from reverie.training.files import write

from .codes import BLOCK, files
from .explain import inputs
from .latent import among, called, items_of, points, space_of
from .reconstruct import Reconstruction, pictures
from .sample import Label, wished
from .written import rows, save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

STEPS = 1_000
CANDIDATES = 512  # samples, of which the nearest is where a search begins
AT_ONCE = 16  # pictures that are searched side by side, at most
PIXELS_AT_ONCE = 1 << 20  # and how many pixels these have together: 16 pictures of 256×256, one of 1024×1024
RATE, WARM = 0.1, 0.05  # of Adam, in deviations of a code's number over samples; share of the steps in which it rises
PIXELS = 100.0  # weight of the mean squared difference of pixels in [0, 1] beside that of features


@dataclass(frozen=True)
class Projection:
    """The code of each picture, (N, latents), and how near its picture comes."""

    space: str
    codes: Tensor
    given: dict[str, Tensor]  # the class that each is made with, of a model that takes one
    true: Any  # the pictures themselves
    found: Reconstruction
    notes: list[str] = field(default_factory=list)

    @property
    def mean(self) -> dict[str, float]:
        """PSNR and SSIM, over all pictures."""
        return self.found.mean

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.found.columns)

    def save(self, folder: str | Path) -> list[Path]:
        """project.png, project.csv and codes.npy, (N, latents) float32. Raises NoRoom."""
        place = Path(folder)
        self.found.draw(place / "project.png")
        table, codes = save_table(place / "project.csv", self.found.columns), place / "codes.npy"
        write(codes, lambda part: save_codes(part, self.codes))
        return [place / "project.png", table, codes]


def save_codes(part: Path, codes: Tensor) -> None:
    with open(part, "wb") as out:
        np.save(out, codes.numpy())


def project(run: Run, places: Sequence[str], *, space: str = "", steps: int = 0, label: Label = "") -> Projection:
    """The code of every picture of files, folders or named sets, found in `steps` steps. `label` is the class that all
    are made with, of a model that takes one; else that of the sample where the search begins. Raises Problem."""
    space = space_of(run, space)
    if steps < 0:
        raise Problem(f"--steps {steps}: give a number above 0")
    wish = wished(run, label, None, {})
    return of_items(run, read(run, places, "Name a run of pictures"), space, steps or STEPS, wish.label)


def read(run: Run, places: Sequence[str], cure: str) -> Unseen:
    """Pictures to search for. Raises Problem, with the cure, where the run makes something else."""
    if inputs(run.spec) != "pictures":
        raise Problem(f"{run.path}: makes {run.spec.kind}, and only pictures are projected. {cure}")
    return files(run, places)


def alone(run: Run, item: str, space: str) -> Projection:
    """One picture. Raises Problem."""
    unseen = read(run, [item], "Leave --item out")
    if len(unseen.items) != 1:
        raise Problem(f"--item {item}: {len(unseen.items):,} items. Name a file of one")
    return of_items(run, unseen, space, STEPS)


def projected(run: Run, places: Sequence[str], space: str, steps: int = 0) -> Projection:
    """Two pictures: files of one each, or one of two. Raises Problem."""
    unseen = read(run, places, "Leave both out, which takes samples")
    if len(unseen.items) != 2:
        raise Problem(f"{', '.join(places)}: {len(unseen.items)} pictures. Name two files of one each, or one of two")
    return of_items(run, unseen, space, steps or STEPS)


def of_items(run: Run, unseen: Unseen, space: str, steps: int, label: int | None = None) -> Projection:
    """The same of items that are read already."""
    items, search = unseen.items, Search(run, space, label)
    codes, given, first = [], [], search.nearest(items)
    for index in torch.split(torch.arange(len(items)), search.at_once):
        one, told = search(search.pictures(items, index), first[index], steps)
        codes.append(one)
        given.append(told)
    code, told = torch.cat(codes), {name: torch.cat([one[name] for one in given]) for name in given[0]}
    made = run.codec.decode(items_of(run, code, told, space))
    true = items.raw(torch.arange(len(items)))
    found = pictures(true, made, unseen.names)
    columns = dict(found.columns)
    if "label" in told:
        columns["label"] = called(run, told["label"])
    columns["usual"] = search.usual(code).tolist()
    said = (
        f"found in {steps} steps in {space}; usual: how far a code lies from the mean of samples, over how far theirs "
        f"do ({fmean(columns['usual']):.2f} on average; far above 1: a place that no sample comes from)"
    )
    notes = [*unseen.notes, *found.notes, said]
    return Projection(space, code, told, true, replace(found, columns=columns, notes=[]), notes)


def together(shape: Sequence[int]) -> int:
    """How many pictures (C, H, W) are searched side by side."""
    return min(AT_ONCE, max(1, PIXELS_AT_ONCE // prod(shape[1:])))


class Search:
    """Samples of a run, and how to go on from the nearest of them."""

    def __init__(self, run: Run, space: str, label: int | None = None):
        self.run, self.space, self.name = run, space, run.spec.only[0]
        self.maps = maps()
        self.maps.network.to(run.device)
        self.codes, self.given = points(run, range(CANDIDATES), 0, space, label)
        self.unit, self.at_once = run.spec.only[1].to_unit, together(run.spec.only[1].shape)
        self.deviation = self.codes.std(0).clamp(min=1e-3 * float(self.codes.std())).to(run.device)
        self.center = self.codes.mean(0)

    def seen(self, x: Tensor) -> Tensor:
        """What is compared, as one vector a picture: squared distances of vectors are losses."""
        x = self.unit(x)
        pixels = x.flatten(1) * (PIXELS / x[0].numel()) ** 0.5
        return torch.cat([pixels, self.maps(colours(x))], 1)

    def pictures(self, items: Items, index: Tensor) -> Tensor:
        """(B, C, H, W), where they are searched for."""
        return items.take(index)[self.name].to(self.run.device)

    @torch.no_grad()
    def nearest(self, items: Items) -> Tensor:
        """Of each picture the nearest sample: (N,). Block by block of samples: all at once would fill memory."""
        least, first = torch.full((len(items),), torch.inf), torch.zeros(len(items), dtype=torch.long)
        for block in torch.split(torch.arange(CANDIDATES), BLOCK):
            made = items_of(self.run, self.codes[block], among(self.given, block), self.space)[self.name]
            theirs = torch.cat([self.seen(part.to(self.run.device)) for part in torch.split(made, self.at_once)])
            for index in torch.split(torch.arange(len(items)), self.at_once):
                far = torch.cdist(self.seen(self.pictures(items, index)), theirs).cpu()
                nearer = far.amin(1) < least[index]
                first[index] = torch.where(nearer, block[far.argmin(1)], first[index])
                least[index] = torch.where(nearer, far.amin(1), least[index])
        return first

    def __call__(self, target: Tensor, first: Tensor, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Codes (B, latents) for pictures (B, C, H, W), from the samples `first` (B,) on, and their classes. The best
        step of each counts."""
        with torch.no_grad():
            wish = self.seen(target)
        start, told = self.codes[first].to(target.device), among(self.given, first)
        on_device = {name: value.to(target.device) for name, value in told.items()}
        with torch.enable_grad():
            moved = torch.zeros_like(start, requires_grad=True)  # in deviations
            adam = Adam([moved], lr=RATE, betas=(0.9, 0.999))
            rate = partial(warm_up_then_cosine, share=WARM, floor=0.0)
            least, best = torch.full((len(target),), torch.inf, device=target.device), start.clone()
            for step in range(steps + 1):
                code = start + moved * self.deviation
                made = self.run.model.generated(code, on_device, self.space)[self.name]  # type: ignore[operator]
                loss = (self.seen(made) - wish).square().sum(1)
                with torch.no_grad():
                    better = loss < least
                    least = torch.where(better, loss, least)
                    best = torch.where(better[:, None], code, best)
                if step < steps:
                    adam.param_groups[0]["lr"] = RATE * rate(At(step, step, steps))
                    adam.zero_grad(set_to_none=True)
                    (moved.grad,) = torch.autograd.grad(loss.sum(), moved)
                    adam.step()
        return best.detach().cpu(), told

    def usual(self, codes: Tensor) -> Tensor:
        """Distance from the mean of samples' codes, over the root mean square of theirs: (N,)."""
        theirs = (self.codes - self.center).square().sum(1).mean().sqrt()
        found: Tensor = (codes - self.center).norm(dim=1) / theirs
        return found
