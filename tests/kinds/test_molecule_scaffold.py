"""Fragments that grow: how they are written, what may follow, and that every molecule which does follow holds them."""

import pytest
import torch

from reverie.errors import Problem
from reverie.kinds.molecule import Codec, allowed, kept, prompt, scaffold, selfies, tokens
from reverie.kinds.molecule.properties import mol
from reverie.kinds.molecule.scaffold import holds

pytest.importorskip("rdkit")

CODEC = Codec("atoms", tuple(sorted([*"#()-123456=CFNOScnos", "Br", "Cl", "[nH]", "."])), 70)
GROWN = (
    "*c1ccccc1", "*C(=O)Nc1ccc(*)cc1", "*n1ccc(*)c1", "O=C1CCCN1*", "c1cc2c(cc1*)OCO2", "*N1CCN(*)CC1", "CC(C)*",
    "*c1ccc(*)c(*)c1", "*C#N", "[1*]CC[2*]", "[*:1]c1ccncc1", "O=C(*)c1cc2c(cc1)CC2", "*/C=C/c1ccccc1",
)  # fmt: skip


def text(row):
    names = ("", "", *CODEC.vocabulary)
    return "".join(names[int(t)] for t in row if t > 0)


@pytest.mark.parametrize("fragment", GROWN)
def test_a_fragment_is_written_from_an_atom_on_and_a_star_at_its_beginning_goes_to_its_end(fragment):
    said = scaffold.written(fragment, "atoms")
    assert said.endswith("*") or said == fragment
    assert not said.startswith("*")
    assert said.count("*") == fragment.count("*")
    assert holds(said.replace("*", "C"), fragment)  # the same molecule, in another order
    assert text(prompt(fragment, CODEC)) == said.split("*")[0] if "/" not in fragment else True


def written(rule, chance, start, longest):
    """A row that chance writes under the rule: any allowed token, an end or a closing more often."""
    row = list(start)
    while len(row) < longest:
        may = rule(torch.tensor([row]), torch.tensor([len(row)]))[0].nonzero()[:, 0].tolist()
        assert may, text(row)
        if 0 in may and torch.rand((), generator=chance) < 0.5:
            return row
        close = CODEC.number[")"]
        if close in may and torch.rand((), generator=chance) < 0.4:
            row.append(close)
            continue
        row.append(may[int(torch.randint(len(may), (), generator=chance))])
    return None


@pytest.mark.parametrize("fragment", [one for one in GROWN if "/" not in one])
def test_whatever_is_written_under_the_rule_holds_the_fragment_if_it_is_a_molecule(fragment):
    rule, start, chance = allowed(fragment, CODEC), prompt(fragment, CODEC).tolist(), torch.Generator().manual_seed(1)
    whole = []
    for _ in range(600):
        row = written(rule, chance, start, 60)
        if row is not None and mol(text(row)) is not None:
            whole.append(text(row))
        if len(whole) == 20:
            break
    assert len(whole) > 5
    assert all(one.startswith(text(start)) for one in whole)
    held = sum(kept(whole, fragment))
    # chance also closes rings of three with odd atoms, which RDKit may call aromatic: the fragment's own atom with them
    assert held >= 0.97 * len(whole), [one for one in whole if not holds(one, fragment)]


def test_without_the_rule_chance_loses_the_fragment():
    """What the rule is there for: a ring's digit written between opens the ring to another atom."""
    assert mol("c1c(CC1)cc(C)cc1") is None or not holds("c1c(CC1)cc(C)cc1", "*c1cc(*)ccc1")
    codec_ids = [CODEC.number[token] for token in tokens.cut("c1c(C")]
    rule = scaffold.Growing(CODEC, [CODEC.ids("c1c("), CODEC.ids(")cccc1")])
    may = {CODEC.vocabulary[t - 2] for t in rule.after(codec_ids) if t}
    assert "1" not in may
    assert {"2", ")", "C", "("} <= may


def test_the_end_waits_for_every_part_of_the_fragment_and_each_place_for_an_atom():
    rule = scaffold.Growing(CODEC, [CODEC.ids("c1c("), CODEC.ids(")cccc1")])

    def may(said):
        found = rule.after([CODEC.number[token] for token in tokens.cut(said)])
        return {"end" if t == 0 else CODEC.vocabulary[t - 2] for t in found}

    assert may("c") == {"1"}  # the fragment itself
    assert not {")", "end", "1", "(", "="} & may("c1c(")
    assert ")" in may("c1c(C")
    assert not {")", "end"} & may("c1c(C2")  # a ring of its own is closed first
    assert not {"end"} & may("c1c(C(O")
    assert may("c1c(C)") == {"c"}
    assert may("c1c(C)cccc") == {"1"}
    assert "end" not in may("c1c(C)cccc1")
    assert "end" in may("c1c(C)cccc1N")
    assert ")" not in may("c1c(C)cccc1N")
    assert "." not in may("c1c(C)cccc1N")
    assert may("c1c(C)cccc1N") > {"end", "(", "1", "=", "C"}


