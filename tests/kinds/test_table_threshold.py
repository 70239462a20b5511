"""A number as a question of yes or no."""

import numpy as np
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import Codec
from reverie.kinds.table.threshold import asked


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def table(folder, name="rows.csv", rows=200, head="x,dose"):
    path = folder / name
    x = np.random.default_rng(0).integers(0, 5, rows)
    path.write_text("\n".join([head, *(f"{k / 10},{v}" for k, v in enumerate(x))]))
    return path


def prepared(where, predict, **options):
    return open_source(str(where), DataOptions(kind="table", predict=predict, **options)).prepare()


@pytest.mark.parametrize(
    ("predict", "parts"),
    [
        ("dose>0", ("dose", ">", 0.0)),
        ("dose >= 2.5", ("dose", ">=", 2.5)),
        ("dose<-1e3", ("dose", "<", -1000.0)),
        ("a b<=3", ("a b", "<=", 3.0)),
        ("dose>high", None),
        ("dose", None),
        (">0", None),
        ("is>0", None),  # a column of this name
    ],
)
def test_a_question_is_a_column_a_sign_and_a_number(predict, parts):
    assert asked(predict, ["is>0", "dose"]) == parts


@pytest.mark.parametrize(("predict", "holds"), [("dose>2", [3, 4]), ("dose>=2", [2, 3, 4]), ("dose<1", [0])])
def test_rows_are_answered_yes_or_no_and_the_number_is_no_feature(tmp_path, predict, holds):
    data = prepared(table(tmp_path), predict)
    assert [c.name for c in data.codec.columns] == ["x"]
    assert data.codec.target.names == ("no", "yes")
    index = torch.arange(len(data.train))
    truth = data.train.take(index)[predict]
    doses = np.array([int(line.split(",")[1]) for line in table(tmp_path).read_text().splitlines()[1:]])
    rows = np.array([round(float(row["x"]) * 10) for row in data.train.raw(index)])
    assert truth.tolist() == np.isin(doses[rows], holds).astype(int).tolist()
    assert Codec.from_json(data.codec.to_json()) == data.codec


def test_an_empty_cell_has_no_answer(tmp_path):
    path = table(tmp_path)
    path.write_text(path.read_text() + "\n99,")
    data = prepared(path, "dose>2")
    assert len(data.train) + len(data.held_out) + len(data.calibration or ()) == 200


@pytest.mark.parametrize(
    ("predict", "says"),
    [("dosis>2", "dosis.*dose"), ("dose>2000", "one class|always|no"), ("dose>=high", "dose>=high")],
)
def test_what_is_no_question_is_one_line(tmp_path, predict, says):
    with pytest.raises(Problem, match=says):
        prepared(table(tmp_path), predict)


def test_a_word_among_the_numbers_is_named(tmp_path):
    path = table(tmp_path)
    path.write_text(path.read_text() + "\n99,many")
    with pytest.raises(Problem, match="row 201, dose: 'many' is not a number"):
        prepared(path, "dose>2")


def test_it_is_learnt_judged_on_a_test_file_and_answered(tmp_path, capsys):
    train, test = table(tmp_path), table(tmp_path, "test.csv", rows=60)
    run = reverie.fit(train, out=tmp_path / "run", steps=20, predict="dose>2", set="tiny", test=str(test))
    assert len(run.prepared.held_out) == 60
    answers = list(run.predict(test).rows())
    assert {row["dose>2"] for row in answers} <= {"yes", "no"}
    assert main(["predict", str(run.path), str(test), "--json"]) == 0
    assert "of 60 (" in capsys.readouterr().out  # the truth is there
    (tmp_path / "bare.csv").write_text("x\n1.5\n2.5\n")
    assert len(list(run.predict(tmp_path / "bare.csv").rows())) == 2
