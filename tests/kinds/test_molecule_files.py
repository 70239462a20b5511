"""Files of molecules: what is read of each form, what is recognised as such, and what a broken one says."""

import gzip

import pytest
import torch

from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.molecule import recognise, save, show, source
from reverie.kinds.molecule.files import read
from reverie.kinds.molecule.properties import canonical
from reverie.kinds.public import packaged

Chem = pytest.importorskip("rdkit.Chem")

SOME = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "F/C=C/F"]
DEMO = [line.split()[0] for line in packaged("molecules.smi").read_text().splitlines()]


@pytest.fixture(autouse=True)
def cached(own_cache):
    pass


def structures(smiles, names=()):
    """An .sdf of them; each with its name and number of atoms."""
    made = []
    for k, one in enumerate(smiles):
        found = Chem.MolFromSmiles(one)
        found.SetProp("_Name", names[k] if names else "")
        made.append(
            f"{Chem.MolToMolBlock(found)}> <ATOMS>\n{found.GetNumAtoms()}\n\n> <NOTE> (1)\ntwo\nlines\n\n$$$$\n"
        )
    return "".join(made)


def everything(where, **options):
    data = open_source(str(where), DataOptions(**options)).prepare()
    return sorted(one for part in (data.train, data.held_out) for one in part.raw(torch.arange(len(part))))


# ---------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("gap", ["", " ethanol or so", "\tx\ty"])
@pytest.mark.parametrize("head", ["", "SMILES name", "smiles", "# made by hand"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_smi_file_is_read_whatever_ends_its_lines_and_stands_behind_a_smiles(tmp_path, end, gap, head, packed):
    text = end.join([*([head] if head else []), "", *(f"{one}{gap}" for one in SOME)]) + end
    path = tmp_path / ("m.smi.gz" if packed else "m.smi")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read(path)
    assert found.smiles == SOME
    assert found.columns == ({"name": [gap.strip()] * len(SOME)} if gap else {})
    assert found.numbers == list(range(2 + bool(head), 2 + bool(head) + len(SOME)))
    assert recognise(path)


@pytest.mark.parametrize("head", ["", "smiles,solubility\n"])
def test_a_smi_file_with_commas_is_read_up_to_them(tmp_path, head):
    (tmp_path / "a.smi").write_text(f"{head}CCO,0.5\nCC(=O)O,acid, 1\n\nc1ccccc1 ,2\n")
    found = read(tmp_path / "a.smi")
    assert found.smiles == ["CCO", "CC(=O)O", "c1ccccc1"]
    assert found.columns["name"] == ["0.5", "acid, 1", "2"]
    assert any("before a line's first comma" in note for note in found.notes)
    (tmp_path / "b.smi").write_text("CCO ethanol\nCCC a, b\n")
    assert read(tmp_path / "b.smi").columns["name"] == ["ethanol", "a, b"]


@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "m.tsv"])
def test_a_table_gives_its_column_of_smiles(tmp_path, name):
    sign = "\t" if "tsv" in name else ","
    text = "\n".join(sign.join(row) for row in [("id", "SMILES"), *((f"m{k}", one) for k, one in enumerate(SOME))])
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    found = read(tmp_path / name)
    assert found.smiles == SOME
    assert found.columns == {"id": [f"m{k}" for k in range(6)]}
    assert recognise(tmp_path / name)


def test_a_parquet_file_gives_its_column_of_smiles(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"canonical_smiles": SOME, "y": range(6)}), tmp_path / "m.parquet")
    assert read(tmp_path / "m.parquet").smiles == SOME


def test_structures_become_the_smiles_of_the_same_molecules(tmp_path):
    names = [f"mol {k}" for k in range(len(SOME))]
    for text in (structures(SOME, names), structures(SOME, names).replace("\n", "\r\n")):
        (tmp_path / "m.sdf").write_bytes(text.encode())
        found = read(tmp_path / "m.sdf")
        assert found.smiles == [canonical(one) for one in SOME]
        assert found.columns["name"] == names
        assert found.columns["ATOMS"] == ["3", "6", "13", "6", "2", "4"]
        assert found.columns["NOTE"] == ["two\nlines"] * 6
        assert not found.bad
    (tmp_path / "p.sdf.gz").write_bytes(gzip.compress(structures(SOME).encode()))
    assert read(tmp_path / "p.sdf.gz").smiles == [canonical(one) for one in SOME]
    assert recognise(tmp_path / "p.sdf.gz")


def test_numbers_of_structures_can_be_told(tmp_path):
    (tmp_path / "m.sdf").write_text(structures(DEMO[:40]))
    data = open_source(str(tmp_path / "m.sdf"), DataOptions(attributes=("ATOMS",))).prepare()
    assert data.codec.attributes.high == (max(Chem.MolFromSmiles(one).GetNumAtoms() for one in DEMO[:40]),)


