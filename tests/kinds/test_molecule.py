"""Molecules: what becomes of SMILES on the way to tokens and back, and which are held out."""

import gzip

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.molecule import Codec, checked, source, tokens
from reverie.kinds.molecule.properties import NAMES, canonical, mol, properties
from reverie.kinds.public import packaged

pytest.importorskip("rdkit")

DEMO = [line.split()[0] for line in packaged("molecules.smi").read_text().splitlines()]
HARD = (
    "C[C@H](N)C(=O)O", "F/C=C/Cl", "[Na+].[Cl-]", "[13CH4]", "c1ccc2[nH]ccc2c1", "BrCCCl", "C%12CC%12", "O=[Se]=O",
    "C[N+](C)(C)C", "[CH3:7]O", "C~C", "[O-][N+](=O)c1ccccc1", "N#Cc1ccccc1", "*CC", "C1CC[C@@]2(CC1)OC2",
)  # fmt: skip


@pytest.fixture(autouse=True)
def cached(own_cache):
    pass


def write(folder, smiles, name="mols.smi"):
    path = folder / name
    path.write_text("".join(f"{one}\n" for one in smiles))
    return path


def prepared(where, **options):
    return open_source(str(where), DataOptions(**options)).prepare()


# --------------------------------------------------------------------------------------------------------------- tokens


def test_an_atom_a_bond_a_ring_and_a_branch_are_a_token_each():
    assert tokens.cut("C[C@@H](Br)/C=C/c1cc%12[nH]1Cl") == [
        "C", "[C@@H]", "(", "Br", ")", "/", "C", "=", "C", "/", "c", "1", "c", "c", "%12", "[nH]", "1", "Cl",
    ]  # fmt: skip


@given(st.text(max_size=40))
def test_any_text_is_cut_without_loss(text):
    assert "".join(tokens.cut(text)) == text


@pytest.mark.parametrize("smiles", [*HARD, *DEMO[::40]])
def test_every_token_of_a_molecule_is_one_that_a_smiles_may_have(smiles):
    assert mol(smiles) is not None
    assert tokens.like(smiles)


@pytest.mark.parametrize("text", ["", "C C", "Xx", "CC)é", "c1ccccc1,benzene", "[", "hello", "C\n"])
def test_what_is_no_smiles_does_not_look_like_one(text):
    assert not tokens.like(text)


def test_rows_of_tokens_are_those_of_each_text_and_end():
    texts = ["CCO", "", "c1ccccc1Br", "O"]
    number = {token: k + 2 for k, token in enumerate(sorted(tokens.counted(texts)))}
    rows = tokens.encoded(texts, number)
    back = {k: token for token, k in number.items()}
    assert [[back[t] for t in rows.row(i)[:-1]] for i in range(4)] == [tokens.cut(text) for text in texts]
    assert [int(rows.row(i)[-1]) for i in range(4)] == [0] * 4
    values, lengths = rows.filled(np.array([2, 1, 2]))
    assert values.shape == (3, 10)
    assert values[0].tolist() == values[2].tolist() == rows.row(2).tolist()
    assert (lengths.tolist(), values[1].tolist()) == ([10, 1, 10], [0] * 10)
    few = rows.chosen(np.array([1, 3]))
    assert [few.row(i).tolist() for i in range(2)] == [rows.row(1).tolist(), rows.row(3).tolist()]


# ---------------------------------------------------------------------------------------------------------------- codec


def codec_of(smiles, **more):
    return Codec("atoms", tuple(sorted(tokens.counted(smiles))), 80, **more)


def test_a_smiles_comes_back_letter_by_letter():
    codec = codec_of(HARD)
    batch = codec.encode(HARD)
    assert codec.decode(batch.values) == list(HARD)
    assert batch.lengths["molecule"].tolist() == [len(tokens.cut(one)) + 1 for one in HARD]
    assert int(batch["molecule"].max()) < codec.spec.only[1].categories == len(codec.vocabulary) + 2
    assert Codec.from_json(codec.to_json()) == codec


