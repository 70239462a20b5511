"""Likelihoods of models whose likelihood is known."""

from math import log, log2

import pytest
import torch
from torch import nn
from torch.optim import SGD

from reverie import core
from reverie.core import Batch
from reverie.judging.items import spread
from reverie.judging.likelihood import dequantised, likelihood
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.metrics.text import Bigrams
from reverie.models.autoencoders.vae import VAE
from reverie.models.autoencoders.vae import Config as VAEConfig
from reverie.spec import Field, Spec
from reverie.training import measure
from reverie.training.run import Run


class Known(core.Model):
    """As a model, nothing to learn; its likelihood is what a test says."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.weight = nn.Parameter(torch.zeros(1))

    def optimizers(self):
        return {"sgd": SGD(self.parameters(), lr=0.1)}

    def updates(self):
        return []


class UniformTokens(Known):
    """Every token equally likely."""

    def nll(self, batch, draws):
        text = batch["text"]
        units = batch.lengths.get("text", torch.full((len(text),), text.shape[1])) - 1
        return units * log(self.spec.fields["text"].categories), units


class Ramp(Known):
    """The density 2x on [0, 1], in each dimension: E[-log 2U] = 1 - log 2 nats for uniform data."""

    density = True

    def nll(self, batch, draws):
        x = self.spec.fields["image"].to_unit(batch["image"]).flatten(1).double()
        return -(2 * x).log().sum(1), torch.full((len(x),), x.shape[1])


class Noisy(Known):
    """An importance-sampled likelihood: a mean of `draws` exponentials."""

    def nll(self, batch, draws):
        x = batch["image"]
        return torch.empty(draws, len(x)).exponential_().mean(0), torch.full((len(x),), x[0].numel())


class Pictures:
    """Held-out items."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def take(self, index, vary=False):
        return Batch({"image": self.values[index]})


def run_of(model, prepared, tmp_path):
    run = Run(tmp_path, {})
    run.model, run.prepared, run.spec, run.device = model, prepared, model.spec, torch.device("cpu")
    return run


class Prepared:
    def __init__(self, held_out, train=None):
        self.held_out, self.train = held_out, train


@pytest.fixture
def texts(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "t.txt").write_text("to be or not to be, that is the question: größer? " * 60, encoding="utf-8")
    return tmp_path / "t.txt"


@pytest.mark.parametrize("tokens", ["characters", "bytes"])
def test_a_uniform_model_costs_the_log_of_its_vocabulary(texts, tokens, tmp_path):
    prepared = open_source(str(texts), DataOptions(tokens=tokens, size=(16,))).prepare()
    run = run_of(UniformTokens(prepared.codec.spec), prepared, tmp_path)
    found = {m.name: m for m in likelihood(run)}
    vocabulary, held_out = prepared.codec.categories, prepared.held_out
    tokens_bits = held_out.tokens * log2(vocabulary)
    assert found["bits_per_character"].value == pytest.approx(tokens_bits / held_out.characters)
    assert found["bits_per_byte"].value == pytest.approx(tokens_bits / held_out.bytes)
    nats = next(m for name, m in found.items() if name.startswith("nll_nats_"))
    assert nats.value == pytest.approx(log(vocabulary))
    assert nats.low == pytest.approx(nats.high)
    baseline = Bigrams(prepared.train.raw(spread(len(prepared.train), 20_000)))
    expected = baseline.bits(held_out.raw(torch.arange(len(held_out))))
    assert found["bits_per_character"].reference == pytest.approx(expected)


class Length(UniformTokens):
    """Costs a nat a token of a window, and another for each window."""

    def __init__(self, spec, carries):
        super().__init__(spec)
        self.carries = carries

    def nll(self, batch, draws):
        units = super().nll(batch, draws)[1]
        return units + 1.0, units


