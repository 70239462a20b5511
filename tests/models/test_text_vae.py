"""The text VAE's likelihood, schedules and chance are those of its equations; it learns, and with its two remedies the
code is used."""

from dataclasses import replace
from itertools import pairwise
from math import log, pi

import pytest
import torch
from lightning_fabric import Fabric
from torch.distributions import Normal, kl_divergence

from reverie.core import At, Batch, Conditioned
from reverie.errors import Problem
from reverie.models.autoencoders.text_vae import Config, Sampling, TextVAE, annealed
from reverie.training.seeds import generator, reseed
from reverie.training.trainer import Plan, Trainer
from toys import lines, pairs, pictures, sentences, tokens

LAST = At(100, 0, 100)  # where the KL's weight is 1
TINY = replace(Config.tiny().config, word_dropout=0.0)


def build(config=TINY, spec=None, double=True):
    reseed(0, "model")
    model = TextVAE(config, spec or lines()[0])
    return model.double() if double else model


def trained(config, steps, items=None, batch=16, planned=0):
    spec, found = lines()
    model = build(config, spec, double=False)
    trainer = Trainer(model, items or found, Plan(batch=batch, clip=5.0), Fabric(accelerator="cpu", devices=1))
    logs = [trainer.advance(planned or steps) for _ in range(steps)]
    return trainer.weights(), logs


def some(count=6):
    return lines()[1].take(torch.arange(count))


def longer(batch, by):
    """The same items, filled up by so many more places."""
    return Batch({**batch.values, "text": torch.nn.functional.pad(batch["text"], (0, by))}, batch.lengths)


# ----------------------------------------------------------------------------------------------------------- likelihood


def exact(model, batch):
    """p(x) of a model with one latent, by the trapezoid rule over z in [-8, 8]: beyond lies 1e-15 of the prior."""
    z = torch.linspace(-8, 8, 2_001, dtype=torch.float64)
    prior = (-0.5 * z.square()).exp() / (2 * pi) ** 0.5
    found = []
    for x, n in zip(batch["text"], batch.lengths["text"]):
        _, nats = model.cost(x.expand(len(z), -1), n.expand(len(z)), z[:, None])
        found.append(torch.trapezoid((-nats).exp() * prior, z))
    return torch.stack(found)


@torch.no_grad()
def test_importance_samples_are_unbiased_and_their_bound_lies_above_the_exact_likelihood():
    """exp(-nll) has the mean p(x), whatever the draws; -log of it, by Jensen, lies above -log p(x), the less the more
    draws. Within 5 standard errors."""
    model = build(replace(TINY, latents=1))
    model.state.weight.mul_(8.0)  # so that the code matters
    batch = some(4)
    true = exact(model, batch)
    assert (true < 0.9).all()
    reseed(0, "draws")
    gaps = []
    for draws in (1, 20):
        nats = torch.stack([model.nll(batch, draws)[0] for _ in range(400)])
        p = (-nats).exp()
        error = p.std(0) / 400**0.5
        assert ((p.mean(0) - true).abs() < 5 * error).all()
        assert (error < 0.2 * true).all()
        gaps.append((nats.mean(0) + true.log()).mean())
    assert gaps[0] > gaps[1] > 0
    assert model.nll(batch, 1)[1].tolist() == batch.lengths["text"].tolist()


def test_a_sentence_costs_what_its_tokens_cost_one_by_one():
    """-log p(x|z), by stepping through it; every token that is there counts, its end among them."""
    model = build()
    batch = some(3)
    z = torch.randn(3, TINY.latents, dtype=torch.float64)
    _, found = model.cost(batch["text"], batch.lengths["text"], z)
    for i, (x, n) in enumerate(zip(batch["text"], batch.lengths["text"])):
        before, state, nats = torch.tensor([1]), model.begun(z[i : i + 1]), 0.0
        for token in x[:n]:
            said, state = model.decoder(torch.cat([model.tokens(before), z[i : i + 1]], 1)[:, None], state)
            nats -= (model.say(said[:, 0]) @ model.tokens.weight[:-1].T).log_softmax(1)[0, token]
            before = token[None]
        assert x[n - 1] == 0
        assert found[i].item() == pytest.approx(nats.item(), rel=1e-12)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_loss_is_reconstruction_and_weighted_kl_in_nats_over_tokens(weight):
    model = build(replace(TINY, annealing="linear", warm_up=1.0))
    batch = some()
    at = At(99, 0, 10**9) if not weight else At(int(1_000_001 * weight) - 1, 0, 1_000_000)
    mu, log_var = model.posterior(batch["text"], batch.lengths["text"], model.label(batch))
    reseed(3)
    loss = model.loss(batch, at)
    reseed(3)
    z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
    reconstruction, _ = model.cost(batch["text"], batch.lengths["text"], z)
    kl = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum()
    assert loss.total.item() == pytest.approx((reconstruction + weight * kl).item(), rel=1e-5)
    assert int(loss.count) == int(batch.lengths["text"].sum())
    assert (loss.logs["nats"] / loss.count).item() == pytest.approx(((reconstruction + kl) / loss.count).item())
    assert (loss.logs["kl"] / loss.count).item() == pytest.approx((kl / 6).item())  # a sentence


