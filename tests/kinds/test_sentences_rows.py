"""Labelled sentences in a table or a .jsonl file: which column is which, what is left out, and what is answered."""

import pytest
import torch

import reverie
from kinds.row_files import put
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.sentences import Codec

WORDS = ["the", "film", "was", "seen", "by", "many", "people", "in", "a", "full", "house"]
GOOD = [f"a good, warm film {WORDS[k % 11]} {WORDS[k * 7 % 11]} number {k}" for k in range(60)]
BAD = [f'a bad, dull "film" {WORDS[k % 11]} {WORDS[k * 5 % 11]}\nit is number {k}' for k in range(60)]
ROWS = [{"review": text, "verdict": "pos", "year": str(1990 + k % 9)} for k, text in enumerate(GOOD)]
ROWS += [{"review": text, "verdict": "neg", "year": str(1990 + k % 9)} for k, text in enumerate(BAD)]
NAMES = ["reviews.csv", "reviews.tsv", "reviews.csv.gz", "reviews.parquet", "reviews.jsonl", "reviews.jsonl.gz"]


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def write(folder, name="reviews.csv", rows=ROWS):
    return put(folder, name, rows)


def source(path, predict="verdict", **options):
    return open_source(str(path), DataOptions(predict=predict, **options))


def everything(items):
    return items.raw(torch.arange(len(items)))


@pytest.mark.parametrize("name", NAMES)
def test_every_form_is_recognised_and_read_alike(tmp_path, name):
    found = source(write(tmp_path, name))
    assert found.kind == "sentences"
    data = found.prepare()
    assert data.calibration is None  # too few
    assert data.codec.classes == ("neg", "pos")
    assert (data.codec.column, data.codec.answer) == ("review", "verdict")
    texts = [text for part in (data.train, data.held_out) for text in everything(part)]
    assert sorted(texts) == sorted(GOOD + BAD)
    batch = data.train.take(torch.arange(8))
    said = ["good" in text for text in data.train.raw(torch.arange(8))]
    assert batch["verdict"].tolist() == [int(good) for good in said]
    assert any("texts: review; not read: year" in note for note in data.notes)
    assert Codec.from_json(data.codec.to_json()) == data.codec


def test_labels_stand_for_the_only_other_column(tmp_path):
    path = write(tmp_path, rows=[{k: v for k, v in row.items() if k != "year"} for row in ROWS])
    assert source(path, "labels").prepare().codec.answer == "verdict"
    with pytest.raises(Problem, match="--predict labels: no such column"):
        source(write(tmp_path), "labels", kind="sentences").prepare()


def test_a_table_of_many_columns_or_none_of_texts_stays_a_table(tmp_path):
    wide = [{**row, "a": "1", "b": "2"} for row in ROWS]
    assert source(write(tmp_path, rows=wide)).kind == "table"
    assert source(write(tmp_path, rows=wide), kind="sentences").prepare().codec.column == "review"
    short = [{"name": row["review"][:6], "verdict": row["verdict"]} for row in ROWS]
    assert source(write(tmp_path, rows=short)).kind == "table"


def test_rows_without_a_text_or_an_answer_are_left_out_and_that_is_said(tmp_path):
    lacking = [{"review": "", "verdict": "pos", "year": "1"}, {"review": "not bad at all", "verdict": "", "year": "1"}]
    rows = [*ROWS, *lacking]
    data = source(write(tmp_path, rows=rows)).prepare()
    assert len(data.train) + len(data.held_out) + len(data.calibration or ()) == 120
    assert any("2 rows without review or verdict left out" in note for note in data.notes)


def test_a_group_stays_whole_and_a_test_file_is_the_test_part(tmp_path):
    data = source(write(tmp_path), group="year", held_out=0.3).prepare()
    years = {row["review"]: row["year"] for row in ROWS}
    parts = [{years[text] for text in everything(part)} for part in (data.train, data.held_out)]
    assert not parts[0] & parts[1]
    other = write(tmp_path, "test.csv", [{"verdict": "pos", "review": f"a film to see again {k}"} for k in range(9)])
    data = source(write(tmp_path), test=str(other)).prepare()
    assert everything(data.held_out) == [f"a film to see again {k}" for k in range(9)]


