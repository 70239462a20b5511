"""The class-conditional residual networks: what each block sees, and how they are cut to any size."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.class_resnet import ClassDiscriminator, ClassGenerator, Down, Flat, Form, Up, check, multiples, shares
from reverie.nets.norm import BatchNorm2d
from reverie.nets.self_attention import SelfAttention

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
FORM = Form(latents=10, width=4, classes=3, shared=5, hierarchical=True, attention=1)


def generator(form=FORM, shape=(1, 28, 28), seed=0):
    torch.manual_seed(seed)
    return ClassGenerator(form, shape).double()


def weight(layer):
    return layer.weight / layer.sigma()


def norm(layer, x, c):
    """Batch norm by hand with a gain and a bias from c."""
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    gain, bias = (c @ weight(part).t() for part in (layer.gain, layer.bias))
    return (x - mean) / (var + 1e-5).sqrt() * (1 + gain)[:, :, None, None] + bias[:, :, None, None]


def test_the_generators_block_is_the_papers():
    """Norm, ReLU, upsampling, convolution, norm, ReLU, convolution; beside it upsampling and a 1×1 convolution."""
    torch.manual_seed(0)
    block = Up(6, 4, (10, 8), 5, 0).double()
    x, c = torch.randn(3, 6, 5, 4, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    y = F.interpolate(F.relu(norm(block.norm1, x, c)), scale_factor=2)
    y = F.conv2d(y, weight(block.conv1), block.conv1.bias, padding=1)
    y = F.conv2d(F.relu(norm(block.norm2, y, c)), weight(block.conv2), block.conv2.bias, padding=1)
    side = F.conv2d(F.interpolate(x, scale_factor=2), weight(block.shortcut), block.shortcut.bias)
    torch.testing.assert_close(block(x, c), y + side, **CLOSE)


@pytest.mark.parametrize("first", [False, True])
def test_the_discriminators_block_is_the_papers(first):
    torch.manual_seed(0)
    block = Down(3, 5, first).double()
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    y = F.conv2d(x if first else F.relu(x), weight(block.conv1), block.conv1.bias, padding=1)
    y = F.avg_pool2d(F.conv2d(F.relu(y), weight(block.conv2), block.conv2.bias, padding=1), 2)
    side = F.avg_pool2d(F.conv2d(x, weight(block.shortcut), block.shortcut.bias), 2)
    torch.testing.assert_close(block(x), y + side, **CLOSE)


def test_the_last_block_adds_to_its_input():
    torch.manual_seed(0)
    block, x = Flat(4).double(), torch.randn(2, 4, 5, 5, dtype=torch.float64)
    before = x.clone()
    y = F.conv2d(F.relu(x), weight(block.conv1), block.conv1.bias, padding=1)
    y = F.conv2d(F.relu(y), weight(block.conv2), block.conv2.bias, padding=1)
    torch.testing.assert_close(block(x), x + y, **CLOSE)
    assert torch.equal(x, before)


def test_every_block_sees_the_class_vector_and_its_own_part_of_z_only():
    """28×28 has a base and two blocks: z falls into parts of 4, 3 and 3."""
    net = generator()
    z, label = torch.randn(6, 10, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    seen = {}
    for name, layer in net.named_modules():
        if isinstance(layer, Up):
            layer.register_forward_pre_hook(lambda _, args, name=name: seen.__setitem__(name, args[1]))
    net.linear.register_forward_pre_hook(lambda _, args: seen.__setitem__("linear", args[0]))
    net(z, label)
    y = net.shared.weight[label]
    assert torch.equal(seen["linear"], z[:, :4])
    assert torch.equal(seen["blocks.0"], torch.cat([y, z[:, 4:7]], 1))
    assert torch.equal(seen["blocks.1"], torch.cat([y, z[:, 7:]], 1))
    # and the base's part reaches the picture by no other way: with the linear layer cut off it changes nothing
    net.linear.weight.requires_grad_(False).mul_(1e-12)
    net.eval()
    moved = z.clone()
    moved[:, :4] += 1
    net.linear.bias.data.normal_()
    net.linear.forward = lambda x: net.linear.bias.expand(len(x), -1)
    assert torch.equal(net(z, label), net(moved, label))


def test_without_parts_every_block_sees_the_class_alone_and_the_base_all_of_z():
    net = generator(Form(latents=10, width=4, classes=3))
    assert net.parts == [10]
    assert net.shared is None
    gains = [m.norm1.gain for m in net.blocks]
    assert all(isinstance(g, nn.Embedding) and g.num_embeddings == 3 for g in gains)
    assert net(torch.randn(4, 10).double(), torch.tensor([0, 1, 2, 0])).shape == (4, 1, 28, 28)


def test_without_classes_nothing_knows_of_them():
    for form in (Form(latents=10, width=4), Form(latents=10, width=4, shared=5, hierarchical=True)):
        net, critic = generator(form), ClassDiscriminator(form, (1, 28, 28)).double()
        assert not [m for net in (net, critic) for m in net.modules() if isinstance(m, nn.Embedding)]
        x = net(torch.randn(4, 10).double(), None)
        assert critic(x, None).shape == (4,)


def test_the_label_moves_both_networks():
    net, z = generator().eval(), torch.randn(2, 10, dtype=torch.float64)
    a, b = (net(z, torch.full((2,), k)) for k in (0, 1))
    assert (a - b).abs().max() > 1e-6
    critic = ClassDiscriminator(FORM, (1, 28, 28)).double()
    c, d = (critic(a, torch.full((2,), k)) for k in (0, 1))
    assert (c - d).abs().max() > 1e-6


def test_features_are_summed_over_places():
    """A picture of a larger size that looks the same everywhere, inside, has a larger sum: not the mean's."""
    critic = ClassDiscriminator(Form(latents=10, width=4), (1, 32, 32)).double()
    kept = {}
    critic.head.register_forward_pre_hook(lambda _, args: kept.__setitem__("h", args[0]))
    critic.blocks.register_forward_hook(lambda _, args, out: kept.__setitem__("map", out))
    critic(torch.randn(2, 1, 32, 32, dtype=torch.float64), None)
    torch.testing.assert_close(kept["h"], kept["map"].clamp(min=0).sum((2, 3)), **CLOSE)
    assert kept["map"].shape[2:] == (4, 4)