def test_free_bits_of_each_latent_cost_nothing():
    model, batch = build(replace(TINY, warm_up=0.0, free_bits=1e3)), some()
    reseed(3)
    loss = model.loss(batch, LAST)
    nats = loss.logs["nats"] - loss.logs["kl"] / loss.count * 6
    assert loss.total.item() == pytest.approx((nats + 6 * 1e3 * TINY.latents).item())
    gradient = torch.autograd.grad(loss.total, model.gaussian.bias)[0]
    plain = build(replace(TINY, warm_up=0.0))
    reseed(3)
    assert not torch.allclose(gradient, torch.autograd.grad(plain.loss(batch, LAST).total, plain.gaussian.bias)[0])


def test_the_bound_falls_into_rate_and_distortion():
    model, batch = build(replace(TINY, warm_up=0.0)), some()
    reseed(3)
    mean, rate, distortion = model.bound(batch)
    reseed(3)
    loss = model.loss(batch, LAST)
    assert (rate.sum() + distortion.sum()).item() == pytest.approx(loss.total.item())
    assert rate.shape == mean.shape == (6, TINY.latents)
    assert torch.equal(mean, model.encode(batch))


@pytest.mark.parametrize("both_ways", [False, True])
@torch.no_grad()
def test_how_far_a_batch_is_filled_up_changes_nothing(both_ways):
    model, batch = build(replace(TINY, both_ways=both_ways)), some()
    wide = longer(batch, 5)
    assert torch.allclose(model.encode(batch), model.encode(wide), rtol=0, atol=1e-12)
    found = []
    for one in (batch, wide):
        reseed(1)
        found.append(model.nll(one, 7)[0])
    assert torch.allclose(*found, rtol=0, atol=1e-10)
    longest = batch.lengths["text"].argmax()
    alone = Batch({"text": batch["text"][longest][None]}, {"text": batch.lengths["text"][longest][None]})
    assert torch.allclose(model.encode(alone)[0], model.encode(batch)[longest], rtol=0, atol=1e-12)


# --------------------------------------------------------------------------------------------------------- two remedies


@pytest.mark.parametrize("form", ["linear", "logistic"])
def test_the_kls_weight_rises_from_0_to_1_over_its_share_of_the_steps(form):
    weights = [annealed(At(step, 0, 1_000), form, 0.5) for step in range(1_000)]
    assert weights[0] < 0.01
    assert weights[249] == pytest.approx(0.5, abs=0.01)
    assert all(a < b for a, b in pairwise(weights[:501]))
    assert weights[500:] == [1.0] * 500
    assert annealed(At(0, 0, 1_000), form, 0.0) == 1.0


def test_the_logistic_schedule_is_steeper_in_the_middle_and_flatter_at_the_ends_than_a_line():
    early, late = (annealed(At(step, 0, 1_000), "logistic", 0.5) for step in (99, 399))
    assert early == pytest.approx(1 - late, abs=0.01)
    assert early < 0.5 * annealed(At(99, 0, 1_000), "linear", 0.5)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_so_many_words_read_as_blanks_but_never_the_start(share):
    """Within 5 standard errors of a share of 20,000."""
    model = build()
    given = torch.full((200, 101), 3)
    reseed(0)
    seen = model.blanked(given, share)
    assert (seen[:, 0] == 3).all()
    assert set(seen[:, 1:].unique().tolist()) <= {3, model.vocabulary}
    blank = (seen[:, 1:] == model.vocabulary).double().mean().item()
    assert blank == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5)


def test_a_decoder_that_sees_blanks_alone_says_the_same_after_any_words():
    """With all words dropped, what a token costs hangs on its place and the code, not on the words before."""
    model = build()
    z = torch.randn(1, TINY.latents, dtype=torch.float64)
    n = torch.tensor([4])
    ends = []
    for words in ([2, 3, 4, 0], [7, 7, 4, 0]):
        reseed(0)
        whole, _ = model.cost(torch.tensor([words]), n, z, 1.0)
        part, _ = model.cost(torch.tensor([words[:2]]), torch.tensor([2]), z, 1.0)
        ends.append((whole - part).item())
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_with_warm_up_and_word_dropout_the_code_is_used_and_without_the_posterior_collapses():
    """Sentences that count up from anywhere: a decoder that sees the word before needs no code but for the first."""
    plain = replace(Config.tiny().config, warm_up=0.0, word_dropout=0.0)
    remedied = replace(Config.tiny().config, warm_up=0.8, word_dropout=0.9)
    ends = [trained(config, 300)[1][-20:] for config in (plain, remedied)]
    collapsed, used = (sum(float(one["kl"]) for one in logs) / 20 for logs in ends)
    assert collapsed < 0.4  # of three seeds 0.06 to 0.2
    assert used > 1.2  # of three seeds 2.0 to 2.6; of the first word alone there are log 7 = 1.9 nats to tell


