"""Generative models of your own data: one command line, one library, one honest measure.

    import reverie
    run = reverie.fit("photos/", model="dcgan", steps=2000)
    pictures = run.sample(64)
    print(run.evaluate().headline)

Everything here is imported when it is first used: `import reverie` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from reverie.judging.compare import compare
    from reverie.judging.evaluate import Report
    from reverie.training.fit import fit
    from reverie.training.run import Run

__version__ = "0.1.0"
__all__ = ["Problem", "Run", "__version__", "compare", "evaluate", "fit", "open", "sample"]

LATER = {"compare": "reverie.judging.compare", "fit": "reverie.training.fit", "Run": "reverie.training.run"}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module 'reverie' has no attribute {name!r}")
    return getattr(import_module(LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})


def open(path: str | Path) -> Run:
    """The run in a folder that `fit` made. Raises Problem where there is none."""
    from reverie.training.run import Run

    return Run.open(path)


def sample(run: Run | str | Path, n: int = 64, *, seed: int = 0, label: str = "", **how: Any) -> Any:
    """n raw items of a run or its folder: pictures as (n, H, W, C) integers, texts as strings. Item i is a function of
    (seed, i). `label` asks for one class; `how` sets fields of the model's Sampling. Raises Problem."""
    return opened(run).sample(n, seed=seed, label=label, **how)


def evaluate(run: Run | str | Path, *, samples: int = 0, seed: int = 0, **asked: Any) -> Report:
    """Judge a run or its folder by `samples` generated items (0: as many as the kind's measures say) and write its
    report. `asked`: seeds, against, extractor, classifier, statistics. Raises Problem."""
    return opened(run).evaluate(samples=samples, seed=seed, **asked)


def opened(run: Run | str | Path) -> Run:
    from reverie.training.run import Run

    return run if isinstance(run, Run) else Run.open(run)
