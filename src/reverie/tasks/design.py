"""Molecules toward a goal: a copy of a run's model learns to write what scores high, and stays near what it knew.

Olivecrona, Blaschke, Engkvist & Chen 2017, "Molecular De Novo Design through Deep Reinforcement Learning",
arXiv:1704.07555 (REINVENT); Blaschke et al. 2020, "REINVENT 2.0: An AI Tool for De Novo Drug Design", whose scores and
memory of scaffolds these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Adam

from reverie.core import Batch, Model, Samples, Scores
from reverie.errors import Problem
from reverie.maths.rewarded import augmented
from reverie.training.seeds import generator

from .desired import Desired, Worth, scaffold
from .sample import conditions
from .scaffold_memory import Memory
from .wishes import Wish

if TYPE_CHECKING:
    from reverie.training.run import Run

KIND = "molecule"
STEPS, BATCH = 300, 64  # where nobody says; molecules a step, as the paper has it
USUAL = 2_000  # training molecules that say what is usual, evenly spaced


@dataclass(frozen=True)
class Goal:
    """What is asked for, and how it is learnt. All chance is a function of the seed, the step and the item."""

    wishes: tuple[Wish, ...]
    filters: bool = False  # only molecules that pass MOSES's filters
    steps: int = STEPS
    sigma: float = 120.0  # nats that a score of 1 is worth
    learning_rate: float = 1e-3  # of Adam
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise Problem(f"--steps {self.steps}: nothing is learnt. Pass 1 or more")
        for name, value in (("--sigma", self.sigma), ("--rate", self.learning_rate)):
            if not 0 < value < float("inf"):
                raise Problem(f"{name} {value:g}: not above 0. Pass some")

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "wishes": [wish.to_json() for wish in self.wishes]}


class Designer:
    """An agent that learns a step at a time. Raises Problem for a run that can't."""

    def __init__(self, run: Run, goal: Goal):
        able(run)
        self.run, self.goal, self.done = run, goal, 0
        self.prior: Model = run.model
        with torch.inference_mode(False):
            self.agent: Model = deepcopy(run.model).requires_grad_(True)
        self.adam = Adam(self.agent.parameters(), lr=goal.learning_rate)
        train = run.prepared.train
        count = min(USUAL, len(train))
        self.training: list[str] = list(train.raw(torch.arange(count) * len(train) // count))
        self.desired = Desired(goal.wishes, self.training, goal.filters)
        self.memory = Memory(scaffold)

    def learn(self) -> dict[str, float]:
        """One step: what it logs."""
        number, goal = self.done, self.goal
        batch = drawn(self.agent, self.run, range(number * BATCH, (number + 1) * BATCH), ("design", goal.seed))
        worth = self.desired(self.run.codec.decode({self.name: batch[self.name].cpu()}))
        scores = self.memory([one.name for one in worth], [one.score for one in worth])
        with fixed_kernels():
            with torch.no_grad():
                before = -self.prior.nll(batch, 1)[0]  # type: ignore[operator]
            now = -self.agent.nll(batch, 1)[0]  # type: ignore[operator]
            given = torch.tensor(scores, dtype=now.dtype, device=now.device)
            loss = augmented(before, now, given, goal.sigma).mean()
            self.adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self.done += 1
        return said(worth, float(loss.detach()), float((before - now.detach()).mean()))

    @property
    def name(self) -> str:
        return self.run.spec.only[0]

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        kept = {"step": self.done, "agent": self.agent.state_dict(), "adam": self.adam.state_dict()}
        return {"trainer": {**kept, "memory": self.memory.state()}}

    def load(self, state: Mapping[str, Any]) -> None:
        kept = state["trainer"]
        self.done = int(kept["step"])
        self.agent.load_state_dict(kept["agent"])
        self.adam.load_state_dict(kept["adam"])
        self.memory.load(kept["memory"])


def able(run: Run) -> None:
    """Raises Problem for a run of another kind, and for a model that can't draw or has no likelihood."""
    if run.spec.kind != KIND:
        raise Problem(f"{run.path}: makes {run.spec.kind}, and molecules are designed. Name a run of molecules")
    if not (isinstance(run.model, Samples) and isinstance(run.model, Scores)):
        raise Problem(
            f"{run.path}: {run.family.name} can't say how likely a molecule is. Train one that can, such as a language "
            "model: `reverie models` says which score"
        )


@torch.no_grad()
def drawn(model: Model, run: Run, numbers: range, key: tuple[str, int]) -> Batch:
    """Items as the model writes them: tokens with their ends and lengths, and what it was told of them."""
    assert isinstance(model, Samples)
    how = run.sampling() if run.sampling else None
    noise = torch.stack([model.noise(generator(*key, i), how) for i in numbers]).to(run.device)
    told = conditions(run.spec, numbers, key[1], None, run.device)
    name = run.spec.only[0]
    tokens = model.sample(noise, told, how)[name]
    lengths = {name: ended(tokens)}
    width = int(lengths[name].max())
    return Batch({name: tokens[:, :width], **told}, lengths)


def ended(tokens: Tensor) -> Tensor:
    """How many tokens are each item's own, its end among them: (B,)."""
    own = (tokens != 0).long().cumprod(1).sum(1)
    return (own + 1).clamp(max=tokens.shape[1])


def fixed_kernels() -> Any:
    """cuDNN's recurrent kernels take no gradient in eval mode, in which the agent stays: it is scored as it draws."""
    return torch.backends.cudnn.flags(enabled=False)


def said(worth: Sequence[Worth], loss: float, moved: float) -> dict[str, float]:
    count = len(worth)
    return {
        "score": sum(one.score for one in worth) / count,
        "valid": sum(one.name is not None for one in worth) / count,
        "wanted": sum(one.wanted for one in worth) / count,
        "unlike_prior_nats": -moved,
        "loss": loss,
    }