def test_what_stands_behind_the_end_is_not_read():
    codec = codec_of(["CO"])
    assert codec.decode({"molecule": torch.tensor([[2, 3, 0, 2, 2], [2, 2, 2, 2, 3], [0, 2, 2, 2, 2]])}) == [
        "CO",
        "CCCCO",
        "",
    ]


def test_unknown_tokens_are_named():
    with pytest.raises(Problem, match=r"\[Pt\]CBr: \[Pt\], Br not among the 2 tokens of the training molecules"):
        codec_of(["CO"]).ids("[Pt]CBr")


@pytest.mark.parametrize(
    "wrong", [{}, {"tokens": "atoms"}, {"tokens": "letters", "vocabulary": [], "longest": 9, "bonds": []}]
)
def test_a_codec_that_is_none_is_refused(wrong):
    with pytest.raises(Problem):
        Codec.from_json(wrong)


# ----------------------------------------------------------------------------------------------------------- properties


def test_properties_are_those_that_are_published():
    aspirin = properties("CC(=O)Oc1ccccc1C(=O)O")
    assert set(aspirin) == set(NAMES)
    assert aspirin["qed"] == pytest.approx(0.55, abs=0.005)  # Bickerton et al. 2012's code gives 0.550
    assert aspirin["logp"] == pytest.approx(1.31, abs=0.005)  # Crippen's
    assert aspirin["weight"] == pytest.approx(180.16, abs=0.005)
    assert aspirin["tpsa"] == pytest.approx(63.6, abs=0.05)  # PubChem
    assert aspirin["sa"] == pytest.approx(1.58, abs=0.005)
    assert [aspirin[name] for name in ("hbd", "hba", "rings", "atoms")] == [1, 3, 1, 13]


@pytest.mark.parametrize("smiles", ["", "C1CC", "C(C)(C)(C)(C)C", "CC O", "C\tO", "c1cccc1", "Ünsinn", "C\0"])
def test_what_is_no_molecule_has_no_properties(smiles):
    assert mol(smiles) is None
    assert properties(smiles) is None
    assert canonical(smiles) is None


# --------------------------------------------------------------------------------------------------------------- source


def test_a_file_of_molecules_is_read_written_anew_and_split(tmp_path):
    data = prepared(write(tmp_path, DEMO))
    raw = [*data.train.raw(torch.arange(len(data.train))), *data.held_out.raw(torch.arange(len(data.held_out)))]
    assert sorted(raw) == sorted(map(canonical, DEMO))
    assert not set(data.train.raw(torch.arange(len(data.train)))) & set(raw[len(data.train) :])  # copies stay together
    batch = data.train.take(torch.arange(len(data.train)))
    assert data.codec.decode(batch.values) == raw[: len(data.train)]
    most = max(len(tokens.cut(one)) for one in raw) + 1
    assert data.codec.spec.only[1].shape == (most,)
    assert data.codec.spec.only[1].start == 1
    assert any("written anew, as RDKit writes them" in note for note in data.notes)
    assert any("6 molecules are repeated" in note for note in data.notes)
    assert data.held_out.columns(torch.tensor([0]))["item"][0].startswith("line ")


def test_a_line_is_found_again_by_its_number(tmp_path):
    path = write(tmp_path, ["# a comment", "", *DEMO[:60]])
    data = prepared(path)
    lines = path.read_text().splitlines()
    named = data.train.columns(torch.arange(5))["item"]
    for name, smiles in zip(named, data.train.raw(torch.arange(5))):
        assert canonical(lines[int(name.removeprefix("line ")) - 1]) == smiles


def test_a_model_s_wish_for_a_size_cuts_no_molecule_and_a_person_s_leaves_longer_ones_out(tmp_path):
    where = write(tmp_path, DEMO)
    own = open_source(str(where), DataOptions()).prepare((16,))
    assert own.codec.longest > 16
    short = prepared(where, size=(16,))
    assert short.codec.longest == 16
    kept = short.train.raw(torch.arange(len(short.train)))
    assert all(len(tokens.cut(one)) < 16 for one in kept)
    left = sum(len(tokens.cut(canonical(one))) >= 16 for one in DEMO)
    assert any(f"{left:,} molecules of more than 16 tokens left out" in note for note in short.notes)


