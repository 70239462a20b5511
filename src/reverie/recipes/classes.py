"""Which classes a generator's samples fall into, by a classifier of one's own; for recipes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reverie.core import Predicts
from reverie.errors import Problem
from reverie.metrics import image
from reverie.tasks.sample import draw
from reverie.training.run import Run

if TYPE_CHECKING:
    import numpy as np

COUNT = 10_000
CLASSIFIER = Path("runs") / "recipe-fashion_classifier-seed0"


def ready() -> None:
    """Raises Problem where the classifier is not trained."""
    if not (CLASSIFIER / "weights.safetensors").is_file():
        raise Problem(f"{CLASSIFIER}: the classifier is not trained. Run: reverie reproduce fashion_classifier")


@torch.inference_mode()
def shares(pictures: "np.ndarray", judge: Run) -> list[float]:
    """Share of the pictures that the classifier puts into each class. Raises Problem where it takes other pictures."""
    model, codec = judge.model, judge.codec
    assert isinstance(model, Predicts)
    _, field = judge.spec.only
    if pictures.shape[1:3] != field.shape[1:] or pictures.shape[3] != field.shape[0]:
        raise Problem(f"{judge.path}: a classifier of {field.shape[1:]} pictures, and these are {pictures.shape[1:3]}")
    counts = torch.zeros(judge.spec.classes)
    for begin in range(0, len(pictures), 500):
        predicted = model.predict(codec.encode(pictures[begin : begin + 500]).to(judge.device)).argmax(1)
        counts += predicted.bincount(minlength=len(counts)).cpu()
    return (counts.double() / len(pictures)).tolist()


def measure(run: Run) -> Mapping[str, Any]:
    """The smallest class's share of 10,000 samples, and the picture measures of the same samples."""
    ready()
    judge = Run.open(CLASSIFIER)
    fake = draw(run, COUNT)
    found = shares(fake, judge)
    held_out = run.prepared.held_out
    real = held_out.raw(torch.arange(min(COUNT, len(held_out))))
    metrics = {m.name: round(m.value, 5) for m in image.judge(real, fake)}
    names = run.spec.condition["label"].names or tuple(map(str, range(len(found))))
    return {
        "value": min(found),
        "unit": "share of the rarest class",
        "samples": COUNT,
        "classes": dict(zip(names, found)),
        **metrics,
    }
