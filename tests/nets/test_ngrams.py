"""N-grams: each has a place of its own and counts once an item; their log-count ratios are naive Bayes."""

from math import log

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from reverie.nets.ngrams import Counted, Ngrams, Prior

GOOD, BAD, FILM, DULL = 2, 3, 4, 5
# good film; good good film | bad film; dull bad film
TEXTS = torch.tensor([[GOOD, FILM, 0], [GOOD, GOOD, FILM], [BAD, FILM, 0], [DULL, BAD, FILM]])
LENGTHS = torch.tensor([2, 3, 2, 3])
FIRST = torch.tensor([1, 1, 0, 0])
ONE_HOT = torch.stack([FIRST == 0, FIRST == 1], 1)


def learned(longest: int, places: int = 16, **more) -> tuple[Ngrams, torch.Tensor]:
    made = Ngrams(6, longest, places, 2, start=1.0, **more)
    return made, made.learn([Counted(TEXTS, LENGTHS, ONE_HOT)], 1.0, one=True)


def ratios(made: Ngrams) -> dict[int, list[float]]:
    used = made.codes < 2**63 - 1
    return dict(zip(made.codes[used].tolist(), made.ratios[used].tolist()))


def test_log_count_ratios_of_four_sentences_are_those_by_hand():
    """Counts once an item, 1 added to each of four words. First class: good 2+1, bad 0+1, film 2+1, dull 0+1, of 8 in
    all; second: good 1, bad 3, film 3, dull 2, of 9."""
    made, prior = learned(1)
    by_hand = {GOOD: (3 / 8) / (1 / 9), BAD: (1 / 8) / (3 / 9), FILM: (3 / 8) / (3 / 9), DULL: (1 / 8) / (2 / 9)}
    found = ratios(made)
    assert set(found) == set(by_hand)
    for word, (second, first) in found.items():
        assert first - second == pytest.approx(log(by_hand[word]), abs=1e-6)
        assert first == pytest.approx(-second)
    assert prior.tolist() == [0, 0]


def test_an_ngram_counts_once_an_item_and_none_reaches_beyond_its_end():
    made = Ngrams(6, 2, 16, 2)
    texts = torch.tensor([[GOOD, FILM, GOOD, FILM, GOOD], [GOOD, FILM, 0, 0, 0], [BAD, 0, 0, 0, 0]])
    codes, new = made.distinct(texts, torch.tensor([5, 2, 1]))
    found = [sorted(row[there].tolist()) for row, there in zip(codes, new)]
    assert found == [sorted([GOOD, FILM, 6 * GOOD + FILM, 6 * FILM + GOOD]), [GOOD, FILM, 6 * GOOD + FILM], [BAD]]


def test_all_ngrams_of_a_vocabulary_have_codes_of_their_own():
    """Of 1 to 3 tokens out of 5: 5 + 25 + 125."""
    made = Ngrams(6, 3, 16, 2)
    every = torch.cartesian_prod(*[torch.arange(1, 6)] * 3)
    codes, new = made.distinct(every, None)
    assert len(torch.unique(codes[new])) == 155


def test_text_of_fewer_tokens_than_an_ngram_has_its_tokens_alone():
    made, _ = learned(3)
    codes, new = made.distinct(torch.tensor([[GOOD], [0]]), torch.tensor([1, 0]))
    assert codes[new].tolist() == [GOOD]
    said = made(torch.tensor([[GOOD], [0]]), torch.tensor([1, 0]))
    assert said[0].tolist() == pytest.approx(ratios(made)[GOOD])
    assert said[1].tolist() == [0, 0]


def test_what_training_has_not_seen_says_nothing():
    made, _ = learned(2)
    unknown, known = torch.tensor([[1, 1, 1]]), torch.tensor([[GOOD, 1, FILM]])
    assert made(unknown, None).tolist() == [[0, 0]]
    both = torch.tensor(ratios(made)[GOOD]) + torch.tensor(ratios(made)[FILM])
    assert torch.allclose(made(known, None)[0], both)


def test_where_places_are_few_the_ngrams_in_most_items_have_them():
    """film is in four sentences, good, bad and both their pairs with film in two each, all else in one."""
    made, _ = learned(2, places=5)
    assert set(made.codes.tolist()) == {GOOD, BAD, FILM, 6 * GOOD + FILM, 6 * BAD + FILM}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("longest", "alpha"), [(1, 1.0), (2, 0.3), (3, 2.0)])
