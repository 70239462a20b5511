"""Tables of which nobody predicts a column: which columns a model makes, and the form in which they come back."""

import csv
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from kinds.test_table import file, lines
from reverie.core import Spec
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import Codec, save, unseen
from reverie.kinds.table.codec import MISSING, OTHER
from reverie.kinds.table.making import decimals, fit_made, form
from reverie.nets.flat import Flat


def people(rows: int = 200, seed: int = 0) -> list[str]:
    """A whole number with gaps, one with two decimals, few whole numbers, words with gaps, dates, a constant, names."""
    rng = np.random.default_rng(seed)
    age, children, town = rng.integers(18, 90, rows), rng.integers(0, 4, rows), rng.integers(0, 3, rows)
    pay, day = rng.integers(100_000, 900_000, rows), rng.integers(1, 29, rows)
    head = "age,Löhne,children,town,since,land,name"
    return [head] + [
        f"{'' if i % 7 == 3 else age[i]},{pay[i] / 100:.2f},{children[i]},{['Łódź', '東京', ''][town[i]]},"
        f"2024-02-{day[i]:02d},DE,person {i}"
        for i in range(rows)
    ]


def prepared(where: str, **options):
    return open_source(where, DataOptions(**options)).prepare()


def everything(items):
    index = torch.arange(len(items))
    return items.take(index), items.raw(index)


def test_every_column_that_can_be_made_is_a_field_and_none_is_a_target(tmp_path):
    found = prepared(file(tmp_path, people()))
    spec = found.codec.spec
    assert list(spec.fields) == ["age", "age is missing", "Löhne", "children", "town", "since"]
    assert (dict(spec.target), dict(spec.condition)) == ({}, {})
    assert spec.fields["age"].missing
    assert not spec.fields["Löhne"].missing
    assert spec.fields["children"].names == (OTHER, "0", "1", "2", "3")
    assert spec.fields["town"].names == (OTHER, MISSING, "Łódź", "東京")
    assert Spec.from_json(spec.to_json()) == spec
    assert Codec.from_json(found.codec.to_json()) == found.codec
    notes = "\n".join(found.notes)
    assert "left out: name (another word in almost every row)" in notes
    assert re.search(r"with gaps, which are made too: age \(\d+\), town \(\d+\)", notes)


def test_rows_come_back_in_the_files_own_form(tmp_path):
    """Of every row, every cell: whole numbers whole, two decimals, dates as they are written, gaps empty."""
    found = prepared(file(tmp_path, people()))
    batch, raw = everything(found.train)
    assert found.codec.decode(batch.values) == raw
    (written,) = save(raw, tmp_path / "out")
    with open(written, newline="", encoding="utf-8") as out:
        table = [tuple(row.values()) for row in csv.DictReader(out)]
    cells = [tuple(line.split(",")[:6]) for line in people()[1:]]
    given = {(age, str(float(pay)), *rest) for age, pay, *rest in cells}
    assert set(table) <= given
    assert len(table) == len(found.train)
    again = found.codec.encode(raw)
    for name, values in batch.values.items():
        assert torch.equal(again[name], values)
    for name, there in batch.masks.items():
        assert torch.equal(again.masks[name], there)


def test_what_a_model_says_beyond_the_data_comes_back_within_it(tmp_path):
    """A number far out is the largest that training has seen, one between two whole ones is whole."""
    codec = prepared(file(tmp_path, people())).codec
    many = {name: torch.zeros(3, dtype=torch.int64) for name in ("age is missing", "children", "town")}
    far = torch.tensor([-50.0, 0.01, 50.0])
    rows = codec.decode({"age": far, "Löhne": far, "since": far, **many})
    assert (rows[0]["age"], rows[2]["age"]) == (codec.columns[0].low, codec.columns[0].high)
    assert 18 <= rows[0]["age"] < rows[2]["age"] < 90
    assert all(isinstance(row["age"], int) for row in rows)
    assert all(row["Löhne"] == round(row["Löhne"], 2) for row in rows)
    assert (rows[0]["since"], rows[2]["since"]) == ("2024-02-01", "2024-02-28")
    assert rows[0]["town"] == OTHER


def test_a_gap_that_a_model_makes_is_an_empty_cell(tmp_path):
    codec = prepared(file(tmp_path, people())).codec
    one = torch.tensor([0, 1])
    rows = codec.decode({"age": torch.zeros(2), "age is missing": one, "town": one})
    assert [row["age"] is None for row in rows] == [False, True]
    assert [row["town"] for row in rows] == [OTHER, None]


