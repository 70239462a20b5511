"""Extractors by name and from one's own networks: what they are fed, what they are called, what they refuse."""

import pickle
import sys
import types
from hashlib import sha256

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reverie.core import Batch, Field, Spec
from reverie.errors import Problem
from reverie.metrics import features
from reverie.metrics.features.inception import bicubic
from reverie.metrics.scores import inception_score
from reverie.models.predictors.convolutional import Config, Convolutional


def pictures(count=5, size=(28, 20), channels=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *size, channels), generator=g).numpy().astype(np.uint8)


class Net(nn.Module):
    def __init__(self, outputs=7, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Conv2d(3, outputs, 3, 2), nn.BatchNorm2d(outputs), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, x):
        return self.body(x).mean((2, 3))


# ----------------------------------------------------------------------------------------------------------- one's own


def test_a_module_of_ones_own_sees_resized_pictures_in_its_range():
    x = pictures()
    found = features.of_module(nn.Flatten(), "flat", 9, -1.0, 1.0)
    expected = features.resized(features.pixels(x), 9) / 127.5 - 1
    torch.testing.assert_close(found(x), expected.flatten(1), rtol=1e-6, atol=1e-6)
    assert found.dim == 3 * 81
    assert isinstance(found, features.Extractor)
    assert features.named(found) is found


def test_a_picture_of_the_modules_size_is_not_touched():
    x = pictures(2, (9, 9))
    assert torch.equal(features.of_module(nn.Flatten(), "flat", 9, 0.0, 255.0)(x), features.pixels(x).flatten(1))


def test_a_module_judges_in_eval_mode_and_as_it_was_when_it_was_given():
    net, x = Net(), pictures(30)
    extractor = features.of_module(net, "mine", 16)
    first = extractor(x)
    net.body[0].weight.data.zero_()
    assert net.training
    assert torch.equal(extractor(x), first)
    torch.testing.assert_close(extractor(x[:1]), first[:1], rtol=1e-5, atol=1e-6)  # batch norm by what was stored


def test_the_name_tells_networks_weights_sizes_and_ranges_apart():
    """Else the cache would give one's features for another's."""
    nets = [features.of_module(Net(seed=seed), "mine", 16) for seed in (0, 0, 1)]
    others = [features.of_module(Net(), *how) for how in (("yours", 16), ("mine", 17), ("mine", 16, -1.0, 1.0))]
    assert nets[0].name == nets[1].name
    assert len({e.name for e in [*nets, *others]}) == 5
    assert nets[0].name.startswith("mine-")
    assert nets[0].name.endswith("-in16-bilinear-aa-range0to1")


@pytest.mark.parametrize(
    ("module", "name", "side", "match"),
    [
        (nn.Identity(), "a", 8, r"a: gave \(2, 3, 8, 8\) for two pictures; a module must map \(N, 3, 8, 8\) floats to"),
        (nn.Conv2d(1, 4, 3), "a", 8, "a: failed on a trial of two pictures"),
        (nn.Flatten(), "", 8, "'': not a name"),
        (nn.Flatten(), "../up", 8, r"'\.\./up': not a name"),
        (nn.Flatten(), "a", 0, "side 0: a picture has at least 1 pixel"),
    ],
)
def test_a_module_that_cannot_serve_is_one_line(module, name, side, match):
    with pytest.raises(Problem, match=match) as caught:
        features.of_module(module, name, side)
    assert "\n" not in str(caught.value)


def test_an_empty_range_is_one_line():
    with pytest.raises(Problem, match="range 1 to 1: empty"):
        features.of_module(nn.Flatten(), "a", 8, 1.0, 1.0)


# ---------------------------------------------------------------------------------------------------------- classifiers


class Classifier(nn.Module):
    """As reverie's `convolutional`: features of a batch, and logits."""

    def __init__(self, classes=4):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(28 * 20, 6), nn.Linear(6, classes)

    def features(self, batch):
        return self.body(batch["image"].flatten(1)).relu()

    def predict(self, batch):
        return self.head(self.features(batch))


def encode(images):
    if images.shape[1:] != (28, 20, 1):
        raise Problem(f"pictures {images.shape}: not 28 × 20")
    return Batch({"image": torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1})


def test_a_classifier_gives_features_and_probabilities():
    net, x = Classifier().eval(), pictures(60, channels=1)
    found = features.of_classifier(net, encode, "clothes", x[:2])
    assert isinstance(found, features.Extractor)
    assert (found.dim, found.classes) == (6, 4)
    with torch.no_grad():
        torch.testing.assert_close(found(x), net.features(encode(x)))
        torch.testing.assert_close(found.probabilities(x), net.predict(encode(x)).softmax(1))
    assert found.name.startswith("clothes-")
    assert found.name.endswith("-pool6")


