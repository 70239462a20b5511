"""Which model is chosen for which data, and that there is one of that name and set."""

import pytest

from reverie.catalog import find
from reverie.choose import ENOUGH, MANY, choose
from reverie.errors import Problem


@pytest.mark.parametrize(
    ("kind", "shape", "count", "gpu", "model", "set"),
    [
        ("text", (128,), 1, False, "gpt", ""),
        ("sentences", (60,), 1, False, "text_vae", ""),
        ("music", (300,), 100, False, "recurrent_lm", "music"),
        ("molecule", (98,), MANY - 1, False, "recurrent_lm", ""),
        ("molecule", (98,), MANY, False, "recurrent_lm", "molecules"),
        ("image", (3, 64, 48), ENOUGH - 1, True, "vae", ""),
        ("image", (3, 64, 48), ENOUGH, True, "dcgan", ""),
        ("image", (3, 64, 48), ENOUGH, False, "dcgan", "quick"),
        ("image", (1, 27, 28), ENOUGH, False, "vae", ""),
        ("table", (), 100, False, "vae", ""),
        ("series", (24, 7), 100, True, "vae", ""),
    ],
)
def test_a_model_is_chosen_by_kind_size_count_and_device(kind, shape, count, gpu, model, set):
    choice = choose(kind, shape, count, gpu)
    assert (choice.model, choice.set) == (model, set)
    assert choice.why
    assert not choice.set or choice.set in find(choice.model).sets


def test_sentences_are_told_apart_by_ngrams():
    choice = choose("sentences", (60,), 1_000, predict="labels")
    assert (choice.model, choice.set) == ("feedforward", "ngrams")
    assert choice.set in find(choice.model).sets


def test_a_kind_without_a_model_is_refused():
    with pytest.raises(Problem, match="smell"):
        choose("smell", (1,), 10_000)
