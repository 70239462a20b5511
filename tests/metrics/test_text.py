"""Measures of text, against counts by hand and known models."""

from math import log, log2

import pytest
import torch

from reverie.metrics import Sets, judge, text


def test_bits_per_character_of_a_uniform_model_is_the_log_of_its_alphabet():
    assert text.bits_per_character(100 * log(8), 100) == pytest.approx(3)
    assert text.bits_per_byte(100 * log(8), 200) == pytest.approx(1.5)


def test_no_characters_are_an_error():
    with pytest.raises(ValueError, match="0 characters"):
        text.bits_per_character(1.0, 0)


@pytest.mark.parametrize(("n", "expected"), [(1, 3 / 6), (2, 3 / 4), (3, 1), (4, 0)])
def test_distinct_counts_runs_within_a_text(n, expected):
    """a b a | b a c: words a b c; pairs ab, ba, ba, ac."""
    assert text.distinct(["a b a", "b a c"], n) == pytest.approx(expected)


def test_trimming_cuts_at_the_word_and_the_character():
    assert text.trimmed(["a b  c", "d e"], 4) == ["a b c", "d"]
    assert text.cut(["abc", "de"], 4) == ["abc", "d"]
    assert text.trimmed(["a"], 0) == text.cut(["a"], 0) == []


def test_the_bigram_model_is_its_counts_with_one_added():
    """'aab': pairs aa, ab; alphabet a, b and one more: p(a|a) = 2/5, p(a|b) = 1/3, p(z|a) = 1/5."""
    model = text.Bigrams(["aab"])
    assert model.bits(["aa"]) == pytest.approx(-log2(2 / 5))
    assert model.bits(["ba"]) == pytest.approx(-log2(1 / 3))
    assert model.bits(["az", "aa"]) == pytest.approx(-(log2(1 / 5) + log2(2 / 5)) / 2)


def test_the_bigram_model_is_a_distribution():
    model = text.Bigrams(["the quick brown fox"])
    total = sum(2 ** -model.bits(["q" + c]) for c in {*"the quick brown fox", "?"})
    assert total == pytest.approx(1)


def test_the_bigram_model_reaches_the_entropy_of_its_own_process():
    """Characters drawn evenly from four: 2 bits, within 4 standard errors (the spread of a count over 20,000) and the
    cost of learning 16 shares, (16 / 2) log2(n) / n bits."""
    g = torch.Generator().manual_seed(0)
    letters = ["".join("abcd"[i] for i in torch.randint(4, (20_000,), generator=g).tolist()) for _ in range(2)]
    assert text.Bigrams(letters[:1]).bits(letters[1:]) == pytest.approx(2, abs=0.01)


def test_nothing_to_predict_is_an_error():
    with pytest.raises(ValueError, match="nothing to predict"):
        text.Bigrams(["ab"]).bits(["a", ""])


def test_divergence_is_zero_to_oneself_one_to_a_stranger_and_symmetric():
    assert text.divergence(["abcab"], ["abcab"]) == 0
    assert text.divergence(["abab"], ["xyxy"]) == pytest.approx(1, abs=1e-15)
    assert text.divergence(["abab", "aab"], ["bba"]) == pytest.approx(text.divergence(["bba"], ["abab", "aab"]))
    assert text.divergence([], ["ab"]) == 1


def test_divergence_by_hand():
    """Pairs ab, ba against ab, ab: (1/2)(1/2 log 1/2÷3/4 + 1/2 log 1/2÷1/4) + (1/2) log 1÷3/4."""
    expected = 0.5 * (0.5 * log2(2 / 3) + 0.5 * log2(2)) + 0.5 * log2(4 / 3)
    assert text.divergence(["ab", "ba"], ["ab", "ab"]) == pytest.approx(expected)


REAL = ["the cat sat on the mat and the dog sat on the log", "a bird in the hand is worth two in the bush"] * 3


def judged(real, fake, train=(), untrained=None):
    return judge("text", text.prepare(Sets(fake, real, list(train), untrained=untrained)))


def scrambled(texts, seed=0):
    g = torch.Generator().manual_seed(seed)
    return ["".join(t[i] for i in torch.randperm(len(t), generator=g).tolist()) for t in texts]


def test_scrambled_text_scores_worse_than_the_floor():
    found = {m.name: m for m in judged(REAL[:2], scrambled(REAL[2:4]), REAL[4:], ["zzzz " * 20])}
    (name,) = [name for name in found if name.startswith("bigram_js_")]
    assert found[name].floor == pytest.approx(0, abs=1e-12)
    assert found[name].floor < found[name].value < found[name].reference <= 1


def test_repetition_lowers_distinct_n_below_the_floor():
    found = {m.name: m for m in judged(REAL[:2], ["the the the the the"] * 4)}
    assert found["distinct_1"].value == pytest.approx(1 / 20)
    assert found["distinct_1"].floor > 0.5
    assert "first 20 words" in found["distinct_1"].protocol


@pytest.mark.parametrize("fake", [[], [""], ["", " "]])
def test_empty_samples_give_no_numbers_that_need_words(fake):
    assert [m for m in judged(REAL, fake) if m.name.startswith("distinct")] == []


def test_the_text_that_was_copied_is_the_nearest():
    bank = ["once upon a time there was a king", "it was the best of times", "call me ishmael"]
    found = text.nearest(["and call me ishmael again", "upon a time there"], bank, 2)
    assert found[:, 0].tolist() == [2, 0]
    assert text.nearest(["x"], [["abc"], ["x"]], 5).tolist() == [[1, 0]]


def test_the_cheap_measure_is_lower_for_likelier_text():
    name, good = text.cheap(REAL, REAL[:2])
    assert name == "bigram_js"
    assert good < text.cheap(REAL, scrambled(REAL[:2]))[1]


def test_one_text_has_no_interval():
    real = ["to be or not to be, that is the question: whether it is nobler in the mind to suffer"] * 3
    (found,) = [m for m in judged(real, real[:1], real) if m.name == "copied_32"]
    assert (found.value, found.low, found.high) == (1.0, None, None)