def test_numbers_that_a_model_is_told_are_each_molecule_s_own(tmp_path):
    data = prepared(write(tmp_path, DEMO[:300]), attributes=("logp", "rings"))
    told = data.codec.attributes
    low, high = np.array(told.low), np.array(told.high)
    index = torch.arange(0, len(data.train), 13)
    given = data.train.take(index)["attributes"].numpy() * (high - low) + low
    found = [properties(one, ("logp", "rings")) for one in data.train.raw(index)]
    assert given == pytest.approx(np.array([[one["logp"], one["rings"]] for one in found]), abs=1e-5)
    assert data.codec.spec.condition["attributes"].names == ("logp", "rings")
    assert told.asked({"rings": told.high[1]}) == {"rings": 1.0}
    assert Codec.from_json(data.codec.to_json()) == data.codec


def test_a_column_of_numbers_can_be_told(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("smiles,potency\n" + "".join(f"{one},{k / 10}\n" for k, one in enumerate(DEMO[:50])))
    data = prepared(path, kind="molecule", attributes=("potency",))
    assert (data.codec.attributes.low, data.codec.attributes.high) == ((0.0,), (4.9,))
    with pytest.raises(
        Problem, match=r"--attributes mass: no such property\. There are: qed, .* and the columns potency"
    ):
        prepared(path, kind="molecule", attributes=("mass",))
    path.write_text("smiles,potency\nCCO,1\nCCC,high\nCCCC,2\n")
    with pytest.raises(Problem, match="--attributes potency: of row 2 'high', no number"):
        prepared(path, kind="molecule", attributes=("potency",))


def test_what_was_read_once_comes_from_the_cache_and_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "KEPT", 100)
    where = write(tmp_path, DEMO)
    options = {"attributes": ("weight",), "tokens": "selfies"}
    first, again = prepared(where, **options), prepared(where, **options)
    assert any("tokens from the cache" in note for note in again.notes)
    assert not any("tokens from the cache" in note for note in first.notes)
    assert first.fingerprint == again.fingerprint
    assert first.codec == again.codec
    for one, two in ((first.train, again.train), (first.held_out, again.held_out)):
        index = torch.arange(len(one))
        assert one.raw(index) == two.raw(index)
        a, b = one.take(index), two.take(index)
        assert torch.equal(a["molecule"], b["molecule"])
        assert torch.equal(a["attributes"], b["attributes"])
        assert one.columns(index) == two.columns(index)
    write(tmp_path, [*DEMO, "CCCCCCCCCCCCCN"])
    other = prepared(where, **options)
    assert other.fingerprint != first.fingerprint
    assert len(other.train) + len(other.held_out) == len(DEMO) + 1


@pytest.mark.parametrize("damage", ["cut", "emptied", "another form"])
def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch, damage):
    from reverie.kinds.molecule import cache

    monkeypatch.setattr(source, "KEPT", 10)
    where = write(tmp_path, DEMO[:50])
    first = prepared(where)
    file = next(cache.cache_folder().rglob("*.npz"))
    if damage == "another form":
        monkeypatch.setattr(cache, "FORM", 2)
    else:
        file.write_bytes(file.read_bytes()[:200] if damage == "cut" else b"")
    again = prepared(where)
    assert not any("tokens from the cache" in note for note in again.notes)
    assert again.train.raw(torch.arange(5)) == first.train.raw(torch.arange(5))


# ------------------------------------------------------------------------------------------------------- large sets


def test_of_many_molecules_a_sample_is_read_where_it_is_as_rdkit_writes_it(monkeypatch):
    monkeypatch.setattr(checked, "ASKED", 50)
    clean = [canonical(one) for one in DEMO]
    found = checked.check(clean)
    assert found.smiles == clean
    assert "RDKit has read 50 of 1,123 molecules" in found.note


