"""Networks that grow: at each end of a fade they are the smaller and the larger network."""

from math import sqrt

import pytest
import torch
from torch.nn import functional as F

from reverie.nets.equalised import minibatch_deviation, pixel_norm
from reverie.nets.growing import GrowingCritic, GrowingGenerator, doubled, growth, halved, nearest, seen

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
SIZES = growth((24, 16), 4)  # 6×4, 12×8, 24×16
WIDTHS = [6, 5, 4]


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def generator(channels=3, sizes=SIZES, widths=WIDTHS):
    torch.manual_seed(0)
    return moved(GrowingGenerator(7, channels, sizes, widths))


def critic(channels=3, sizes=SIZES, widths=WIDTHS):
    torch.manual_seed(1)
    return moved(GrowingCritic(channels, sizes, widths))


def moved(network):
    """Away from biases of zero."""
    for name, p in network.named_parameters():
        if "bias" in name:
            p.data.normal_(0, 0.3)
    return network.double()


def at_size(network, k):
    """The network as it would be built for size k, with the same weights."""
    if isinstance(network, GrowingGenerator):
        small = generator(3, SIZES[: k + 1], WIDTHS[: k + 1])
    else:
        small = critic(3, SIZES[: k + 1], WIDTHS[: k + 1])
    state = network.state_dict()
    small.load_state_dict({name: state[name] for name in small.state_dict()})
    return small


# ------------------------------------------------------------------------------------------------------------- fade-in


@pytest.mark.parametrize("k", [1, 2])
def test_at_the_beginning_of_a_fade_the_generator_is_the_smaller_one_doubled(k):
    g, z = generator(), double(3, 7)
    smaller = at_size(g, k - 1)(z, k - 1.0)
    assert torch.equal(g(z, k - 1.0), smaller)
    torch.testing.assert_close(g(z, k - 1 + 1e-13), doubled(smaller), **CLOSE)


@pytest.mark.parametrize("k", [1, 2])
def test_at_the_end_of_a_fade_the_generator_is_the_larger_one(k):
    g, z = generator(), double(3, 7)
    larger = g.pictures[k](g.ups[k - 1](g.ups[0](g.start(z)) if k == 2 else g.start(z)))
    assert torch.equal(g(z, float(k)), larger)
    torch.testing.assert_close(g(z, k - 1e-13), larger, **CLOSE)


