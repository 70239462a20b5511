"""One loop for every model: updates, gradients over shards and processes, averaged weights."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from reverie.core import Absorbs, At, Batch, Begins, Carries, Finishes, Items, Loss, Model, Update
from reverie.errors import Problem

from .ema import Average
from .health import NORM
from .precision import mixed
from .seeds import fold, reseed
from .stream import Aside, Stream

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STILL = 1e-9  # a factor on a learning rate that is none


@dataclass(frozen=True)
class Plan:
    """Everything that a run's mathematics depends on, besides model and data."""

    batch: int = 64  # items an update, over all shards
    clip: float = 0.0  # largest norm of an update's gradient; 0: as it is
    ema_items: float = 0.0  # half-life of the averaged weights, in items
    shards: int = 1  # equal parts of a batch: in turn on one process, side by side on many
    seed: int = 0
    attempt: int = 0  # raised by hand after a divergence: folded into the seed
    keep: str = "last"  # last | best: whose weights a run ends with
    precision: str = "float32"  # float32 | bf16: of a loss's matrix products


@runtime_checkable
class Several(Protocol):
    """A layer that compares the items of a shard, and so learns from no fewer than these."""

    least_items: int


class Trainer:
    """Trains any Model. Chance depends on (seed, update, shard) alone: cutting a run and going on, or giving it more
    processes, does not change what is learnt."""

    def __init__(self, model: Model, items: Items, plan: Plan, fabric: "Fabric"):
        if plan.shards % fabric.world_size:
            raise Problem(
                f"--shards {plan.shards}: not a multiple of the {fabric.world_size} processes. "
                f"Pass --shards {fabric.world_size} on a new run"
            )
        least = max((layer.least_items for layer in model.modules() if isinstance(layer, Several)), default=1)
        if plan.batch // plan.shards < least:
            raise Problem(
                f"--batch {plan.batch} --shards {plan.shards}: batch norm compares the items of a shard, {least} or "
                f"more. Pass --batch {least * plan.shards} or more"
            )
        self.plan, self.fabric = plan, fabric
        self.model = model.to(fabric.device)
        order = fold(plan.seed, "attempt", plan.attempt) if plan.attempt else plan.seed
        ordered = isinstance(model, Carries) and model.carries
        # a loss may hold no chance but that of its batches
        self.stream = Stream(items, plan.batch, order, plan.shards, ordered)
        begun(self.model, self.stream, plan.seed, fabric.device)  # a checkpoint that is loaded overrules it
        self.average = Average(self.model, plan.ema_items)
        self.optimizers = self.model.optimizers()
        self.held = {k: [p for g in o.param_groups for p in g["params"]] for k, o in self.optimizers.items()}
        self.rates = {k: [g["lr"] for g in o.param_groups] for k, o in self.optimizers.items()}
        self.list = list(self.model.updates())
        self.step = self.turns = 0
        self.turning = ""  # the optimiser whose parameters are free

    def at(self, steps: int) -> At:
        return At(self.step, self.step * self.plan.batch, steps)

    def advance(self, steps: int, norms: bool = False) -> dict[str, Tensor]:
        """One training step of a schedule of `steps`. What the losses log, means over items or tokens; with `norms`,
        that of each optimiser's gradient too, which changes nothing of what is learnt."""
        at, logs = self.at(steps), {}
        for update in self.list:
            if self.step % number(update.every, at) == 0:
                for _ in range(number(update.repeat, at)):
                    logs.update(self.turn(update, at, norms))
        self.step += 1
        self.average.update(self.plan.batch, self.step * self.plan.batch)
        return logs

    def rests(self, steps: int) -> bool:
        """Has every rate fallen to 0 in a schedule of `steps`? Then a step teaches nothing more."""
        at = self.at(steps)
        return all(update.rate(at) < STILL for update in self.list)

    def turn(self, update: Update, at: At, norms: bool = False) -> dict[str, Tensor]:
        """Step one optimiser on one fresh batch."""
        self.free(update.optimizer)
        optimizer, held = self.optimizers[update.optimizer], self.held[update.optimizer]
        sums = self.gather(update, at, held)
        norm = self.clipped(held, norms)
        rate = update.rate(at)
        for group, lr in zip(optimizer.param_groups, self.rates[update.optimizer]):
            group["lr"] = lr * rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if isinstance(self.model, Absorbs):
            self.model.absorb(sums.stats, float(sums.count))
        self.turns += 1
        logs = {k: v / sums.count for k, v in sums.logs.items()}
        return logs if norm is None or not norms else {**logs, self.norm_name(update.optimizer): norm}

    def clipped(self, held: list[Tensor], norms: bool) -> Tensor | None:
        """Clips gradients where the plan says so. Their norm before it, as one vector, where it was taken: it stays on
        the device, so that no step waits."""
        if self.plan.clip:
            return torch.nn.utils.clip_grad_norm_(held, self.plan.clip)
        return torch.nn.utils.get_total_norm([p.grad for p in held if p.grad is not None]) if norms else None

    def norm_name(self, optimizer: str) -> str:
        """How the norm of an optimiser's gradient is logged: gradient_norm, of one among several gradient_norm_NAME."""
        return NORM if len(self.optimizers) == 1 else f"{NORM}_{optimizer}"

    def gather(self, update: Update, at: At, held: list[Tensor]) -> Loss:
        """Back-propagate every shard: gradients of the mean over all of them, sums of everything else."""
        rank, world, plan = self.fabric.global_rank, self.fabric.world_size, self.plan
        alone = plan.shards == 1
        sums: Loss | None = None
        for shard in range(rank, plan.shards, world):
            reseed(plan.seed, plan.attempt, self.turns, shard)
            with mixed(self.model, plan.precision, self.fabric.device):
                loss = update.loss(self.batch(shard), replace(at, shard=shard))
            (loss.total / loss.count if alone else loss.total).backward()  # type: ignore[no-untyped-call]
            sums = added(sums, loss)
        assert sums is not None
        if world > 1:
            sums = self.over_processes(sums, held)
        if not alone:
            torch._foreach_div_([p.grad for p in held if p.grad is not None], float(sums.count))
        return sums

    def batch(self, shard: int) -> Batch:
        return self.stream.shard(self.turns, shard).to(self.fabric.device)

    def free(self, name: str) -> None:
        """Only the parameters of the optimiser whose turn it is are learnt; gradients still pass through the others."""
        if name != self.turning:
            self.model.requires_grad_(False)
            for p in self.held[name]:
                p.requires_grad_(True)
            self.turning = name

    def over_processes(self, sums: Loss, held: list[Tensor]) -> Loss:
        """One flat all-reduce, which needs no wrapper around the model and holds for any graph (penalties' second
        derivatives, parts that sit out a turn). What no process used keeps no gradient: a zero would be a step to an
        optimiser that counts them, and one process would learn something else."""
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in held]
        stats, logs = dict(sums.stats), dict(sums.logs)
        count = torch.as_tensor(sums.count, dtype=grads[0].dtype, device=grads[0].device)
        used = count.new_tensor([p.grad is not None for p in held])
        parts = [*grads, *stats.values(), *logs.values(), count, used]
        flat = self.fabric.all_reduce(torch.cat([p.reshape(-1).to(count.dtype) for p in parts]), reduce_op="sum")
        whole = [w.view(p.shape) for p, w in zip(parts, flat.split([p.numel() for p in parts]))]  # type: ignore[union-attr]
        for p, grad, total, users in zip(held, grads, whole, whole[-1].tolist()):
            # copied, which keeps the parameter's strides: the fused optimisers need them equal
            p.grad = grad.copy_(total) if users else None
        rest = iter(whole[len(grads) :])
        stats, logs = {k: next(rest) for k in stats}, {k: next(rest) for k in logs}
        return Loss(sums.total, next(rest), logs, stats)

    def weights(self) -> Model:
        """The averaged model, finished: what is sampled, judged and kept. Leaves no trace in training."""
        model = self.average.weights()
        return finished(model, self.stream, self.plan.seed, self.fabric.device)  # type: ignore[arg-type]

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state(),
            "optimizers": {k: o.state_dict() for k, o in self.optimizers.items()},
            "step": self.step,
            "turns": self.turns,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load(state["average"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(deepcopy(state["optimizers"][name]))
        self.step, self.turns = state["step"], state["turns"]


def begun(model: Model, stream: Stream, seed: int, device: torch.device) -> None:
    """What the data set before the first step."""
    if isinstance(model, Begins):
        reseed(seed, "begin")
        with torch.no_grad():
            model.begin(Aside(stream, device))


def finished(model: Model, stream: Stream, seed: int, device: torch.device) -> Model:
    """The model in eval mode, with what no gradient learns computed from the data. The same whenever it is asked."""
    if isinstance(model, Finishes):
        reseed(seed, "finish")
        with torch.no_grad():
            model.finish(Aside(stream, device))
    return model.eval()


def number(value: Any, at: At) -> int:
    """A number, or a pure function of where training stands."""
    return int(value(at)) if callable(value) else value


def added(sums: Loss | None, loss: Loss) -> Loss:
    """Sums over shards."""
    logs = {k: v.detach() for k, v in loss.logs.items()}
    stats = {k: v.detach() for k, v in loss.stats.items()}
    if sums is None:
        return Loss(loss.total.detach(), loss.count, logs, stats)
    logs = {k: sums.logs[k] + v for k, v in logs.items()}
    stats = {k: sums.stats[k] + v for k, v in stats.items()}
    return Loss(sums.total + loss.total.detach(), sums.count + loss.count, logs, stats)