def test_reveries_own_classifier_serves():
    """`convolutional` of small colour pictures: what it says in a batch is what its extractor says."""
    spec = Spec("image", {"image": Field((3, 12, 12), levels=256)}, {"label": Field((), categories=5)})
    model = Convolutional(Config.tiny().config, spec).eval()
    x = pictures(30, (12, 12))

    def fed(images):
        return Batch({"image": torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1})

    found = features.of_classifier(model, fed, "own", x[:1])
    with torch.no_grad():
        torch.testing.assert_close(found(x), model.features(fed(x)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.probabilities(x), model.predict(fed(x)).softmax(1), rtol=1e-4, atol=1e-5)
    assert found.classes == 5
    assert 1 <= inception_score(found.probabilities(x)).value <= 5


def test_other_weights_are_another_classifier():
    one, two = Classifier().eval(), Classifier().eval()
    two.head.bias.data += 1
    names = {features.of_classifier(net, encode, "c", pictures(1, channels=1)).name for net in (one, two)}
    assert len(names) == 2


def test_a_classifier_that_cannot_serve_is_one_line():
    x = pictures(2, channels=1)
    with pytest.raises(Problem, match="c: the network is in training mode"):
        features.of_classifier(Classifier(), encode, "c", x)
    with pytest.raises(Problem, match=r"c-\w{8}: gave .* answers \(2, 1\) for 2 pictures. Take a classifier of 2"):
        features.of_classifier(Classifier(1).eval(), encode, "c", x)
    with pytest.raises(Problem, match="not 28 × 20"):
        features.of_classifier(Classifier().eval(), encode, "c", x)(pictures(2, (9, 9), 1))


# --------------------------------------------------------------------------------------------------------------- names


def test_names_give_their_extractors():
    assert features.named("default", 28) is features.default(28)
    assert features.named("default", 100).name == features.default(128).name


@pytest.mark.parametrize(
    ("what", "match"),
    [
        ("resnet", "'resnet': no such extractor. Pass one of default, inception, inception-clean"),
        (Net(), r"Net: a network without a name or an input size. Pass features.of_module\(Net, name, side\)"),
        (3, "int: not an extractor"),
    ],
)
def test_what_is_no_extractor_is_one_line(what, match):
    with pytest.raises(Problem, match=match):
        features.named(what)


@pytest.mark.parametrize("name", ["inception", "inception-clean"])
def test_inception_without_weights_names_the_command_that_brings_them(name, tmp_path):
    with pytest.raises(Problem, match=r"w\.pth: Inception's weights are not there. Run: curl .* -o .*w\.pth https://"):
        features.named(name, weights=tmp_path / "w.pth")


# ----------------------------------------------------------------------------------------------------------- inception


class Theirs(nn.Module):
    """The outside of torch-fidelity's class: layers up to AvgPool and one after, a file of weights, uint8 pictures."""

    def __init__(self, name, wanted, weights):
        super().__init__()
        self.MaxPool_1, self.Mixed_7c = nn.MaxPool2d(23), nn.Conv2d(3, 2048, 1)
        self.AvgPool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 2)
        self.load_state_dict(torch.load(weights, weights_only=False))

    def forward(self, x):
        assert x.dtype == torch.uint8
        return (self.AvgPool(self.Mixed_7c(self.MaxPool_1((x.float() - 128) / 128))).flatten(1),)


@pytest.fixture
def fidelity(monkeypatch, tmp_path):
    """An environment where torch-fidelity is importable, and a file of weights."""
    package, module = types.ModuleType("torch_fidelity"), types.ModuleType("extractor")
    module.FeatureExtractorInceptionV3 = Theirs
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)
    torch.manual_seed(0)
    layers = {"Mixed_7c": nn.Conv2d(3, 2048, 1), "fc": nn.Linear(2048, 2)}
    torch.save({f"{k}.{name}": v for k, m in layers.items() for name, v in m.state_dict().items()}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_the_two_protocols_have_two_names_that_say_other_weights(fidelity):
    digest = sha256(fidelity.read_bytes()).hexdigest()[:8]
    names = [features.named(name, weights=fidelity).name for name in ("inception", "inception-clean")]
    assert names == [
        f"inception-v3-compat-torch-fidelity-weights-{digest}",
        f"inception-v3-clean-fid-pil-bicubic-aa-weights-{digest}",
    ]


def test_the_networks_last_layer_is_left_out_and_floats_are_not_rounded(fidelity):
    """The clean protocol's features of a picture that is resized are those of floats, to float32's rounding."""
    extractor = features.named("inception-clean", weights=fidelity)
    weights = torch.load(fidelity, weights_only=True)
    x = (bicubic(features.pixels(pictures(3)), 299) - 128) / 128
    assert not torch.equal(x * 128, (x * 128).round())
    expected = F.conv2d(F.max_pool2d(x, 23), weights["Mixed_7c.weight"], weights["Mixed_7c.bias"]).mean((2, 3))
    torch.testing.assert_close(extractor(pictures(3)), expected, rtol=1e-4, atol=1e-5)


def test_the_original_protocol_hands_on_whole_numbers(fidelity):
    extractor, x = features.named("inception", weights=fidelity), pictures(3, (46, 46))
    assert torch.equal(extractor(x.astype(np.uint16) * 257), extractor(x))


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code was run')",)


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(Evil()), pickle.dumps({"a": 1})])
def test_weights_that_are_none_are_one_line_and_run_nothing(fidelity, content):
    fidelity.write_bytes(content)
    with pytest.raises(Problem, match=r"w\.pth: not Inception's weights .* Bring the published file: curl") as caught:
        features.named("inception", weights=fidelity)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(28, 20), (400, 310)])
def test_the_clean_resize_is_bicubic_and_anti_aliased(size):
    """Against torch's own of the same kernel (a = -1/2). Places among 400 pixels are rounded to 400 · 2⁻²³ of a pixel,
    and a pixel may differ from the next by 255: 0.012. Another kernel or aliasing moves pixels by whole levels."""
    x = features.pixels(pictures(2, size))
    theirs = F.interpolate(x, size=(299, 299), mode="bicubic", antialias=True).clamp(0, 255)
    torch.testing.assert_close(bicubic(x, 299), theirs, rtol=0, atol=400 * 2**-23 * 255)


def test_the_clean_resize_does_not_overshoot():
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 255
    found = bicubic(features.pixels(edge), 299)
    assert (float(found.min()), float(found.max())) == (0, 255)
