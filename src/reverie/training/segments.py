"""What run.json keeps of a run's length: a segment for each time that its plan grew or its rule of stopping changed,
and what ended it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem
from reverie.spec import STOPS

from .devices import environment
from .files import write_json
from .run import Run

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from .session import Session


def known(asked: str) -> None:
    """Raises Problem for what is no way to stop; "" is as before."""
    if asked not in ("", *STOPS):
        raise Problem(f"--stop {asked}: not one of {', '.join(STOPS)}. Pass --stop auto, or leave it out")


def stop_of(asked: str, run: Run) -> str:
    """When a run stops: as asked, else as before, else never."""
    return asked or str(last_of(run).get("stop", STOPS[0]))


def last_of(run: Run) -> dict[str, Any]:
    """The segment that is under way, or was last; empty before the first."""
    segments = run.info["segments"]
    return dict(segments[-1]) if segments else {}


def record(run: Run, until: int, stop: str, budget: float, step: int, fabric: Fabric) -> None:
    """run.json, before the first step. `step`: where this sitting begins."""
    segments, last = run.info["segments"], last_of(run)
    more_time = "stopped" in last and budget > last["time"]
    if not last or last["steps"] != until or last.get("stop", STOPS[0]) != stop or more_time:
        grown = not last or last["steps"] != until or more_time
        started = datetime.now(UTC).isoformat(timespec="seconds")
        own = {"steps": until, "time": budget if grown else last["time"], "stop": stop, "from": step}
        segments.append({**own, "started": started, **environment(fabric)})
    run.info.pop("trouble", None)
    if fabric.global_rank == 0:
        write_json(run.path / "run.json", run.info)


def record_end(run: Run, session: Session) -> None:
    """Keeps in run.json that the rule ended the run, if it did."""
    found, last = session.verdict(), run.info["segments"][-1]
    if found and found.step < last["steps"] and "stopped" not in last:
        last["stopped"] = {
            "step": found.step,
            "measure": session.best["name"],
            "noise": found.noise,
            "since": found.mark,
            "said": session.why(last["steps"]),
        }
        if session.first:
            write_json(run.path / "run.json", run.info)
