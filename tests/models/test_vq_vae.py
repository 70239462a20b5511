"""vq_vae against brute force, the paper's formulas computed by hand, and what a prior and a bound must be."""

from dataclasses import replace
from math import log

import pytest
import torch
from lightning_fabric import Fabric

from reverie.core import (
    Absorbs,
    At,
    Batch,
    Conditioned,
    Decodes,
    Density,
    Encodes,
    Prior,
    Samples,
    Scores,
    Spec,
    Update,
    UpperBound,
)
from reverie.errors import Problem
from reverie.models.autoencoders.vq_vae import VQVAE, Config, Sampling
from reverie.nets.codebook import LEVELS, SLOTS, Codebook
from reverie.nets.grid import grid_sizes
from reverie.training.trainer import Plan, Trainer, added
from toys import Values, pictures, rows, tokens

AT = At(0, 0, 1)
TINY = Config.tiny().config
K, D = TINY.codebook, TINY.depth


def build(size=(16, 16), channels=1, classes=3, seed=0, **fields) -> VQVAE:
    """In float64."""
    torch.manual_seed(seed)
    spec, _ = pictures(1, size, channels, classes)
    return VQVAE(replace(TINY, **fields), spec).double().eval()  # no dropout


def unlabelled(model: VQVAE) -> VQVAE:
    torch.manual_seed(0)
    return VQVAE(model.cfg, Spec("image", model.spec.fields)).double().eval()


def some(count=6, size=(16, 16), channels=1) -> Batch:
    _, items = pictures(count, size, channels)
    batch = items.take(torch.arange(count))
    return Batch({"image": batch["image"].double(), "label": batch["label"]})


def begun(model: VQVAE, batch: Batch) -> VQVAE:
    torch.manual_seed(1)
    with torch.no_grad():
        model.begin(lambda k: batch)
    return model


def book(revive=0.0, gradient=False, codes=5, depth=3) -> Codebook:
    torch.manual_seed(0)
    return Codebook(codes, depth, gradient, decay=0.99, smoothing=1e-5, revive=revive).double()


def learn(model: VQVAE, items: Values, steps: int, **plan) -> Trainer:
    t = Trainer(model, items, Plan(**{"batch": 16, **plan}), Fabric(accelerator="cpu", devices=1))
    while t.step < steps:
        t.advance(steps)
    return t


# ------------------------------------------------------------------------------------------------------------ the codes


def test_a_code_is_the_nearest_of_the_codebook():
    """Equation 1, by every distance."""
    codebook, z = book(codes=7), torch.randn(50, 3, dtype=torch.float64)
    for row, chosen in zip(z, codebook.nearest(z)):
        distances = [float((row - e).square().sum()) for e in codebook.vectors]
        assert int(chosen) == distances.index(min(distances))


def test_the_encoder_gets_the_gradient_that_the_decoder_has_at_the_code():
    """Straight through: d loss / d z_e is d loss / d z_q at the quantised value, and not at the encoder's output."""
    model, batch = build(commitment=0.0), some()
    begun(model, batch)
    seen = []
    model.encoder.register_forward_hook(lambda *a: seen.append(a[-1]))
    seen.clear()
    z = model.outputs(batch["image"])
    e = model.codebook(model.codebook.nearest(z)).detach().requires_grad_()
    (at_code,) = torch.autograd.grad(-model.log_likelihood(model.unit(batch), e).sum(), e)
    seen.clear()
    loss = model.loss(batch, AT)
    (at_output,) = torch.autograd.grad(loss.total, seen[0])
    at_output = at_output.permute(0, 2, 3, 1).flatten(0, 2)
    assert at_code.abs().max() > 0
    assert torch.allclose(at_output, at_code, rtol=1e-10, atol=1e-12)
    z = z.detach().requires_grad_()
    (elsewhere,) = torch.autograd.grad(-model.log_likelihood(model.unit(batch), z).sum(), z)
    assert not torch.allclose(elsewhere, at_code, rtol=1e-2)


