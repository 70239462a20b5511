"""The worked example in CONTRIBUTING.md is true: the family that it adds works, and its test can fail."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

import reverie
from reverie import catalog

PAGE = Path(reverie.__file__).parents[2] / "CONTRIBUTING.md"
NAME = "reverie.models.autoencoders.ppca"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def load(name: str, file: Path):
    spec = spec_from_file_location(name, file)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path):
    model, test = tmp_path / "autoencoders" / "ppca.py", tmp_path / "test_ppca.py"
    model.parent.mkdir()
    for file, text in zip((model, test), blocks(), strict=True):
        file.write_text(text, encoding="utf-8")
    yield model, test
    for name in (NAME, "test_ppca"):
        sys.modules.pop(name, None)


def test_the_catalog_reads_the_example(files, monkeypatch):
    monkeypatch.setattr(catalog, "MODELS", files[0].parents[1])
    (family,) = catalog.families()
    assert (family.name, family.wing, family.abilities) == ("ppca", "autoencoders", ("sample", "score"))
    assert family.sets == ("paper", "tiny")
    assert all(s.comment for s in family.fields())


def test_the_example_passes_its_own_test(files):
    load(NAME, files[0])
    load("test_ppca", files[1]).test_training_reaches_the_closed_form_maximum()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("self.log_variance.exp()", "(1 + self.log_variance.exp())"),  # a floor under sigma² that nobody asked for
        ("self.mean, self.loading,", "0 * self.mean, self.loading,"),  # mu forgotten
        ("self.mean, self.loading,", "self.mean, 0 * self.loading,"),  # W forgotten
        ("-self.density().log_prob(x),", "self.density().log_prob(x),"),  # a likelihood of the wrong sign
    ],
)
def test_the_examples_test_catches_a_slip(files, right, wrong):
    text = files[0].read_text()
    assert right in text
    files[0].write_text(text.replace(right, wrong, 1))
    load(NAME, files[0])
    test = load("test_ppca", files[1]).test_training_reaches_the_closed_form_maximum
    with pytest.raises(AssertionError):
        test()


def test_the_example_samples_what_its_spec_says(files):
    module = load(NAME, files[0])
    made = module.Config.tiny().config
    spec = module.Config.paper().training.spec
    model = module.PPCA(made, spec)
    noise = torch.stack([model.noise(torch.Generator().manual_seed(i), None) for i in range(4)])
    x = model.sample(noise, {}, None)["image"]
    assert tuple(x.shape) == (4, 1, 28, 28)
    assert x.abs().max() <= 1
