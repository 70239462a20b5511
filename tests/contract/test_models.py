"""What every model owes: collected from the models folder, so that a new file is tested by existing."""

import json
from copy import deepcopy
from dataclasses import asdict

import pytest
import torch
from lightning_fabric import Fabric

from reverie.catalog import families, find
from reverie.core import (
    At,
    Batch,
    Bounds,
    Decodes,
    Encodes,
    Latents,
    Model,
    Prior,
    Samples,
    Says,
    Scores,
    Spec,
    Translates,
)
from reverie.tasks.sample import block
from reverie.training.build import build_config, model_class
from reverie.training.precision import mixed
from reverie.training.seeds import generator, reseed
from reverie.training.trainer import Plan, Trainer
from reverie.training.written import plain
from toys import SETS, Values

NAMES = [family.name for family in families()]
STEPS = 6


def data(name: str) -> tuple[Spec, Values]:
    """The first toy set that the model can be built for."""
    for spec, items in (make() for make in SETS):
        try:
            model_class(find(name).load())(config(name), spec)
        except ValueError:
            continue
        return spec, items
    raise AssertionError(f"{name} takes none of the toy sets")


def config(name: str):
    return find(name).load().Config.tiny().config


def build(name: str, spec: Spec) -> Model:
    reseed(0, "model")
    return model_class(find(name).load())(config(name), spec)


def trainer(name: str, **plan) -> Trainer:
    spec, items = data(name)
    return Trainer(
        build(name, spec), items, Plan(**{"batch": 16, "ema_items": 64.0, **plan}), Fabric(accelerator="cpu", devices=1)
    )


def advance(t: Trainer, steps: int) -> Trainer:
    while t.step < steps:
        t.advance(STEPS)
    return t


def flat(value) -> list[torch.Tensor]:
    """All tensors in a state."""
    if isinstance(value, dict):
        return [t for k in sorted(value, key=str) for t in flat(value[k])]
    if isinstance(value, list):
        return [t for v in value for t in flat(v)]
    return [value] if isinstance(value, torch.Tensor) else []


def fourfold(batch: Batch) -> Batch:
    """Each item four times."""
    values, lengths, masks = (
        {k: torch.cat([v] * 4) for k, v in named.items()} for named in (batch.values, batch.lengths, batch.masks)
    )
    return Batch(values, lengths, masks, {k: fourfold(inner) for k, inner in batch.domains.items()})


def equal(a: dict, b: dict) -> bool:
    return len(flat(a)) == len(flat(b)) > 0 and all(torch.equal(x, y) for x, y in zip(flat(a), flat(b)))


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