@pytest.mark.parametrize("learns", ["averages", "gradient"])
def test_the_commitment_term_moves_the_encoder_alone_and_the_codebook_s_the_codebook_alone(learns):
    """Equation 3: what the loss gains by the weight beta, and what is left of it without the reconstruction."""
    batch = some()
    gradients = []
    for beta in (0.25, 1.25):
        model = begun(build(commitment=beta, learns=learns), batch)
        with torch.no_grad():
            for p in model.encoder.parameters():  # off the outputs that the codebook began from
                p.mul_(1.1)
        model.loss(batch, AT).total.backward()
        gradients.append({k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None})
    moved = {k for k in gradients[0] if not torch.allclose(gradients[0][k], gradients[1][k], rtol=1e-12, atol=1e-12)}
    assert moved
    assert all(k.startswith("encoder.") for k in moved)
    assert ("codebook.vectors" in gradients[0]) == (learns == "gradient")
    if learns == "gradient":
        z, e = model.outputs(batch["image"]).detach(), model.codebook.vectors.detach()
        index = model.codebook.nearest(z)
        by_hand = torch.stack([2 * (e[k] - z[index == k]).sum(0) for k in range(K)])  # of Σ |z - e|²
        assert torch.allclose(gradients[1]["codebook.vectors"], by_hand, rtol=1e-9, atol=1e-9)


def test_the_loss_is_equation_3_term_by_term():
    batch = some()
    model = begun(build(learns="gradient", deviation=0.2, commitment=0.25), batch)
    with torch.no_grad():
        model.codebook.vectors.add_(0.1)
        z = model.outputs(batch["image"])
        e = model.codebook.vectors[torch.cdist(z, model.codebook.vectors).argmin(1)]
        x_hat = model.field.to_unit(model.decode(e.view(6, -1))["image"])
        x = model.field.to_unit(batch["image"])
        reconstruction = -torch.distributions.Normal(x_hat, 0.2).log_prob(x).sum()
        away = (z - e).square().sum()
        loss = model.loss(batch, AT)
    assert loss.count == 6
    assert float(loss.logs["reconstruction"]) == pytest.approx(float(reconstruction), rel=1e-10)
    assert float(loss.logs["commitment"]) == pytest.approx(float(away), rel=1e-10)
    assert float(loss.total) == pytest.approx(float(reconstruction + 1.25 * away), rel=1e-10)


# --------------------------------------------------------------------------------------------------------- its averages


def test_absorbing_two_batches_is_the_paper_s_formula_and_shards_add_up():
    """Equations 6-8, with the smoothed count of the authors' code, code by code and by hand; and the second batch in
    two unequal shards says what it says whole."""
    codebook = book()
    count, mean = codebook.counts.clone(), codebook.sums.clone()
    whole = [torch.randn(40, 3, dtype=torch.float64), 2 + torch.randn(30, 3, dtype=torch.float64)]
    for step, z in enumerate(whole):
        index = codebook.nearest(z)
        for k in range(5):
            mine = z[index == k]
            count[k] = 0.99 * count[k] + 0.01 * len(mine)
            mean[k] = 0.99 * mean[k] + 0.01 * mine.sum(0)
        parts = [(z[:13], index[:13]), (z[13:], index[13:])] if step else [(z, index)]
        stats = [codebook.stats(*part) for part in parts]
        codebook.absorb({k: sum(one[k] for one in stats) for k in stats[0]})
        total = count.sum()
        expected = torch.stack([mean[k] / ((count[k] + 1e-5) / (total + 5e-5) * total) for k in range(5)])
        assert torch.allclose(codebook.counts, count, rtol=1e-12)
        assert torch.allclose(codebook.vectors, expected, rtol=1e-12)


def test_a_code_of_count_0_stays_finite():
    """Without smoothing it would be divided by nothing."""
    codebook = book()
    codebook.counts.copy_(torch.tensor([0.0, 1, 2, 3, 4]))
    codebook.sums.zero_()
    codebook.absorb(codebook.stats(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([1])))
    assert codebook.vectors.isfinite().all()


def test_the_whole_loop_absorbs_a_batch_s_sums_whatever_its_shards():
    """One update of a model, with revival off: four shards leave the codebook that one leaves, but for rounding."""
    _, items = pictures(32, (16, 16))
    values = Values({"image": items.values["image"].double(), "label": items.values["label"]})
    books = []
    for shards in (1, 4):
        t = learn(build(revive=0.0), values, 2, shards=shards)
        books.append(t.model.codebook.state_dict())
    assert all(torch.allclose(books[0][k], books[1][k], rtol=1e-9, atol=1e-12) for k in books[0])


def test_the_codebook_begins_among_encoder_outputs_far_from_each_other():
    batch = some(32)
    model = begun(build(), batch)
    z = model.outputs(batch["image"])
    distances = torch.cdist(model.codebook.vectors, z)
    assert float(distances.min(1).values.detach().max()) < 1e-6  # each is an output
    assert len(model.codebook.vectors.unique(dim=0)) == K
    assert float(model.codebook.perplexity()) == pytest.approx(K)


