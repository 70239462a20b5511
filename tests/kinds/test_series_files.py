"""Series on disk: what is read, and what is refused in one line."""

import gzip
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds.series_files import CHANNELS, ROWS, file, lines, prepared, values
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.series import unseen
from reverie.kinds.series.files import read, spoken
from reverie.kinds.series.steps import step

SMALL = {"size": (12,), "horizon": 5}


def test_the_same_series_is_read_from_every_form(tmp_path):
    text = lines()
    whole = "\n".join(text)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(whole.encode()))
    times = np.datetime64("2024-01-01T00", "ns") + np.arange(ROWS) * np.timedelta64(1, "h")
    columns = dict(zip(CHANNELS, values().T))
    pq.write_table(pa.table({"date": times, **columns}), tmp_path / "a.parquet")
    pq.write_table(pa.table({**columns, "Timestamp": [str(t)[:19] for t in times]}), tmp_path / "b.parquet")
    zoned = [line.replace(" ", "T", 1).replace(":00,", ":00Z,", 1) if k else line for k, line in enumerate(text)]
    places = [
        file(tmp_path, text),
        file(tmp_path, "\ufeff" + whole.replace("\n", "\r\n"), "marked.csv"),
        file(tmp_path, whole.replace(",", ";"), "semicolon.csv"),
        file(tmp_path, whole.replace(",", "\t"), "tabs.tsv"),
        file(tmp_path, zoned, "zoned.csv"),
        *(str(tmp_path / name) for name in ("packed.csv.gz", "a.parquet", "b.parquet")),
    ]
    for place in places:
        assert open_source(place, DataOptions()).kind == "series", place
        found = read(place)
        assert found.channels == CHANNELS, place
        assert np.array_equal(found.values, values()), place
        assert np.array_equal(found.times, times.astype("datetime64[us]")), place


def test_a_file_without_a_head_has_numbered_columns(tmp_path):
    assert read(file(tmp_path, lines()[1:])).channels == ("c2", "c3", "c4")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (["a,b", "1,2", "2,3"], "table"),  # no dates
        (["date,town", "2024-01-01,x", "2024-01-02,y"], "table"),  # no numbers
        (["date,a", "2024-01-02,1", "2024-01-01,2"], "table"),  # not ascending
        (["date,a", "2024-01-01,1", "2024-01-01,2"], "table"),  # several rows a time
        (["a,date", "1,2024-01-01", "2,2024-01-02"], "series"),  # named, though not first
        (["when,a", "2024-01,1", "2024-02,2"], "series"),  # first, though not named
    ],
)
def test_a_series_is_told_from_a_table(tmp_path, text, kind):
    assert open_source(file(tmp_path, text), DataOptions()).kind == kind


def test_a_column_of_a_series_is_predicted_as_a_tables(tmp_path):
    assert open_source(file(tmp_path, lines()), DataOptions(predict="a")).kind == "table"
    assert open_source(file(tmp_path, lines()), DataOptions(predict="next")).kind == "series"


def test_missing_values_are_the_last_before_and_leading_ones_the_first(tmp_path):
    text = lines()
    for row in (0, 1, 50, 51):
        cells = text[row + 1].split(",")
        text[row + 1] = ",".join([*cells[:3], ("", "NaN")[row % 2]])
    found, wanted = read(file(tmp_path, text)), values()
    wanted[:2, 2], wanted[50:52, 2] = wanted[2, 2], wanted[49, 2]
    assert np.array_equal(found.values, wanted)
    said = "missing values filled by the last one before (at the beginning by the first): c 4"
    assert said in prepared(file(tmp_path, text), **SMALL).notes


def test_words_and_dropped_columns_are_no_channels(tmp_path):
    text = [line + (",town" if k == 0 else ",oslo") for k, line in enumerate(lines())]
    found = prepared(file(tmp_path, text), drop=("b",), **SMALL)
    assert found.codec.channels == ("a", "c")
    assert "left out, as it holds no numbers: town" in found.notes


def test_a_broken_row_can_be_left_out(tmp_path):
    text = lines()
    text.insert(100, "2024-01-05 02:30:00,1")
    found = prepared(file(tmp_path, text), skip_bad=True, **SMALL)
    assert "1 rows with more or fewer cells left out" in found.notes
    assert np.array_equal(read(file(tmp_path, text), skip_bad=True).values, values())


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], ("1 day", 0, 0, "")),
        (["2024-01-31T00:15", "2024-01-31T00:30", "2024-01-31T00:45"], ("15 minutes", 0, 0, "")),
        (["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"], ("1 month", 0, 0, "")),
        (["2023-07-01", "2024-07-01", "2025-07-01"], ("12 months", 0, 0, "")),
        (["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-06"], ("1 day", 1, 0, "2024-01-03")),
        (["2024-01-01T00", "2024-01-01T02", "2024-01-01T04", "2024-01-01T05"], ("2 hours", 0, 1, "2024-01-01 04:00")),
        (["2024-01-01"], ("unknown", 0, 0, "")),
    ],
)
def test_the_step_is_the_most_frequent_one(times, said):
    assert tuple(step(np.array(times, "datetime64[us]"))) == said


def test_irregular_steps_are_said(tmp_path):
    text = lines()
    del text[100]
    notes = prepared(file(tmp_path, text), **SMALL).notes
    assert any(
        n.startswith("1 steps are longer and 0 shorter than 1 hour, the first after 2024-01-05 02:00") for n in notes
    )


def test_times_are_written_no_finer_than_they_are():
    for text in ("2024-01-01", "2024-01-01 10:30", "2024-01-01 10:30:05", "2024-01-01 10:30:05.250000"):
        assert spoken(np.array([text.replace(" ", "T")], "datetime64[us]")) == [text]


