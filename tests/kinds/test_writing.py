"""Files for a person: whole or not there at all."""

import errno

import pytest

from reverie.errors import NoRoom, Problem
from reverie.kinds.table.files import write as write_rows
from reverie.kinds.writing import write


@pytest.mark.parametrize(
    ("content", "held"),
    [("é\r\n", b"\xc3\xa9\r\n"), (b"\0\1", b"\0\1"), (lambda part: part.write_bytes(b"made"), b"made")],
)
def test_texts_bytes_and_what_fills_a_file_are_written_as_they_are(tmp_path, content, held):
    write(tmp_path / "new" / "x", content)
    assert (tmp_path / "new" / "x").read_bytes() == held
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x"]


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    def full(part):
        part.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    write(tmp_path / "x", "before")
    with pytest.raises(NoRoom, match="No space left"):
        write(tmp_path / "x", full)
    assert (tmp_path / "x").read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    write(tmp_path / "x", "a file")
    with pytest.raises(Problem, match="not a folder"):
        write(tmp_path / "x" / "y", "another")
    with pytest.raises(Problem, match="not a folder"):
        write_rows([{"a": 1}], tmp_path / "x" / "rows.csv")