@pytest.mark.parametrize(("carries", "window"), [(True, 1024), (False, 16)])
def test_a_text_is_scored_in_long_windows_by_a_model_that_goes_on_from_a_state(texts, tmp_path, carries, window):
    """By what is counted a window: it is paid once a window. A look and the report have the same items."""
    prepared = open_source(str(texts), DataOptions(size=(16,))).prepare()
    run = run_of(Length(prepared.codec.spec, carries), prepared, tmp_path)
    found = {m.name: m for m in likelihood(run)}
    tokens = prepared.held_out.tokens
    expected = 1 + -(-tokens // window) / tokens
    nats = next(m for name, m in found.items() if name.startswith("nll_nats_"))
    assert nats.value == pytest.approx(expected)
    for m in (nats, found["bits_per_character"]):
        assert f"windows of {window:,} tokens, each from an empty context" in m.protocol
    look = measure.take(run.model, run.spec, prepared.codec, prepared.held_out, run.device)[0]
    assert look.value == pytest.approx(expected)


def test_a_known_density_gives_its_bits_a_dimension(tmp_path):
    """Uniform 8-bit pictures under the density 2x: (1 - log 2) / log 2 + 8 bits, within 4 standard errors of the
    mean of -log 2U, whose variance is 1."""
    field = Field((1, 8, 8), levels=256)
    g = torch.Generator().manual_seed(0)
    x = field.from_unit(torch.randint(0, 256, (400, 1, 8, 8), generator=g) / 255)
    run = run_of(Ramp(Spec("image", {"image": field})), Prepared(Pictures(x)), tmp_path)
    nats, bits = likelihood(run)
    expected = (1 - log(2)) / log(2) + 8
    error = 1 / (400 * 64) ** 0.5 / log(2)
    assert bits.name == "bits_per_dim"
    assert bits.value == pytest.approx(expected, abs=4 * error)
    assert bits.high - bits.low == pytest.approx(2 * 1.96 * error, rel=0.15)  # a variance of 400: 7 %, twice
    assert nats.name == "nll_nats"  # the noise is the data's: the model adds none
    assert nats.value == pytest.approx((bits.value - 8) * log(2) * 64)


class UniformLevels(Known):
    """Every level equally likely."""

    likelihood, of_levels = "uniform", True

    def nll(self, batch, draws):
        x = batch["image"].flatten(1)
        return torch.full((len(x),), x.shape[1] * log(256)), torch.full((len(x),), x.shape[1])


def test_a_probability_over_levels_is_bits_a_dimension_as_it_is(tmp_path):
    run = run_of(UniformLevels(Spec("image", {"image": Field((1, 3, 3), levels=256)})), Prepared(LEVELS), tmp_path)
    nats, bits = likelihood(run)
    assert (bits.name, bits.value) == ("bits_per_dim", pytest.approx(8))
    assert nats.value == pytest.approx(9 * log(256))
    assert "dequantised" not in bits.protocol


class Labelled(Pictures):
    def take(self, index, vary=False):
        return Batch({"image": self.values[index], "label": index % 2})


LEVELS = Labelled(torch.randint(0, 256, (40, 1, 3, 3), generator=torch.Generator().manual_seed(0)) / 127.5 - 1)


def of_vae(tmp_path, **fields):
    torch.manual_seed(0)
    label = {"label": Field((), categories=2)} if "conditional" in fields else {}
    spec = Spec("image", {"image": Field((1, 3, 3), levels=256)}, condition=label)
    model = VAE(VAEConfig(latents=2, hidden=(4,), **fields), spec)
    return {m.name: m for m in likelihood(run_of(model, Prepared(LEVELS), tmp_path), draws=3)}


def test_a_logistic_vae_has_bits_a_dimension(tmp_path):
    found = of_vae(tmp_path, decoder="logistic")
    assert found["bits_per_dim"].value == pytest.approx(found["nll_nats_is3"].value / (9 * log(2)))
    assert "discretised logistic" in found["bits_per_dim"].protocol
    assert "bits_per_dim" not in of_vae(tmp_path)


def test_what_cant_be_compared_reads_otherwise(tmp_path):
    """-log p(x) and -log p(x | class), and each thing that an item is taken for."""
    forms = [{}, {"binarise": True}, {"decoder": "logistic"}, {"decoder": "gaussian"}]
    wholes = [{**form, **more} for form in forms for more in ({}, {"conditional": True})]
    said = [of_vae(tmp_path, **fields)["nll_nats_is3"].protocol for fields in wholes]
    assert len({*said}) == len(wholes)
    assert ["given each item's class" in one for one in said] == ["conditional" in fields for fields in wholes]
    assert ["one binary draw" in one for one in said] == ["binarise" in fields for fields in wholes]


def test_without_levels_there_are_no_bits_a_dimension(tmp_path):
    spec = Spec("image", {"image": Field((1, 2, 2))})
    run = run_of(Ramp(spec), Prepared(Pictures(torch.rand(9, 1, 2, 2))), tmp_path)
    (nats,) = likelihood(run)
    assert "depend on their unit" in nats.protocol


@pytest.mark.parametrize("levels", [2, 256, 65536])
def test_dequantising_stays_in_its_cell_and_fills_it(levels):
    field = Field((1, 50, 50), levels=levels)
    chance = torch.Generator().manual_seed(0)
    level = torch.randint(0, levels, (4, 1, 50, 50), generator=chance)
    batch = Batch({"image": field.from_unit(level.double() / (levels - 1))})
    found = field.to_unit(dequantised(batch, Spec("image", {"image": field}), chance)["image"]) * levels
    assert torch.equal(found.clamp(max=levels * (1 - 1e-12)).floor().long(), level)
    within = found - level
    assert float(within.min()) >= 0
    assert float(within.max()) <= 1
    assert float(within.mean()) == pytest.approx(0.5, abs=4 / (12 * 10_000) ** 0.5)


def test_draws_are_in_the_name_and_chance_is_seeded(tmp_path):
    spec = Spec("image", {"image": Field((1, 2, 2), levels=256)})
    run = run_of(Noisy(spec), Prepared(Pictures(torch.rand(300, 1, 2, 2))), tmp_path)
    (one,), (again,), (other,) = (likelihood(run, draws=7, seed=seed) for seed in (0, 0, 1))
    assert one.name == "nll_nats_is7"
    assert one == again != other
    assert one.value == pytest.approx(1, abs=4 / (7 * 300) ** 0.5)
    assert "states no density" in one.protocol


def test_one_item_has_no_interval(tmp_path):
    spec = Spec("image", {"image": Field((1, 2, 2), levels=256)})
    (found,) = likelihood(run_of(Noisy(spec), Prepared(Pictures(torch.rand(1, 1, 2, 2))), tmp_path))
    assert (found.low, found.high) == (None, None)


class UniformRows(Known):
    """Every token equally likely, of whole items."""

    def nll(self, batch, draws):
        units = batch.lengths["music"]
        return units * log(self.spec.fields["music"].categories), units


class Framed:
    """Pieces of 2 and of 3 frames, each of a pitch and the token after it, and an end."""

    frames = (2, 3)

    def __len__(self):
        return 2

    def take(self, index, vary=False):
        rows = torch.tensor([[3, 2, 4, 2, 0, 0, 0], [3, 2, 4, 2, 5, 2, 0]])[index]
        return Batch({"music": rows}, {"music": torch.tensor([5, 7])[index]})


def test_nats_a_frame_are_those_of_its_tokens_with_and_without_the_ends(tmp_path):
    """12 tokens of log 8 nats each over 5 frames; without the two ends 10."""
    spec = Spec("music", {"music": Field((9,), categories=8, length=True, start=1)})
    found = {m.name: m for m in likelihood(run_of(UniformRows(spec), Prepared(Framed(), Framed()), tmp_path))}
    assert found["nats_per_frame_2"].value == pytest.approx(12 / 5 * log(8))
    assert found["nats_per_frame_endless_2"].value == pytest.approx(10 / 5 * log(8))
    assert "5 frames" in found["nats_per_frame_2"].protocol
    assert found["nats_per_frame_2"].unit == "nats a frame"
