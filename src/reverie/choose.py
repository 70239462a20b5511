"""Which model a person gets who names none, and why. The one place where models are chosen by name."""

from typing import NamedTuple

from reverie.errors import Problem
from reverie.spec import Spec

ENOUGH = 2_000  # pictures that a GAN can learn from without memorising at once


class Choice(NamedTuple):
    model: str
    why: str
    set: str = ""  # of the model's values; "": its default


def choose(spec: Spec, count: int, gpu: bool = False) -> Choice:
    """Raises Problem for a kind that no model makes yet."""
    if spec.kind == "text":
        return Choice("gpt", "text is written token by token: a transformer")
    if spec.kind == "image":
        _, height, width = spec.only[1].shape
        if count < ENOUGH:
            return Choice("vae", f"{count:,} pictures are few: a vae learns from them steadily, a GAN would memorise")
        if min(height, width) < 28:
            return Choice("vae", f"pictures of {height}×{width} are too small for the dcgan's stages")
        why = f"{count:,} pictures are enough for a GAN, whose samples are sharper than a vae's"
        if gpu:
            return Choice("dcgan", why)
        return Choice("dcgan", f"{why}; its set quick, as there is no GPU: --set small is wider and slower", "quick")
    raise Problem(f"{spec.kind}: no model makes this kind yet; `reverie models` lists what there is")
