"""Sequence to sequence: both networks learn to turn a sentence around; padding and companions change nothing."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Loss, Predicts, Scores, Spec
from reverie.models.predictors.seq2seq import Config, Seq2seq
from reverie.training.trainer import Plan, Trainer
from toys import pairs, pictures, sounds, tokens
from toys import sentences as labelled

AT = At(0, 0, 1)
FORMS = [{"form": "transformer"}, {"form": "transformer", "norm": "before"}, {"form": "lstm"}]
LEARNS = [
    {"width": 32, "layers": 2, "heads": 4, "feed": 64, "norm": "before"},
    {"form": "lstm", "width": 64},
]


def sentences(vocabulary: int, longest: int = 100) -> Spec:
    """For counting parameters."""
    source, target = (Field((longest,), categories=vocabulary, length=True, start=start) for start in (None, 1))
    return Spec("pairs", {"source": source}, target={"target": target})


def made(fields: dict, seed: int = 0, **more) -> tuple[Seq2seq, Batch]:
    """A small network, and the toy pairs."""
    torch.manual_seed(seed)
    spec, items = pairs()
    model = Seq2seq(replace(Config.tiny().config, **{"dropout": 0.0, **fields, **more}), spec).double().eval()
    for p in model.parameters():  # so that what it writes varies
        p.data *= 3
    return model, items.take(torch.arange(12))


def padded(batch: Batch, by: int) -> Batch:
    return Batch({k: F.pad(v, (0, by)) for k, v in batch.values.items()}, batch.lengths)


def nats_of_all(model: Seq2seq, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model.nll(batch, 1)[0]


@pytest.mark.parametrize("fields", LEARNS, ids=["transformer", "lstm"])
def test_it_learns_to_turn_any_sentence_around(fields):
    spec, items = pairs(2048)
    torch.manual_seed(0)
    config = replace(Config.tiny().config, dropout=0.0, smoothing=0.0, beam=3, **fields)
    trainer = Trainer(Seq2seq(config, spec), items, Plan(batch=128), Fabric(accelerator="cpu", devices=1))
    for _ in range(250):
        trainer.advance(250)
    spec, items = pairs(4096)
    batch = items.take(torch.arange(3072, 4096))  # others
    with torch.no_grad():
        said = trainer.weights().predict(batch)
    assert said.dtype == torch.int64
    assert float((said == batch["target"]).all(1).double().mean()) > 0.95


@pytest.mark.parametrize("fields", FORMS)
def test_the_gradient_of_its_loss_is_that_of_finite_differences(fields):
    torch.manual_seed(0)
    field = Field((4,), categories=5, length=True)
    spec = Spec("pairs", {"source": field}, target={"target": replace(field, start=1)})
    model = Seq2seq(Config(width=4, heads=2, layers=1, feed=3, dropout=0.0, **fields), spec).double()
    words, lengths = torch.tensor([[3, 4, 3, 0], [4, 0, 0, 0], [3, 3, 0, 0]]), torch.tensor([4, 2, 3])
    batch = Batch({"source": words, "target": words.flip(0)}, {"source": lengths, "target": lengths.flip(0)})
    names = [name for name, _ in model.named_parameters()]

    def cost(*weights: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(Summed(model), {f"model.{n}": w for n, w in zip(names, weights)}, (batch,))

    assert torch.autograd.gradcheck(cost, [p.detach().clone().requires_grad_() for p in model.parameters()])


class Summed(torch.nn.Module):
    """The loss as a module's forward pass."""

    def __init__(self, model: Seq2seq):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.model.loss(batch, AT).total


# ------------------------------------------------------------------------------------------------------ what it states


@pytest.mark.parametrize("fields", FORMS)
def test_padding_changes_nothing(fields):
    model, batch = made(fields)
    more = padded(batch, 3)
    assert torch.equal(model.predict(more), model.predict(batch))
    assert torch.equal(nats_of_all(model, more), nats_of_all(model, batch))
    assert torch.equal(model.loss(more, AT).total, model.loss(batch, AT).total)


@pytest.mark.parametrize("fields", FORMS)
def test_what_stands_behind_an_end_has_no_influence(fields):
    model, batch = made(fields)
    rubbish = {
        k: torch.where(torch.arange(v.shape[1]) < batch.lengths[k][:, None], v, 7) for k, v in batch.values.items()
    }
    assert torch.equal(nats_of_all(model, Batch(rubbish, batch.lengths)), nats_of_all(model, batch))
    assert torch.equal(model.predict(Batch(rubbish, batch.lengths)), model.predict(batch))