def test_with_weights_of_1_it_is_multinomial_naive_bayes(classes, longest, alpha):
    """On counts of 0 and 1, as scikit-learn has it, in float64; unlike classes, batch by batch."""
    g = torch.Generator().manual_seed(0)
    texts = torch.randint(1, 12, (90, 9), generator=g)
    lengths = torch.randint(1, 10, (90,), generator=g)
    label = (torch.rand(90, generator=g) ** 2 * classes).long()
    holds = torch.nn.functional.one_hot(label, classes).bool()
    made = Ngrams(12, longest, 2_000, classes, start=1.0).double()
    parts = (slice(0, 50), slice(50, 60))
    prior = made.learn((Counted(texts[p], lengths[p], holds[p]) for p in parts), alpha, one=True)
    words = [" ".join(f"w{t}" for t in row[:n]) for row, n in zip(texts.tolist(), lengths.tolist())]
    count = CountVectorizer(ngram_range=(1, longest), binary=True)
    peer = MultinomialNB(alpha=alpha).fit(count.fit_transform(words[:60]), label[:60].numpy())
    said = made(texts[60:], lengths[60:]) + prior
    wanted = peer.predict_log_proba(count.transform(words[60:]))
    assert np.allclose(said.log_softmax(1).detach().numpy(), wanted, atol=1e-6)


def test_each_of_several_labels_is_naive_bayes_by_itself():
    holds = torch.tensor([[True, True], [True, False], [False, False], [False, True]])
    made = Ngrams(6, 1, 16, 2, start=1.0).double()
    prior = made.learn([Counted(TEXTS, LENGTHS, holds)], 1.0, one=False)
    rows = np.zeros((4, 4))
    for row, (text, n) in enumerate(zip(TEXTS.tolist(), LENGTHS.tolist())):
        rows[row, [t - GOOD for t in text[:n]]] = 1
    said = (made(TEXTS, LENGTHS) + prior).detach().numpy()
    for k in range(2):
        log_p = MultinomialNB().fit(rows, holds[:, k].numpy()).predict_log_proba(rows)
        assert np.allclose(said[:, k], log_p[:, 1] - log_p[:, 0], atol=1e-6)


def test_a_label_that_never_or_always_holds_leaves_finite_numbers():
    holds = torch.tensor([[True, False]] * 4)
    made = Ngrams(6, 2, 16, 2, start=1.0)
    prior = made.learn([Counted(TEXTS, LENGTHS, holds)], 1.0, one=False)
    assert (made(TEXTS, LENGTHS) + prior).isfinite().all()
    assert prior[0] > 0 > prior[1]


def test_ngrams_that_are_found_only_are_summed_with_weights_that_start_at_0():
    made = Ngrams(6, 2, 16, 1)
    made.find([Counted(TEXTS, LENGTHS, ONE_HOT[:, :1])])
    assert made(TEXTS, LENGTHS).abs().max() == 0
    made.weight.data.fill_(1.0)
    assert made(TEXTS, LENGTHS)[:, 0].tolist() == [3, 4, 3, 5]  # good good film: good, film, good good, good film


def test_vectors_are_summed_over_the_root_of_their_number():
    made, _ = learned(1, vectors=3)
    place = {code: k for k, code in enumerate(made.codes.tolist())}
    wanted = (made.vectors.weight[place[GOOD]] + made.vectors.weight[place[FILM]]) / 2**0.5
    assert torch.allclose(made(TEXTS, LENGTHS)[1, 2:], wanted)


def test_the_gradient_is_that_of_finite_differences():
    made, _ = learned(2)
    made = made.double()
    weight = made.weight.detach().clone().requires_grad_(True)

    def said(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(made, {"weight": weight}, (TEXTS, LENGTHS))

    assert torch.autograd.gradcheck(said, weight)


def test_a_prior_is_added_to_every_members_answer():
    prior = Prior(2, 3)
    prior.bias.data = torch.arange(6.0).view(2, 3)
    assert torch.equal(prior(torch.ones(4, 2, 3)), prior.bias.expand(4, 2, 3) + 1)


def test_a_vocabulary_whose_ngrams_64_bits_cannot_tell_apart_is_refused():
    with pytest.raises(ValueError, match=r"span 9: too long for a vocabulary of 30,000\. Pass 4"):
        Ngrams(30_000, 9, 16, 2)
