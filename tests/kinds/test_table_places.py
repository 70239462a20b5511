"""Tables: where a message says that a bad value lies, and slips that must not pass in silence."""

import re
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import open as open_table
from reverie.kinds.table import unseen
from reverie.kinds.table.codec import fit, scale
from reverie.kinds.table.leaks import _ordered


def lines(rows=100, seed=0):
    rng = np.random.default_rng(seed)
    return ["a,b,answer"] + [f"{rng.normal():.4f},{'xyz'[i % 3]},{('no', 'yes')[rng.integers(2)]}" for i in range(rows)]


def file(folder, text, name="rows.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes("\n".join(text).encode(encoding))
    return str(path)


def prepared(where, predict="answer", **options):
    return open_source(where, DataOptions(predict=predict, **options)).prepare()


def test_a_word_in_the_test_file_is_said_to_lie_there(tmp_path):
    other = file(tmp_path, ["a,b,answer", "1,x,no", "much,x,no"], "test.csv")
    with pytest.raises(Problem, match=re.escape(f"{other}: row 2, a: 'much' is not a number")):
        prepared(file(tmp_path, lines()), test=other)


def test_a_word_among_held_out_rows_is_said_by_its_row_in_the_file(tmp_path):
    """Not by its place among those that are held out."""
    text = lines()
    out = prepared(file(tmp_path, text)).held_out
    last = int(out.columns(torch.tensor([len(out) - 1]))["item"][0].split()[1])
    text[last] = "much" + text[last][text[last].index(",") :]
    with pytest.raises(Problem, match=rf"rows.csv: row {last}, a: 'much'"):
        prepared(file(tmp_path, text))


def test_a_class_that_training_lacks_is_named_with_its_row(tmp_path):
    other = file(tmp_path, ["a,b,answer", "1,x,maybe"], "test.csv")
    with pytest.raises(Problem, match=r"'maybe' is not in the training part.*test.csv: row 1"):
        prepared(file(tmp_path, lines()), test=other)


def test_rows_of_several_new_files_are_named_by_file_and_row(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    first, second = file(tmp_path, lines(3), "u.csv"), file(tmp_path, lines(2), "v.csv")
    found = unseen([first, second], codec, DataOptions())
    assert found.names == [f"{first} row {i}" for i in (1, 2, 3)] + [f"{second} row {i}" for i in (1, 2)]
    assert found.items.columns(torch.arange(5))["item"] == found.names
    bad = file(tmp_path, ["a,b", "1,x", "z,x"], "w.csv")
    with pytest.raises(Problem, match=r"w.csv: row 2, a: 'z'"):
        unseen([first, bad], codec, DataOptions())


def test_rows_keep_their_numbers_where_a_bad_one_is_left_out(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    new = file(tmp_path, [*lines(2), "1", lines(1)[1]], "new.csv")
    with pytest.raises(Problem, match="row 3 has 1 cells, not 3"):
        unseen([new], codec, DataOptions())
    assert unseen([new], codec, DataOptions(skip_bad=True)).names == ["row 1", "row 2", "row 4"]


def test_a_summary_lists_rows_of_another_length_instead_of_stopping(tmp_path):
    where = file(tmp_path, [*lines(), "1,2"])
    found = open_table(where, DataOptions(predict="answer")).summary()
    assert list(found.bad) == ["row 101 has 2 cells, not 3"]
    assert found.count == 100


def test_one_column_without_a_name_leaves_the_head_a_head(tmp_path):
    """As pandas writes its index."""
    text = lines()
    found = prepared(file(tmp_path, ["," + text[0], *(f"{i},{line}" for i, line in enumerate(text[1:]))]))
    assert [c.name for c in found.codec.columns] == ["c1", "a", "b"]
    assert any("without a name" in note for note in found.notes)


def test_a_gap_in_the_column_of_order_is_one_line(tmp_path):
    text = lines()
    text[5] = text[5][text[5].index(",") :]
    with pytest.raises(Problem, match="row 5, a: empty, and --order"):
        prepared(file(tmp_path, text), order="a")


def test_the_target_cannot_be_dropped(tmp_path):
    with pytest.raises(Problem, match="--drop answer: it is what --predict asks for"):
        prepared(file(tmp_path, lines()), drop=("answer",))


def test_a_class_that_there_is_not_is_not_taken_for_the_first(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    with pytest.raises(Problem, match="'maybe' is none of its classes"):
        codec.encode([{"a": 1, "b": "x", "answer": "maybe"}])


def test_rows_given_as_values_are_cleaned_as_those_of_a_file(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    batch = codec.encode([{"a": float("nan"), "b": " x ", "answer": "no"}, {"a": 0.5, "b": "x", "answer": "no"}])
    assert batch.masks["a"].tolist() == [False, True]
    assert float(batch["a"][0]) == 0
    assert batch["b"][0] == batch["b"][1] != 0


def test_numbers_with_a_few_words_are_told_from_names():
    assert fit("a", ["inf", *map(str, range(99))]) == "numbers, but also words such as 'inf'"
    assert fit("k", ["1", "1.0"] * 9) == "always 1"


def test_a_slip_in_a_numeric_target_is_named(tmp_path):
    text = ["a,y", *(f"{i},{'oops' if i == 5 else i * 1.5}" for i in range(100))]
    with pytest.raises(Problem, match="--predict y: 'oops' is not a number, as the others are"):
        prepared(file(tmp_path, text), "y")


def test_scales_hold_at_the_ends_of_float64():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scale(np.array([1e308, -1e308] * 50)) == (0.0, pytest.approx(1e308))
    assert scale(np.full(49, 0.1)) == (0.1, 1.0)


def test_a_number_that_float32_cannot_hold_is_refused(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    with pytest.raises(Problem, match="row 1, a: 1e300 is too far from the rest"):
        unseen([file(tmp_path, ["a,b", "1e300,x"], "new.csv")], codec, DataOptions())


def test_a_rare_class_is_not_given_away_by_chance():
    values = np.random.default_rng(0).normal(size=9000)
    rare = (np.arange(9000) % 300 == 0).astype(int)
    assert _ordered(values, rare) == ""
    assert _ordered(values + 9 * rare, rare) == "area under the curve 1.000"
    assert _ordered(-values - 9 * rare, rare) == "area under the curve 1.000"


def test_one_of_three_classes_is_given_away_by_order():
    values = np.random.default_rng(0).normal(size=900)
    assert _ordered(values, np.digitize(values, [-0.5, 0.5])).startswith("in its order the class changes 2 times")
    assert _ordered(values, np.arange(900) % 3) == ""


def test_the_area_is_the_share_of_pairs_in_order():
    """One pair of 100 x 100 the wrong way round: 0.9999."""
    values, truth = np.arange(200.0), np.repeat([0, 1], 100)
    values[[99, 100]] = values[[100, 99]]
    assert _ordered(values, truth) == "area under the curve 1.000"
    values = np.arange(200.0)
    values[:100] += np.where(np.arange(100) < 2, 200, 0)  # two of the low ones above all: 0.98
    assert _ordered(values, truth) == ""


def test_test_rows_that_are_learnt_from_are_counted(tmp_path):
    text = lines()
    other = file(tmp_path, [text[0], *text[1:8], *lines(5, 9)[1:]], "test.csv")
    notes = prepared(file(tmp_path, text), test=other).notes
    assert any(note.startswith("7 held-out rows are also among those learnt from") for note in notes)


def test_latin_1_is_said(tmp_path):
    found = prepared(file(tmp_path, [line.replace("x", "é") for line in lines()], encoding="latin-1"))
    assert "é" in found.codec.columns[1].names
    assert any("Latin-1" in note for note in found.notes)


def test_parquet_with_nanoseconds_is_read_and_with_equal_names_refused(tmp_path):
    times = pa.array([1 + i * 86_400 * 10**9 for i in range(60)], pa.timestamp("ns"))
    answers = pa.array(["u", "v", "w"] * 20)
    pq.write_table(pa.table({"t": times, "y": answers}), tmp_path / "ns.parquet")
    assert prepared(str(tmp_path / "ns.parquet"), "y").codec.columns[0].type == "date"
    pq.write_table(pa.table([answers, answers], names=["a", "a"]), tmp_path / "two.parquet")
    with pytest.raises(Problem, match="two columns named a"):
        prepared(str(tmp_path / "two.parquet"), "a")


def test_a_batch_of_a_thousand_columns_is_that_of_each(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 1000)).round(3)
    body = [",".join(map(str, row)) + f",{'uv'[i % 2]}" for i, row in enumerate(values)]
    found = prepared(file(tmp_path, [",".join(f"f{k}" for k in range(1000)) + ",y", *body]), "y")
    index = torch.tensor([3, 0])
    batch = found.train.take(index)
    assert len(batch.values) == 1001
    again = found.codec.encode(found.train.raw(index))
    assert all(torch.equal(batch[name], again[name]) for name in batch.values)
    assert all(torch.equal(batch.masks[name], again.masks[name]) for name in batch.masks)
