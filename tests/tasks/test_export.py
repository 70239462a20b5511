"""Files for other programs: the same output, nothing lost, nothing said of the machine that made them."""

import json
import os
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from reverie.catalog import find
from reverie.core import Field, Model, Spec, Update
from reverie.errors import NoRoom, Problem
from reverie.kinds import DataOptions
from reverie.models.autoregressive.gpt import GPT
from reverie.tasks import export as exporting
from reverie.tasks import onnx as onnx_files
from reverie.tasks.export import TOLERANCE, difference, export, exported
from reverie.training.build import model_class
from reverie.training.fit import fit
from reverie.training.run import Run
from reverie.training.seeds import generator
from toys import lines

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "pictures.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (40, 28, 36, 3), dtype=np.uint8))
    return file


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "words.txt"
    file.write_text("so much depends upon a red wheel barrow\n" * 60, encoding="utf-8")
    return file


def trained(data, model, folder, **more) -> Run:
    return fit(data, model, out=folder, steps=3, set="tiny", training={"batch": 8}, **more)


@pytest.fixture(scope="module")
def gpt(words, tmp_path_factory) -> Run:
    return trained(words, "gpt", tmp_path_factory.mktemp("gpt") / "run")


@pytest.fixture
def fresh_gpt(words, tmp_path) -> Run:
    return trained(words, "gpt", tmp_path / "run")


def session(file):
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


# ------------------------------------------------------------------------------------------------------------- outputs


@pytest.mark.parametrize("model", ["vae", "dcgan", "wgan_gp"])
def test_a_generator_gives_the_same_pictures_for_any_number_of_them(model, pictures, tmp_path):
    run = trained(pictures, model, tmp_path / "run")
    made = exported(run, "onnx")
    file = made.files[0]
    assert file == run.path / "model.onnx"
    network = session(file)
    assert [(i.name, i.shape[0]) for i in network.get_inputs()] == [("noise", "batch")]
    for count in (1, 2, 17):
        noise = torch.stack([run.model.noise(generator("test", i), None) for i in range(count)])
        (image,) = network.run(["image"], {"noise": noise.numpy()})
        with torch.no_grad():
            ours = run.model.sample(noise, {}, None)["image"]
        assert image.shape == (count, 3, 28, 36)
        assert difference(ours, torch.from_numpy(image)) <= TOLERANCE
    assert 0 <= made.difference <= TOLERANCE
    said = json.loads((run.path / "model.onnx.json").read_text())
    assert said["check"]["difference"] == made.difference
    assert (said["inputs"][0]["shape"], said["outputs"]) == (["batch", *noise.shape[1:]], ["image"])
    assert said["inputs"][0]["deviation"] == pytest.approx(float(noise.std()), rel=0.2)
    weights = {t.name.split(".")[1] for t in onnx.load(file).graph.initializer if t.name.startswith("model.")}
    assert weights == {"decoder" if model == "vae" else "generator"}  # the other network does not travel


def test_a_transformer_leaves_as_tokens_to_logits_of_any_length(words, tmp_path):
    run = trained(words, "gpt", tmp_path / "run")
    file = export(run, "onnx", tmp_path / "model.onnx")
    network = session(file)
    assert [(i.name, i.shape) for i in network.get_inputs()] == [("tokens", ["batch", "length"])]
    vocabulary, ours = run.spec.only[1].categories, run.model.network().module
    for shape in ((1, 1), (4, 7), (2, 16)):
        tokens = torch.randint(vocabulary, shape, generator=generator("test"))
        (logits,) = network.run(None, {"tokens": tokens.numpy()})
        with torch.no_grad():
            assert difference(ours(tokens), torch.from_numpy(logits)) <= TOLERANCE
    said = json.loads((tmp_path / "model.onnx.json").read_text())
    assert said["codec"] == run.codec.to_json()
    assert said["inputs"][0]["longest"] == {"length": 16}


def test_a_recurrent_model_leaves_as_tokens_to_logits_of_its_windows_length(words, tmp_path):
    run = trained(words, "recurrent_lm", tmp_path / "run")
    network = session(export(run, "onnx", tmp_path / "model.onnx"))
    assert [(i.name, i.shape) for i in network.get_inputs()] == [("tokens", ["batch", 16])]
    tokens = torch.randint(run.spec.only[1].categories, (3, 16), generator=generator("test"))
    (logits,) = network.run(None, {"tokens": tokens.numpy()})
    with torch.no_grad():
        assert difference(run.model.network().module(tokens), torch.from_numpy(logits)) <= TOLERANCE


@pytest.mark.parametrize("name", ["gpt", "recurrent_lm"])
def test_a_model_that_is_told_a_class_does_not_leave_without_it(name):
    family, (spec, _) = find(name), lines()
    model = model_class(family.load())(family.load().Config.tiny().config, spec)
    with pytest.raises(Problem, match=r"^--format onnx: .*told more than tokens.*--format safetensors"):
        model.network()


