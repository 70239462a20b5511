"""A text too large for memory is read a part at a time, and becomes what it would be in memory."""

import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.text import codec, files, long
from reverie.kinds.text import open as open_text
from reverie.kinds.text.long import Long

LINES = "Straße, 漢字 and 😀: to be, or not to be!\n"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Files of more than 100 bytes are large; places, blocks and chunks are small."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "STREAMED", 100)
    monkeypatch.setattr(long, "STRIDE", 7)
    monkeypatch.setattr(long, "BLOCK", 11)
    monkeypatch.setattr(codec, "CHUNK", 64)
    return tmp_path


def written(folder: Path, text: str | bytes, name: str = "long.txt") -> Path:
    data = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(data)
    return folder / name


@settings(deadline=None, max_examples=60)
@given(st.text("aß漢😀\n ", min_size=1, max_size=60), st.integers(-70, 70), st.integers(-70, 70), st.booleans())
def test_any_part_is_that_of_the_string(tmp_path_factory, text, low, high, mark):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long, "STRIDE", 5)
        patch.setattr(long, "BLOCK", 7)
        file = written(tmp_path_factory.mktemp("t"), (b"\xef\xbb\xbf" if mark else b"") + text.encode())
        found = Long.scan(file)
        assert len(found) == len(text)
        assert found[low:high] == text[low:high]
        assert found.size == len(text.encode())
        assert "".join(found) == text
        assert found.count("漢") == text.count("漢")
        assert b"".join(found.bytes()) == text.encode()
        inner = found.part(1, len(text))
        assert inner[low:high] == text[1:][low:high]
        assert inner.size == len(text[1:].encode())
        assert found.endswith("\n") == text.endswith("\n")


@pytest.mark.parametrize("how", [{"tokens": "characters"}, {"tokens": "bytes"}, {"tokens": "bpe", "vocabulary": 280}])
def test_it_becomes_the_same_codec_tokens_and_fingerprint(small, monkeypatch, how):
    file, options = written(small, LINES * 40), DataOptions(**how)
    in_parts = open_text(str(file), options).prepare((16,))
    facts = open_text(str(file), options).summary().facts
    monkeypatch.setattr(files, "STREAMED", 1 << 30)
    monkeypatch.setenv("REVERIE_CACHE", str(small / "other"))
    whole = open_text(str(file), options).prepare((16,))
    assert in_parts.codec == whole.codec
    assert in_parts.fingerprint == whole.fingerprint
    for one, two in ((in_parts.train, whole.train), (in_parts.held_out, whole.held_out)):
        assert np.array_equal(one.row, two.row)
        assert (one.characters, one.bytes, one.tokens) == (two.characters, two.bytes, two.tokens)
    assert facts == open_text(str(file), options).summary().facts


def test_documents_may_be_large_too(small, monkeypatch):
    for k in range(4):
        written(small, f"{k}" * 20 + LINES * (1 + 5 * k), f"docs-{k}.txt")
    (small / "docs").mkdir()
    for k in range(4):
        (small / f"docs-{k}.txt").rename(small / "docs" / f"{k}.txt")
    in_parts = open_text(str(small / "docs"), DataOptions()).prepare((16,))
    monkeypatch.setattr(files, "STREAMED", 1 << 30)
    whole = open_text(str(small / "docs"), DataOptions()).prepare((16,))
    assert in_parts.codec == whole.codec
    assert np.array_equal(in_parts.train.row, whole.train.row)
    assert in_parts.fingerprint == whole.fingerprint


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"abc" * 50 + b"\xff" + b"d" * 20, "not UTF-8 (byte 0xff at offset 150)"),
        (b"abc" * 50 + "漢".encode()[:2], "not UTF-8 (byte 0xe6 at offset 150)"),
        (b"abc" * 50 + b"\0" + b"d" * 20, "a NUL byte at offset 150"),
    ],
)
def test_what_is_no_text_is_said_with_its_place(small, data, says):
    file = written(small, data)
    with pytest.raises(Problem) as caught:
        open_text(str(file), DataOptions()).prepare((16,))
    assert says in str(caught.value)


def test_memory_holds_a_part_of_it(tmp_path, monkeypatch):
    """Of 48 MB, which as characters of four bytes would take 192 MB in a string."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "STREAMED", 1 << 20)
    monkeypatch.setattr(long, "BLOCK", 1 << 20)
    file = written(tmp_path, ("x" * 1023 + "😀") * 48_000)
    open_text(str(written(tmp_path, LINES * 4_000, "warm.txt")), DataOptions()).prepare((16,))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = open_text(str(file), DataOptions()).prepare((16,))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert made.train.tokens + made.held_out.tokens == 48_000 * 1024 - 2
    assert grown < 48 + 100  # the tokens, a byte each and once more while they are joined
