"""A design moves a model of molecules toward what is wished, and keeps what it makes varied."""

import json
from math import exp

import numpy as np
import pytest
import torch

pytest.importorskip("rdkit")

from reverie.errors import Problem, Stopped
from reverie.kinds.molecule.codec import Codec
from reverie.kinds.molecule.properties import canonical
from reverie.models.autoregressive import recurrent_lm
from reverie.tasks.design import BATCH, Designer, Goal, drawn, ended
from reverie.tasks.design_files import design
from reverie.tasks.desired import Desired, scaffold
from reverie.tasks.scaffold_memory import Memory
from reverie.tasks.wishes import Wish, score, step, wishes
from reverie.training.run import Run

LONGEST = 12


class Lines:
    """Training molecules."""

    def __init__(self, codec, smiles):
        self.codec, self.smiles = codec, smiles

    def __len__(self):
        return len(self.smiles)

    def take(self, index, vary=False):
        return self.codec.encode(self.raw(index))

    def raw(self, index):
        return [self.smiles[i] for i in index.tolist()]


def run(place, seed: int = 0) -> Run:
    """A model that has learnt nothing: it writes chains of C, N and O, nearly all of which are molecules."""
    codec = Codec("atoms", ("C", "N", "O"), LONGEST)
    torch.manual_seed(seed)
    config = recurrent_lm.Config.tiny().config
    model = recurrent_lm.RecurrentLM(config, codec.spec).eval().requires_grad_(False)
    chance = np.random.default_rng(0)
    train = [canonical("".join(chance.choice(list("CCCNO"), chance.integers(2, 10)))) for _ in range(100)]
    source = {"where": "nowhere", "fingerprint": "f", "options": {}, "size": []}
    spec = codec.spec.to_json()
    info = {"model": "recurrent_lm", "source": source, "format": 1, "config": vars(config), "spec": spec}
    info |= {"codec": codec.to_json(), "plan": {"batch": 1, "seed": 0}}
    made = Run(place / "run", info)
    items = type("Prepared", (), {"train": Lines(codec, train)})()
    vars(made).update(codec=codec, spec=codec.spec, model=model, device=torch.device("cpu"), prepared=items)
    return made


def goal(steps: int = 40, *, wish=None, **more) -> Goal:
    return Goal(tuple(wish or wishes(["tpsa"], [], [])), steps=steps, learning_rate=1e-2, **more)


# ------------------------------------------------------------------------------------------------------------- wishes


def test_what_is_to_be_large_counts_little_at_the_median_and_much_where_few_are():
    usual = np.linspace(0, 1, 201)
    up, down = step(Wish("qed", "maximise"), usual), step(Wish("sa", "minimise"), usual)
    assert up(0.5) == pytest.approx(0.05)
    assert up(0.995) == pytest.approx(0.95)
    assert down(0.5) == pytest.approx(0.05)
    assert down(0.005) == pytest.approx(0.95)
    assert up(1e6) == pytest.approx(1.0)


def test_a_range_is_met_within_it_and_falls_off_smoothly_beside_it():
    usual = np.array([0.0, 2.0] * 50)  # a deviation of 1, so that half of it is 0.5
    inside = step(Wish("logp", "range", 1.0, 3.0), usual)
    assert [inside(x) for x in (1.0, 2.0, 3.0)] == [1.0, 1.0, 1.0]
    assert inside(3.5) == pytest.approx(exp(-0.5))
    assert inside(0.0) == pytest.approx(exp(-2.0))