# -------------------------------------------------------------------------------------------------------------- samples


def test_an_overfit_batch_comes_back_from_its_codes():
    """With the KL's weight still near 0 all through, the code holds each of 16 sentences."""
    config = replace(TINY, latents=8, width=48, annealing="linear", warm_up=1.0, climb=0.0)
    spec, items = lines(16)
    model, _ = trained(config, 250, items, planned=10**6)
    batch = items.take(torch.arange(16))
    with torch.no_grad():
        back = model.decode(model.encode(batch))["text"]
    assert back.shape == (16, spec.fields["text"].shape[0])
    assert torch.equal(back, batch["text"])


@torch.no_grad()
def test_samples_at_temperature_0_are_what_decode_says_of_their_codes():
    model = build()
    noise = torch.stack([model.noise(generator(0, i), None) for i in range(5)])
    other = torch.cat([noise[:, :4], 1 - noise[:, 4:]], 1)  # other numbers for the tokens
    how = Sampling(temperature=0.0)
    greedy = model.sample(noise, {}, how)["text"]
    assert torch.equal(greedy, model.decode(noise[:, :4])["text"])
    assert torch.equal(greedy, model.sample(other, {}, how)["text"])
    assert not torch.equal(model.sample(noise, {}, None)["text"], model.sample(other, {}, None)["text"])


@torch.no_grad()
def test_words_are_drawn_as_often_as_they_are_probable():
    """The first word of 4,000 samples of one code, within 5 standard errors; a sentence is 0 from its end on."""
    model = build()
    model.tokens.weight.mul_(20)
    z = torch.randn(1, TINY.latents, dtype=torch.float64)
    reseed(0)
    uniform = torch.rand(4_000, 8, dtype=torch.float64)
    made = model.sample(torch.cat([z.expand(4_000, -1), uniform], 1), {}, None)["text"]
    said, _ = model.decoder(torch.cat([model.tokens(torch.tensor([1])), z], 1)[:, None], model.begun(z))
    p = (model.say(said[0]) @ model.tokens.weight[:-1].T).softmax(1)[0]
    assert p.max() > 1.5 / len(p)
    shares = torch.bincount(made[:, 0], minlength=len(p)) / 4_000
    assert ((shares - p).abs() < 5 * (p * (1 - p) / 4_000).sqrt() + 1e-9).all()
    ended = (made == 0).cumsum(1) > 0
    assert (made[ended] == 0).all()
    assert ended[:, -1].all()


def test_a_code_costs_what_the_prior_says():
    model = build()
    codes = torch.randn(5, TINY.latents, dtype=torch.float64)
    expected = -Normal(0.0, 1.0).log_prob(codes).sum(1)
    assert torch.allclose(model.code_nll(codes), expected)


# ------------------------------------------------------------------------------------------------------------ condition


def test_a_conditional_models_code_carries_the_class_and_its_samples_follow_it():
    config = replace(Config.tiny().config, conditional=True)
    model, _ = trained(config, 200)
    assert isinstance(model, Conditioned)
    assert not isinstance(build(), Conditioned)
    batch = some()
    with torch.no_grad():
        codes = model.encode(batch)
        assert codes.shape == (6, config.latents + 2)
        assert torch.equal(codes[:, -2:].argmax(1), batch["label"])
        noise = torch.stack([model.noise(generator(0, i), None) for i in range(64)])
        words = [(model.sample(noise, {"label": torch.full((64,), k)}, None)["text"] > 0).sum(1) for k in (0, 1)]
        assert (words[0] <= 4).double().mean() > 0.8  # the class says whether there are more than 4
        assert (words[1] > 4).double().mean() > 0.8
        gap = model.code_nll(codes) - build(double=False).code_nll(codes[:, :-2])
        assert torch.allclose(gap, torch.full((6,), log(2)))
        with pytest.raises(Problem, match="classes"):
            model.encode(Batch({"text": batch["text"]}, batch.lengths))


@pytest.mark.parametrize("made", [pictures, tokens, sentences, pairs])
def test_what_is_no_sentence_that_ends_is_refused_with_a_cure(made):
    with pytest.raises(ValueError, match="--kind sentences"):
        TextVAE(TINY, made()[0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"word_dropout": 1.1}, "word_dropout"), ({"latents": 0}, "latents"), ({"warm_up": 1.5}, "warm_up")],
)
def test_values_that_can_not_be_are_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        TextVAE(replace(TINY, **fields), lines()[0])


def test_a_condition_without_classes_is_refused():
    spec = lines()[0]
    with pytest.raises(ValueError, match="no classes"):
        TextVAE(replace(TINY, conditional=True), replace(spec, condition={}))
