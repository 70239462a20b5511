"""Which model a person gets who names none, and why. The one place where models are chosen by name."""

from collections.abc import Sequence
from typing import NamedTuple

from reverie.errors import Problem

MANY = 100_000  # molecules of which one pass is a training
ENOUGH = 2_000  # pictures that a GAN can learn from without memorising at once


class Choice(NamedTuple):
    model: str
    why: str
    set: str = ""  # of the model's values, for this device; "": its default


MADE = ("image", "music", "molecule", "text", "sentences", "table", "series")  # kinds that some model makes more of
PREDICTORS = {
    "image": Choice("convolutional", "pictures are recognised by a convolutional network"),
    "sound": Choice("convolutional", "sounds are recognised by their spectrograms, as pictures are", "spoken"),
    "pairs": Choice("seq2seq", "sentences are translated by an encoder and a decoder that attends to it"),
    "sentences": Choice("feedforward", "sentences are told apart by their words and pairs of words", "ngrams"),
    "table": Choice("feedforward", "rows of a table are predicted by a feed-forward network"),
    "series": Choice("feedforward", "a series goes on by a linear map of its past", "linear"),
}


def choose(
    kind: str, shape: Sequence[int], count: int, gpu: bool = False, predict: str = "", domains: Sequence[str] = ()
) -> Choice:
    """For that many items to train on, each of that shape: (C, H, W) of pictures; to `predict` something, to translate
    between `domains`, or to make more of them. Raises Problem for a kind that no model makes yet."""
    if domains:
        return Choice("cyclegan", f"{' and '.join(domains)} are two domains, which are translated between")
    if predict and kind in PREDICTORS:
        return PREDICTORS[kind]
    if kind == "text":
        return Choice("gpt", "text is written token by token: a transformer")
    if kind == "molecule":
        why = "molecules are written token by token: a recurrent network learns that soonest"
        return Choice("recurrent_lm", why, "molecules" if count >= MANY else "")
    if kind == "music":
        why = "music is written token by token, of few pieces best by a recurrent network"
        return Choice("recurrent_lm", why, "music")
    if kind == "sentences":
        return Choice("text_vae", "sentences are written from a code of each: a recurrent autoencoder")
    if kind == "table":
        return Choice("vae", "rows of numbers and words are made by a dense vae, which learns gaps and words too")
    if kind == "series":
        return Choice("vae", "windows of a series are made by a dense vae")
    if kind == "image":
        _, height, width = shape
        if count < ENOUGH:
            return Choice("vae", f"{count:,} pictures are few: a vae learns from them steadily, a GAN would memorise")
        if min(height, width) < 28:
            return Choice("vae", f"pictures of {height}×{width} are too small for the dcgan's stages")
        why = f"{count:,} pictures are enough for a GAN, whose samples are sharper than a vae's"
        return Choice("dcgan", why, "" if gpu else "quick")
    cure = "--predict says what to predict from it" if kind in PREDICTORS else "`reverie models` lists what there is"
    raise Problem(f"{kind}: no model makes this kind yet; {cure}")