def test_a_predictor_leaves_as_item_to_prediction(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.integers(0, 256, (60, 28, 28), dtype=np.uint8), y=np.arange(60) % 3)
    run = trained(tmp_path / "d.npz", "convolutional", tmp_path / "run", options=DataOptions(kind="image"))
    (prediction,) = session(export(run, "onnx")).run(None, {"image": np.zeros((4, 1, 28, 28), np.float32)})
    ours = onnx_files.Predictor(run.model)(torch.zeros(4, 1, 28, 28))
    assert difference(ours, torch.from_numpy(prediction)) <= TOLERANCE


def test_weights_travel_bit_for_bit_and_make_the_model_again(gpt, tmp_path):
    file = export(gpt, "safetensors", tmp_path / "model.safetensors")
    said = json.loads((tmp_path / "model.safetensors.json").read_text())
    module = gpt.family.load()
    config = module.Config(**said["config"])
    again = GPT(config, Spec.from_json(said["spec"]))
    again.load_state_dict(load_file(file))
    tokens = torch.zeros(1, 5, dtype=torch.int64)
    with torch.no_grad():
        assert torch.equal(again.eval().transformer(tokens), gpt.model.transformer(tokens))
    assert said["parameters"] == {"transformer": sum(p.numel() for p in gpt.model.parameters())}


@dataclass(frozen=True)
class Shift:
    """A sampling option."""

    by: float = 0.5


class Labelled(Model):
    """Noise, plus a row for each class: conditioned, with sampling options and two fields."""

    conditions = ("label",)

    def __init__(self):
        super().__init__()
        label = Field((), categories=3)
        self.spec = Spec("pair", {"a": Field((4,)), "b": Field((2,))}, {"label": label})
        self.rows, self.layer = nn.Embedding(3, 4), nn.Linear(4, 2)

    def optimizers(self):
        return {"adam": torch.optim.Adam(self.parameters())}

    def updates(self) -> list[Update]:
        return []

    def noise(self, generator, how):
        return torch.randn(4, generator=generator)

    def sample(self, noise, condition, how):
        a = noise + self.rows(condition["label"]) + how.by
        return {"b": self.layer(a).tanh(), "a": a}


class Untrained(Run):
    """A run of a model that no family has: its parts given, not read."""

    def __init__(self, path, model, sampling=None):
        source, plan = {"fingerprint": "f"}, {"seed": 0}
        spec = model.spec.to_json()
        info = {"model": "labelled", "config": {}, "spec": spec, "codec": {}, "source": source, "plan": plan}
        super().__init__(path, info)
        self.model, self.spec, self.sampling = model.eval(), model.spec, sampling


def test_classes_and_sampling_options_are_kept(tmp_path):
    torch.manual_seed(0)
    run = Untrained(tmp_path, Labelled(), Shift)
    network = session(export(run, "onnx"))
    assert [i.name for i in network.get_inputs()] == ["noise", "label"]
    noise, label = torch.randn(7, 4), torch.arange(7) % 3
    found = network.run(["a", "b"], {"noise": noise.numpy(), "label": label.numpy()})
    with torch.no_grad():
        ours = run.model.sample(noise, {"label": label}, Shift())
    for name, theirs in zip(("a", "b"), found):
        assert difference(ours[name], torch.from_numpy(theirs)) <= TOLERANCE


class Moody(Labelled):
    """Gives another output whenever it runs outside the exporter: an export can't be right."""

    conditions = ()
    scale = 1.0

    def sample(self, noise, condition, how):
        if not torch.compiler.is_exporting():
            noise = noise * self.scale
        return {"a": noise + self.rows.weight[0], "b": self.layer(noise)}


def test_a_file_whose_output_differs_is_not_kept(tmp_path):
    run = Untrained(tmp_path / "run", Moody())
    run.path.mkdir()
    export(run, "onnx")
    (run.path / "model.onnx").rename(tmp_path / "good.onnx")
    (run.path / "model.onnx.json").unlink()
    run.model.scale = 1.01
    with pytest.raises(Problem, match=r"output differs by .* 0.0001 is allowed") as caught:
        export(run, "onnx")
    assert "\n" not in str(caught.value)
    assert list(run.path.iterdir()) == []


class Silent(Labelled):
    """Neither samples nor predicts."""

    noise = sample = None


def test_a_model_without_a_network_to_export_is_refused(tmp_path):
    run = Untrained(tmp_path, Silent())
    with pytest.raises(Problem, match=r"labelled: .*--format safetensors"):
        export(run, "onnx")
    assert export(run, "safetensors").is_file()


class Data(Labelled):
    """Branches on the values of its noise, which no graph can hold."""

    conditions = ()

    def sample(self, noise, condition, how):
        return {"a": noise if noise.sum() > 0 else -noise, "b": self.layer(noise)}


