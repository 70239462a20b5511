"""Penalties on gradients against mathematics."""

import pytest
import torch
from torch import nn

from reverie.maths.penalties import gradient_penalty, path_lengths, zero_centred_penalty


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def quadratic(x):
    """D(x) = |x|² / 2, whose gradient is x: the penalty is (|x̂| - 1)²."""
    return x.flatten(1).square().sum(1) / 2


@pytest.mark.parametrize("shape", [(5, 1), (5, 7), (5, 2, 3, 4)])
def test_of_a_quadratic_critic_is_the_distance_of_the_mixed_point_from_the_sphere(shape):
    real, fake = double(*shape), double(*shape, seed=1)
    eps = torch.rand(5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mixed = torch.stack([e * a + (1 - e) * b for e, a, b in zip(eps, real, fake)])
    expected = (mixed.flatten(1).norm(dim=1) - 1) ** 2
    torch.testing.assert_close(gradient_penalty(quadratic, real, fake, eps), expected, rtol=1e-12, atol=1e-12)


def test_eps_one_is_the_real_point_and_eps_zero_the_fake_one():
    real, fake = double(4, 3), double(4, 3, seed=1)
    at_real = gradient_penalty(quadratic, real, fake, torch.ones(4, dtype=torch.float64))
    at_fake = gradient_penalty(quadratic, real, fake, torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(at_real, (real.norm(dim=1) - 1) ** 2, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(at_fake, (fake.norm(dim=1) - 1) ** 2, rtol=1e-12, atol=1e-12)


def test_of_a_line_and_its_derivative_in_the_slope():
    """D(x) = a·x: (|a| - 1)² everywhere, whose derivative is 2 (|a| - 1) a / |a|."""
    a = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ a, double(6, 2), double(6, 2, seed=1), torch.full((6,), 0.3).double())
    torch.testing.assert_close(penalty, torch.full((6,), 16.0, dtype=torch.float64), rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(penalty.sum(), a)
    torch.testing.assert_close(slope, 6 * 2 * 4 * a.detach() / 5, rtol=1e-12, atol=0)


def test_a_flat_critic_has_penalty_one_and_a_finite_derivative():
    a = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ a, double(3, 2), double(3, 2, seed=1), torch.rand(3, dtype=torch.float64))
    assert penalty.tolist() == [1.0, 1.0, 1.0]
    (slope,) = torch.autograd.grad(penalty.sum(), a)
    assert slope.tolist() == [0.0, 0.0]


def critic_of(first, bias, second):
    return lambda x: nn.functional.softplus(x.flatten(1) @ first + bias) @ second


def test_first_and_second_derivatives_in_the_critics_weights_are_right():
    real, fake = double(3, 2, 2), double(3, 2, 2, seed=1)
    eps = torch.rand(3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    weights = [double(4, 5, seed=3), double(5, seed=4), double(5, seed=5)]
    weights = [w.requires_grad_() for w in weights]

    def penalty(*weights):
        return gradient_penalty(critic_of(*weights), real, fake, eps)

    assert torch.autograd.gradcheck(penalty, weights)
    assert torch.autograd.gradgradcheck(penalty, weights)


def test_derivatives_through_convolutions_and_leaky_relus_are_right():
    """The networks' own layers, in place and channels-last. Leaky ReLUs are straight in pieces, so the first only."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(2, 3, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(3, 1, 2))
    critic = critic.double().to(memory_format=torch.channels_last)
    real, fake, eps = double(3, 2, 4, 4), double(3, 2, 4, 4, seed=1), torch.full((3,), 0.4).double()
    weights = dict(critic.named_parameters())

    def penalty(*values):
        def call(x):
            return torch.func.functional_call(critic, dict(zip(weights, values)), x).flatten()

        return gradient_penalty(call, real, fake, eps)

    assert torch.autograd.gradcheck(penalty, [w.detach().requires_grad_() for w in weights.values()])


def test_no_gradient_reaches_real_or_fake():
    real, fake = double(3, 2).requires_grad_(), double(3, 2, seed=1).requires_grad_()
    a = torch.ones(2, dtype=torch.float64, requires_grad=True)
    gradient_penalty(lambda x: x.square() @ a, real, fake, torch.rand(3, dtype=torch.float64)).sum().backward()
    assert real.grad is None
    assert fake.grad is None
    assert a.grad is not None


def test_it_can_be_taken_where_gradients_are_off():
    real, fake, eps = double(3, 2), double(3, 2, seed=1), torch.rand(3, dtype=torch.float64)
    with torch.no_grad():
        off = gradient_penalty(quadratic, real, fake, eps)
    torch.testing.assert_close(off, gradient_penalty(quadratic, real, fake, eps), rtol=0, atol=0)


def test_items_do_not_mix():
    real, fake, eps = double(6, 3), double(6, 3, seed=1), torch.linspace(0, 1, 6).double()
    whole = gradient_penalty(quadratic, real, fake, eps)
    parts = [gradient_penalty(quadratic, real[k : k + 1], fake[k : k + 1], eps[k : k + 1]) for k in range(6)]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-12, atol=0)


# ------------------------------------------------------------------------------------------------- R1 and path lengths


def test_r1_of_a_quadratic_critic_is_the_squared_distance_from_its_centre():
    """D(x) = |x|² / 2 has the gradient x. What the critic says comes along."""
    real = double(5, 2, 3, 4)
    penalty, said = zero_centred_penalty(quadratic, real)
    torch.testing.assert_close(penalty, real.square().flatten(1).sum(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(said, quadratic(real), rtol=0, atol=0)
    assert not real.requires_grad


def test_r1_equals_finite_differences_of_the_critic_and_its_derivatives_those_of_itself():
    """Central differences err by step² / 6 times a third derivative: 1e-5 leaves 1e-9 of numbers near 1."""
    real, step = double(3, 2, 2), 1e-5
    weights = [double(4, 5, seed=3), double(5, seed=4), double(5, seed=5)]
    penalty, _ = zero_centred_penalty(critic_of(*weights), real)
    moves = torch.eye(4, dtype=torch.float64).view(4, 2, 2) * step
    critic = critic_of(*weights)
    slopes = torch.stack([(critic(real + move) - critic(real - move)) / (2 * step) for move in moves])
    torch.testing.assert_close(penalty, slopes.square().sum(0), rtol=1e-7, atol=1e-9)
    weights = [w.requires_grad_() for w in weights]
    assert torch.autograd.gradcheck(lambda *w: zero_centred_penalty(critic_of(*w), real)[0], weights)


def test_path_lengths_equal_finite_differences_of_the_picture():
    """‖Jᵀy‖² over layers, by moving each number of each item's code; a picture of 4·3 places and codes of 2 layers."""
    codes, noise, step = double(3, 2, 4), double(3, 2, 4, 3, seed=1), 1e-5
    first, second = double(8, 6, seed=2), double(6, 24, seed=3)

    def made(w):
        return (torch.tanh(w.flatten(1) @ first) @ second).view(-1, 2, 4, 3)

    moves = torch.eye(8, dtype=torch.float64).view(8, 2, 4) * step
    shifts = torch.stack([(made(codes + move) - made(codes - move)) / (2 * step) for move in moves])  # (8, B, C, H, W)
    along = (shifts * noise).flatten(2).sum(2) / 12**0.5  # Jᵀy / √places
    expected = (along.square().sum(0) / 2).sqrt()
    w = codes.clone().requires_grad_()
    torch.testing.assert_close(path_lengths(made(w), w, noise), expected, rtol=1e-7, atol=1e-9)


def test_a_path_lengths_derivative_is_that_of_its_finite_differences():
    codes, noise = double(2, 2, 3), double(2, 1, 2, 2, seed=1)
    first, second = double(6, 5, seed=2).requires_grad_(), double(5, 4, seed=3).requires_grad_()

    def lengths(first, second):
        w = codes.clone().requires_grad_()
        return path_lengths((torch.tanh(w.flatten(1) @ first) @ second).view(-1, 1, 2, 2), w, noise)

    assert torch.autograd.gradcheck(lengths, (first, second))


def test_a_picture_that_does_not_hang_on_its_code_has_length_zero_and_a_finite_derivative():
    weight, w = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True), double(2, 1, 3).requires_grad_()
    lengths = path_lengths((w.flatten(1) @ weight).view(2, 1, 2, 2), w, double(2, 1, 2, 2, seed=1))
    assert lengths.tolist() == [0.0, 0.0]
    (slope,) = torch.autograd.grad(lengths.sum(), weight)
    assert slope.isfinite().all()
