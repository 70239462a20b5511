"""Several labels of a row: when a column holds them, how they are encoded, and all the way to answers."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.table import Codec, unseen
from reverie.kinds.table.labels import encoded, names, sign

LABELS = ("Action", "Comedy", "Drama")


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def truth(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers, and three labels: the sign of the one, of the other, and of their sum."""
    a, b = np.random.default_rng(0).standard_normal((2, rows)).round(4)
    return np.stack([a, b], 1), np.stack([a > 0, b > 0, a + b > 0], 1)


def table(folder: Path, form: str, rows: int = 400) -> str:
    """As one column, `|` or `;` between labels, or as a column each."""
    path, (numbers, holds) = folder / "films.csv", truth(rows)
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["a", "b", *(LABELS if form == "apart" else ("genres",))])
        for x, row in zip(numbers.tolist(), holds.tolist()):
            own = [n for n, yes in zip(LABELS, row) if yes]
            writer.writerow([*x, *(map(int, row) if form == "apart" else (form.join(own) or form,))])
    return str(path)


def prepared(where: str, predict: str, **options):
    return open_source(where, DataOptions(kind="table", predict=predict, **options)).prepare()


@pytest.mark.parametrize(
    ("cells", "between"),
    [
        (["a|b", "a", "b|c", "c"] * 9, "|"),
        (["a;b", "a", "b;c", "c"] * 9, ";"),
        (["1|2", "2", "1|3", None] * 9, "|"),
        (["a", "b", "c"] * 9, ""),
        (["x|y", "z"] * 9, ""),  # one class is so called: its parts stand in no other cell
        ([f"w{i};v{i}" for i in range(40)], ""),  # nothing comes again
        ([f"t{i}|t{(i + 1) % 300}" for i in range(300)] * 3, ""),  # more labels than any table of answers holds
        (["a"] * 300 + ["b"] * 300 + ["a|b"], ""),  # one slip in 601 rows
    ],
)
def test_a_sign_that_stands_between_recurring_words_makes_labels(cells, between):
    assert sign(cells) == between