def test_every_parameter_has_one_optimizer(name):
    model = build(name, data(name)[0])
    held = [id(p) for o in model.optimizers().values() for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


def test_an_update_moves_all_its_parameters_and_no_other(name):
    t = trainer(name)
    advance(t, 1)  # past layers that start at zero
    moved: set[int] = set()
    for update in t.list:
        mine = {id(p) for p in t.held[update.optimizer]}
        before = [p.detach().clone() for p in t.model.parameters()]
        t.turn(update, t.at(STEPS))
        for p, old in zip(t.model.parameters(), before):
            if id(p) not in mine:
                assert torch.equal(p, old)
            elif not torch.equal(p, old):
                moved.add(id(p))
    assert moved == {id(p) for p in t.model.parameters()}


def test_a_forward_pass_writes_no_buffer(name):
    t = trainer(name)
    before = deepcopy(dict(t.model.named_buffers()))
    for update in t.list:
        reseed(0, "loss")
        update.loss(t.batch(0), t.at(STEPS))
    assert all(torch.equal(b, before[k]) for k, b in t.model.named_buffers())


def test_a_loss_counts_what_it_sums(name):
    """Four times the same items: four times the count, of items or of tokens."""
    t = trainer(name)
    for update in t.list:
        reseed(0, "loss")
        loss = update.loss(t.batch(0), t.at(STEPS))
        reseed(0, "loss")
        more = update.loss(fourfold(t.batch(0)), t.at(STEPS))
        assert int(more.count) == 4 * int(loss.count)
        assert loss.logs
        assert all(v.numel() == 1 for v in loss.logs.values())


def test_resume_is_exact(name):
    whole = advance(trainer(name), STEPS)
    half = advance(trainer(name), STEPS // 2)
    state = deepcopy(half.state())
    torch.rand(7)  # disturb the global state on purpose
    half.weights()  # and look at the samples in between
    rest = trainer(name)
    rest.load(state)
    advance(rest, STEPS)
    assert equal(whole.state(), rest.state())
    assert equal(whole.weights().state_dict(), rest.weights().state_dict())


def test_in_mixed_precision_a_loss_is_near_its_own_and_still_a_float32_sum(name):
    t, other = trainer(name), []
    for update in t.list:
        t.free(update.optimizer)
        totals, gradients = [], []
        for precision in ("float32", "bf16"):
            reseed(0, "loss")
            with mixed(t.model, precision, torch.device("cpu")):
                loss = update.loss(t.batch(0), t.at(STEPS))
            assert {x.dtype for x in (loss.total, *loss.logs.values())} == {torch.float32}
            totals.append(float(loss.total.detach()))
            loss.total.backward()
            gradients.append([p.grad for p in t.held[update.optimizer] if p.grad is not None])
            t.model.zero_grad(set_to_none=True)
        assert totals[1] == pytest.approx(totals[0], rel=0.03, abs=0.03 * float(loss.count))
        assert all(g.isfinite().all() for g in gradients[1])
        other += [not torch.equal(a, b) for a, b in zip(*gradients)]
    assert any(other)  # it was another precision indeed


def test_same_seed_same_run_and_another_seed_another(name):
    first, again, other = (advance(trainer(name, seed=s), 2) for s in (0, 0, 1))
    assert equal(first.state(), again.state())
    assert not equal(first.state(), other.state())


def test_another_attempt_is_other_chance(name):
    first, other = advance(trainer(name), 2), advance(trainer(name, attempt=1), 2)
    assert not equal(first.state(), other.state())


def test_samples_fit_the_spec_and_do_not_depend_on_each_other(name):
    t = advance(trainer(name), 2)
    model, spec = t.weights(), t.model.spec
    if not isinstance(model, Samples):
        pytest.skip("this model makes no samples")
    sampling = getattr(find(name).load(), "Sampling", None)
    how = sampling() if sampling else None
    values = block(model, spec, range(8), 0, how, None)
    again = block(model, spec, range(4, 12), 0, how, None)
    assert set(values) == set(spec.fields)
    for key, field in spec.fields.items():
        x = values[key]
        if field.categories:
            assert x.dtype == torch.int64
            assert x.min() >= 0
            assert x.max() < field.categories
        else:
            assert tuple(x.shape) == (8, *field.shape)
            assert x.isfinite().all()
            assert field.low - 1e-6 <= x.min()
            assert x.max() <= field.high + 1e-6
        assert torch.allclose(x[4:].float(), again[key][:4].float(), atol=1e-5)  # same items, other companions
        assert not torch.equal(x[0], x[1])


def test_what_is_translated_fits_the_spec_and_does_not_depend_on_its_company(name):
    t = trainer(name)
    model, spec = t.weights(), t.model.spec
    if not isinstance(model, Translates):
        pytest.skip("this model does not translate")
    for source, to in (spec.domains, spec.domains[::-1]):
        x = t.stream.items.domains[source].take(torch.arange(6)).values
        with torch.no_grad():
            whole, part = model.translate(x, source, to), model.translate({k: v[3:] for k, v in x.items()}, source, to)
        assert set(whole) == set(spec.fields)
        for key, field in spec.fields.items():
            assert tuple(whole[key].shape) == (6, *field.shape)
            assert field.low - 1e-6 <= whole[key].min()
            assert whole[key].max() <= field.high + 1e-6
            torch.testing.assert_close(whole[key][3:], part[key], atol=1e-5, rtol=0)
            assert not torch.equal(whole[key][0], whole[key][1])


def test_a_score_is_finite_and_counts_its_units(name):
    t = advance(trainer(name), 1)
    model = t.weights()
    if not isinstance(model, Scores):
        pytest.skip("this model has no likelihood")
    with torch.no_grad():
        nats, units = model.nll(t.stream.items.take(torch.arange(5)), 3)
    assert nats.shape == units.shape == (5,)
    assert nats.isfinite().all()
    assert units.min() >= 1


def test_a_sample_is_what_its_code_generates_in_every_space(name):
    t = trainer(name)
    model, batch = t.weights(), t.batch(0)
    if not isinstance(model, Latents):
        pytest.skip("its samples come from no space")
    how = find(name).sampling() if find(name).sampling else None
    noise = torch.stack([model.noise(generator(0, "item", i), how) for i in range(4)])
    condition = {k: batch[k][:4] for k in getattr(model, "conditions", ())}
    made = model.sample(noise, condition, how)
    for space, parts in model.spaces.items():
        codes = model.placed(noise, condition, how, space).requires_grad_()
        assert codes.ndim == 2
        assert codes.shape[1] % parts == 0
        again = model.generated(codes, condition, space)
        assert made.keys() == again.keys()
        for k in made:
            torch.testing.assert_close(again[k], made[k])
        (slope,) = torch.autograd.grad(sum(v.sum() for v in again.values()), codes)
        assert slope.abs().sum() > 0


def test_what_a_model_says_of_its_samples_is_a_line(name):
    model = advance(trainer(name), 1).weights()
    if not isinstance(model, Says):
        pytest.skip("this model says nothing")
    said = model.said()
    assert said.strip() == said != ""
    assert "\n" not in said


def test_codes_are_rows_that_come_back_as_items_and_have_a_probability(name):
    t = advance(trainer(name), 1)
    model, batch = t.weights(), t.stream.items.take(torch.arange(5))
    if not isinstance(model, Encodes):
        pytest.skip("this model has no codes")
    with torch.no_grad():
        codes = model.encode(batch)
        assert codes.dim() == 2
        assert len(codes) == 5
        assert codes.isfinite().all()
        if isinstance(model, Decodes):
            made = model.decode(codes)
            assert {key: x.shape for key, x in made.items()} == {key: batch[key].shape for key in t.model.spec.fields}
        if isinstance(model, Prior):
            nats = model.code_nll(codes)
            assert nats.shape == (5,)
            assert nats.isfinite().all()


def test_a_bound_falls_into_what_its_codes_cost_and_the_rest(name):
    t = advance(trainer(name), 1)
    model = t.weights()
    if not isinstance(model, Bounds):
        pytest.skip("this model has no such bound")
    with torch.no_grad():
        mean, rate, distortion = model.bound(t.stream.items.take(torch.arange(5)))
    assert mean.shape == rate.shape
    assert distortion.shape == (5,) == rate.shape[:1]
    assert (rate >= 0).all()
    assert distortion.isfinite().all()


def test_config_round_trips_through_json(name):
    for chosen in find(name).sets:
        made = getattr(find(name).load().Config, chosen)().config
        assert build_config(type(made), json.loads(json.dumps(plain(asdict(made))))) == made


def test_rates_and_turns_are_pure_functions_of_where_training_stands(name):
    for update in build(name, data(name)[0]).updates():
        at = At(3, 48, 10)
        assert update.rate(at) == update.rate(at)
        assert 0 <= update.rate(At(0, 0, 10)) <= 1.0
