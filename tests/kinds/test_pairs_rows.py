"""Sentence pairs in a table or a .jsonl file: which columns are which, and all the way to translations."""

import pytest
import torch

import reverie
from kinds.row_files import put
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source

PEOPLE, THINGS = (
    ["a man", "a woman", "the child", "the old dog", "a bird"],
    ["a ball", "the red car", "a tree", "two cups"],
)
VERBS = ["sees", "holds", "wants", "likes"]
ROWS = [
    {"en": f"{p} {v} {t} today .", "xx": f"{t[::-1]} {v[::-1]} {p[::-1]} !"}
    for p in PEOPLE
    for v in VERBS
    for t in THINGS
]


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def write(folder, name="pairs.tsv", rows=ROWS):
    return put(folder, name, rows)


def source(path, predict="translation", **options):
    pieces = {"vocabulary": 300} if predict else {}
    return open_source(str(path), DataOptions(predict=predict, **pieces, **options))


def everything(data):
    parts = (data.train, data.held_out, *([data.calibration] if data.calibration else []))
    return [row for part in parts for row in part.raw(torch.arange(len(part)))]


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv", "pairs.parquet", "pairs.jsonl"])
def test_every_form_is_recognised_and_read_alike(tmp_path, name):
    found = source(write(tmp_path, name))
    assert found.kind == "pairs"
    data = found.prepare()
    assert data.codec.languages == ("en", "xx")
    told = sorted((row["source"], row["target"]) for row in everything(data))
    assert told == sorted((row["en"], row["xx"]) for row in ROWS)


def test_columns_are_named_by_the_flags(tmp_path):
    wide = [{"id": str(k), **row, "note": f"by someone else at {k} o'clock"} for k, row in enumerate(ROWS)]
    path = write(tmp_path, rows=wide)
    data = source(path, "en", column="xx", kind="pairs").prepare()
    assert data.codec.languages == ("xx", "en")
    with pytest.raises(Problem, match="3 languages"):
        source(path, kind="pairs").prepare()
    with pytest.raises(Problem, match="no such language here"):
        source(path, "fr", kind="pairs").prepare()
    nested = write(tmp_path, "nested.jsonl", [{"id": k, "translation": row} for k, row in enumerate(ROWS)])
    assert source(nested, "xx", column="en", kind="pairs").prepare().codec.languages[1] == "xx"
    with pytest.raises(Problem, match="the first row is no head: 'a man sees a ball today"):
        source(put(tmp_path, "bare.tsv", ROWS, head=False), kind="pairs").prepare()


def test_a_test_file_is_the_test_part_and_empty_sides_are_left_out(tmp_path):
    path = write(tmp_path, rows=[*ROWS, {"en": "nothing here .", "xx": ""}])
    other = write(tmp_path, "held.csv", ROWS[:5])
    data = source(path, test=str(other)).prepare()
    assert [row["source"] for row in data.held_out.raw(torch.arange(5))] == [row["en"] for row in ROWS[:5]]
    assert len(data.held_out) == 5
    assert any("left out: 1" in note for note in data.notes)
    assert any("5 held-out pairs are also among those learnt from" in note for note in data.notes)
    lacking = write(tmp_path, "lacking.csv", [{"en": "a", "yy": "b"}])
    with pytest.raises(Problem, match="no column xx"):
        source(path, test=str(lacking)).prepare()


def test_without_predict_records_are_text_and_a_table_is_a_table(tmp_path):
    kinds = [source(write(tmp_path, name), "").kind for name in ("pairs.jsonl", "pairs.tsv")]
    assert kinds == ["text", "table"]


def test_half_a_surrogate_pair_is_a_bad_line(tmp_path):
    path = write(tmp_path, "pairs.jsonl")
    path.write_text(path.read_text() + '\n{"en": "a man \\ud83d", "xx": "a"}\n')
    with pytest.raises(
        Problem, match=r"pairs\.jsonl: line \d+ holds half a surrogate pair. Mend it, or pass --skip-bad"
    ):
        source(path).prepare()
    assert source(path, skip_bad=True).found.sources == source(write(tmp_path, "whole.jsonl")).found.sources


def test_one_column_is_no_pair(tmp_path):
    with pytest.raises(Problem, match="one column only"):
        source(write(tmp_path, rows=[{"en": row["en"]} for row in ROWS]), kind="pairs").prepare()


def test_it_is_learnt_and_new_rows_are_translated(tmp_path, capsys):
    run = reverie.fit(write(tmp_path), out=tmp_path / "run", steps=4, set="tiny", predict="xx", vocabulary=300)
    assert run.info["model"] == "seq2seq"
    new = write(tmp_path, "new.tsv", ROWS[:3])
    assert main(["predict", str(run.path), str(new), "--json"]) == 0
    assert "BLEU" in capsys.readouterr().out  # the truth is there
    assert len(list(run.predict(write(tmp_path, "only.csv", [{"en": "a man ."}])).rows())) == 1
    other = write(tmp_path, "other.csv", [{"k": "1", "fr": "un"}, {"k": "2", "fr": "deux"}])
    assert main(["predict", str(run.path), str(other)]) == 2
    assert "no column en. There are: k, fr" in capsys.readouterr().err
