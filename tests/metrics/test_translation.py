"""BLEU and chrF against arithmetic by hand and sacreBLEU's own scores; intervals against what they promise."""

from math import exp, log

import pytest
import sacrebleu
import torch

from reverie.metrics import wilson
from reverie.metrics.translation import bleu, chrf, closeness, exact, language

TRUTH = ["the cat is on the mat", "a dog runs over green grass", "Two men sit ."]
SAID = ["the cat sat on the mat", "a dog runs over the grass", "Two men sit ."]


def test_bleu_is_what_is_found_by_hand():
    """the cat sat on the mat | the cat is on the mat: of 6 words 5, of 5 pairs 3, of 4 threes 1, of 3 fours none, which
    counts as a half. a dog runs over the grass | a dog runs over green grass: 5 of 6, 3 of 5, 2 of 4, 1 of 3."""
    said, truth = SAID[:2], TRUTH[:2]
    shares = (5 + 5) / 12, (3 + 3) / 10, (1 + 2) / 8, (0 + 1) / 6
    assert bleu(said, truth).value == pytest.approx(100 * exp(sum(map(log, shares)) / 4))


def test_a_short_translation_is_punished_by_the_ratio_of_the_lengths():
    """Everything it says is right: 4 words of 6."""
    assert bleu(["the cat is on"], ["the cat is on the mat"]).value == pytest.approx(100 * exp(1 - 6 / 4))


def test_chrf_is_what_is_found_by_hand():
    """abc | abd: of 3 letters 2, of 2 pairs 1, of 1 three none; precision and recall are alike: their mean."""
    assert chrf(["abc"], ["abd"]).value == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)
    assert closeness("abc", "abd") == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)


def test_the_scores_are_those_of_sacrebleu():
    assert bleu(SAID, TRUTH).value == pytest.approx(sacrebleu.corpus_bleu(SAID, [TRUTH]).score)
    assert chrf(SAID, TRUTH).value == pytest.approx(sacrebleu.corpus_chrf(SAID, [TRUTH]).score)
    assert closeness(SAID[1], TRUTH[1]) == pytest.approx(sacrebleu.sentence_chrf(SAID[1], [TRUTH[1]]).score)


def test_the_truth_scores_all_and_case_counts():
    assert bleu(TRUTH, TRUTH).value == pytest.approx(100)
    assert chrf(TRUTH, TRUTH).value == pytest.approx(100)
    assert bleu([s.upper() for s in TRUTH], TRUTH).value < 20


def test_the_reference_is_the_source_as_it_is():
    copied = ["a b c d", "a dog runs over green grass", "x"]
    assert bleu(SAID, TRUTH, copied).reference == pytest.approx(bleu(copied, TRUTH).value)
    assert chrf(SAID, TRUTH, copied).reference == pytest.approx(chrf(copied, TRUTH).value)
    assert bleu(SAID, TRUTH).reference is None


def test_the_protocol_holds_what_sacrebleu_signs():
    said = bleu(SAID, TRUTH).protocol
    for word in ("nrefs:1", "case:mixed", "tok:13a", "smooth:exp", f"version:{sacrebleu.__version__}"):
        assert word in said
    assert "nc:6|nw:0" in chrf(SAID, TRUTH).protocol
    assert "tok:zh" in bleu(SAID, TRUTH, language="zh-CN").protocol
    assert "tok:char" in bleu(SAID, TRUTH, language="ja").protocol


def test_the_interval_of_sentences_that_are_all_or_nothing_is_that_of_their_share():
    """Of 400 sentences of one length, right are a drawn half: with every order's share p, BLEU is 100 p, and the
    bootstrap draws p from a binomial, whose middle 95 % Wilson's interval is: alike to 0.4, a share's step being 0.25
    and the quantile of 1,000 draws sure to about as much."""
    held = torch.rand(400, generator=torch.Generator().manual_seed(3)) < 0.5
    truth = [f"a{k} b{k} c{k} d{k} e{k}" for k in range(400)]
    said = [t if right else "v w x y z" for t, right in zip(truth, held)]
    found = bleu(said, truth)
    assert found.value == pytest.approx(100 * float(held.double().mean()))
    assert (found.low, found.high) == pytest.approx([100 * x for x in wilson(int(held.sum()), 400)], abs=0.4)
    assert bleu(said, truth) == found  # its chance is its own, and always the same


def test_the_order_of_sentences_changes_no_score():
    assert bleu(SAID[::-1], TRUTH[::-1]).value == pytest.approx(bleu(SAID, TRUTH).value)


def test_the_share_that_is_exact_has_wilsons_interval():
    found = exact(["a", "b ", "C"], ["a", "b", "c"])
    assert (found.name, found.value, found.low, found.high) == ("exact_match_3", 2 / 3, *wilson(2, 3))


@pytest.mark.parametrize(("said", "truth"), [([], []), (["a"], ["a", "b"])])
def test_other_numbers_of_sentences_are_refused(said, truth):
    with pytest.raises(ValueError, match="one of each"):
        bleu(said, truth)


def test_an_empty_translation_scores_nothing():
    assert (bleu([""], ["a b c d e"]).value, chrf([""], ["abc"]).value) == (0, 0)


def test_a_language_is_known_where_the_codec_says_it():
    class Two:
        languages = ("en", "ja")

    assert (language(Two()), language(object())) == ("ja", "")
