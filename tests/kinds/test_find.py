"""What is no data of any kind names the way to what is."""

import zipfile
from pathlib import Path

import pytest

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.unread import ELSEWHERE

BINARY = b"\x00\x01\xfe\xff" * 50


@pytest.mark.parametrize("suffix", sorted(ELSEWHERE))
@pytest.mark.parametrize("predict", ["", "labels"])
def test_what_many_people_have_and_reverie_does_not_read_says_what_to_make_of_it(tmp_path, suffix, predict):
    (tmp_path / f"a{suffix.upper()}").write_bytes(BINARY)
    for place in (tmp_path, tmp_path / f"a{suffix.upper()}"):
        with pytest.raises(Problem) as caught:
            open_source(str(place), DataOptions(predict=predict))
        assert str(caught.value) == f"{tmp_path}/a{suffix.upper()}: {ELSEWHERE[suffix]}"


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ({"size": 16}, {"size": (16,)}),
        ({"size": [16, 32]}, {"size": (16, 32)}),
        ({"attributes": "age,smiling"}, {"attributes": ("age", "smiling")}),
        ({"drop": "note"}, {"drop": ("note",)}),
        ({"test": Path("a/b")}, {"test": "a/b"}),
        ({"held_out": 0}, {"held_out": 0}),
    ],
)
def test_from_python_one_value_stands_for_a_list_of_one(given, held):
    made = DataOptions(**given)
    assert {name: getattr(made, name) for name in held} == held


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": "16"}, "give whole numbers"),
        ({"size": (1.5,)}, "give whole numbers"),
        ({"held_out": "x"}, "held_out='x': give a number"),
        ({"horizon": 2.5}, "horizon=2.5: give a whole number"),
        ({"horizon": True}, "horizon=True: give a whole number"),
        ({"skip_bad": "yes"}, "skip_bad='yes': give True or False"),
        ({"predict": 5}, "predict=5: give a word"),
        ({"drop": (5,)}, "give words"),
    ],
)
def test_an_option_of_another_type_is_one_line(given, said):
    with pytest.raises(Problem) as caught:
        DataOptions(**given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_without_anything_to_read_and_one_that_is_cut_say_so(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bin", BINARY)
    whole = path.read_bytes()
    with pytest.raises(Problem, match="a zip in which reverie reads nothing"):
        open_source(str(path), DataOptions())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Problem, match="not a whole zip"):
        open_source(str(path), DataOptions())
