"""A word of the command line becomes the value of a field's type, and what is shown of a value reads back as it."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.catalog import families
from reverie.commands.arguments import value_of
from reverie.commands.readers import reader, shape, shown, size
from reverie.errors import Problem

FIELDS = [(f.name, s) for f in families() for s in [*f.fields(), *f.sampling_fields()]]


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        (int, "20", 20),
        (int, "-3", -3),
        (int, "1_000", 1000),
        (float, "1e-3", 1e-3),
        (str, "a b", "a b"),
        (bool, "yes", True),
        (bool, "no", False),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, 2], "2", 2),
        (tuple[int, ...], "500,200", (500, 200)),
        (tuple[int, ...], "(500,)", (500,)),
        (tuple[float, float], "0.5, 0.999", (0.5, 0.999)),
        (int | None, "none", None),
        (int | None, "4", 4),
    ],
)
def test_a_word_becomes_the_types_value(kind, word, value):
    read = reader("--x", kind)(word)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "word"),
    [(int, "1.0"), (int, ""), (float, "x"), (float, "nan"), (bool, "2"), (tuple[float, float], "1"), (int | None, "x"),
     (tuple[int, ...], "1,x"), (Literal[1, 2], "3")],
)  # fmt: skip
def test_another_word_is_a_line_with_the_flag(kind, word):
    with pytest.raises(Problem, match=r"^--x .*\. .+") as caught:
        reader("--x", kind)(word)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "setting"), FIELDS, ids=[f"{n}-{s.name}" for n, s in FIELDS])
def test_what_is_shown_of_each_default_reads_back(name, setting):
    assert reader("--x", setting.type)(shown(setting.default)) == setting.default


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=2))
def test_sizes_read_back(numbers):
    assert size("--size")("x".join(map(str, numbers))) == tuple(numbers)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_shapes_read_back(numbers):
    assert shape("--shape")("x".join(map(str, numbers))) == tuple(numbers)


@given(st.text(max_size=12))
def test_any_word_is_a_value_or_one_line(word):
    for read in (size("--x"), shape("--x"), *(reader("--x", k) for k in (int, float, bool, tuple[int, ...]))):
        said = "--x"  # any other error fails the test
        try:
            read(word)
        except Problem as problem:
            said = str(problem)
        assert said.startswith("--x")
        assert "\n" not in said or "\n" in word  # the command line folds what a word itself breaks


def test_the_models_name_is_found_before_the_flags_are_known():
    assert value_of(["data", "--model", "vae"], "--model") == "vae"
    assert value_of(["--model=vae", "data"], "--model") == "vae"
    assert value_of(["data", "--model"], "--model") == ""
    assert value_of(["data", "--models", "vae"], "--model") == ""