def test_several_wishes_are_a_geometric_mean_so_that_none_is_bought_with_another():
    usual = np.linspace(0, 1, 201)
    both = [step(Wish("qed", "maximise"), usual), step(Wish("sa", "minimise"), usual)]
    values = {"qed": 0.9, "sa": 0.1}
    assert score(both, values) == pytest.approx((both[0](0.9) * both[1](0.1)) ** 0.5)
    assert score(both, {"qed": 1.0, "sa": 1.0}) < 0.05


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (([], [], []), "nothing is wished for"),
        ((["beauty"], [], []), "--maximise beauty: no property of molecules. There are: qed"),
        (([], [], [("logp", 3, 1)]), "--range logp 3 1: no range"),
        (([], [], [("qed", 2, 3)]), "qed is between 0 and 1"),
        (([], [], [("weight", -9, -1)]), "weight is at least 0"),
        ((["qed"], [], [("qed", 0.5, 0.6)]), "qed: wished for twice"),
    ],
)
def test_a_wish_that_nothing_can_meet_is_refused_with_its_cure(asked, said):
    with pytest.raises(Problem, match=said):
        wishes(*asked)


def test_molecules_that_fail_a_filter_that_is_asked_for_are_worth_nothing():
    free = Desired(wishes(["weight"], [], []), ["CCO", "CCCCO"], filters=False)
    strict = Desired(wishes(["weight"], [], []), ["CCO", "CCCCO"], filters=True)
    assert free.one("CCCl").score > 0.0
    assert (strict.one("CCCl").score, strict.one("CCCl").wanted) == (0.0, False)
    assert strict.one("CCCCCO") == free.one("CCCCCO")
    assert free.one("C(").name is None


# ------------------------------------------------------------------------------------------------------------- memory


def test_a_molecule_counts_once_and_a_scaffold_as_often_as_it_has_room():
    memory = Memory(scaffold, room=2, worth=0.4)
    benzenes = [canonical(s) for s in ("Cc1ccccc1", "CCc1ccccc1", "CCCc1ccccc1")]
    assert memory([*benzenes, "CCO", None], [0.9, 0.8, 0.7, 0.6, 0.9]) == [0.9, 0.8, 0.0, 0.6, 0.0]
    assert memory([benzenes[0], "CCO"], [0.9, 0.6]) == [0.0, 0.0]
    chains = ["CCN", "CCCN", "CCCCN"]  # have no scaffold in common
    assert memory(chains, [0.5] * 3) == [0.5] * 3
    assert memory(["CCCO"], [0.3]) == [0.3]  # worth little: not kept, and may come again
    assert memory(["CCCO"], [0.3]) == [0.3]


# -------------------------------------------------------------------------------------------------------------- agent


def test_what_was_drawn_costs_what_the_model_that_drew_it_says(tmp_path):
    """Tokens with their end: the likelihood of a row that was drawn is that of the same molecule read from a file."""
    made = run(tmp_path)
    batch = drawn(made.model, made, range(BATCH), ("x", 0))
    smiles = made.codec.decode({"molecule": batch["molecule"]})
    lengths = batch.lengths["molecule"].tolist()  # a start token within a row is no letter of the molecule
    whole = [i for i, one in enumerate(smiles) if 0 < len(one) < LONGEST - 1 and len(one) + 1 == lengths[i]][:20]
    assert len(whole) == 20
    again = made.codec.encode([smiles[i] for i in whole])
    assert batch.lengths["molecule"][whole].tolist() == again.lengths["molecule"].tolist()
    mine = made.model.nll(batch, 1)[0][whole]
    assert mine.numpy() == pytest.approx(made.model.nll(again, 1)[0].numpy(), rel=1e-5)


def test_an_end_counts_and_what_fills_a_batch_does_not():
    assert ended(torch.tensor([[2, 3, 0, 0], [2, 3, 4, 0], [2, 3, 4, 5], [0, 0, 0, 0]])).tolist() == [3, 4, 4, 1]


def test_the_agent_learns_a_planted_reward_and_the_prior_stays_as_it_was(tmp_path):
    made = run(tmp_path)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    designer = Designer(made, goal(wish=wishes([], [], [("atoms", 8, 10)])))
    course = [designer.learn() for _ in range(40)]
    first, last = (np.mean([line["wanted"] for line in part]) for part in (course[:5], course[-5:]))
    assert first < 0.25
    assert last > 0.6
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())


