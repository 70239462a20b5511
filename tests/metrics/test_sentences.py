"""Measures of sentences, against counts by hand."""

import pytest
import torch

from reverie.metrics import Sets, judge, sentences
from reverie.metrics.sentences.likeness import divergence, found
from reverie.metrics.sentences.variety import repeated

NOUNS, VERBS = ["dog", "cat", "man", "girl", "boy", "fox", "cow", "hen"], ["runs", "eats", "sits", "jumps"]


def made(count, seed):
    g = torch.Generator().manual_seed(seed)
    picks = torch.randint(0, 1 << 20, (count, 4), generator=g).tolist()
    return [f"the {NOUNS[a % 8]} {VERBS[b % 4]} by {c % 50} {NOUNS[d % 8]}s" for a, b, c, d in picks]


def judged(fake, **sets):
    given = {"real": made(300, 1), "train": made(300, 2), "bank": made(600, 2), "untrained": ["zq xx"] * 300, **sets}
    found = judge("sentences", sentences.prepare(Sets(fake=fake, **given)))
    return {m.name if m.name.startswith("distinct") else m.name.rsplit("_", 1)[0]: m for m in found}


def test_real_sentences_score_like_the_floor():
    metrics = judged(made(300, 3))
    assert metrics["word_js"].value < 2 * metrics["word_js"].floor
    assert metrics["word_js"].reference == 1.0
    assert metrics["known_pairs"].value == pytest.approx(metrics["known_pairs"].floor, abs=0.05)
    assert metrics["words"].value == metrics["words"].floor == 6
    assert metrics["distinct_2"].value == pytest.approx(metrics["distinct_2"].floor, abs=0.05)
    assert metrics["copied_sentences"].p > 1e-4


def test_shuffled_words_are_worse_in_pairs_and_equal_in_words():
    g = torch.Generator().manual_seed(0)
    shuffled = [" ".join(text.split()[i] for i in torch.randperm(6, generator=g)) for text in made(300, 3)]
    metrics = judged(shuffled)
    assert metrics["known_pairs"].value < 0.7 * metrics["known_pairs"].floor
    assert metrics["word_js"].value < 2 * metrics["word_js"].floor


def test_one_sentence_over_and_over_shows_in_repeats_and_variety():
    metrics = judged(["the dog runs by 3 cats"] * 300)
    assert metrics["repeats"].value == 1.0
    assert metrics["repeats"].floor < 0.5
    assert metrics["distinct_2"].value < 0.1 * metrics["distinct_2"].floor


def test_training_sentences_are_found_word_for_word_and_accused():
    metrics = judged(made(600, 2)[:150] + ["quite  another one"] * 150, bank=made(600, 2))
    assert metrics["copied_sentences"].value == 0.5
    assert metrics["copied_sentences"].p < 1e-4
    again = judged(["the  dog eats"] * 10, bank=["the dog eats", "a", "b"])
    assert again["copied_sentences"].value == 1.0  # white space does not make it another


def test_how_often_real_sentences_come_again_is_the_floor():
    """a twice, b three times, c once: five of six stand there once more."""
    metrics = judged(["a"] * 6, bank=["a", "a", "b", "b", "b", "c"])
    assert metrics["copied_sentences"].floor == pytest.approx(5 / 6)


def test_counts_by_hand():
    assert repeated(["a b", "a  b", "c", "d"]) == 0.5
    assert divergence(["a b"], ["b a"]) == 0.0
    assert divergence(["a"], ["b"]) == 1.0
    assert found(["a b c", "b c"], {("b", "c")}) == pytest.approx(2 / 3)
    assert found(["a"], set()) is None


def test_suspects_are_the_copies_and_then_the_nearest():
    bank = ["the big dog runs home", "a cat", "one more of them"]
    seen = sentences.prepare(Sets(fake=["nothing like it", "a cat", "the big dog runs away"], real=[], train=bank))
    assert sentences.suspects(seen, 2)[0] == (1, 1)
    assert (2, 0) in sentences.suspects(seen, 3)
    assert sentences.neighbours(seen, 3, 1)[2].tolist() == [0]