def test_labels_are_in_order_and_encoded_as_what_holds():
    cells = ["b| a", "10", "|", "2|a|a"]
    assert names(cells, "|") == ("10", "2", "a", "b")
    assert names(["10", "2|9"], "|") == ("2", "9", "10")
    found = encoded([*cells, "new|a"], ("10", "2", "a", "b"), "|")
    assert found.tolist() == [[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize(("form", "predict"), [("|", "genres"), (";", "genres"), ("apart", ",".join(LABELS))])
def test_all_forms_of_the_same_labels_are_the_same_target(tmp_path, form, predict):
    found = prepared(table(tmp_path, form), predict)
    name, field = found.codec.spec.predicted
    assert (name, field.shape, field.categories, field.names) == (predict, (3,), 2, LABELS)
    assert [c.name for c in found.codec.columns] == ["a", "b"]
    _, holds = truth(400)
    for part in (found.train, found.held_out, found.calibration):
        index = torch.arange(len(part))
        rows = [int(one.split()[1]) - 1 for one in part.columns(index)["item"]]
        assert part.take(index)[name].tolist() == holds[rows].astype(int).tolist()
    index = torch.tensor([0, 5])
    batch, raw = found.train.take(index), found.train.raw(index)
    assert torch.equal(found.codec.encode(raw)[name], batch[name])
    assert torch.equal(found.codec.encode(found.codec.decode(batch.values))[name], batch[name])
    assert Codec.from_json(found.codec.to_json()) == found.codec
    assert [n for n in found.notes if n.startswith(f"predicts {predict}: 3 labels, any of which may hold")]


def test_an_empty_cell_is_left_out_and_the_note_says_how_none_is_written(tmp_path):
    path = Path(table(tmp_path, "|"))
    lines = path.read_text().replace("|\n", "\n", 3)
    path.write_text(re.sub(r"\|$", "", lines, count=5, flags=re.M))
    notes = prepared(str(path), "genres").notes
    assert any(re.match(r"\d rows without genres left out", note) for note in notes)
    assert "an empty genres is one that nobody knows: where no label holds, write |" in notes


def test_a_label_that_training_has_not_seen_counts_as_none_and_that_is_said(tmp_path):
    path = Path(table(tmp_path, "|"))
    found = prepared(str(path), "genres")
    new = tmp_path / "new.csv"
    new.write_text("a,b,genres\n1,2,Action|Western\n-1,1,Comedy\n")
    items = unseen([str(new)], found.codec, DataOptions())
    assert items.truth
    assert items.items.take(torch.arange(2))["genres"].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert any("Western" in note for note in items.notes)
    again = prepared(str(path), "genres", test=str(new))
    assert again.codec.target.names == LABELS
    assert "labels that are not in the training part count as nothing: Western" in again.notes


def test_a_column_that_is_a_label_is_said(tmp_path):
    path = Path(table(tmp_path, "apart"))
    rows = list(csv.reader(path.read_text().splitlines()))
    rows = [[*row, "copy" if not i else f"v{row[3]}"] for i, row in enumerate(rows)]
    path.write_text("\n".join(map(",".join, rows)) + "\n")
    notes = [n for n in prepared(str(path), ",".join(LABELS)).notes if "closely" in n and n.startswith("copy")]
    assert len(notes) == 1
    assert notes[0].startswith("copy follows Comedy closely")


@pytest.mark.parametrize(
    ("predict", "options", "says"),
    [
        ("Action,Westen", {}, "--predict Westen: no such column. There are"),
        ("Action,a", {}, "row 1, a: '0.1257' is neither 0 nor 1"),
        ("Action,", {}, "--predict Action,: one column. Write its name without a comma"),
        ("Action,Drama", {"drop": ("Drama",)}, "--drop Drama: it is what --predict asks for"),
    ],
)
def test_what_are_no_labels_is_one_line(tmp_path, predict, options, says):
    with pytest.raises(Problem, match=re.escape(says)) as caught:
        prepared(table(tmp_path, "apart"), predict, **options)
    assert "\n" not in str(caught.value)


def test_a_column_whose_own_name_has_a_comma_is_one_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('x,"a,b",a,b\n' + "".join(f"{i % 7},{'uv'[i % 2]},{i % 2},{i % 3 // 2}\n" for i in range(60)))
    found = prepared(str(path), "a,b")
    assert found.codec.target.type == "category"
    assert [c.name for c in found.codec.columns] == ["x", "a", "b"]


@pytest.mark.parametrize(("form", "predict"), [("|", "genres"), ("apart", ",".join(LABELS))])
def test_labels_are_learnt_predicted_and_judged(tmp_path, form, predict, capsys):
    where = table(tmp_path, form)
    words = [
        "--predict",
        predict,
        "--model",
        "feedforward",
        "--set",
        "tiny",
        "--steps",
        "300",
        "--learning-rate",
        "0.02",
    ]
    assert main(["fit", where, *words, "--out", str(tmp_path / "run")]) == 0
    run = reverie.open(tmp_path / "run")
    answers = run.predict(where)
    _, holds = truth(400)
    said = np.stack([answers.columns[label] for label in LABELS], 1)
    assert (said == holds).mean() > 0.85
    assert (np.stack([answers.columns[f"p[{label}]"] for label in LABELS], 1) > 0.5).tolist() == said.tolist()
    assert answers.columns["truth"][:2] == [" | ".join(np.array(LABELS)[row]) for row in holds[:2]]
    right = int((said == holds).all(1).sum())
    assert any(f"all labels right on {right} of 400" in note for note in answers.notes)
    report = run.evaluate()
    assert report["exact_match_40"] > 0.6
    assert {"f1_micro_40", "f1_macro_40", "roc_auc[Drama]"} <= {m.name for m in report.metrics}
    assert report.headline[0].startswith("All labels right on")
    bare = tmp_path / "bare.csv"
    bare.write_text("a,b\n2.5,2.5\n-2.5,-2.5\n")
    both = run.predict(bare)
    assert "truth" not in both.columns
    assert [both.columns[label] for label in LABELS] == [[True, False]] * 3