def test_a_folder_holds_the_molecules_of_all_its_files(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nCCN\n")
    (tmp_path / "b.csv").write_text("smiles\nCCC\nCCCC\n")
    (tmp_path / "c.sdf").write_text(structures(["c1ccccc1"]))
    assert everything(tmp_path) == sorted(["CCO", "CCN", "CCC", "CCCC", "c1ccccc1"])
    assert recognise(tmp_path)


def test_what_is_said_about_molecules_makes_no_text_of_them_and_is_said_to_be_left_aside(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nCCN\n")
    (tmp_path / "README.md").write_text("Where these are from.\n")
    (tmp_path / "licence").write_text("Anybody may use them.\n")
    assert recognise(tmp_path)
    data = open_source(str(tmp_path), DataOptions()).prepare()
    assert "left aside, as no file of molecules: README.md, licence" in data.notes


def test_any_text_is_lines_of_smiles_where_a_person_says_so(tmp_path):
    (tmp_path / "m.txt").write_text("CCO\nCCN\nCCC\n")
    assert not recognise(tmp_path / "m.txt")
    assert everything(tmp_path / "m.txt", kind="molecule") == ["CCC", "CCN", "CCO"]


# ----------------------------------------------------------------------------------------------------------- recognised


@pytest.mark.parametrize(
    ("head", "row", "is_it"),
    [
        ("smiles", "{smiles}", True),
        ("structure", "{smiles}", True),
        ("id,smiles", "{k},{smiles}", True),
        ("smiles,split", "{smiles},train", True),
        ("name,smiles,set", "m{k},{smiles},test", True),
        ("smiles,y", "{smiles},{k}.5", False),  # a number to be predicted: a table
        ("smiles,class", "{smiles},active", False),
        ("smiles,other_smiles", "{smiles},{smiles}", False),  # pairs of molecules
        ("code", "C{k}", False),
        ("word", "fox", False),
    ],
)
def test_a_table_of_molecules_and_little_else_is_molecules(tmp_path, head, row, is_it):
    rows = [row.format(smiles=one, k=k) for k, one in enumerate(DEMO[:40])]
    (tmp_path / "t.csv").write_text("\n".join([head, *rows, ""]))
    assert recognise(tmp_path / "t.csv") is is_it
    assert (open_source(str(tmp_path / "t.csv"), DataOptions()).kind == "molecule") is is_it


def test_a_table_with_more_than_molecules_stays_one_and_a_note_names_the_way(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,y\n" + "".join(f"{one},{k * 0.37}\n" for k, one in enumerate(DEMO[:60])))
    data = open_source(str(tmp_path / "t.csv"), DataOptions()).prepare()
    assert any("--kind molecule" in note for note in data.notes)
    assert open_source(str(tmp_path / "t.csv"), DataOptions(kind="molecule")).kind == "molecule"


def test_a_folder_with_other_files_is_no_molecules(tmp_path):
    assert not recognise(tmp_path)
    (tmp_path / "m.smi").write_text("CCO\n")
    assert recognise(tmp_path)
    (tmp_path / "story.txt").write_text("It was a dark and stormy night.\n")
    assert not recognise(tmp_path)


# ------------------------------------------------------------------------------------------------------------------ bad


@pytest.mark.parametrize(
    ("smiles", "why"),
    [
        ("C1CC", "a ring or a branch is left open"),
        ("CC(O", "a ring or a branch is left open"),
        ("CC(C)(C)(C)C", "Explicit valence for atom # 1 C, 5"),
        ("c1cccc1", "Can't kekulize mol"),
        ("hello", "no SMILES"),
        ("CCO,ethanol", "no SMILES"),
        ("Ünsinn", "no SMILES"),
        ("C" * 10_001, "10,001 letters, more than 10,000"),
    ],
)
def test_what_is_no_molecule_is_named_with_its_line_and_left_out_only_on_request(tmp_path, smiles, why):
    (tmp_path / "m.smi").write_text("\n".join([*DEMO[:30], smiles, "CCCCCC", ""]), encoding="utf-8")
    with pytest.raises(Problem) as error:
        everything(tmp_path / "m.smi")
    said = str(error.value)
    assert "line 31: " in said
    assert why in said
    assert said.endswith("Mend it, or pass --skip-bad")
    assert "\n" not in said
    assert len(said) < 400
    kept = everything(tmp_path / "m.smi", skip_bad=True)
    assert kept == sorted(map(canonical, [*DEMO[:30], "CCCCCC"]))


def test_data_lists_what_is_bad_and_fit_says_how_many(tmp_path, capsys):
    (tmp_path / "m.smi").write_text("\n".join(["C1CC", *DEMO[:9], "C(", "X"]))
    assert main(["data", str(tmp_path / "m.smi")]) == 0
    said = capsys.readouterr().out
    assert "3 bad:" in said
    assert "line 1: 'C1CC': no SMILES" in said
    assert main(["fit", str(tmp_path / "m.smi"), "--out", str(tmp_path / "run")]) == 2
    assert "or pass --skip-bad to leave out the 3 such" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.smi", b"", "no molecule in it"),
        ("m.smi", b"SMILES\n", "no molecule in it"),
        ("m.smi", b"CCO\n", "1 molecule: nothing to learn from"),
        ("m.smi", b"CCO\nOCC\n", "1 molecule: nothing to learn from"),  # one molecule, written twice
        ("m.smi", b"CC\0O\nCC\n", "holds NUL bytes"),
        ("m.smi.gz", b"\x1f\x8b\x08\x00broken", "broken gzip"),
        ("m.sdf", b"", "no molecule in it"),
        ("m.sdf", b"hello\n$$$$\n", "cut off before its M  END"),
        ("m.csv", b"smiles\n", "a head without rows"),
    ],
)
def test_a_file_without_molecules_says_what_is_wrong(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Problem, match=says):
        everything(tmp_path / name, kind="molecule")


def test_a_file_of_structures_that_was_cut_says_which_is_broken(tmp_path):
    whole = structures(DEMO[:20])
    (tmp_path / "m.sdf").write_text(whole[: whole.rindex("M  END") - 40])
    with pytest.raises(Problem, match=r"m\.sdf: molecule 20: cut off before its M  END\. Mend it, or pass --skip-bad"):
        everything(tmp_path / "m.sdf")
    assert len(everything(tmp_path / "m.sdf", skip_bad=True)) == 19
    (tmp_path / "m.sdf").write_text(whole[: whole.rindex("$$$$")])  # whole but for the mark
    assert len(everything(tmp_path / "m.sdf")) == 20


def test_letters_that_are_not_utf8_in_a_name_do_no_harm(tmp_path):
    (tmp_path / "m.smi").write_bytes(b"CCO \xe4thanol\nCCN amin\nCCC propan\n")
    assert everything(tmp_path / "m.smi") == ["CCC", "CCN", "CCO"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tokens": "bytes"}, "--tokens bytes: not of molecules. Take one of atoms, selfies"),
        ({"size": (3, 4)}, "--size 3x4"),
        ({"size": (1,)}, "--size 1"),
        ({"size": (2,)}, "molecules are as short"),
        ({"drop": ("x",)}, "--drop"),
        ({"column": "x"}, "--column x: m.smi has no columns"),
        ({"attributes": ("beauty",)}, "--attributes beauty: no such property"),
        ({"test": "nowhere.smi"}, "nowhere.smi: no such file"),
    ],
)
def test_options_that_no_molecules_meet_are_refused(tmp_path, options, says):
    (tmp_path / "m.smi").write_text("\n".join(DEMO[:20]))
    with pytest.raises(Problem, match=says):
        everything(tmp_path / "m.smi", **options)


