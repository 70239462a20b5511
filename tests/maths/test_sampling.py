"""Sampling options against their definitions by brute force, and draws against their frequencies."""

from itertools import accumulate

import pytest
import torch
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import jaxtyped

from reverie.maths import sampling

probabilities, keep_top_k, keep_top_p, inverse_cdf = (
    jaxtyped(typechecker=beartype)(f)
    for f in (sampling.probabilities, sampling.keep_top_k, sampling.keep_top_p, sampling.inverse_cdf)
)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
rows = st.lists(st.integers(-32, 32).map(lambda n: n / 4), min_size=1, max_size=9)  # equal or well apart
heights = st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda w: sum(w) > 1e-9)


def by_definition(logits: list[float], temperature: float, top_k: int, top_p: float) -> list[float]:
    """One row, in words: the k likeliest (ties with the last stay), of these the fewest that hold top_p (likewise)."""
    kept = list(range(len(logits)))
    if top_k:
        least = sorted(logits, reverse=True)[min(top_k, len(logits)) - 1]
        kept = [i for i in kept if logits[i] >= least]
    weights = {i: torch.tensor(logits[i] / temperature, dtype=torch.float64).exp().item() for i in kept}
    p = {i: w / sum(weights.values()) for i, w in weights.items()}
    if top_p < 1:
        ordered = sorted(p.values(), reverse=True)
        sums = list(accumulate(ordered))
        enough = next((n for n, s in enumerate(sums) if s >= top_p), len(sums) - 1)
        p = {i: x for i, x in p.items() if x >= ordered[enough]}
    return [p.get(i, 0.0) / sum(p.values()) for i in range(len(logits))]


@settings(deadline=None, max_examples=300)
@given(rows, st.floats(0.2, 5), st.integers(0, 10), st.sampled_from([0.05, 0.3, 0.55, 0.9, 0.999, 1.0]))
def test_probabilities_are_those_of_the_definition(logits, temperature, top_k, top_p):
    exact = torch.tensor(by_definition(logits, temperature, top_k, top_p), dtype=torch.float64)
    found = probabilities(torch.tensor([logits], dtype=torch.float64), temperature, top_k, top_p)[0]
    if not torch.equal(exact > 0, found > 0):  # where the nucleus ends exactly at top_p, rounding decides
        p = torch.tensor(by_definition(logits, temperature, top_k, 1.0), dtype=torch.float64)
        sums = p.sort(descending=True).values.cumsum(0)
        assert (sums - top_p).abs().min() < 1e-12
    else:
        torch.testing.assert_close(found, exact, **CLOSE)


@settings(deadline=None, max_examples=100)
@given(rows, st.sampled_from([0.05, 0.3, 0.9, 1.0]))
def test_min_p_keeps_tokens_of_at_least_that_share_of_the_likeliest_s_probability(logits, share):
    whole = probabilities(torch.tensor([logits], dtype=torch.float64))[0].tolist()
    kept = [p if p >= share * max(whole) * (1 - 1e-12) else 0.0 for p in whole]
    found = probabilities(torch.tensor([logits], dtype=torch.float64), min_p=share)[0]
    near = any(abs(p - share * max(whole)) < 1e-12 for p in whole if p < max(whole))  # rounding decides
    if not near:
        torch.testing.assert_close(found, torch.tensor([p / sum(kept) for p in kept], dtype=torch.float64), **CLOSE)


def test_one_row_does_not_see_another():
    logits = torch.randn(5, 11, generator=torch.Generator().manual_seed(0))
    whole = probabilities(logits, 0.7, 6, 0.8)
    for row, alone in zip(whole, logits):
        assert torch.equal(row, probabilities(alone[None], 0.7, 6, 0.8)[0])


def test_top_k_keeps_exactly_k_where_none_are_equal():
    logits = torch.tensor([[0.1, 3.0, -1.0, 2.0, 2.5]])
    for k in range(1, 6):
        kept = keep_top_k(logits, k).isfinite()[0]
        assert kept.tolist() == [x in sorted(logits[0].tolist())[-k:] for x in logits[0].tolist()]