@pytest.mark.parametrize("k", [1, 2])
def test_at_the_beginning_of_a_fade_the_critic_is_the_smaller_one_of_the_halved_picture(k):
    d, x = critic(), double(4, 3, *SIZES[k])
    smaller = at_size(d, k - 1)(halved(x), k - 1.0)
    assert torch.equal(d(halved(x), k - 1.0), smaller)
    torch.testing.assert_close(d(x, k - 1 + 1e-13), smaller, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("k", [1, 2])
def test_at_the_end_of_a_fade_the_critic_is_the_larger_one(k):
    d, x = critic(), double(4, 3, *SIZES[k])
    y = F.leaky_relu(d.pictures[k](x), 0.2)
    for j in range(k, 0, -1):
        y = d.downs[j - 1](y)
    torch.testing.assert_close(d(x, float(k)), d.end(y), **CLOSE)
    torch.testing.assert_close(d(x, k - 1e-13), d.end(y), rtol=1e-10, atol=1e-10)


def test_within_a_fade_pictures_and_the_critic_s_maps_are_blended_in_proportion():
    g, d, z = generator(), critic(), double(4, 7)
    small, large = doubled(g(z, 0.0)), g(z, 1.0)
    torch.testing.assert_close(g(z, 0.3), 0.7 * small + 0.3 * large, **CLOSE)
    x = double(4, 3, *SIZES[1])
    of_small, of_large = F.leaky_relu(d.pictures[0](halved(x)), 0.2), d.downs[0](F.leaky_relu(d.pictures[1](x), 0.2))
    torch.testing.assert_close(d(x, 0.3), d.end(0.7 * of_small + 0.3 * of_large), **CLOSE)


def test_real_pictures_are_blended_as_made_ones_are():
    x = double(2, 3, 24, 16)
    assert torch.equal(seen(x, 2.0, 3), x)
    torch.testing.assert_close(seen(x, 1.0, 3), halved(x), **CLOSE)
    torch.testing.assert_close(seen(x, 0.0, 3), halved(halved(x)), **CLOSE)
    torch.testing.assert_close(seen(x, 1.25, 3), 0.75 * doubled(halved(x)) + 0.25 * x, **CLOSE)
    assert [seen(x, g, 3).shape[2:] for g in (0.0, 0.1, 1.0, 1.1)] == [(6, 4), (12, 8), (12, 8), (24, 16)]


@pytest.mark.parametrize("grown", [0.0, 0.4, 1.0, 1.7, 2.0])
def test_the_whole_is_what_has_grown_at_the_full_size(grown):
    g, z = generator(), double(3, 7)
    y = g(z, grown)
    while y.shape[2:] != SIZES[-1]:
        y = doubled(y)
    torch.testing.assert_close(g.whole(z, torch.tensor(grown, dtype=torch.float64)), y, **CLOSE)


@pytest.mark.parametrize("grown", [0.0, 0.4, 1.0, 1.7, 2.0])
def test_what_has_not_begun_to_grow_takes_no_part(grown):
    g, d = generator(), critic()
    y = g(double(3, 7), grown)
    d(y, grown).sum().backward()
    begun = {0.0: 0, 0.4: 1, 1.0: 1, 1.7: 2, 2.0: 2}[grown]
    shown = {begun - 1, begun} if grown % 1 else {begun}
    for network, steps in ((g, g.ups), (d, d.downs)):
        for k, step in enumerate(steps, start=1):
            assert all((p.grad is not None) == (k <= begun) for p in step.parameters())
        for k, layer in enumerate(network.pictures):
            assert all((p.grad is not None) == (k in shown) for p in layer.parameters())


# -------------------------------------------------------------------------------------------------------------- layers


def plain(layer, x, padding=1):
    weight = layer.weight * sqrt(2 / (layer.weight[0].numel()))
    return F.conv2d(x, weight, layer.bias, padding=padding)


def test_layers_are_those_of_table_2_one_after_the_other():
    """Written out with torch's own functions: weights scaled by He's constant, leaky ReLUs, pixel norm."""
    g, z = generator(sizes=SIZES[:2], widths=WIDTHS[:2]), double(3, 7)

    def tail(x):
        x = F.leaky_relu(x, 0.2)
        return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()

    unit = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    x = (unit @ g.start.dense.weight.t() * sqrt(2 / (7 * 24))).view(3, 6, 6, 4)
    x = tail(plain(g.start.conv, tail(x + g.start.bias)))
    x = tail(plain(g.ups[0].conv1, doubled(x)))
    x = tail(plain(g.ups[0].conv2, x))
    rgb = g.pictures[1]
    x = F.conv2d(x, rgb.weight / sqrt(5), rgb.bias)
    torch.testing.assert_close(g(z, 1.0), x, **CLOSE)


def test_the_critic_s_layers_are_the_generator_s_in_reverse_and_see_the_batch_s_deviation():
    d, x = critic(sizes=SIZES[:2], widths=WIDTHS[:2]), double(4, 3, 12, 8)
    y = F.leaky_relu(plain(d.pictures[1], x, 0), 0.2)
    y = F.leaky_relu(plain(d.downs[0].conv1, y), 0.2)
    y = F.leaky_relu(F.avg_pool2d(plain(d.downs[0].conv2, y), 2), 0.2)
    spread = ((y - y.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    y = torch.cat([y, spread.expand(4, 1, 6, 4)], 1)
    y = F.leaky_relu(plain(d.end.conv, y), 0.2).flatten(1)
    y = F.leaky_relu(y @ d.end.dense.weight.t() * sqrt(2 / (6 * 24)) + d.end.dense.bias, 0.2)
    y = y @ d.end.out.weight.t() / sqrt(6) + d.end.out.bias
    torch.testing.assert_close(d(x, 1.0), y[:, 0], **CLOSE)


def test_noise_is_put_on_its_sphere():
    g, z = generator(), double(3, 7)
    torch.testing.assert_close(g(z, 2.0), g(z * 5, 2.0), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(g.start(z), g.start(pixel_norm(z)), rtol=1e-7, atol=1e-7)


def test_the_critic_judges_a_picture_by_its_company():
    """The same pictures among their likes and among others: only the deviation can tell."""
    d, x = critic(), double(1, 3, 24, 16)
    alike, apart = d(x.expand(4, -1, -1, -1), 2.0), d(torch.cat([x, double(3, 3, 24, 16, seed=5)]), 2.0)
    assert (alike[0] - apart[0]).abs() > 1e-3
    y = double(4, 6, 6, 4)
    torch.testing.assert_close(d.end.conv(minibatch_deviation(y)).shape, y.shape)


# --------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("size", "base", "sizes"),
    [
        ((28, 28), 4, [(7, 7), (14, 14), (28, 28)]),
        ((40, 56), 4, [(5, 7), (10, 14), (20, 28), (40, 56)]),
        ((96, 64), 4, [(6, 4), (12, 8), (24, 16), (48, 32), (96, 64)]),
        ((28, 28), 14, [(14, 14), (28, 28)]),
        ((1024, 1024), 4, [(2**k, 2**k) for k in range(2, 11)]),
    ],
)
def test_sizes_double_up_to_the_picture_s(size, base, sizes):
    assert growth(size, base) == sizes


@pytest.mark.parametrize(
    ("size", "found"),
    [((30, 30), (32, 32)), ((28, 30), (28, 28)), ((65, 64), (64, 64)), ((9, 9), (8, 8)), ((33, 21), (34, 22))],
)
def test_a_size_that_does_not_halve_is_refused_with_the_nearest_that_does(size, found):
    given, cure = ("x".join(map(str, s)) for s in (size, nearest(size, 4)))
    with pytest.raises(ValueError, match=f"{given}: can't be halved .* Pass the nearest: --size {cure}"):
        growth(size, 4)
    assert growth(nearest(size, 4), 4)[-1] == nearest(size, 4)
    assert sum(abs(a - b) for a, b in zip(nearest(size, 4), size)) <= sum(abs(a - b) for a, b in zip(found, size))