@pytest.mark.parametrize("tapered", [True, False])
@pytest.mark.parametrize("size", [(28, 28), (16, 16), (31, 45), (40, 56), (96, 64), (33, 129)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_is_made_exactly_and_judged(size, channels, tapered):
    form = Form(latents=10, width=1, classes=2, attention=1, tapered=tapered)
    shape = (channels, *size)
    check(form, shape)
    net, critic = ClassGenerator(form, shape), ClassDiscriminator(form, shape)
    label = torch.tensor([0, 1])
    with torch.no_grad():
        x = net(torch.randn(2, 10), label)
        assert x.shape == (2, *shape)
        assert x.abs().max() <= 1
        assert critic(x, label).shape == (2,)


def test_attention_stands_where_maps_are_halved_as_often_as_asked():
    for level in (1, 2, 3):
        form, sizes = Form(latents=10, width=1, attention=level), {}
        nets = {"generator": ClassGenerator(form, (3, 64, 96)), "critic": ClassDiscriminator(form, (3, 64, 96))}
        for name, net in nets.items():
            (layer,) = (m for m in net.modules() if isinstance(m, SelfAttention))
            layer.register_forward_pre_hook(
                lambda _, args, name=name, kept=sizes: kept.__setitem__(name, args[0].shape[2:])
            )
        with torch.no_grad():
            nets["critic"](nets["generator"](torch.randn(2, 10), None), None)
        assert sizes["generator"] == sizes["critic"] == (64 >> level, 96 >> level)


def test_the_last_norm_knows_no_class():
    assert type(generator().norm) is BatchNorm2d


def test_widths_are_the_papers():
    """Brock et al. 2019, tables 4 to 6: 128, 256 and 512 px."""
    form = Form(latents=10, width=96)
    assert multiples(form, 5) == (1, 2, 4, 8, 16)
    assert multiples(form, 6) == (1, 2, 4, 8, 8, 16)
    assert multiples(form, 7) == (1, 1, 2, 4, 8, 8, 16)
    assert multiples(Form(latents=10, width=96, tapered=False), 3) == (4, 4, 4)
    assert shares(120, 6) == [20] * 6
    assert shares(10, 3) == [4, 3, 3]


@pytest.mark.parametrize(
    ("form", "shape", "says"),
    [
        (Form(10, 4, attention=2), (1, 28, 28), "attention 2: of 28x28 .* Pass --attention 1, or 0 for none"),
        (Form(10, 4, attention=-1), (1, 28, 28), "attention -1: .* Pass --attention 1, or 0"),
        (Form(2, 4, hierarchical=True), (1, 28, 28), "latents 2: 28x28 takes 3 parts of them. Pass 3 or more"),
        (Form(10, 4, classes=2, hierarchical=True), (1, 28, 28), "shared 0: .* Pass --shared 128"),
    ],
)
def test_what_can_not_be_is_refused_with_the_cure(form, shape, says):
    with pytest.raises(ValueError, match=says):
        check(form, shape)