def test_fewer_outputs_than_codes_begin_a_codebook_all_the_same():
    codebook = book(codes=9)
    codebook.start(torch.ones(2, 3, dtype=torch.float64))
    assert torch.equal(codebook.vectors, torch.ones(9, 3, dtype=torch.float64))


# -------------------------------------------------------------------------------------------------------------- revival


def planted(revive: float, shards: int = 1, steps: int = 600) -> Codebook:
    """Outputs in eight far clusters, and a codebook of which one code has them all: the others lie far away."""
    torch.manual_seed(3)
    codebook = book(revive, codes=8)
    codebook.start(torch.full((8, 3), 1000.0, dtype=torch.float64))
    codebook.vectors[0] = codebook.sums[0] = 0.0
    centres = 10 * torch.eye(8, 3, dtype=torch.float64) + torch.arange(8)[:, None]
    for _ in range(steps):
        z = centres.repeat(8, 1) + 0.1 * torch.randn(64, 3, dtype=torch.float64)
        parts = [(part, codebook.nearest(part)) for part in z.tensor_split(shards)]
        stats = [codebook.stats(*part) for part in parts]
        codebook.absorb({k: sum(one[k] for one in stats) for k in stats[0]})
    return codebook


@pytest.mark.parametrize("shards", [1, 4])
def test_codes_that_nobody_uses_come_to_life_and_without_revival_stay_dead(shards):
    alive, dead = planted(0.1, shards), planted(0.0, shards)
    assert float(dead.perplexity()) < 1.5
    assert float(alive.perplexity()) > 4
    assert float(dead.used()) == pytest.approx(1 / 8)
    assert float(alive.used()) == 1.0


@pytest.mark.parametrize("shards", [1, 2, 5, 40])
def test_a_revived_code_is_one_output_of_one_shard(shards):
    """Not a mean of several: the sums over shards still hold single outputs, in most slots, however many there are."""
    codebook = book(revive=0.5, codes=SLOTS)
    z = torch.randn(shards * 20, 3, dtype=torch.float64)
    stats = [codebook.stats(part, codebook.nearest(part)) for part in z.tensor_split(shards)]
    sums = {k: sum(one[k] for one in stats) for k in stats[0]}
    assert sums["held"].shape == (SLOTS, LEVELS)
    codebook.counts.fill_(1e-6)
    codebook.counts[0] = 1e3
    before = codebook.vectors.clone()
    codebook.revived(sums["held"], sums["candidates"])
    new = (codebook.vectors != before).any(1)
    assert not new[0]
    assert int(new.sum()) >= SLOTS // 3
    assert all(any(torch.equal(e, row) for row in z) for e in codebook.vectors[new])


def test_candidates_of_all_shards_are_chosen_alike():
    """Two shards, 400 updates: each gives half of the revived codes. Five standard errors of a share: 0.125 at most."""
    codebook, from_first = book(revive=0.5, codes=4), []
    z = torch.cat([torch.zeros(10, 3), torch.ones(10, 3)]).double() + 5
    for _ in range(400):
        stats = [codebook.stats(part, codebook.nearest(part)) for part in z.tensor_split(2)]
        codebook.counts.copy_(torch.tensor([1e3, 0, 0, 0]))
        codebook.vectors.zero_()
        codebook.revived(*(sum(one[k] for one in stats) for k in ("held", "candidates")))
        from_first += codebook.vectors[codebook.vectors[:, 0] > 0][:1, 0].eq(5).tolist()
    assert len(from_first) > 300
    assert sum(from_first) / len(from_first) == pytest.approx(0.5, abs=0.15)


def test_a_code_in_use_is_left_alone():
    codebook = book(revive=0.1)
    codebook.counts.copy_(torch.tensor([5.0, 5, 5, 5, 2]))  # a tenth of the even share is 0.44
    before = codebook.vectors.clone()
    stats = codebook.stats(torch.ones(8, 3, dtype=torch.float64), torch.zeros(8, dtype=torch.long))
    codebook.revived(stats["held"], stats["candidates"])
    assert torch.equal(codebook.vectors, before)


# ---------------------------------------------------------------------------------------------------------------- prior


