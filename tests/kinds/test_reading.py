"""What a packed file unpacks to nobody knows beforehand."""

import gzip
import io
import subprocess
import sys

import pytest

from reverie.errors import Problem
from reverie.kinds import reading, texts
from reverie.kinds.reading import bounded
from reverie.kinds.series import files as series
from reverie.kinds.table import files as tables


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 17])
def test_all_bytes_are_read_up_to_the_bound_and_none_beyond_it(monkeypatch, size):
    monkeypatch.setattr(reading, "PART", 8)
    data = bytes(range(size))
    for most in (size, size + 1):
        assert bounded(io.BytesIO(data), most) == data
    if size:
        assert bounded(io.BytesIO(data), size - 1) is None


@pytest.mark.parametrize(
    ("module", "read"),
    [
        (tables, tables.content),
        (series, lambda where: series._bytes(where)),
        (texts, lambda where: texts.lines(where, [])),
    ],
)
def test_what_unpacks_to_more_than_a_file_may_have_is_refused(tmp_path, monkeypatch, module, read):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n" * 500))
    read(path)
    monkeypatch.setattr(module, "LARGEST", 999)
    with pytest.raises(Problem, match="more than"):
        read(path)


def test_a_small_text_takes_no_more_memory_than_it_needs(tmp_path):
    """Two gigabytes of addresses are enough to look at a text of a few bytes, whatever the largest text may be."""
    (tmp_path / "a.txt").write_text("a few words\n")
    program = """
import resource, sys
from pathlib import Path
from reverie.kinds.text.files import find
from reverie.kinds.texts import lines
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
assert find(Path(sys.argv[1]), "", False).documents[0].data == b"a few words\\n"
assert lines(Path(sys.argv[1]), []) == ["a few words"]
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a.txt"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
