"""The share of samples that parse, on texts whose share is known."""

import pytest

from reverie.metrics import Sets
from reverie.metrics.text.python import is_python, measure, parses, share, whole
from reverie.metrics.text.seen import Seen

CUT, REST = "x):\n    pass\n", "\n\nclass A:\n    b"
GOOD = f"{CUT}import os\n\n\ndef f(a):\n    if a:\n        return os\n    else:\n        return 1\n{REST}"
BAD = GOOD.replace("return 1", "return )")


def test_what_is_cut_at_either_end_does_not_count():
    assert whole(GOOD).startswith("import os")
    assert whole(GOOD).rstrip().endswith("return 1")
    assert parses(whole(GOOD))
    assert not parses(whole(BAD))
    assert not parses(GOOD)


@pytest.mark.parametrize("text", ["", "a = 1", "a = 1\nb = 2", "    x\n    y\n    z"])
def test_a_text_without_a_whole_statement_counts_nowhere(text):
    assert whole(text) == ""
    assert share([whole(text)], 1, 0) == (0.0, 0)


def test_a_clause_does_not_begin_a_statement():
    text = "\nif a:\n    b\nelse:\n    c\nd = 1\n"
    assert whole(text) == "if a:\n    b\nelse:\n    c"


def test_shares_are_counted_by_length_and_set_beside_the_datas_own():
    long = "\n" + "".join(f"x{k} = {k}\n" for k in range(9)) + "y"
    sets = Sets([long] * 3 + [GOOD] * 4 + [BAD] * 2 + ["no"], [GOOD] * 9 + [BAD], [GOOD] * 5)
    found = {m.name: m for m in measure(Seen(sets))}
    assert found["parses"].value == pytest.approx(7 / 9)
    assert found["parses"].samples == 9
    assert found["parses"].floor == pytest.approx(0.9)
    assert found["parses_from_4_lines"].value == pytest.approx(4 / 6)  # five lines that are not empty
    assert found["parses_from_8_lines"].value == 1.0
    assert found["parses_from_8_lines"].floor is None
    assert "parses_from_16_lines" not in found
    assert found["parses"].low < 7 / 9 < found["parses"].high


def test_prose_is_no_python():
    prose = ["To be, or not to be:\nthat is the question.\n" * 30]
    assert not is_python(prose)
    assert measure(Seen(Sets(prose, prose, prose))) == []
    assert is_python([GOOD] * 10)
    assert not is_python([GOOD])  # too little to know