def sharpened(model: VQVAE) -> VQVAE:
    """Weights wide enough that every part of the prior matters."""
    with torch.no_grad():
        for p in model.prior.parameters():
            p.add_(0.4 * torch.randn_like(p))
    return model


def test_the_prior_s_probabilities_sum_to_1_and_see_only_codes_before():
    model = sharpened(build())
    index = torch.randint(K, (2, model.places))
    label = torch.tensor([0, 2])
    with torch.no_grad():
        before = model.prior(index, label)
        assert torch.allclose(before.exp().sum(2), torch.ones_like(before[..., 0]))
        for place in range(model.places):
            changed = index.clone()
            changed[:, place] = (changed[:, place] + 1) % K
            after = model.prior(changed, label)
            assert torch.allclose(after[:, : place + 1], before[:, : place + 1], rtol=1e-10, atol=1e-12)
            if place + 1 < model.places:
                assert (after[:, place + 1 :] - before[:, place + 1 :]).abs().max() > 1e-6
        assert (model.prior(index, label.flip(0))[:, 0] - before[:, 0]).abs().max() > 1e-6  # the class is seen


def test_a_code_s_nats_are_the_sum_over_places_and_the_mixture_over_classes():
    model = sharpened(build())
    index = torch.randint(K, (3, model.places))
    with torch.no_grad():
        each = []
        for c in range(3):
            log_p = model.prior(index, torch.full((3,), c))
            each.append(sum(log_p[:, t].gather(1, index[:, t : t + 1])[:, 0] for t in range(model.places)))
        expected = -torch.stack(each).exp().mean(0).log()
        assert torch.allclose(model.code_nats(index), expected, rtol=1e-10)
        assert torch.allclose(model.code_nll(model.codebook(index).flatten(1)), expected, rtol=1e-10)


