"""Tables: what is read, what columns are, what is refused, and that nothing is learnt from what is held out."""

import gzip
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from reverie.core import Described
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import Codec, unseen
from reverie.kinds.table.codec import BUCKETS, MISSING, OTHER, bucket, fit, seconds
from reverie.kinds.table.files import read

ROWS = 200


def lines(rows: int = ROWS, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    a, town = rng.standard_normal(rows), rng.integers(0, 3, rows)
    gap = rng.random(rows) < 0.2
    day = [f"2024-01-{1 + d:02d}" for d in rng.integers(0, 28, rows)]
    head = "a,town,day,note,answer"
    return [head] + [
        f"{a[i]:.6f},{'?' if gap[i] else 'xyz'[town[i]]},{day[i]},id-{i},{'yes' if a[i] + town[i] > 1 else 'no'}"
        for i in range(rows)
    ]


def file(folder: Path, text: str | list[str], name: str = "rows.csv") -> str:
    path = folder / name
    path.write_text(text if isinstance(text, str) else "\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def prepared(where: str, predict: str = "answer", **options):
    return open_source(where, DataOptions(predict=predict, **options)).prepare()


def test_columns_are_what_their_training_values_are(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    assert {c.name: c.type for c in codec.columns} == {"a": "number", "town": "category", "day": "date"}
    assert codec.columns[1].names == (OTHER, MISSING, "x", "y", "z")
    assert codec.target.names == ("no", "yes")
    assert Codec.from_json(codec.to_json()) == codec


def test_numbers_have_mean_0_and_deviation_1_in_the_training_part(tmp_path):
    train = prepared(file(tmp_path, lines())).train
    a = train.take(torch.arange(len(train)))["a"]
    assert float(a.mean()) == pytest.approx(0, abs=1e-6)
    assert float(a.std(correction=0)) == pytest.approx(1, abs=1e-6)


def test_rows_come_back_as_they_went_in(tmp_path):
    found = prepared(file(tmp_path, lines()))
    index = torch.arange(20)
    raw = found.train.raw(index)
    for given, back in zip(raw, found.codec.decode(found.train.take(index).values)):
        assert back["a"] == pytest.approx(float(given["a"]), abs=1e-5)
        assert back["town"] == (given["town"] or MISSING)
        assert back["answer"] == given["answer"]
    again = found.codec.encode(raw)
    for name, values in found.train.take(index).values.items():
        assert torch.equal(again[name], values)


def test_what_is_held_out_changes_nothing_that_is_learnt(tmp_path):
    """A planted leak: the held-out rows get other numbers and another town; scales and categories stay."""
    text = lines()
    first = prepared(file(tmp_path, text))
    away = {int(name.split()[1]) for name in first.held_out.columns(torch.arange(len(first.held_out)))["item"]}
    for i in away:
        cells = text[i].split(",")
        text[i] = ",".join(["1e6", "elsewhere", *cells[2:]])
    second = prepared(file(tmp_path, text))
    assert second.codec == first.codec
    towns = second.held_out.take(torch.arange(len(second.held_out)))["town"]
    assert set(towns.tolist()) == {0}  # OTHER


def test_gaps_are_told_by_a_mask_or_a_category(tmp_path):
    text = [line if i % 5 else re.sub(r"^[^,]*", "NA", line) for i, line in enumerate(lines())]
    text[0] = lines()[0]
    batch = prepared(file(tmp_path, text)).train.take(torch.arange(100))
    there = batch.masks["a"]
    assert 0 < int((~there).sum()) < 60
    assert 1 in batch["town"].tolist()


@pytest.mark.parametrize("change", ["semicolon", "tab", "gzip", "parquet", "bom", "spaces", "crlf"])
def test_other_forms_of_the_same_table_are_the_same(tmp_path, change):
    plain = lines()
    name = {"tab": "t.tsv", "gzip": "t.csv.gz", "parquet": "t.parquet"}.get(change, "t.csv")
    path = tmp_path / name
    if change == "parquet":
        cells = [line.split(",") for line in plain]
        columns = dict(zip(cells[0], map(list, zip(*cells[1:]))))
        columns["a"] = [float(x) for x in columns["a"]]
        pq.write_table(pa.table(columns), path)
    else:
        text = "\n".join(plain) + "\n"
        text = text.replace(",", {"semicolon": ";", "tab": "\t", "spaces": ", "}.get(change, ","))
        text = text.replace("\n", "\r\n") if change == "crlf" else text
        data = text.encode("utf-8-sig" if change == "bom" else "utf-8")
        path.write_bytes(gzip.compress(data) if change == "gzip" else data)
    wanted, found = prepared(file(tmp_path, plain)), prepared(str(path))
    assert found.codec.columns[1:] == wanted.codec.columns[1:]
    assert found.codec.columns[0].mean == pytest.approx(wanted.codec.columns[0].mean)
    index = torch.arange(30)
    assert torch.equal(found.train.take(index)["answer"], wanted.train.take(index)["answer"])


def test_decimal_commas_are_points_where_commas_divide_no_cells_and_it_is_said(tmp_path):
    rows = ["a;b;c;d;e"] + [f"{k},25;{-k};1.{k:03d},5;{k},{'x' if k == 3 else '1'};0.{k}" for k in range(40)]
    found = read(file(tmp_path, rows))
    assert found.columns["a"][:2] == ["0.25", "1.25"]
    assert found.columns["b"][:2] == ["0", "-1"]
    assert found.columns["c"][:2] == ["1000.5", "1001.5"]
    assert found.columns["d"][2:4] == ["2,1", "3,x"]  # one word, and none is a number
    assert found.columns["e"][1] == "0.1"
    assert found.notes == ["columns are divided by ';'", "decimal commas are read as points: a, c"]
    assert read(file(tmp_path, ["a,b"] + [f'"{k},5",{k}' for k in range(9)])).columns["a"][1] == "1,5"


def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path):
    rows = ["a,b", '1,"two, and', 'more"', '2,"x'] + [f"{k},y" for k in range(50)]
    with pytest.raises(Problem, match="a quotation mark is opened and never closed; the last is in line 4"):
        read(file(tmp_path, rows))
    assert read(file(tmp_path, [*rows[:3], "2,x"])).columns["b"] == ["two, and\nmore", "x"]


def test_the_first_line_by_which_excel_says_what_divides_cells_is_no_row(tmp_path):
    for sign in ";|,":
        found = read(file(tmp_path, [f"sep={sign}"] + [sign.join(row) for row in ("ab", "12", "34")]))
        assert found.columns == {"a": ["1", "3"], "b": ["2", "4"]}


def test_a_word_that_makes_words_of_a_column_of_numbers_is_named(tmp_path):
    rows = ["a,b,c"] + [f"{'unknown' if k % 50 == 7 else k % 40},{k / 7:.3f},{'xyz'[k % 3]}" for k in range(200)]
    said = "numbers but for a few words, and so read as words; leave such cells empty: a ('unknown')"
    assert said in open_source(file(tmp_path, rows), DataOptions()).prepare().notes
    assert said in open_source(file(tmp_path, rows), DataOptions(predict="c")).prepare().notes
    fine = [row.replace("unknown", "") for row in rows]
    assert not any("few words" in note for note in open_source(file(tmp_path, fine), DataOptions()).prepare().notes)


def test_a_table_without_a_head_gets_names(tmp_path):
    where = file(tmp_path, lines()[1:])
    found = prepared(where, "c5")
    assert [c.name for c in found.codec.columns] == ["c1", "c2", "c3"]
    assert any("no head" in note for note in found.notes)


def test_a_test_file_is_the_test_part_and_its_full_stops_go(tmp_path):
    where = file(tmp_path, lines())
    other = file(tmp_path, [lines(30, 1)[0], *(line + "." for line in lines(30, 1)[1:])], "test.csv")
    found = prepared(where, test=other)
    assert len(found.held_out) == 30
    assert any("full stop" in note for note in found.notes)


def test_many_words_are_hashed_and_words_of_almost_every_row_left_out():
    many = [f"w{i % 300}" for i in range(900)]
    column = fit("many", many)
    assert column.type == "hash"
    encoded, _ = column.encode([*many, None, "never seen"], "")
    assert encoded.max() <= BUCKETS
    assert encoded[900] == 0
    assert encoded[901] == bucket("never seen") > 0
    assert fit("id", [f"w{i}" for i in range(100)]) == "another word in almost every row"
    assert fit("review", [f"a film number {i}" for i in range(100)]) == "texts, which --kind sentences reads"
    assert fit("same", ["x"] * 9) == "always x"
    assert fit("none", [None] * 9) == "no values"


def test_dates_are_seconds():
    assert seconds("1970-01-02") == 86_400
    assert seconds("1970-01-01T00:01:00+00:00") == 60
    assert seconds("12.5") is None


def test_a_number_that_may_be_the_answer_is_said(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 100))
    copy = y + 0.05 * rng.standard_normal(100)
    body = [f"{a:.4f},{b:.4f},{c:.4f}" for a, b, c in zip(x, copy, y)]
    where = file(tmp_path, ["x,copy,y", *body])
    said = [note for note in prepared(where, "y").notes if "closely" in note]
    assert len(said) == 1
    assert said[0].startswith("copy follows y closely (rank correlation")
    assert not [n for n in prepared(where, "y", drop=("copy",)).notes if "closely" in n]


def test_a_class_that_one_column_says_is_said(tmp_path):
    text = [line + (",b" if line.endswith("yes") else ",a") for line in lines()]
    text[0] = lines()[0] + ",code"
    assert any(note.startswith("code follows answer closely") for note in prepared(file(tmp_path, text)).notes)
    assert not any("closely" in note for note in prepared(file(tmp_path, lines())).notes)


def test_copies_of_a_row_stay_in_one_part(tmp_path):
    text = lines(60)
    found = prepared(file(tmp_path, [text[0], *text[1:] * 4]))
    ids = [
        set(part.columns(torch.arange(len(part)))["note"])
        for part in (found.train, found.held_out, found.calibration)
        if part is not None
    ]
    assert sum(map(len, ids)) == 60


def test_new_rows_are_read_by_the_same_codec(tmp_path):
    found = prepared(file(tmp_path, lines()))
    new = unseen([file(tmp_path, lines(10, 3), "new.csv")], found.codec, DataOptions())
    assert (len(new.items), new.truth, new.names[0]) == (10, True, "row 1")
    bare = [line.rsplit(",", 1)[0] for line in lines(10, 3)]
    blind = unseen([file(tmp_path, bare, "bare.csv")], found.codec, DataOptions())
    assert not blind.truth
    assert isinstance(blind.items, Described)
    assert torch.equal(blind.items.take(torch.arange(10))["a"], new.items.take(torch.arange(10))["a"])


BAD = [
    ("", {}, "empty. Give a table"),
    ("a,b\n", {}, "a head without rows"),
    ("a,a\n1,2\n", {}, "two columns named a"),
    ("a,answer\n1,2,3\n", {}, "no row has as many cells as the head (2): row 1 has 3 cells, not 2"),
    ("a,answer\n1\0,2\n", {}, "NUL bytes"),
    ("a,answer\n1,x\n2,x\n3,x\n", {}, "--predict answer: always x: nothing to learn"),
    ("a,answer\n1,?\n2,\n", {}, "0 rows have a value"),
    ("a,anwser\n1,x\n2,y\n", {}, "--predict answer: no such column. Did you mean anwser? There are: anwser, a"),
    ("a,answer\nx,1\nx,2\nx,1\nx,2\n", {}, "no column to predict answer from"),
    ("a,answer\n1,x\n2,y\n3,x\n4,y\n", {"drop": ("b",)}, "--drop b: no such column"),
    ("a,answer\n1,x\n2,y\n3,x\n4,y\n", {"test": "nowhere.csv"}, "nowhere.csv: no such file"),
    ("a,answer\n1,x\n2,y\n3,x\n4,y\n", {"size": (3,)}, "--size: a table's rows have none"),
]


@pytest.mark.parametrize(("text", "options", "says"), BAD)
def test_what_cannot_be_learnt_is_one_line(tmp_path, text, options, says):
    with pytest.raises(Problem, match=re.escape(says)) as caught:
        prepared(file(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


def test_a_word_where_training_had_numbers_is_named(tmp_path):
    found = prepared(file(tmp_path, lines()))
    text = lines(5, 2)
    text[3] = "much" + text[3][text[3].index(",") :]
    with pytest.raises(Problem, match="row 3, a: 'much' is not a number"):
        unseen([file(tmp_path, text, "new.csv")], found.codec, DataOptions())


def test_rows_of_another_length_are_left_out_on_demand(tmp_path):
    where = file(tmp_path, [*lines(), "1,2"])
    assert any("1 rows with more or fewer cells" in note for note in prepared(where, skip_bad=True).notes)


def test_a_summary_says_what_columns_are(tmp_path):
    facts = open_source(file(tmp_path, lines()), DataOptions()).summary().facts["columns"]
    assert facts["a"].startswith("number -")
    assert facts["note"].startswith("left out (another word")


def test_adult_is_read_as_its_description_says(real_data):
    folder = real_data / "tabular"
    found = prepared(str(folder / "adult-train.csv"), "c15", test=str(folder / "adult-test.csv"), calibration=0.0)
    assert (len(found.train), len(found.held_out)) == (32_561, 16_281)
    assert found.codec.target.names == ("<=50K", ">50K")
    assert sum(c.type == "number" for c in found.codec.columns) == 6


def test_the_leak_in_esol_is_found(real_data):
    target = "measured log(solubility:mol/L)"
    notes = prepared(str(real_data / "molecules" / "delaney-esol.csv"), target).notes
    assert any(note.startswith("ESOL predicted log(solubility:mol/L) follows") for note in notes)
