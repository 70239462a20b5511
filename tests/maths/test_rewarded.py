"""Learning from a reward is as the paper has it."""

import pytest
import torch

from reverie.maths.rewarded import augmented


def test_the_loss_is_the_square_of_what_is_missing():
    prior, agent, score = torch.tensor([-20.0, -30.0]), torch.tensor([-22.0, -10.0]), torch.tensor([0.5, 0.0])
    assert augmented(prior, agent, score, 60.0).tolist() == [(-20 + 30 + 22) ** 2, (-30 + 10) ** 2]


def test_its_gradient_is_the_papers_and_reaches_the_agent_alone():
    """d/dθ of (U - log P_A)² is -2 (U - log P_A) d log P_A/dθ."""
    logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    drawn = torch.tensor([0, 3, 2, 2])
    agent = logits.log_softmax(1)[torch.arange(4), drawn]
    prior, score = torch.randn(4, dtype=torch.float64), torch.rand(4, dtype=torch.float64)
    augmented(prior, agent, score, 7.0).sum().backward()
    missing = (prior + 7.0 * score - agent).detach()
    by_hand = -2 * missing[:, None] * (torch.nn.functional.one_hot(drawn, 5) - logits.detach().softmax(1))
    assert logits.grad.numpy() == pytest.approx(by_hand.numpy(), abs=1e-12)


def test_at_its_minimum_what_is_missing_of_an_item_goes_with_its_probability():
    """Over all items of a small set, each once, the derivative by a logit is 0 where r_j = p_j Σ r, r being log P_prior
    + σ·S - log P_A: the probabilities of all items sum to 1, so that not every r can be 0."""
    torch.manual_seed(0)
    prior = torch.randn(6, dtype=torch.float64).log_softmax(0)
    score, sigma = torch.tensor([0, 0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64), 3.0
    logits = prior.clone().requires_grad_(True)
    steps = torch.optim.Adam([logits], lr=0.05)
    for _ in range(2000):
        steps.zero_grad()
        augmented(prior, logits.log_softmax(0), score, sigma).sum().backward()
        steps.step()
    reached = logits.log_softmax(0).detach()
    missing = prior + sigma * score - reached
    assert (missing.sum() * reached.exp()).numpy() == pytest.approx(missing.numpy(), abs=1e-3)
