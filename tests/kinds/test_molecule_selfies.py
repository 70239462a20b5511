"""SELFIES: whatever a model writes is a molecule, and a molecule comes back as it was."""

import pytest
import torch

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.molecule import Codec, selfies, tokens
from reverie.kinds.molecule.properties import canonical, mol
from reverie.kinds.public import packaged

pytest.importorskip("rdkit")
pytest.importorskip("selfies")

DEMO = [canonical(line.split()[0]) for line in packaged("molecules.smi").read_text().splitlines()]
RARE = [
    canonical(one)
    for one in (
        "C[C@H](N)C(=O)O", "C[C@@H]1CC[C@H](C(C)C)C[C@H]1O", "F/C=C/F", "F/C=C\\F", "[Na+].[Cl-]", "C[Si](C)(C)C",
        "[13CH4]", "C[S@](=O)c1ccccc1", "[O-][N+](=O)c1ccccc1", "[Cu+2].[O-]S(=O)(=O)[O-]", "C[N+](C)(C)C",
        "C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc43)[C@@H]1CC[C@@H]2O", "FS(F)(F)(F)(F)F", "N#[N+]c1ccccc1", "C[As](C)C",
        "O=[Se]=O", "CCCC[Sn](CCCC)(CCCC)CCCC", "F[P-](F)(F)(F)(F)F", "[B-](F)(F)(F)F", "[O-][Cl+3]([O-])([O-])[O-]",
        "[2H]C([2H])([2H])O", "CC(/C=C/[C@H]1CC1)=N\\O",
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def cached(own_cache):
    pass


def codec_of(smiles):
    bonds = selfies.bonds(smiles)
    names = tuple(sorted(tokens.counted([selfies.written(one, bonds) for one in smiles])))
    return Codec("selfies", names, 200, bonds=tuple(sorted(bonds.items())))


@pytest.mark.parametrize("smiles", [DEMO, RARE], ids=["demo", "rare"])
def test_a_molecule_comes_back_with_its_charges_isotopes_and_handedness(smiles):
    codec = codec_of(smiles)
    assert codec.decode(codec.encode(smiles).values) == smiles
    assert Codec.from_json(codec.to_json()) == codec


@pytest.mark.parametrize("smiles", [DEMO, RARE], ids=["demo", "rare"])
def test_any_row_of_tokens_that_holds_an_atom_is_a_molecule(smiles):
    """The library's own table of bonds would let silicon or tin have eight, which RDKit refuses."""
    codec = codec_of(smiles)
    chance = torch.Generator().manual_seed(0)
    rows = torch.randint(2, codec.spec.only[1].categories, (400, 40), generator=chance)
    found = codec.decode({"molecule": rows})
    assert all(mol(one) is not None for one in found if one)
    assert sum(not one for one in found) < 4  # an atom comes within 40 tokens, nearly always


def test_two_tables_of_bonds_are_kept_apart():
    """The library keeps one table for all."""
    text = "[C][#Sn][#C]"
    four, any_number = selfies.read(text, {"Sn": 4}), selfies.read(text, {})
    assert (mol(four) is not None, mol(any_number) is not None) == (True, False)
    assert selfies.read(text, {"Sn": 4}) == four


def test_what_selfies_can_t_say_is_named_and_left_out_only_on_request(tmp_path):
    (tmp_path / "m.smi").write_text("\n".join([*DEMO[:40], "O=I(=O)c1ccccc1"]))
    source = open_source(str(tmp_path / "m.smi"), DataOptions(tokens="selfies"))
    with pytest.raises(Problem, match=r"1 molecules that SELFIES can't say, such as .*I.* Pass --skip-bad"):
        source.prepare()
    data = open_source(str(tmp_path / "m.smi"), DataOptions(tokens="selfies", skip_bad=True)).prepare()
    assert len(data.train) + len(data.held_out) == 40
    assert any("left out: 1 molecules that SELFIES can't say" in note for note in data.notes)
    with pytest.raises(Problem, match="SELFIES can't say this molecule"):
        data.codec.ids("O=I(=O)c1ccccc1")


def test_items_are_the_molecules_as_rdkit_writes_them(tmp_path):
    (tmp_path / "m.smi").write_text("\n".join(DEMO[:60]))
    data = open_source(str(tmp_path / "m.smi"), DataOptions(tokens="selfies")).prepare()
    index = torch.arange(len(data.train))
    assert data.train.raw(index) == data.codec.decode(data.train.take(index).values)
    assert set(data.train.raw(index)) <= set(DEMO)