def test_samples_are_drawn_from_the_prior_s_own_probabilities():
    """A grid of one place: how often each code is drawn, against its probability. Five standard errors at 20,000 draws
    are 0.018 at most."""
    model = sharpened(build(size=(2, 2), halvings=1))
    assert model.places == 1
    uniform = torch.rand(20_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    label = torch.ones(20_000, dtype=torch.long)
    with torch.no_grad():
        found = torch.bincount(model.prior.draw(uniform, label)[:, 0], minlength=K) / 20_000
        p = model.prior(torch.zeros(1, 1, dtype=torch.long), torch.ones(1, dtype=torch.long))[0, 0].exp()
        cold = model.prior.draw(uniform, label, temperature=0.0)
    assert p.max() < 0.9
    assert torch.allclose(found.double(), p, atol=0.018)
    assert cold.unique().tolist() == [int(p.argmax())]


def test_a_draw_sees_the_codes_drawn_before_it():
    """The cached pass gives what the whole one gives."""
    model = sharpened(build())
    uniform = torch.rand(4, model.places, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    label = torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        index = model.prior.draw(uniform, label)
        sums = model.prior(index, label).exp().cumsum(2)
    high = sums.gather(2, index[..., None])[..., 0]
    low = torch.where(index > 0, sums.gather(2, (index - 1).clamp(min=0)[..., None])[..., 0], 0.0)
    assert ((low - 1e-9 <= uniform) & (uniform < high + 1e-9)).all()


def test_uniform_codes_are_uniform_and_each_by_itself():
    model = build()
    noise = torch.rand(3_000, model.places, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    seen = []
    model.pictures = lambda index: seen.append(index) or {}
    model.sample(noise, {}, Sampling(codes="uniform"))
    share = torch.bincount(seen[0].flatten(), minlength=K) / seen[0].numel()
    assert torch.allclose(share, torch.full((K,), 1 / K), atol=5 * (1 / K / seen[0].numel()) ** 0.5)
    alike = (seen[0][:, 1:] == seen[0][:, :-1]).double().mean()  # neighbours, by chance alone
    assert float(alike) == pytest.approx(1 / K, abs=5 * (1 / K / seen[0].numel()) ** 0.5)


def test_the_prior_s_turn_moves_nothing_of_the_autoencoder_and_the_other_nothing_of_the_prior():
    """And passes it no gradient, even where it could learn."""
    batch = some()
    model = begun(build(learns="gradient"), batch)
    model.prior_loss(batch, AT).total.backward()
    got = {k.split(".")[0] for k, p in model.named_parameters() if p.grad is not None}
    assert got == {"prior"}
    model.zero_grad(set_to_none=True)
    model.loss(batch, AT).total.backward()
    got = {k.split(".")[0] for k, p in model.named_parameters() if p.grad is not None}
    assert got == {"encoder", "decoder", "codebook", "log_var"}
    assert not model.prior_loss(batch, AT).stats  # nothing is absorbed in its turn


def test_the_prior_learns_what_codes_are_like():
    """Stripes of three phases: after a hundred steps a picture's codes cost far less than uniform ones would."""
    spec, items = pictures(96, (16, 16))
    torch.manual_seed(0)
    t = learn(VQVAE(replace(TINY, prior_rate=1e-2), spec), items, 150)
    model = t.weights()
    batch = items.take(torch.arange(48))
    with torch.no_grad():
        nats = model.code_nats(model.indices(batch)).mean()
        x_hat = model.decode(model.encode(batch))["image"]
        error = (x_hat - batch["image"]).square().mean() / batch["image"].var()
    assert float(nats) < 0.5 * model.places * log(K)
    assert float(error) < 0.5


def test_the_autoencoder_rests_when_it_is_settled_and_the_prior_goes_on():
    _, items = pictures(32, (16, 16))
    torch.manual_seed(0)
    model = VQVAE(replace(TINY, settle=0.5), pictures(1, (16, 16))[0])
    t = Trainer(model, items, Plan(batch=16), Fabric(accelerator="cpu", devices=1))
    for _ in range(4):
        assert {"loss", "prior"} <= set(t.advance(8))
    held = {k: v.clone() for k, v in model.state_dict().items()}
    for _ in range(4):
        assert "loss" not in t.advance(8)
    same = {k for k, v in model.state_dict().items() if torch.equal(v, held[k])}
    assert same == {k for k in held if not k.startswith("prior.")}
    for update in replaced(model, settle=1.0).updates():
        assert all(turns(update, step) for step in range(20))


def replaced(model: VQVAE, **fields) -> VQVAE:
    return VQVAE(replace(model.cfg, **fields), model.spec)


def turns(update: Update, step: int) -> bool:
    at = At(step, 0, 8)
    every = update.every(at) if callable(update.every) else update.every
    return step % every == 0


# ------------------------------------------------------------------------------------------------------------ abilities


def test_it_meets_its_abilities():
    model = build()
    for ability in (Absorbs, Conditioned, Decodes, Density, Encodes, Prior, Samples, Scores, UpperBound):
        assert isinstance(model, ability)
    assert model.conditions == ("label",)
    assert unlabelled(model).conditions == ()


def test_codes_are_vectors_of_the_codebook_and_decode_snaps_to_them():
    batch = some()
    model = begun(build(), batch)
    with torch.no_grad():
        codes, index = model.encode(batch), model.indices(batch)
        assert codes.shape == (6, model.places * D)
        assert index.shape == (6, model.places)
        assert torch.equal(codes, model.codebook.vectors[index].flatten(1))
        gap = torch.pdist(model.codebook.vectors).min()
        near = codes + 0.4 * gap / D**0.5 * torch.sign(torch.randn_like(codes))  # nearer than half of the least gap
        assert torch.equal(model.decode(near)["image"], model.decode(codes)["image"])
        assert torch.equal(model.code_nll(near), model.code_nll(codes))


def test_the_score_is_what_the_picture_s_own_codes_cost_and_lies_above_the_sum_over_all_codes():
    """A grid of one place, three codes, two classes: -log p(x) is a sum of six terms. A label names one of the two that
    are of the picture's own code."""
    model = sharpened(build(size=(2, 2), classes=2, halvings=1, codebook=3, deviation=0.3))
    batch = some(5, (2, 2))
    label = torch.tensor([0, 1, 1, 0, 1])
    with torch.no_grad():
        nats, units = model.nll(Batch({"image": batch["image"]}), 7)
        named, _ = model.nll(Batch({"image": batch["image"], "label": label}), 1)
        x = model.unit(batch)
        terms = torch.empty(3, 2, 5, dtype=torch.float64)
        for k in range(3):
            index = torch.full((5, 1), k)
            x_hat = model.field.to_unit(model.pictures(index)["image"]).flatten(1)
            log_p = torch.distributions.Normal(x_hat, 0.3).log_prob(x).sum(1)
            for y in range(2):
                terms[k, y] = log_p + model.prior(index, torch.full((5,), y))[:, 0, k] - log(2)
        exact = -torch.logsumexp(terms.flatten(0, 1), 0)
        own = terms[model.indices(batch)[:, 0], :, torch.arange(5)]  # (5, 2)
    assert torch.allclose(nats, -torch.logsumexp(own, 1), rtol=1e-10)
    assert torch.allclose(named, -own[torch.arange(5), label], rtol=1e-10)
    assert (named > nats).all()
    assert (nats > exact).all()
    assert units.tolist() == [4.0] * 5


def test_a_model_without_labels_takes_batches_without_them():
    model = unlabelled(build())
    batch = Batch({"image": some()["image"]})
    begun(model, batch)
    assert model.prior_loss(batch, AT).total.isfinite()
    with torch.no_grad():
        assert model.nll(batch, 1)[0].shape == (6,)
        assert model.sample(torch.rand(2, model.places, dtype=torch.float64), {}, None)["image"].shape == (2, 1, 16, 16)


@pytest.mark.parametrize("size", [(28, 28), (40, 56), (96, 64), (9, 33), (8, 8)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size(size, channels):
    torch.manual_seed(0)
    spec, items = pictures(4, size, channels)
    model = VQVAE(TINY, spec)
    batch = items.take(torch.arange(4))
    begun(model, batch)
    with torch.no_grad():
        assert model.decode(model.encode(batch))["image"].shape == (4, channels, *size)
    assert model.loss(batch, AT).total.isfinite()
    assert model.prior_loss(batch, AT).total.isfinite()


def test_a_grid_left_to_itself_has_a_short_side_below_12():
    assert grid_sizes((28, 28)) == [(28, 28), (14, 14), (7, 7)]
    assert grid_sizes((96, 64))[-1] == (12, 8)
    assert grid_sizes((32, 32), 2)[-1] == (8, 8)
    assert grid_sizes((8, 8)) == [(8, 8)]


def test_the_paper_s_network_has_its_parameters():
    """Two 4×4 convolutions of stride 2 and two blocks of a 3×3 and a 1×1 convolution, 256 channels; mirrored."""
    config, training = Config.paper()
    with torch.device("meta"):
        model = VQVAE(config, training.spec)
    count = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()}
    block = 256 * 256 * 9 + 256 + 256 * 256 + 256
    assert count["encoder"] == 3 * 256 * 16 + 256 + 256 * 256 * 16 + 256 + 2 * block + 256 * 64 + 64
    assert count["decoder"] == 64 * 256 * 9 + 256 + 2 * block + 256 * 256 * 16 + 256 + 256 * 3 * 16 + 3
    assert model.codebook.vectors.shape == (512, 64)
    assert model.grid == (8, 8)


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("make", [tokens, rows])
def test_what_is_no_picture_is_refused_in_words(make):
    with pytest.raises(ValueError, match=r"Pass|takes exactly one"):
        VQVAE(TINY, make()[0])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"codebook": 1}, "codebook 1: too small. Pass 2 or more"),
        ({"memory": 1.0}, r"memory 1.0: not in \[0, 1\)"),
        ({"settle": 1.5}, "settle 1.5: above 1"),
        ({"settle": 0.0}, "settle 0.0: not above 0"),
        ({"heads": 3}, "heads 3: does not divide"),
        ({"halvings": 5}, "16x16: vq_vae makes 32x32 and larger"),
    ],
)
def test_bad_values_are_refused_in_words(fields, says):
    with pytest.raises(ValueError, match=says):
        build(**fields)


def test_a_temperature_below_0_is_refused_in_words():
    model = build()
    with pytest.raises(Problem, match=r"--temperature -1.0"):
        model.sample(torch.rand(1, model.places, dtype=torch.float64), {}, Sampling(temperature=-1.0))


def test_unlike_shards_carry_the_same_statistics_by_name():
    """What the trainer adds up: a loss's sums, shard by shard."""
    batch = some(8)
    model = begun(build(), batch)
    losses = [model.loss(Batch({k: v[part] for k, v in batch.values.items()}), AT) for part in (slice(3), slice(3, 8))]
    both = added(added(None, losses[0]), losses[1])
    whole = model.loss(batch, AT)
    for name in ("counts", "sums"):
        assert torch.allclose(both.stats[name], whole.stats[name], rtol=1e-10, atol=1e-12)
    assert float(both.total) == pytest.approx(float(whole.total.detach()), rel=1e-10)
    assert float(both.logs["perplexity"] / both.count) == pytest.approx(float(whole.logs["perplexity"] / whole.count))