def test_one_step_is_the_papers_gradient_through_the_models_likelihood(tmp_path):
    """The first step's gradient is that of -2 (log P_prior + σ·S - log P_A) ∇ log P_A, summed over the batch and
    divided by its size; at the first step the agent is the prior, so that only σ·S is left."""
    made = run(tmp_path)
    designer = Designer(made, goal())
    batch = drawn(designer.agent, made, range(BATCH), ("design", 0))
    smiles = made.codec.decode({"molecule": batch["molecule"]})
    worth = designer.desired(smiles)
    kept = Memory(scaffold)([one.name for one in worth], [one.score for one in worth])
    weights = torch.tensor(kept) * 120.0 * -2 / BATCH
    by_hand = torch.autograd.grad((-designer.agent.nll(batch, 1)[0] * weights).sum(), list(designer.agent.parameters()))
    designer.learn()
    for parameter, gradient in zip(designer.agent.parameters(), by_hand):
        assert parameter.grad.numpy() == pytest.approx(gradient.numpy(), rel=1e-3, abs=1e-4)


def test_a_design_is_a_run_folder_with_as_many_different_molecules_as_were_asked_for(tmp_path):
    made = run(tmp_path)
    out = design(made, goal(20, wish=wishes(["tpsa"], [], [("weight", 60, 140)])), tmp_path / "out", 30)
    rows = (out.folder / "designed.csv").read_text().splitlines()[1:]
    assert len(rows) == len({row.split(",")[0] for row in rows}) == 30
    assert all(60 <= float(weight) <= 140 for weight in out.found.after["weight"])
    info = json.loads((out.folder / "run.json").read_text())
    assert info["designed"]["wishes"][0] == {"name": "tpsa", "how": "maximise"}
    assert (out.folder / "design.html").stat().st_size > 10_000
    with pytest.raises(Problem, match="done, at step 20"):
        design(made, goal(20, wish=wishes(["tpsa"], [], [("weight", 60, 140)])), tmp_path / "out", 30)
    opened = Run.open(out.folder)
    assert set(opened.sample(20)) - {""}
    agent = opened.model.state_dict()
    assert any(not torch.equal(agent[name], value) for name, value in made.model.state_dict().items())


def test_a_design_that_was_cut_goes_on_as_if_it_had_not_been(tmp_path):
    class Cut(Exception):
        pass

    def cut(step, logs, speed):
        if step == 6:
            raise KeyboardInterrupt

    made = run(tmp_path)
    with pytest.raises(Stopped, match="stopped at step 6 of 10"):
        design(made, goal(10), tmp_path / "cut", 10, cut)
    assert not (tmp_path / "cut" / "run.json").exists()
    one, two = (design(made, goal(10), tmp_path / name, 10) for name in ("cut", "whole"))
    assert one.found.names == two.found.names
    logs = [[json.loads(x) for x in (d.folder / "log.jsonl").read_text().splitlines()] for d in (one, two)]
    assert [{**x, "seconds": 0} for x in logs[0]] == [{**x, "seconds": 0} for x in logs[1]]
    weights = [(d.folder / "weights.safetensors").read_bytes() for d in (one, two)]
    assert weights[0] == weights[1]
    longer = design(made, goal(12), tmp_path / "cut", 10)
    assert [line["step"] for line in longer.found.course] == list(range(1, 13))


def test_a_folder_that_holds_anything_else_stays_as_it_is(tmp_path):
    made = run(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(Problem, match="not empty"):
        design(made, goal(2), tmp_path / "out", 5)
    assert sorted(p.name for p in (tmp_path / "out").glob("[!.]*")) == ["mine.txt"]


def test_a_run_of_another_kind_is_refused(tmp_path):
    made = run(tmp_path)
    vars(made)["spec"] = type(made.spec)("text", made.spec.fields)
    with pytest.raises(Problem, match="makes text, and molecules are designed"):
        Designer(made, goal())


def test_a_goal_that_no_draw_meets_says_so(tmp_path):
    made = run(tmp_path)
    with pytest.raises(Problem, match="is what was asked for"):
        design(made, goal(1, wish=wishes([], [], [("rings", 5, 6)])), tmp_path / "out", 5)