@pytest.mark.parametrize("fields", FORMS)
def test_an_item_is_scored_and_translated_as_if_alone(fields):
    model, batch = made(fields)
    together, units = model.nll(batch, 1)
    said = model.predict(batch)
    assert said.shape == (12, 7)
    assert len(torch.unique(said, dim=0)) > 1
    for k in range(12):
        one = torch.tensor([k])
        alone = Batch({n: v[one] for n, v in batch.values.items()}, {n: v[one] for n, v in batch.lengths.items()})
        assert torch.allclose(model.nll(alone, 1)[0], together[one], rtol=1e-9)
        assert torch.equal(model.predict(alone)[0], said[k])
    assert torch.equal(units, batch.lengths["target"])


@pytest.mark.parametrize("fields", FORMS)
def test_a_loss_is_the_nats_of_its_items(fields):
    model, batch = made(fields)
    loss = model.loss(batch, AT)
    assert isinstance(loss, Loss)
    assert loss.count == int(batch.lengths["target"].sum())
    assert loss.logs["nats"].item() == pytest.approx(nats_of_all(model, batch).sum().item(), rel=1e-12)
    assert loss.logs["loss"].item() == loss.total.item() != loss.logs["nats"].item()
    plain, _ = made(fields, smoothing=0.0)
    assert plain.loss(batch, AT).total.item() == pytest.approx(loss.logs["nats"].item(), rel=1e-12)


@pytest.mark.parametrize("fields", FORMS)
def test_probabilities_of_all_short_targets_sum_to_one_with_what_is_longer(fields):
    """Sum over sequences of n < 3 words of p, plus that of three words or more: exp of their prefixes' nats."""
    torch.manual_seed(0)
    field = Field((4,), categories=5, length=True)
    spec = Spec("pairs", {"source": field}, target={"target": replace(field, start=1)})
    model = Seq2seq(replace(Config.tiny().config, **fields), spec).double().eval()
    words = [[], *[[a] for a in range(1, 5)], *[[a, b] for a in range(1, 5) for b in range(1, 5)]]
    target = torch.tensor([[*w, *[0] * (3 - len(w))] for w in words])
    lengths = torch.tensor([len(w) + 1 for w in words])
    source, long = torch.tensor([[3, 4, 0]]).expand(len(words), -1), torch.full((len(words),), 3)
    ended = nats_of_all(model, Batch({"source": source, "target": target}, {"source": long, "target": lengths}))
    begun = nats_of_all(
        model, Batch({"source": source, "target": target}, {"source": long, "target": lengths - 1 + (lengths == 1)})
    )
    beyond = (-begun[5:]).exp().sum() - (-ended[5:]).exp().sum()  # two words, and then no end
    assert float((-ended).exp().sum() + beyond) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("fields", FORMS)
def test_a_beam_of_one_takes_the_likeliest_token_each_time(fields):
    model, batch = made(fields, beam=1)
    said = model.predict(batch)
    for row, source, length in zip(said, batch["source"], batch.lengths["source"]):
        written: list[int] = []
        while len(written) < 6:
            best = []
            for word in range(8):
                target = torch.tensor([[*written, word]])
                lengths = {"source": length[None], "target": torch.tensor([len(written) + 1])}
                best.append(nats_of_all(model, Batch({"source": source[None], "target": target}, lengths)).item())
            word = min(range(8), key=best.__getitem__)
            if word == 0:
                break
            written.append(word)
        assert row.tolist() == written + [0] * (7 - len(written))


def test_a_wider_beam_and_a_penalty_choose_others():
    found = [made(FORMS[0], beam=b, length_penalty=a)[0] for b, a in ((1, 0.0), (8, 0.0), (8, 3.0))]
    _, batch = made(FORMS[0])
    greedy, plain, long = (m.predict(batch) for m in found)
    assert not torch.equal(greedy, plain)
    assert int((long > 0).sum()) > int((plain > 0).sum())


def test_it_predicts_and_scores_but_does_not_bind_itself_to_names():
    spec, items = pairs()
    batch = items.take(torch.arange(6))
    other = Spec("else", {"in": spec.fields["source"]}, target={"out": spec.target["target"]})
    torch.manual_seed(0)
    model = Seq2seq(Config.tiny().config, other).eval()
    named = Batch(
        {"in": batch["source"], "out": batch["target"]},
        {"in": batch.lengths["source"], "out": batch.lengths["target"]},
    )
    torch.manual_seed(0)
    same = Seq2seq(Config.tiny().config, spec).eval()
    assert torch.equal(model.predict(named), same.predict(batch))
    assert isinstance(model, Predicts)
    assert isinstance(model, Scores)