def test_a_column_that_never_changes_is_in_every_row_and_in_no_field(tmp_path):
    found = prepared(file(tmp_path, people()))
    assert all(row["land"] == "DE" for row in found.train.raw(torch.arange(5)))
    assert "always the same: land" in found.notes
    assert found.codec.decode({"age": torch.zeros(1)})[0]["land"] == "DE"


def test_an_autoencoders_vector_holds_it(tmp_path):
    """Numbers, and a 1 of each field's categories: what `nets/flat.py` makes of the spec, there and back."""
    found = prepared(file(tmp_path, people()))
    batch, raw = everything(found.train)
    flat = Flat(found.codec.spec)
    seen = flat.seen(batch)
    assert (flat.count, flat.groups, flat.gaps) == (3, [2, 5, 4], 1)
    assert seen.there is not None
    assert torch.equal(seen.there[:, 0], batch["age is missing"] == 0)
    made = flat.items(seen.x[:, : flat.count], seen.x[:, flat.count :])
    assert found.codec.decode(made) == raw


def test_nothing_is_learnt_from_what_is_held_out(tmp_path):
    text = people()
    first = prepared(file(tmp_path, text))
    away = {int(name.split()[1]) for name in first.held_out.columns(torch.arange(len(first.held_out)))["item"]}
    assert 0 < len(away) < 60
    for i in away:
        text[i] = f"99999,9.99999,77,nowhere,1999-01-01,XX,new {i}"
    second = prepared(file(tmp_path, text))
    assert second.codec == first.codec
    assert second.fingerprint != first.fingerprint
    assert second.held_out.raw(torch.arange(1))[0]["age"] == 99999


def test_a_held_out_number_is_what_the_file_says_not_what_a_model_could_make(tmp_path):
    """Half a year, where training has whole ones; a word that training has not seen."""
    codec = prepared(file(tmp_path, people())).codec
    new = unseen([file(tmp_path, [people()[0], "20.5,1,2,Rom,2024-02-03,DE,n"], "new.csv")], codec, DataOptions())
    (row,) = new.items.raw(torch.arange(1))
    assert (row["age"], row["town"]) == (20.5, "Rom")


def test_copies_of_a_row_stay_in_one_part_and_none_is_kept_to_calibrate_by(tmp_path):
    text = people(60)
    found = prepared(file(tmp_path, [text[0], *text[1:] * 4]))
    ids = [set(part.columns(torch.arange(len(part)))["name"]) for part in (found.train, found.held_out)]
    assert (len(ids[0]) + len(ids[1]), ids[0] & ids[1], found.calibration) == (60, set(), None)
    assert len(found.train) + len(found.held_out) == 240


def test_options_of_the_split_are_those_of_every_table(tmp_path):
    where = file(tmp_path, people())
    later = prepared(where, order="since")
    days = [sorted(part.columns(torch.arange(len(part)))["since"]) for part in (later.train, later.held_out)]
    assert days[0][-1] < days[1][0]
    towns = prepared(where, group="town")
    seen, away = ({row["town"] for row in everything(part)[1]} for part in (towns.train, towns.held_out))
    assert (len(seen | away), seen & away) == (3, set())
    other = file(tmp_path, people(30, 1), "test.csv")
    assert len(prepared(where, test=other).held_out) == 30
    assert "town" not in prepared(where, drop=("town",)).codec.spec.fields


def test_few_whole_numbers_are_categories_as_they_are_written():
    """3.0 is as whole as 3, and comes back so; a column that writes both is one of numbers, as are dates."""
    assert fit_made("x", ["3.0", "7.0", "3.0", "6.0"] * 9).names == (OTHER, "3.0", "6.0", "7.0")
    assert fit_made("x", ["10", "9", "-1"] * 9).names == (OTHER, "-1", "9", "10")
    for cells in (["3", "3.0", "4"], ["0.5", "1", "2"], [str(k) for k in range(11)], ["2024-01-01", "2024-01-02"]):
        assert fit_made("x", cells * 9).type in ("number", "date")


def test_what_cannot_be_undone_is_left_out_and_said():
    assert fit_made("many", [f"w{i % 300}" for i in range(900)]) == "300 different words: a model can make 256"
    smiles = ["CCO", "CCN", "CCC", "c1ccccc1", "CC(=O)O", "CCCl", "CCBr", "CCF"] * 5
    assert "molecules" in fit_made("smiles", smiles)
    assert fit_made("none", [None] * 9) == "no values"


def test_predicted_rows_stay_as_they_are(tmp_path):
    """A hash and a constant: what a predictor sees of them has not changed."""
    codec = prepared(file(tmp_path, lines()), predict="answer").codec
    assert [c.name for c in codec.columns] == ["a", "town", "day"]
    assert all(field.missing for name, field in codec.spec.fields.items() if name != "town")
    assert list(codec.spec.target) == ["answer"]