def test_another_group_is_other_data(tmp_path):
    first = source(write(tmp_path), group="year").prepare().fingerprint
    assert source(write(tmp_path), group="year").prepare().fingerprint == first
    moved = [{**ROWS[0], "year": "2020"}, *ROWS[1:]]
    assert source(write(tmp_path, rows=moved), group="year").prepare().fingerprint != first


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"predict": "verdikt"}, "--predict verdikt: no such column. There are: review, verdict, year"),
        ({"column": "text"}, "--column text: no such column"),
        ({"column": "verdict"}, "--column verdict: it is what --predict asks for"),
        ({"predict": "review", "column": "year"}, "120 classes of 120 texts"),
        ({"group": "month"}, "--group month: no such column. There are: review, verdict, year"),
    ],
)
def test_what_cannot_be_learnt_is_one_line(tmp_path, options, says):
    with pytest.raises(Problem, match=says):
        source(write(tmp_path), **{"kind": "sentences", "predict": "verdict", **options}).prepare()


def test_a_broken_record_is_named(tmp_path):
    path = write(tmp_path, "reviews.jsonl")
    path.write_text(path.read_text() + '{"review": \n')
    with pytest.raises(Problem, match="line 121 is no JSON object"):
        source(path, kind="sentences").prepare()


@pytest.mark.parametrize("predict", ["verdict", ""])
def test_half_a_surrogate_pair_is_a_bad_line(tmp_path, predict):
    path = write(tmp_path, "reviews.jsonl")
    whole = path.read_text()
    path.write_text(whole + '\n{"verdict": "pos", "year": "2001", "review": "a film \\ud83d to see"}\n')
    options = {"kind": "sentences", "column": "review", "vocabulary": 300}
    with pytest.raises(
        Problem, match=r"reviews\.jsonl: line \d+ holds half a surrogate pair. Mend it, or pass --skip-b"
    ):
        source(path, predict, **options).prepare()
    found = source(path, predict, skip_bad=True, **options).prepare()
    assert any("1 records left out" in note for note in found.notes)
    path.write_text('{"verdict": "pos", "review": "a film \\ud83d to see"}\n')
    with pytest.raises(Problem, match=r"line 1 holds half a surrogate pair. Mend it"):
        source(path, predict, skip_bad=True, **options).prepare()


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.jsonl"])
def test_it_is_learnt_judged_and_answered(tmp_path, name, capsys):
    run = reverie.fit(write(tmp_path, name), out=tmp_path / "run", steps=60, predict="verdict")
    assert run.info["model"] == "feedforward"
    assert next(m.value for m in run.evaluate().metrics if m.name.startswith("accuracy")) > 0.9
    new = write(tmp_path, "new.csv", [{"id": "7", "review": "good, warm film"}, {"id": "8", "review": "bad dull"}])
    assert [row["verdict"] for row in run.predict(new).rows()] == ["pos", "neg"]
    (tmp_path / "new.txt").write_text("a good film\na bad film\n")
    assert [row["verdict"] for row in run.predict(tmp_path / "new.txt").rows()] == ["pos", "neg"]
    bare = write(tmp_path, "bare.csv", [{"id": "7", "title": "one"}])
    assert main(["predict", str(run.path), str(bare)]) == 2
    assert "--column" in capsys.readouterr().err


def test_data_says_what_fit_would_do(tmp_path, capsys):
    assert main(["data", str(write(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "review" in said
    assert "--predict COLUMN" in said
    assert main(["data", str(write(tmp_path)), "--predict", "verdict"]) == 0
    said = capsys.readouterr().out
    assert "texts: review" in said
    assert "feedforward" in said
