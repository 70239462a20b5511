"""Molecules in a table: which columns hold them, what numbers they become, and what can't be one."""

import numpy as np
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import Codec, smiles
from reverie.kinds.table.smiles import GAP, encoded, learn, molecules, numbers

pytest.importorskip("rdkit")

TAILS = ("O", "N=O", "C(=O)O", "C#N", "Cl", "S", "c1ccccc1", "C(C)(C)C")
ALL = [("C" * n or "") + tail for n in range(1, 9) for tail in TAILS]


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def table(folder, cells=ALL, name="molecule", copies=3):
    """The answer is the number of carbon atoms in a row at the start."""
    path = folder / "rows.csv"
    rows = [f"{cell},{len(cell) - len(cell.lstrip('C')) if cell else 0}.5,{k}" for k in range(copies) for cell in cells]
    path.write_text("\n".join([f"{name},answer,batch", *rows]))
    return path


def prepared(where, **options):
    return open_source(str(where), DataOptions(kind="table", predict="answer", **options)).prepare()


def place(k: int) -> str:
    return f"row {k}"


@pytest.mark.parametrize(
    ("name", "cells", "are"),
    [
        ("x", ALL, True),
        ("x", [*ALL, "unknown"], True),  # a few may be something else
        ("x", [*ALL, *(f"unknown{k}" for k in range(30))], False),
        ("x", ALL[:12], False),  # too few to be sure,
        ("canonical_smiles", ALL[:12], True),  # but for the name
        ("x", [f"C{k}" for k in range(1, 60)], False),  # codes
        ("x", [f"N{k}O" for k in range(1, 60)], False),
        ("x", [str(k) for k in range(60)], False),
        ("x", [f"C({k}" for k in range(1, 60)], False),  # RDKit can't read them
        ("x", ["New York", "Paris", "Oslo"] * 9, False),
    ],
)
def test_a_column_of_molecules_is_told_from_codes_and_words(name, cells, are):
    assert molecules(name, set(cells)) is are


def test_descriptors_are_those_of_the_molecule():
    ethanol = dict(zip([*smiles.named(), *(f"morgan:{k}" for k in range(smiles.BITS))], numbers("CCO")))
    assert ethanol["MolWt"] == pytest.approx(46.069, abs=1e-3)
    assert (ethanol["NumHDonors"], ethanol["RingCount"], ethanol["HeavyAtomCount"]) == (1, 0, 3)
    counts = np.array([v for k, v in ethanol.items() if k.startswith("morgan:")])
    assert counts.sum() == 6  # three atoms, and around each what is one bond off; two bonds off nothing is new
    assert np.array_equal(numbers("CCO"), numbers("OCC"), equal_nan=True)  # another way to write it
    assert numbers("C1CC") is None


def test_numbers_are_scaled_by_training_and_stay_within_3():
    scale = learn(ALL)
    known = encoded(ALL, scale, place, "m")
    assert known.shape == (len(ALL), len(scale.names))
    assert np.isfinite(known).all()
    assert (np.median(known, axis=0) == 0).all()
    far = encoded(["C" * 150 + "O"], scale, place, "m")
    assert np.isfinite(far).all()
    assert 2.9 < np.abs(far).max() <= 3


def test_a_gap_is_told_and_what_is_no_molecule_is_named():
    scale = learn([*ALL, None])
    assert scale.names[-1] == GAP
    x = encoded([None, "CCO"], scale, place, "m")
    assert x[0, -1] > 0.9
    assert (x[0, :-1] == 0).all()
    assert x[1, -1] == 0
    with pytest.raises(Problem, match="row 1, m: 'C1CC' is no molecule that RDKit can read"):
        encoded(["CCO", "C1CC"], scale, place, "m")


def test_the_codec_is_learnt_from_the_training_part_and_comes_back_from_json(tmp_path):
    data = prepared(table(tmp_path))
    column = next(c for c in data.codec.columns if c.type == "molecule")
    assert column.field.shape == (len(column.names),)
    assert any("molecules, by RDKit's descriptors" in note and "molecule" in note for note in data.notes)
    again = Codec.from_json(data.codec.to_json())
    assert again == data.codec
    batch = data.train.take(torch.arange(5))
    assert batch["molecule"].shape == (5, len(column.names))
    assert batch["molecule"].dtype == torch.float32
    other = [cell if k < 32 else "c1ccncc1C(F)(F)F" for k, cell in enumerate(ALL)]
    assert prepared(table(tmp_path, other)).codec != data.codec


def test_without_rdkit_the_column_is_left_out_and_a_note_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(smiles, "installed", lambda: False)
    data = prepared(table(tmp_path))
    assert [c.name for c in data.codec.columns] == ["batch"]
    assert any("molecule" in note and "pip install 'reverie[chemistry]'" in note for note in data.notes)


def test_molecules_are_learnt_from_and_new_ones_answered(tmp_path, capsys):
    run = tmp_path / "run"
    made = reverie.fit(table(tmp_path), out=run, steps=150, predict="answer", set="tiny")
    new = tmp_path / "new.csv"
    new.write_text("molecule,batch\nCCCO,1\nOCCCCCCC,1\n,1\n")
    answers = [row["answer"] for row in made.predict(new).rows()]
    assert answers[0] < answers[1]  # read as the molecules that they are, not as letters
    new.write_text("molecule,batch\nCCCO,1\nC1CC,1\n")
    assert main(["predict", str(run), str(new), "--out", str(tmp_path / "answers.csv")]) == 2
    said = capsys.readouterr().err
    assert "C1CC" in said
    assert "Traceback" not in said
    assert not (tmp_path / "answers.csv").exists()


def test_esol_is_read_with_its_molecules(real_data):
    where = real_data / "molecules" / "delaney-esol.csv"
    options = {"predict": "measured log(solubility:mol/L)", "drop": ("ESOL predicted log(solubility:mol/L)",)}
    data = open_source(str(where), DataOptions(group="SMILES", **options)).prepare()
    assert [c.name for c in data.codec.columns if c.type == "molecule"] == ["SMILES"]
    assert "MolLogP" in next(c for c in data.codec.columns if c.type == "molecule").names