def test_a_table_of_several_columns_of_molecules_asks_for_one(tmp_path):
    rows = "".join(f"{a},{b}\n" for a, b in zip(DEMO[:40], DEMO[40:80]))
    (tmp_path / "t.csv").write_text(f"before,after\n{rows}")
    with pytest.raises(Problem, match=r"2 columns of molecules\. Name one by --column: before, after"):
        everything(tmp_path / "t.csv", kind="molecule")
    assert everything(tmp_path / "t.csv", kind="molecule", column="after") == sorted(map(canonical, DEMO[40:80]))


def test_without_rdkit_one_line_names_the_extra(tmp_path, monkeypatch, capsys):
    (tmp_path / "m.smi").write_text("CCO\nCCN\n")
    monkeypatch.setattr(source, "installed", lambda: False)
    assert main(["data", str(tmp_path / "m.smi")]) == 2
    said = capsys.readouterr().err.strip()
    assert "pip install 'reverie[chemistry]'" in said
    assert "\n" not in said


# ------------------------------------------------------------------------------------------------------------------ out


def test_samples_are_saved_as_a_table_and_as_smiles_of_those_that_are_molecules(tmp_path):
    import csv

    raw = ["CCO", "C1CC", "", "OCC", 'C"C', "c1ccccc1"]
    files = save(raw[:4], tmp_path)
    assert save(raw[4:], tmp_path, 4) == []
    assert [file.name for file in files] == ["sample-molecules.csv", "sample-molecules.smi"]
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert [row["smiles"] for row in rows] == raw
    assert [row["valid"] for row in rows] == ["True", "False", "False", "True", "False", "True"]
    assert [row["canonical"] for row in rows] == ["CCO", "", "", "CCO", "", "c1ccccc1"]
    assert [row["rings"] for row in rows] == ["0", "", "", "0", "", "1"]
    assert float(rows[0]["weight"]) == pytest.approx(46.069, abs=1e-3)
    assert files[1].read_text() == "CCO\nOCC\nc1ccccc1\n"
    assert read(files[1]).smiles == ["CCO", "OCC", "c1ccccc1"]


@pytest.mark.parametrize("count", [1, 5, 8])
def test_a_sheet_has_a_place_for_each_molecule_and_no_molecule(tmp_path, count):
    from PIL import Image

    raw = (["CCO", "C1CC", "", "c1ccccc1"] * 2)[:count]
    show(raw, tmp_path / "sheet.png")
    width, height = Image.open(tmp_path / "sheet.png").size
    assert (width, height) == (min(6, count) * 240, -(-count // 6) * 220)
    show(raw, tmp_path / "sheet.svg")
    assert (tmp_path / "sheet.svg").read_text().lstrip().startswith("<?xml")