# ---------------------------------------------------------------------------------------------------------- parameters


def test_the_papers_base_model_has_63_million_parameters():
    """By layers, without biases in attention: (4 d² + 2 d f + f + d + 4 d) of the encoder, (8 d² + 2 d f + f + d + 6 d)
    of the decoder, and one table of 37,000 rows. Table 3 says 65 million."""
    d, f, n = 512, 2048, 6
    model = Seq2seq(Config.paper().config, sentences(37_000))
    layers = n * (4 * d * d + 2 * d * f + f + d + 4 * d) + n * (8 * d * d + 2 * d * f + f + d + 6 * d)
    assert sum(p.numel() for p in model.parameters()) == layers + 37_000 * d == 63_045_632


def test_the_recurrent_form_has_the_parameters_of_its_equations():
    d, v, n = 8, 11, 2
    model = Seq2seq(Config("lstm", d, n), sentences(v))
    half = d // 2
    encoder = n * 2 * (4 * half * (d + half) + 8 * half)
    decoder = 4 * d * (2 * d + d) + 8 * d + (n - 1) * (4 * d * 2 * d + 8 * d)
    assert sum(p.numel() for p in model.parameters()) == v * d + encoder + decoder + d * d + 2 * d * d


@pytest.mark.parametrize("fields", FORMS)
def test_one_table_is_shared_only_where_asked_and_where_vocabularies_are_equally_large(fields):
    read, write = Field((5,), categories=9, length=True), Field((5,), categories=9, length=True, start=1)

    def tables(tied: bool, words: int) -> list[tuple[int, ...]]:
        spec = Spec("pairs", {"source": read}, target={"target": replace(write, categories=words)})
        model = Seq2seq(replace(Config.tiny().config, tied=tied, **fields), spec)
        return sorted(
            tuple(p.shape) for n, p in model.named_parameters() if n in ("net.source.weight", "net.target.weight")
        )

    assert tables(True, 9) == [(9, 16)]
    assert tables(False, 9) == [(9, 16), (9, 16)]
    assert tables(True, 7) == [(7, 16), (9, 16)]


def test_the_rate_is_the_papers_or_falls_to_nothing():
    """Equation 3: d^-0.5 min(step^-0.5, step warmup^-1.5), which has its peak at the end of the warm-up."""
    model = Seq2seq(Config.tiny().config, sentences(9))
    paper = Seq2seq(replace(Config.paper().config, layers=1, width=8), sentences(9))
    for step in (1, 17, 3_999, 4_000, 4_001, 16_000, 99_999):
        rule = min(step**-0.5, step * 4_000**-1.5) / 4_000**-0.5
        assert paper.rate(At(step - 1, 0, 100_000)) == pytest.approx(rule, rel=1e-12)
    assert Config.paper().config.learning_rate == pytest.approx(512**-0.5 * 4_000**-0.5, rel=0.01)
    assert [model.rate(At(k, 0, 20)) for k in (0, 3, 19)] == pytest.approx([0.125, 0.875, 0.03125])


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (labelled()[0], "label: no sequence that ends: seq2seq writes those. Predict a text"),
        (sounds()[0], "label: no sequence"),
        (pictures()[0], "label: no sequence"),
        (tokens()[0], "no classes, and nothing else to predict"),
        (
            Spec("else", {"x": Field((4,))}, target={"y": Field((4,), categories=3, length=True, start=1)}),
            "x: no tokens of varying number: seq2seq reads those. Pass texts",
        ),
        (
            Spec(
                "else", {"x": Field((4,), categories=3)}, target={"y": Field((4,), categories=3, length=True, start=1)}
            ),
            "x: no tokens of varying number",
        ),
        (
            Spec(
                "else",
                {"x": Field((4,), categories=3, length=True)},
                target={"y": Field((4,), categories=3, length=True)},
            ),
            "y: no sequence that ends",
        ),
    ],
)
def test_what_it_cannot_read_or_write_is_refused_with_the_cure(spec, says):
    with pytest.raises(ValueError, match=says):
        Seq2seq(Config.tiny().config, spec)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"heads": 3}, "no multiple of heads 3"),
        ({"form": "lstm", "width": 7}, "width 7: odd"),
        ({"beam": 0}, "beam 0: too small"),
        ({"length_penalty": -1.0}, "length_penalty -1.0: too small"),
        ({"dropout": 1.0}, "dropout 1.0: not in"),
        ({"learning_rate": 0.0}, "learning_rate 0.0: not above 0"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_cure(fields, says):
    with pytest.raises(ValueError, match=says):
        Seq2seq(replace(Config.tiny().config, **fields), pairs()[0])
