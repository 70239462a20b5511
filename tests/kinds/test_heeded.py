"""What a person asked of the data is done, or refused: never left undone in silence."""

import re

import numpy as np
import pytest
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import KINDS, DataOptions, heeded
from reverie.kinds.find import open_source

FIELDS = {
    "fit": "pad", "tokens": "bytes", "vocabulary": 99, "keys": "own", "given": "melody", "attributes": ("logp",),
    "column": "other", "calibration": 0.2, "drop": ("b",), "group": "b", "order": "b", "test": "elsewhere",
    "test_where": "a=1", "horizon": 5, "names": "{label}_{x}", "fold": "1/5",
}  # fmt: skip


def test_every_option_is_common_or_some_kinds():
    known = heeded.COMMON.union(*(one.made | one.predicted for one in heeded.KINDS.values()))
    assert known == set(DataOptions.__dataclass_fields__)
    assert set(heeded.KINDS) == set(KINDS)
    assert set(FIELDS) == known - heeded.COMMON


@pytest.mark.parametrize("predict", ["", "labels"])
@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_option_that_a_kind_has_no_use_for_is_named_with_the_kinds_that_have(kind, name, predict):
    options = DataOptions(predict=predict, **{name: FIELDS[name]})
    own = heeded.KINDS[kind]
    if name in (own.predicted if predict else own.made):
        heeded.check(kind, "data", options)
        return
    with pytest.raises(Problem) as caught:
        heeded.check(kind, "data", options)
    said = str(caught.value)
    assert said.startswith(f"{heeded.flag(name)} ")
    assert "eave it" in said
    assert "\n" not in said
    if name not in own.predicted | own.made:
        assert f"data is read as {own.items}" in said


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"test": "t.csv", "test_where": "a=1"}, "--test t.csv --test-where a=1: each says which items are held out"),
        ({"test": "t.csv", "fold": "1/5"}, "--test t.csv --fold 1/5: each says which items are held out. Give one"),
        ({"test_where": "a=1", "fold": "1/5"}, "--test-where a=1 --fold 1/5: each says"),
    ],
)
@pytest.mark.parametrize("kind", ["table", "molecule", "sentences", "pairs"])
def test_two_options_that_say_what_is_held_out_are_refused(kind, asked, says):
    with pytest.raises(Problem, match=re.escape(says)):
        heeded.check(kind, "data", DataOptions(predict="" if kind == "molecule" else "b", **asked))


def test_rows_to_judge_by_are_never_learnt_from(tmp_path):
    for name, first in (("all.csv", 0), ("test.csv", 100)):
        rows = "".join(f"{first + i},{i % 5},{i % 2}\n" for i in range(40))
        (tmp_path / name).write_text("x,take,y\n" + rows)
    options = DataOptions(predict="y", test=str(tmp_path / "test.csv"), test_where="take=1")
    with pytest.raises(Problem, match=r"--test .*test\.csv --test-where take=1: each says"):
        open_source(str(tmp_path / "all.csv"), options)


def test_what_is_at_its_default_asks_for_nothing():
    for kind in KINDS:
        heeded.check(kind, "data", DataOptions(calibration=0.0))


def test_an_option_of_another_kind_is_refused_where_data_is_opened(tmp_path):
    (tmp_path / "a.txt").write_text("words and words\n" * 50)
    with pytest.raises(Problem, match=r"--given melody: of music, and .*a\.txt is read as text. Leave it out"):
        open_source(str(tmp_path / "a.txt"), DataOptions(given="melody"))
    with pytest.raises(Problem, match=r"--horizon 3: of series, and .* is read as text"):
        open_source(str(tmp_path / "a.txt"), DataOptions(horizon=3))


def test_two_domains_in_one_folder_are_no_way_around_it(tmp_path):
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / side / "0.png")
    with pytest.raises(Problem, match=r"--keys own: of music, and .* is read as pictures"):
        open_source(str(tmp_path), DataOptions(keys="own"))


def test_a_column_of_files_without_columns_is_refused(tmp_path):
    for i in range(4):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(Problem, match=r"--column a: of tables and .npz, and .* is neither"):
        open_source(str(tmp_path), DataOptions(column="a")).prepare()