def test_the_rule_takes_rows_of_different_lengths_at_once():
    rule = allowed("*c1ccccc1", CODEC)
    start = prompt("*c1ccccc1", CODEC)
    rows = torch.zeros(3, 12, dtype=torch.long)
    rows[:, : len(start)] = torch.from_numpy(start)
    rows[1, len(start)] = CODEC.number["C"]
    found = rule(rows, torch.tensor([2, len(start) + 1, len(start)]))
    assert found.shape == (3, CODEC.categories)
    assert found[0].nonzero()[:, 0].tolist() == [CODEC.number["c"]]
    assert found[1, 0]
    assert not found[2, 0]


@pytest.mark.parametrize(
    ("smiles", "fragment", "is_in"),
    [
        ("Cc1ccccc1", "*c1ccccc1", True),
        ("c1ccccc1", "*c1ccccc1", False),  # hydrogen stands at the star: it has not grown
        ("Cc1ccncc1", "*c1ccccc1", False),
        ("CC=O", "*C=O", True),
        ("CCO", "*C=O", False),
        ("O=C1CCCN1", "O=C1CCCN1", True),
        ("F[C@H](Cl)C(=O)O", "F[C@H](Cl)*", True),
        ("F[C@@H](Cl)C(=O)O", "F[C@H](Cl)*", False),  # the other hand
        ("Cc1ccccc1", "[3*]c1ccccc1", True),
        ("Cc1ccccc1", "*c1ccccc1\n", True),  # as standard input gives it
        ("C1CC", "*C", False),
        ("CCO", "C1CC", False),
    ],
)
def test_a_fragment_is_held_atom_by_atom_and_bond_by_bond(smiles, fragment, is_in):
    assert holds(smiles, fragment) is is_in


def test_without_a_star_it_goes_on_from_what_was_written():
    assert text(prompt("OC(=O)c1ccccc1", CODEC)) == "OC(=O)c1ccccc1"
    assert allowed("OC(=O)c1ccccc1", CODEC) is None


@pytest.mark.parametrize(
    ("fragment", "says"),
    [
        ("C1CC", "no molecule that RDKit can read"),
        ("*C(", "no molecule that RDKit can read"),
        ("", "no molecule that RDKit can read"),
        ("*", "nothing but open places"),
        ("*.C", "of several parts"),
        ("C*C", "bind it to one atom"),
        ("*[Pt]", r"\[Pt\] not among the"),
        ("*" + "C" * 80, "80 tokens, and with its end a molecule has 70 at most"),
    ],
)
def test_a_fragment_that_can_t_grow_says_why(fragment, says):
    with pytest.raises(Problem, match=says):
        prompt(fragment, CODEC)


def test_selfies_grow_at_one_place():
    pytest.importorskip("selfies")
    some = ["Cc1ccccc1", "O=C1CCCN1C", "CC(C)O"]
    names = tuple(sorted(tokens.counted([selfies.written(one, {}) for one in some])))
    codec = Codec("selfies", names, 40)
    start = prompt("*c1ccccc1", codec)
    assert codec.decode({"molecule": torch.from_numpy(start)[None]}) == ["c1ccccc1"]
    more = [codec.decode({"molecule": torch.tensor([[*start, codec.number["[C]"], codec.number["[O]"]]])})[0]]
    assert kept(more, "*c1ccccc1") == [True]
    assert more == ["OCc1ccccc1"]
    assert allowed("*c1ccccc1", codec) is None
    with pytest.raises(Problem, match="2 open places, and SELFIES grow at one"):
        prompt("*c1ccc(*)cc1", codec)


def test_what_a_person_wrote_from_an_atom_on_is_kept_as_it_is():
    assert scaffold.written("c1ccc(*)cc1", "atoms") == "c1ccc(*)cc1"
    rule = allowed("c1ccc(*)cc1", CODEC)
    so_far = "c1ccc(N)cc1"
    row = CODEC.ids(so_far)
    found = rule(torch.from_numpy(row)[None], torch.tensor([len(row)]))[0]
    assert found.nonzero()[:, 0].tolist() == [0]  # behind the fragment's end nothing grows


def test_of_the_ways_to_write_a_fragment_the_one_that_costs_the_model_least_is_taken():
    def nats(raw):
        assert all(holds(one, "Cc1ccccc1") and mol(one).GetNumAtoms() == 7 for one in raw)
        return [0.0 if one == "c1cc(ccc1)C" else -1.0 if one == "c1cc(C)ccc1" else 1.0 for one in raw]

    assert scaffold.likeliest("*c1ccccc1", CODEC, nats) == "c1cc(ccc1)*"  # a star at the end comes before the cost
    assert scaffold.likeliest("c1ccccc1*", CODEC, nats) == "c1cc(ccc1)*"
    assert scaffold.likeliest("CCO", CODEC, nats) == "CCO"
    with pytest.raises(Problem, match=r"\[Pt\] not among"):
        scaffold.likeliest("*[Pt]", CODEC, nats)