def test_a_model_that_can_t_be_traced_is_refused_in_one_line(tmp_path):
    with pytest.raises(Problem, match=r"^--format onnx: labelled can't be written so .*safetensors") as caught:
        export(Untrained(tmp_path, Data()), "onnx")
    assert "\n" not in str(caught.value)


def test_weights_beyond_the_format_s_limit_lie_beside(gpt, tmp_path, monkeypatch):
    """With the limit lowered: 2 GB of weights are too many for a test."""
    monkeypatch.setattr(onnx_files, "EMBEDDED", 1_000)
    made = exported(gpt, "onnx", tmp_path / "big.onnx")
    assert [f.name for f in made.files] == ["big.onnx", "big.onnx.json", "big.onnx.data"]
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    (logits,) = session(made.files[0]).run(None, {"tokens": tokens.numpy()})
    assert difference(gpt.model.transformer(tokens), torch.from_numpy(logits)) <= TOLERANCE
    again = exported(gpt, "onnx", tmp_path / "big.onnx")
    assert again.files == made.files


def test_the_file_says_nothing_of_the_machine_that_made_it(gpt, tmp_path, capfd):
    file = export(gpt, "onnx", tmp_path / "model.onnx")
    whole = file.read_bytes() + (tmp_path / "model.onnx.json").read_bytes()
    for secret in (str(gpt.path), sys.prefix, os.path.dirname(exporting.__file__), "site-packages", ".py"):
        assert secret.encode() not in whole
    assert capfd.readouterr() == ("", "")


# --------------------------------------------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize("format", ["safetensors", "onnx"])
def test_an_export_of_the_same_run_is_replaced(format, fresh_gpt, words):
    run = fresh_gpt
    file = export(run, format)
    before = file.read_bytes()
    longer = fit(words, "gpt", out=run.path, steps=6, set="tiny", training={"batch": 8})
    assert export(longer, format) == file
    assert file.read_bytes() != before
    assert {p.name for p in run.path.iterdir() if "export" in p.name} == set()


def test_what_is_not_ours_is_left_alone(fresh_gpt, words, tmp_path):
    run, file = fresh_gpt, tmp_path / "model.safetensors"
    other = trained(words, "gpt", tmp_path / "other", seed=1)

    def refused(which: Run, why: str) -> None:
        before = {p: p.read_bytes() for p in (file, tmp_path / "model.safetensors.json") if p.exists()}
        with pytest.raises(Problem, match=why) as caught:
            export(which, "safetensors", file)
        assert "\n" not in str(caught.value)
        assert str(file) in str(caught.value)
        assert {p: p.read_bytes() for p in before} == before

    file.write_bytes(b"mine")
    refused(run, "there already, and no export of this run. .*--out")
    file.unlink()
    export(run, "safetensors", file)
    refused(other, "no export of this run")
    file.write_bytes(file.read_bytes() + b"!")
    refused(run, "has changed since it was exported")
    file.unlink()
    (tmp_path / "model.safetensors.json").write_text("[1]")
    refused(run, r"model.safetensors.json: there already")
    with pytest.raises(Problem, match="there already"):
        export(run, "safetensors", run.path / "weights.safetensors")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(Problem, match="there already"):
        export(run, "onnx", tmp_path / "folder.onnx")


def test_bad_requests_are_one_line(gpt, tmp_path, monkeypatch):
    with pytest.raises(Problem, match=r"--format pickle: not known. Pass one of onnx, safetensors"):
        export(gpt, "pickle")
    with pytest.raises(Problem, match=r"model.bin: not named as onnx. Name it model.onnx"):
        export(gpt, "onnx", tmp_path / "model.bin")
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(NoRoom, match="a file stands where a folder should be"):
        export(gpt, "safetensors", blocked / "model.safetensors")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(Problem, match=r"needs onnxscript. Install by: pip install 'reverie\[export\]'"):
        export(gpt, "onnx", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_nothing_is_left_where_the_disk_is_full(gpt, tmp_path, monkeypatch):
    def full(*paths):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(NoRoom, match="the disk is full"):
            export(gpt, "safetensors", tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_a_share_of_the_largest_value():
    a = torch.tensor([0.5, -0.25])
    assert difference(a, a + torch.tensor([0.0, 0.01])) == pytest.approx(0.01, rel=1e-6)
    assert difference(20 * a, 20 * a + 0.01) == pytest.approx(0.001, rel=1e-4)
    assert difference(a, a[:1]) == float("inf")
    assert difference(a, torch.tensor([float("nan"), 0.0])) == float("inf")


def test_the_identity_of_a_run_is_its_model_data_and_seed(gpt):
    longer = Run(gpt.path, {**gpt.info, "segments": []})  # how long it has trained is no part of it
    other = Run(gpt.path, {**gpt.info, "plan": {**gpt.info["plan"], "seed": 5}})
    assert exporting.identity(gpt) == exporting.identity(longer) != exporting.identity(other)
