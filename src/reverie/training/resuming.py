"""What may change between one sitting of a run and the next: its length, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem

from . import precision
from .devices import environment
from .run import Run
from .trainer import Plan
from .written import plain

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from .order import Order


DEFAULTS = {"seed": 0, "shards": 1}


def warn(run: Run, retry: bool, fabric: Fabric, say: Callable[[str], None]) -> None:
    """Where going on bit for bit can't be promised, and after a divergence that would come again."""
    if run.info.get("trouble") and not retry:
        raise Problem(f"{run.path}: {run.info['trouble']}")
    if run.info["plan"].get("precision") == "bf16" and not precision.has_units(fabric.device):
        say(f"note: bf16 is slow on this {fabric.device.type}, which has no units for it")
    before, now = run.info["segments"][-1] if run.info["segments"] else {}, environment(fabric)
    for name, value in now.items():
        if name in before and before[name] != value and name != "processes":
            say(f"note: {name} was {before[name]} and is {value}: the run goes on, but not bit for bit")


def flag(name: str) -> str:
    """As the command line has a field."""
    return f"--{name.replace('_', '-')}"


def unchanged(old: Run, info: Mapping[str, Any], order: Order) -> None:
    """Only steps and time may change in an old folder."""
    cure = f"Name another folder by --out to train anew; {old.path} stays as it is"
    if "designed" in old.info:
        raise Problem(f"{old.path}: was designed, and does not go on as trained. {cure}")
    if info["model"] != old.info["model"]:
        raise Problem(f"--model {info['model']}: {old.path} holds a run of {old.info['model']}. {cure}")
    if info["source"]["fingerprint"] != old.info["source"]["fingerprint"]:
        raise Problem(f"{order.data}: other data, or read otherwise, than {old.path} was trained on. {cure}")
    asked = {name: info["config"][name] for name in order.fields} if not order.set else info["config"]
    before = plain(asdict(old.config))  # with the defaults of fields that are newer than the run
    for name, value in asked.items():
        if value != before[name]:
            raise Problem(f"{flag(name)} {value}: {old.path} was trained with {before[name]}. {cure}")
    plan = asdict(Plan(**old.info["plan"]))
    for name, value in order.training.items():
        if name in plan and value not in (plan[name], "auto"):
            raise Problem(f"{flag(name)} {value}: {old.path} was trained with {plan[name]}. {cure}")
    for name, value in (("seed", order.seed), ("shards", order.shards)):
        default = DEFAULTS[name]
        if value not in (default, old.info["plan"][name]):
            raise Problem(f"--{name} {value}: {old.path} was trained with {old.info['plan'][name]}. {cure}")
