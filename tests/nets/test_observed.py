"""p(x|z) over items of any spec: probabilities that add up, draws that follow them."""

import pytest
import torch

from reverie.core import Batch, Field, Spec
from reverie.nets.flat import Flat, Seen
from reverie.nets.observed import Observed

MIXED = Spec(
    "table",
    {
        "grey": Field((2,), low=-1, high=1, levels=5),
        "age": Field((), 0.0, 0.0, missing=True),
        "job": Field((), categories=3),
    },
)
COUNT = 40_000


def outputs() -> torch.Tensor:
    """Of one item: two greys, an age, three logits of the job."""
    return torch.tensor([[0.4, -1.0, 0.7, 0.0, 1.0, -1.0]], dtype=torch.float64)


def batch(grey, age, job, known=True) -> Batch:
    values = {
        "grey": torch.tensor([grey], dtype=torch.float64),
        "age": torch.tensor([age], dtype=torch.float64),
        "job": torch.tensor([job]),
    }
    return Batch(values, masks={"age": torch.tensor([known])})


@pytest.mark.parametrize("form", ["bernoulli", "gaussian", "logistic"])
def test_parts_add_up(form):
    """Each field's own log-likelihood, against torch.distributions where it has one; a gap costs nothing."""
    observed = Observed(Flat(MIXED), form)
    said, log_var = outputs(), torch.tensor([-2.0, 0.6][-len(observed.fields) :], dtype=torch.float64)
    seen = observed.flat.seen(batch([-1.0, 0.5], 1.5, 2))
    age = torch.distributions.Normal(0.7, torch.tensor(0.3).exp()).log_prob(torch.tensor(1.5))
    job = said[0, 3:].log_softmax(0)[2]
    x, mean = torch.tensor([0.0, 0.75], dtype=torch.float64), said[0, :2].sigmoid()
    grey = {
        "bernoulli": (x * mean.log() + (1 - x) * (1 - mean).log()).sum(),
        "gaussian": torch.distributions.Normal(mean, torch.tensor(-1.0, dtype=torch.float64).exp()).log_prob(x).sum(),
        "logistic": logistic(x, mean, -2.0).log().sum(),
    }[form]
    assert float(observed.log_p(seen, said, log_var)) == pytest.approx(float(grey + age + job), rel=1e-6)
    gap = observed.flat.seen(batch([-1.0, 0.5], 1.5, 2, known=False))
    assert float(observed.log_p(gap, said, log_var)) == pytest.approx(float(grey + job), rel=1e-6)


def logistic(x: torch.Tensor, mean: torch.Tensor, log_var: float) -> torch.Tensor:
    """Of five levels, by the distribution function alone."""
    scale = torch.tensor(log_var / 2, dtype=torch.float64).exp() * 3**0.5 / torch.pi
    above = torch.where(x > 0.99, torch.inf, (x + 0.125 - mean) / scale).sigmoid()
    below = torch.where(x < 0.01, -torch.inf, (x - 0.125 - mean) / scale).sigmoid()
    return above - below


@pytest.mark.parametrize("form", ["bernoulli", "gaussian", "logistic"])
def test_draws_follow_the_probabilities(form):
    """Within five standard errors, of 40,000."""
    observed = Observed(Flat(MIXED), form)
    log_var = torch.tensor([-2.0, 0.6][-len(observed.fields) :], dtype=torch.float64)
    noise = torch.randn(COUNT, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    said = outputs().expand(COUNT, 6)
    made = observed.drawn(said, log_var, noise)
    share = torch.bincount(made["job"], minlength=3) / COUNT
    assert torch.allclose(share.double(), said[0, 3:].softmax(0), atol=5 * 0.5 / COUNT**0.5)
    deviation = torch.tensor(0.3).exp()
    assert float(made["age"].mean()) == pytest.approx(0.7, abs=5 * float(deviation) / COUNT**0.5)
    assert float(made["age"].std()) == pytest.approx(float(deviation), rel=5 / (2 * COUNT) ** 0.5)
    grey, mean = (made["grey"] + 1) / 2, outputs()[0, :2].sigmoid()
    assert 0 <= float(grey.min()) <= float(grey.max()) <= 1
    if form == "bernoulli":
        assert set(grey.unique().tolist()) == {0.0, 1.0}
        assert torch.allclose(grey.mean(0), mean, atol=5 * 0.5 / COUNT**0.5)
    if form == "logistic":
        levels = torch.linspace(0, 1, 5, dtype=torch.float64)
        found = torch.stack([(grey[:, 0] - level).abs().lt(1e-6).double().mean() for level in levels])
        wanted = logistic(levels, mean[:1].expand(5), -2.0)
        assert torch.allclose(found, wanted, atol=5 * 0.5 / COUNT**0.5)
        assert float(found.sum()) == pytest.approx(1.0)


def test_pictures_take_the_short_way_to_the_same():
    """Where all numbers are alike and all are there, what is summed at once is what is summed one by one."""
    flat = Flat(Spec("image", {"image": Field((1, 2, 3), levels=8)}))
    x = torch.randint(8, (4, 6), generator=torch.Generator().manual_seed(0)).double() / 7
    said, there = torch.randn(4, 6, dtype=torch.float64), torch.ones(4, 6, dtype=torch.bool)
    for form in ("bernoulli", "gaussian", "logistic"):
        observed = Observed(flat, form)  # type: ignore[arg-type]
        log_var = torch.full((len(observed.fields),), -3.0, dtype=torch.float64)
        one, other = (observed.log_p(Seen(x, known), said, log_var) for known in (None, there))
        assert torch.allclose(one, other, rtol=1e-12)
