"""Layers of latents: a prior that is what it says, a posterior that is a product of what it should be."""

import torch

from reverie.nets.ladder import Ladder, product


def test_one_layer_is_a_code_drawn_from_what_the_encoder_says():
    ladder, bottom, noise = Ladder([3], 8), torch.randn(5, 6), torch.randn(5, 3)
    code, mu, log_var = ladder(bottom, noise)
    assert torch.equal(mu, bottom[:, :3])
    assert torch.equal(log_var, bottom[:, 3:])
    assert torch.allclose(code, mu + (0.5 * log_var).exp() * noise)
    assert torch.equal(ladder.latents(code), code)
    assert not list(ladder.parameters())


def test_codes_of_the_prior_are_latents_of_the_generative_model():
    """z_3 normal, z_2 given z_3, z_1 given z_2: the same by hand."""
    torch.manual_seed(0)
    ladder = Ladder([2, 3, 1], 4)
    code = torch.randn(7, 6)
    z = code[:, 5:]
    for down, eps in zip(reversed(ladder.down), (code[:, 2:5], code[:, :2])):
        mu, log_var = down(z).chunk(2, 1)
        z = mu + (0.5 * log_var).exp() * eps
    assert torch.allclose(ladder.latents(code), z)


def test_a_posterior_is_the_product_of_two_normals():
    """Against the density on a grid: prior N(0.5, 0.8²), item's N(-1, 0.3²)."""
    z = torch.linspace(-8, 8, 40_001, dtype=torch.float64)
    normal = torch.distributions.Normal
    density = (normal(0.5, 0.8).log_prob(z) + normal(-1.0, 0.3).log_prob(z)).exp()
    density /= density.sum()
    mean = (density * z).sum()
    deviation = (density * (z - mean).square()).sum().sqrt()
    item, prior = (torch.tensor([[m, s]], dtype=torch.float64) for m, s in ((-1.0, 0.3), (0.5, 0.8)))
    mu, log_var = product(item[:, :1], 2 * item[:, 1:].log(), prior[:, :1], 2 * prior[:, 1:].log())
    assert torch.allclose(0.5 + 0.8 * mu, mean, atol=1e-8)
    assert torch.allclose(0.8 * (0.5 * log_var).exp(), deviation, atol=1e-8)


def test_where_the_item_says_nothing_the_posterior_is_the_prior():
    mu, log_var = product(*(torch.tensor([[x]]) for x in (3.0, 60.0, 0.5, -1.0)))
    assert torch.allclose(mu, torch.zeros(1, 1), atol=1e-6)
    assert torch.allclose(log_var, torch.zeros(1, 1), atol=1e-6)


def test_what_is_drawn_is_what_the_mean_and_variance_say():
    """The code of noise e is mu + sigma e, layer by layer: with no noise the means."""
    torch.manual_seed(0)
    ladder, bottom = Ladder([2, 2], 0), torch.randn(3, 4)
    code, mu, _ = ladder(bottom, torch.zeros(3, 4))
    assert torch.equal(code, mu)
