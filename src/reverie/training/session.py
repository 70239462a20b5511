"""One sitting of a run: steps, and between them the log, checkpoints, looks and the ways to end."""

import signal
import threading
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from reverie.core import At, Model, Samples, Translates
from reverie.errors import Stopped
from reverie.kinds import Prepared
from reverie.kinds.find import module
from reverie.tasks.sample import items as sampled
from reverie.tasks.strips import strips

from . import checkpoint, domains, measure
from . import stopping as rule
from .files import write
from .log import Log
from .pace import clone
from .progress import Reporter
from .sentinel import Sentinel
from .trainer import Trainer

SAVE_SECONDS = 60.0  # between checkpoints
LOOKS = 16  # evenly spaced, at which a run samples and measures itself
APART = 50  # steps between looks, at least
SHOWN = 64  # samples a look


@dataclass
class Session:
    """A trainer in its folder. What it holds besides the trainer's state is what a checkpoint holds."""

    folder: Path
    trainer: Trainer
    prepared: Prepared
    reporter: Reporter
    facts: Mapping[str, Any]  # model, config and spec: written beside the weights
    sampling: Any = None
    tensorboard: bool = False
    seconds: float = 0.0  # spent in training, over all sittings
    best: dict[str, Any] = field(default_factory=dict)  # name, value and step of the best measure
    sentinel: Sentinel = field(default_factory=Sentinel)
    stop: str = "never"  # never | auto: when it ends before the planned end
    since: int = 0  # the step up to which a person had it go on: looks before it tire no patience
    history: list[rule.Look] = field(default_factory=list)  # of the looks, where `stop` needs it
    stopping: bool = False

    def run(self, until: int, planned: int) -> None:
        """Train up to step `until` on schedules of `planned` steps. Raises Stopped, Diverged or NoRoom, each after
        keeping what can be kept."""
        every = log_interval(planned)
        looks = rule.look_steps(until) if self.stop == "auto" else Looks(planned, until)
        self.reporter.start(until, self.trainer.step)
        log = Log(self.folder, self.trainer.step, self.tensorboard) if self.first else None
        try:
            with interrupts(self):
                self.loop(until, planned, every, looks, log)
        finally:
            if log:
                log.close()
            self.reporter.close()

    def loop(self, until: int, planned: int, every: int, looks: Container[int], log: Log | None) -> None:
        trainer, sums, begun, saved = self.trainer, Sums(), time.monotonic(), time.monotonic()
        earlier, first = self.seconds, self.trainer.step
        while trainer.step < until:
            step = trainer.step + 1
            logged = step % every == 0 or step == until or step in looks
            sums.add(trainer.advance(planned, norms=logged))
            if not logged:
                continue
            self.seconds = earlier + time.monotonic() - begun
            values = sums.means()
            self.sentinel.look(step, values)
            if step in looks:
                values |= self.look(step, values)
            if log:
                log.write(step, step * trainer.plan.batch, self.seconds, values)
            pace = (time.monotonic() - begun) / (step - first)
            self.reporter.step(step, values, trainer.plan.batch / pace, pace * (until - step))
            stop, ends = self.agreed(self.stopping), step == until or (step in looks and self.verdict() is not None)
            if ends and step < until:
                self.say_end(until, planned)
            if stop or ends or self.agreed(time.monotonic() - saved > SAVE_SECONDS):
                self.save(ends)
                saved = time.monotonic()
            if ends:
                return
            if stop:
                raise Stopped(f"stopped at step {step} of {until}; the same command goes on from here")

    def verdict(self) -> rule.Verdict | None:
        """Why the run ends before its planned end; None where it does not. All processes know the same history."""
        return rule.verdict(self.history, self.since) if self.stop == "auto" else None

    def why(self, until: int) -> str:
        """The verdict in one line."""
        found = self.verdict()
        return rule.said(found, until, self.best["name"]) if found else ""

    def say_end(self, until: int, planned: int) -> None:
        """What ended a run early, and what that leaves undone."""
        self.reporter.say(self.why(until))
        trainer, last = self.trainer, At(planned, planned * self.trainer.plan.batch, planned)
        rates = [(update.rate(trainer.at(planned)), update.rate(last)) for update in trainer.list]
        if note := rule.rate_note(rates, trainer.step):
            self.reporter.say(note)

    @property
    def first(self) -> bool:
        """Of several processes, one writes."""
        return bool(self.trainer.fabric.global_rank == 0)

    def agreed(self, mine: bool) -> bool:
        """The first process decides for all."""
        fabric = self.trainer.fabric
        return mine if fabric.world_size == 1 else bool(fabric.broadcast(mine))

    def look(self, step: int, logged: Mapping[str, float]) -> dict[str, float]:
        """Sample and measure the averaged model; keep it as best.ckpt if it is. `logged`: what the step's line of the
        log holds already."""
        model = self.trainer.weights()
        self.sentinel.check(step, model.parameters())
        found = self.judged(step, model) if self.first else {}
        if self.trainer.fabric.world_size > 1:  # the first process judged: the others decide by what it saw
            self.best, self.history = self.trainer.fabric.broadcast((self.best, self.history))
        if self.first:
            for words in self.sentinel.note({**logged, **found}):
                self.reporter.say(f"note: {words}")
        return found

    def judged(self, step: int, model: Model) -> dict[str, float]:
        """What the look found, by name."""
        codec, device = self.prepared.codec, self.trainer.fabric.device
        judge = self.prepared.calibration or self.prepared.held_out  # what is chosen by must not be what is judged by
        shown = self.show(step, model)
        parts = rule.GROUPS if self.stop == "auto" else 0
        if isinstance(model, Translates):
            taken = self.turned(step, model, parts)
        else:
            taken = list(measure.take(model, codec.spec, codec, judge, device, parts, self.prepared.train))
        first = taken[0]
        if shown is not None and (spread := measure.spread(shown, codec.spec, judge)):
            taken.append(spread)
        for one in taken:
            self.reporter.measure(step, one.name, one.value)
        blind = first.name == "nothing"  # then the last look is as good as any, and none ends the run
        if parts and not blind:
            self.history = [*self.history, rule.Look(step, first.value, first.left_out)]
        if not self.best or blind or first.value < self.best["value"]:
            self.best = {"name": first.name, "value": first.value, "step": step}
            checkpoint.save(self.folder / "best.ckpt", self.state())
        weights = self.folder / "weights.safetensors"
        if not weights.exists():  # a run can be sampled from its first look on, not only from its first checkpoint
            checkpoint.save_weights(weights, model, self.facts)
        return {one.name: one.value for one in taken}

    def show(self, step: int, model: Model) -> Any:
        """A sheet of samples, which are returned; None where the model makes none."""
        if not isinstance(model, Samples):
            return None
        codec = self.prepared.codec
        how, train = self.sampling() if self.sampling else None, self.prepared.train
        shown = sampled(model, codec.spec, codec, SHOWN, how=how, like=train)
        kind = module(codec.spec.kind)
        write(self.folder / "samples" / f"step-{step:07d}{kind.SHEET}", lambda part: kind.show(shown, part))
        return shown

    def turned(self, step: int, model: Model, parts: int) -> list[measure.Measure]:
        """Of a translator: a sheet of held-out items there and back, and how near they come."""
        codec, held_out = self.prepared.codec, self.prepared.held_out
        found = domains.look(model, codec.spec, codec, held_out)
        if found:
            page = strips(found)
            write(self.folder / "samples" / f"step-{step:07d}.png", lambda part: page.save(part, "PNG"))
        return domains.measures(found, codec.spec, held_out, parts)

    def save(self, ends: bool = False) -> None:
        """The weights that sampling reads, where the run `ends` perhaps the best look's; then last.ckpt. In this order,
        so that a run whose checkpoint says that it is done has its last weights, whenever it was killed. Refuses
        weights that are not finite."""
        self.sentinel.check(self.trainer.step, self.trainer.model.parameters())
        keeps = self.trainer.plan.keep == "best" or self.stop == "auto"
        back = ends and keeps and self.best and self.best["step"] != self.trainer.step
        if back:
            self.trainer.fabric.barrier()  # every process reads what the first one wrote
            last = clone(self.trainer.state())
            self.trainer.load(checkpoint.load(self.folder / "best.ckpt")["trainer"])
            self.reporter.say(f"kept: step {self.best['step']}, whose {self.best['name']} is the best")
        model = self.trainer.weights()
        if self.first:
            checkpoint.save_weights(self.folder / "weights.safetensors", model, self.facts)
        if back:
            self.trainer.load(last)
        if self.first:
            checkpoint.save(self.folder / "last.ckpt", self.state())
        self.trainer.fabric.barrier()

    def state(self) -> dict[str, Any]:
        return {
            "trainer": self.trainer.state(),
            "sentinel": self.sentinel.state(),
            "seconds": self.seconds,
            "best": dict(self.best),
            "history": [(look.step, look.value, list(look.left_out)) for look in self.history],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self.trainer.load(state["trainer"])
        self.sentinel.load(state["sentinel"])
        self.seconds, self.best = state["seconds"], dict(state["best"])
        history = state.get("history", [])  # which runs from before it have not
        self.history = [rule.Look(step, value, tuple(left_out)) for step, value, left_out in history]


class Sums:
    """Means of what steps log. The sums stay tensors, so that no step waits for the device."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, logs: Mapping[str, Tensor]) -> None:
        for name, value in logs.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Since the last call."""
        means = {name: float(value) / self.counts[name] for name, value in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


def log_interval(planned: int) -> int:
    """Steps between lines of the log."""
    return max(1, min(50, planned // 1000))


@dataclass(frozen=True)
class Looks:
    """Steps at which a run looks at itself: early ones, for a first picture, then evenly spaced; a function of the plan
    alone, so that a run that was cut looks at the same steps. Not listed: a long extension has many."""

    planned: int
    until: int

    def __contains__(self, step: object) -> bool:
        early = [step for step in (self.planned // 64, self.planned // 32) if step >= APART]
        apart = max(APART, self.planned // LOOKS)
        return step == self.until or step in early or step in range(apart, self.until, apart)


@contextmanager
def interrupts(session: Session) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the sitting at the next line of the log, saved; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if session.stopping:
            raise KeyboardInterrupt
        session.stopping = True
        session.reporter.say(
            "stopping: saving a checkpoint (once more stops at once, and loses what came after the last)"
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