def test_of_many_molecules_a_token_that_no_smiles_has_is_found_wherever_it_is(monkeypatch):
    monkeypatch.setattr(checked, "ASKED", 50)
    clean = [canonical(one) for one in DEMO]
    clean[777] = "CCQ"
    found = checked.check(clean)
    assert found.bad == {777: "no SMILES"}
    assert found.smiles[777] == ""
    assert "RDKit has read 50" in found.note


@pytest.mark.parametrize("why", ["bad", "otherwise"])
def test_of_many_molecules_all_are_read_where_the_sample_is_not_sound(monkeypatch, why):
    monkeypatch.setattr(checked, "ASKED", 50)
    many = [canonical(one) for one in DEMO] if why == "bad" else list(DEMO)
    if why == "bad":
        many[0], many[5] = "C1CC", "CC(C)(C)(C)C"  # the first is in the sample, the other is not
    found = checked.check(many)
    assert found.smiles == [canonical(one) or "" for one in many]
    assert set(found.bad) == ({0, 5} if why == "bad" else set())


# ---------------------------------------------------------------------------------------------------------------- parts


def test_parts_that_files_name_are_kept_and_others_stand_aside(tmp_path):
    for k, name in enumerate(("train", "test", "test_scaffolds")):
        head = "SMILES\n" + "".join(f"{canonical(one)}\n" for one in DEMO[100 * k : 100 * k + 100])
        with gzip.open(tmp_path / f"{name}.csv.gz", "wt") as file:
            file.write(head)
    data = prepared(tmp_path)
    assert [len(data.train), len(data.held_out), len(data.held_out.beside["test_scaffolds"])] == [100, 100, 100]
    assert data.held_out.raw(torch.arange(3)) == [canonical(one) for one in DEMO[100:103]]
    assert data.held_out.beside["test_scaffolds"].raw(torch.arange(3)) == [canonical(one) for one in DEMO[200:203]]
    assert data.held_out.columns(torch.tensor([1]))["item"] == ["test.csv.gz row 2"]
    assert any("100 of test_scaffolds kept aside" in note for note in data.notes)


def test_parts_that_a_column_names_are_kept(tmp_path):
    path = tmp_path / "all.csv"
    parts = ("train", "train", "test", "test_scaffolds")
    path.write_text("SMILES,SPLIT\n" + "".join(f"{one},{parts[k % 4]}\n" for k, one in enumerate(DEMO[:200])))
    data = prepared(path)
    assert [len(data.train), len(data.held_out), len(data.held_out.beside["test_scaffolds"])] == [100, 50, 50]


def test_a_test_file_is_held_out_and_a_second_one_refused(tmp_path):
    where, test = write(tmp_path, DEMO[:100]), write(tmp_path, DEMO[200:240], "other.smi")
    data = prepared(where, test=str(test))
    assert data.held_out.raw(torch.arange(40)) == [canonical(one) for one in DEMO[200:240]]
    assert len(data.train) == 100
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder, DEMO[:50], "train.smi")
    write(folder, DEMO[60:90], "test.smi")
    with pytest.raises(Problem, match="has a test part of its own"):
        prepared(folder, test=str(test))


def test_moses_is_read_by_its_tokens_and_a_sample(real_data, tmp_path):
    with gzip.open(real_data / "molecules" / "moses" / "test.csv.gz", "rt") as file:
        lines = file.readlines()[:30_001]
    (tmp_path / "some.csv").write_text("".join(lines))
    data = prepared(tmp_path / "some.csv")
    assert len(data.train) + len(data.held_out) == 30_000
    assert set(data.codec.vocabulary) <= {*"#()-123456=CFNOScnos", "Br", "Cl", "[nH]", "[H]"}  # the 24 of all of MOSES
    assert any("RDKit has read 20,000 of 30,000" in note for note in data.notes)
    raw = {*data.train.raw(torch.arange(len(data.train))), *data.held_out.raw(torch.arange(len(data.held_out)))}
    assert raw == {line.strip() for line in lines[1:]}