def spoilt(row: int, column: int, cell: str) -> list[str]:
    text = lines()
    cells = text[row].split(",")
    cells[column] = cell
    text[row] = ",".join(cells)
    return text


def last_column(cell: str, rows: int = ROWS) -> list[str]:
    """The first `rows` have `cell` in the last column."""
    text = lines()
    return [text[0]] + [line.rsplit(",", 1)[0] + f",{cell}" for line in text[1 : rows + 1]] + text[rows + 1 :]


BAD = [
    ("", {}, "empty. Give a series"),
    (lines()[:1], {}, "no series"),
    (["date,a,a", "2024-01-01,1,2"], {}, "two columns named 'a'"),
    ([*lines(), "2024-02-01"], {}, "not a whole CSV"),
    (["date,a", "2024-01-01,1\0"], {}, "NUL bytes"),
    (spoilt(7, 2, "oops"), {}, "row 7, b: 'oops' is not a number. Mend it, or pass --drop b"),
    (spoilt(7, 2, "inf"), {}, "row 7, b: 'inf' is not a number"),
    (spoilt(7, 0, "soon"), {}, "row 7, date: 'soon' is not a date"),
    (spoilt(7, 0, ""), {}, "row 7, date: no time"),
    (spoilt(7, 0, "2023-01-01"), {}, "row 7, date: 2023-01-01 is earlier than the row before. Sort it by date"),
    (spoilt(7, 0, "2024-01-01 05:00:00"), {}, "is the same time as the row before. Keep one row a time"),
    (last_column(""), {}, "c: every value is missing"),
    (lines(), {"drop": ("d",)}, "--drop d: no such column. There are: a, b, c"),
    (lines(), {"drop": ("date",)}, "--drop date: the times"),
    (lines(), {"drop": CHANNELS}, "no column of numbers beside date"),
    (lines(values(16)), {"held_out": 0.0}, "16 rows to learn from, and a window is 12 rows of past and 5"),
    (lines(), {"size": (96,), "horizon": 300}, "180 rows to learn from, and a window is 96 rows of past and 300"),
    (lines(), {"held_out": 0.01}, "--held-out 0.01: 2 rows, fewer than the 5 of --horizon"),
    (lines(), {"held_out": 1.0}, "--held-out 1: not a share"),
    (lines(), {"calibration": -0.1}, "--calibration -0.1: not a share"),
    (lines(), {"size": (4, 8)}, "--size 4x8: a series is looked back at by a number of rows"),
    (lines(), {"horizon": -1}, "--horizon -1: rows to predict"),
    (lines(), {"test_where": "take=1"}, "write rows=FIRST:END"),
    (lines(), {"test_where": "rows=150"}, "write rows=FIRST:END"),
    (lines(), {"test_where": "rows=150:201"}, "--test-where rows=150:201: no such rows. There are 0 to 200"),
    (lines(), {"test_where": "rows=150:153"}, "--test-where rows=150:153: 3 rows, fewer than the 5"),
    (lines(), {"fold": "1/10"}, "a series is split by time: its last rows are held out"),
    (lines(), {"predict": "labels"}, "--predict labels: a series goes on by --predict next"),
    (lines(), {"predict": ""}, "Pass --predict next"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "said"), BAD, ids=[said[:30] for *_, said in BAD])
def test_bad_input_is_one_line_with_a_cure(tmp_path, text, options, said):
    where = file(tmp_path, text)
    with pytest.raises(Problem, match=re.escape(said)) as caught:
        open_source(where, DataOptions(**{"kind": "series", "predict": "next", **SMALL, **options})).prepare()
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_in_parquet_are_named(tmp_path):
    times = pa.array(np.datetime64("2024-01-01", "s") + np.arange(40))
    numbers = pa.array(np.arange(40.0))
    pq.write_table(pa.Table.from_arrays([times, numbers, numbers], ["date", "a", "a"]), tmp_path / "s.parquet")
    for kind in ("series", ""):
        with pytest.raises(Problem, match=r"s\.parquet: two columns named '?a'?. Rename one"):
            open_source(str(tmp_path / "s.parquet"), DataOptions(kind=kind, predict="next" if kind else "a")).summary()


def test_a_channel_whose_first_value_comes_after_training_is_refused(tmp_path):
    """Else its gaps would be filled from the future."""
    with pytest.raises(Problem, match=re.escape("c: no value in the 180 training rows. Pass --drop c")):
        prepared(file(tmp_path, last_column("", 185)), **SMALL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lines(values(11)), "11 rows; the model looks back at 12"),
        ([line.rsplit(",", 1)[0] for line in lines()], "no column c. There are: date, a, b"),
        (
            [line.rsplit(",", 1)[0] + (",x" if k else ",c") for k, line in enumerate(lines())],
            "row 1, c: 'x' is not a number",
        ),
    ],
)
def test_a_new_file_that_does_not_fit_is_one_line(tmp_path, text, said):
    codec = prepared(file(tmp_path, lines()), **SMALL).codec
    with pytest.raises(Problem, match=re.escape(said)):
        unseen([file(tmp_path, text, "new.csv")], codec, DataOptions())


def test_a_broken_parquet_or_gzip_is_one_line(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"date,a\n" * 1000)[:40])
    for name, said in (
        ("a.parquet", "not a whole Parquet file"),
        ("a.csv.gz", "broken gzip"),
        ("none.csv", "no such file"),
    ):
        with pytest.raises(Problem, match=said) as caught:
            read(str(tmp_path / name))
        assert "\n" not in str(caught.value)