def test_the_nucleus_is_the_smallest_set_that_holds_the_mass():
    p = torch.tensor([[0.1, 0.5, 0.15, 0.25]], dtype=torch.float64)
    expected = {0.4: [1], 0.5: [1], 0.51: [1, 3], 0.75: [1, 3], 0.76: [1, 2, 3], 0.95: [0, 1, 2, 3]}
    for mass, tokens in expected.items():
        kept = keep_top_p(p, mass)[0]
        assert kept.nonzero()[:, 0].tolist() == tokens
        torch.testing.assert_close(kept[tokens], p[0, tokens] / p[0, tokens].sum(), **CLOSE)


@pytest.mark.parametrize("temperature", [0.0, 1e-320, 1e-30, 1e-6])
def test_a_vanishing_temperature_takes_the_likeliest(temperature):
    logits = torch.tensor([[1.0, 3.0, 2.0], [-700.0, -600.0, -900.0]])
    assert probabilities(logits, temperature).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert probabilities(torch.zeros(1, 4), temperature).tolist() == [[0.25] * 4]


def test_a_high_temperature_is_uniform():
    p = probabilities(torch.tensor([[1.0, 3.0, 2.0]]), 1e9)
    torch.testing.assert_close(p, torch.full((1, 3), 1 / 3))


@pytest.mark.parametrize(
    "how",
    [(-1.0, 0, 1.0), (float("nan"), 0, 1.0), (float("inf"), 0, 1.0), (1.0, -1, 1.0), (1.0, 0, 0.0), (1.0, 0, 1.1)],
)
def test_values_out_of_range_are_refused(how):
    with pytest.raises(ValueError, match="pass a temperature"):
        probabilities(torch.zeros(1, 3), *how)


@settings(deadline=None, max_examples=200)
@given(heights, st.floats(0, 1, exclude_max=True))
def test_a_draw_is_the_first_token_whose_running_sum_exceeds_the_uniform(weights, uniform):
    p = torch.tensor([weights], dtype=torch.float64)
    sums = p.cumsum(1)[0]
    exact = next(i for i, s in enumerate(sums.tolist()) if s > uniform * float(sums[-1]))
    assert inverse_cdf(p, torch.tensor([uniform], dtype=torch.float64)).item() == exact
    assert weights[exact] > 0


def test_the_ends_of_the_unit_interval_draw_tokens_that_can_occur():
    p = torch.tensor([[0.0, 0.3, 0.0, 0.7, 0.0]]).repeat(2, 1)
    almost = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert inverse_cdf(p, almost).tolist() == [1, 3]


def test_draws_have_their_frequencies():
    """Pearson's chi-square over 9 tokens that can occur: 8 degrees of freedom. It exceeds 39.3 with probability 4.3e-6,
    were the seed drawn anew."""
    n = 200_000
    p = probabilities(torch.linspace(-3, 2, 12)[None], temperature=1.3, top_k=9)
    uniform = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    counts = inverse_cdf(p.expand(n, -1), uniform).bincount(minlength=12).double()
    expected = n * p[0].double()
    assert counts[expected == 0].sum() == 0
    can = expected > 0
    assert int(can.sum()) == 9
    chi_square = ((counts - expected)[can].square() / expected[can]).sum()
    assert chi_square < 39.3
    assert chi_square > 0.2  # 8 degrees fall below it with probability 4e-6: draws are not the table itself


def test_a_large_vocabulary_keeps_its_rare_tokens():
    """Sums in float32 over 50,000 tokens would lose those of probability 1e-8."""
    p = torch.full((1, 50_257), 1e-8)
    p[0, 0] = 1.0
    total = p.double().sum()
    uniform = ((1 + 1e-8 * (49_999.5)) / total).to(torch.float64)
    assert inverse_cdf(p, uniform[None]).item() == pytest.approx(50_000, abs=1)