@pytest.mark.parametrize(
    ("cells", "digits"),
    [(["1", "-20"], 0), (["1.5", "2"], 1), ([".25", "-1.5"], 2), (["1e3"], -1), (["0.1234567890"], -1), (["+1."], 0)],
)
def test_a_number_has_as_many_decimals_as_the_file_writes(cells, digits):
    assert decimals(cells) == digits


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["2024-01-02", "1999-12-31"], "%Y-%m-%d"),
        (["2024-01-02 03:04", "1999-12-31 00:00"], "%Y-%m-%d %H:%M"),
        (["2024-01-02T03:04:05"], "%Y-%m-%dT%H:%M:%S"),
        (["2024-01-02", "1999-12-31 00:00"], ""),
        (["2024-01-02T03:04:05+01:00"], ""),
    ],
)
def test_dates_are_written_as_the_file_writes_them(cells, said):
    assert form(cells) == said


def test_a_gaps_field_takes_no_columns_name(tmp_path):
    text = ["x,x is missing", *(f"{'' if i % 3 else i},{i * 7 % 100}" for i in range(100))]
    assert list(prepared(file(tmp_path, text)).codec.spec.fields) == ["x", "x is missing?", "x is missing"]


def test_parquet_with_gaps_in_whole_numbers_gives_whole_numbers(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"n": [None if k % 5 == 0 else float(k) for k in range(100)], "b": list(range(100))}), path)
    found = prepared(str(path))
    batch, raw = everything(found.train)
    assert found.codec.decode(batch.values) == raw
    assert {type(row["n"]) for row in raw} == {int, type(None)}


def test_new_rows_are_read_by_the_same_codec(tmp_path):
    found = prepared(file(tmp_path, people()))
    text = people(10, 3)
    text[2] = text[2].replace("2024-02", "2031-02").replace(",DE", ",FR")
    new = unseen([file(tmp_path, text, "new.csv")], found.codec, DataOptions())
    assert (len(new.items), new.truth, new.names[1]) == (10, False, "row 2")
    assert new.items.raw(torch.tensor([1]))[0]["since"].startswith("2031-02")  # as it is, not as a model could make it
    assert new.items.columns(torch.tensor([1]))["name"] == ["person 1"]  # which no model sees
    two = unseen([file(tmp_path, text, "new.csv"), file(tmp_path, people(), "rows.csv")], found.codec, DataOptions())
    assert len(two.items) == 210
    bare = ["age,town", *(f"{k},x" for k in range(5))]
    with pytest.raises(Problem, match=r"no column Löhne\. There are: age, town"):
        unseen([file(tmp_path, bare, "bare.csv")], found.codec, DataOptions())


def test_one_row_or_none_that_varies_is_one_line(tmp_path):
    for text, says in (
        (["a,b", "1,2"], "1 row: nothing to learn from"),
        (["a,b", *["1,x"] * 30], "no column that a model can make, and that is not always the same"),
        (["id", *(f"w{k}x" for k in range(60))], "left out are id (another word in almost every row)"),
    ):
        with pytest.raises(Problem, match=re.escape(says)) as caught:
            prepared(file(tmp_path, text), kind="table")
        assert "\n" not in str(caught.value)


def test_a_thousand_columns_are_a_thousand_fields(tmp_path):
    draws = np.random.default_rng(0).standard_normal((40, 1000)).round(2)
    text = [",".join(f"c{k}" for k in range(1000)), *(",".join(map(str, row)) for row in draws.tolist())]
    found = prepared(file(tmp_path, text))
    batch, raw = everything(found.train)
    assert len(found.codec.spec.fields) == 1000
    assert found.codec.decode(batch.values) == raw


def test_data_says_what_fit_would_do_in_both_cases(tmp_path):
    where = file(tmp_path, people())
    made, predicted = (open_source(where, DataOptions(predict=p)).summary() for p in ("", "children"))
    assert made.train == len(prepared(where).train)
    assert "or, with --predict COLUMN, learn to predict one" in made.plan
    assert any(line.startswith("predicts children") for line in predicted.plan)
    assert made.facts["columns"]["land"].startswith("constant")
    flat = open_source(file(tmp_path, ["a,b", *["1,x"] * 30], "flat.csv"), DataOptions()).summary()
    assert flat.train == 0
    assert flat.plan[-1] == "no rows can be made of it; --predict COLUMN, learn to predict one"


def test_adult_comes_back_whole(real_data):
    found = prepared(str(real_data / "tabular" / "adult-train.csv"))
    batch, raw = everything(found.held_out)
    assert found.codec.decode(batch.values) == raw
    assert len(found.codec.spec.fields) == 15
