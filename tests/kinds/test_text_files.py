"""What is text, what is wrong with it, and what is said."""

import codecs
import gzip
import json
import zipfile

import pytest
import torch

from reverie.errors import NoRoom, Problem
from reverie.kinds import DataOptions
from reverie.kinds import text as kind

LONG = "Ein größerer Text, Zeile\r\n" * 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path.parent / f"{tmp_path.name}-cache"))


def prepare(where, **options):
    return kind.open(str(where), DataOptions(**options)).prepare((16,))


def whole(data) -> str:
    return data.codec.text(data.train.row) + data.codec.text(data.held_out.row)


def documents(data) -> set[str]:
    rows = [data.codec.text(row) for row in (data.train.row, data.held_out.row)]
    return {text for row in rows for text in row.split("<|end|>") if text}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", LONG.encode()),
        ("a.txt.gz", gzip.compress(LONG.encode(), mtime=0)),
        ("noname", LONG.encode()),
        ("bom.txt", codecs.BOM_UTF8 + LONG.encode()),
        ("utf16.txt", LONG.encode("utf-16")),
        ("big.txt", codecs.BOM_UTF16_BE + LONG.encode("utf-16-be")),
        ("utf32.txt", LONG.encode("utf-32")),
        ("one.jsonl", json.dumps({"text": LONG}).encode() + b"\n\n"),
        ("one.jsonl.gz", gzip.compress(json.dumps(LONG).encode(), mtime=0)),
    ],
)
@pytest.mark.parametrize("tokens", ["characters", "bytes"])
def test_every_form_gives_the_same_text_line_ends_kept(tmp_path, name, content, tokens):
    (tmp_path / name).write_bytes(content)
    assert kind.recognise(tmp_path / name) == ("utf" not in name or name.endswith(".txt"))
    assert whole(prepare(tmp_path / name, tokens=tokens)) == LONG


def tree(root):
    files = {
        "b.txt": b"b text\n" * 9, "sub/a.py": "x = 'é'\n".encode() * 9, "sub/c.md": b"# c\n" * 9,
        "notes": b"plain\n" * 9, "empty.txt": b"", "picture.png": b"\x89PNG\r\n\x1a\n\x00\x00",
        ".git/config": b"hidden", "sub/__pycache__/a.pyc": b"\0",
    }  # fmt: skip
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return {"b text\n" * 9, "x = 'é'\n" * 9, "# c\n" * 9, "plain\n" * 9}


def test_a_folder_is_read_deep_and_what_is_no_text_is_left_and_said(tmp_path):
    expected = tree(tmp_path)
    data = prepare(tmp_path)
    assert documents(data) == expected
    assert "left out as empty: empty.txt" in data.notes
    assert "left out as not text: picture.png" in data.notes
    assert kind.recognise(tmp_path)


def test_a_zip_reads_as_its_folder_does(tmp_path):
    expected = tree(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "in").rglob("*"), reverse=True):
            archive.write(file, file.relative_to(tmp_path / "in"))
    data = prepare(tmp_path / "all.zip")
    assert documents(data) == expected
    assert data.fingerprint == prepare(tmp_path / "in").fingerprint
    assert kind.recognise(tmp_path / "all.zip")


@pytest.mark.parametrize(
    ("records", "options", "texts", "note"),
    [
        ([{"text": "a" * 30, "id": 1}, {"text": "b" * 40}], {}, {"a" * 30, "b" * 40}, "took the column text"),
        ([{"content": "a" * 30, "x": "n"}, {"content": "b" * 40}], {}, {"a" * 30, "b" * 40}, "took the column content"),
        ([{"body": "a" * 30, "n": 1}, {"body": "b" * 40}], {}, {"a" * 30, "b" * 40}, "took the column body"),
        ([{"text": "n", "t": "a" * 30}, {"t": "b" * 40}], {"column": "t"}, {"a" * 30, "b" * 40}, "took the column t"),
        (["a\u2028" * 20, "b" * 40, ""], {}, {"a\u2028" * 20, "b" * 40}, "left out as empty: {file} line 3"),
    ],
)
def test_jsonl_records_are_documents(tmp_path, records, options, texts, note):
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in records), encoding="utf-8")
    data = prepare(file, **options)
    assert documents(data) == texts
    assert note.format(file=file) in data.notes


BAD = {
    "0 bytes": ("a.txt", b"", {}, "a.txt: no text (0 bytes). Choose a file that has some"),
    "binary": ("a.txt", b"MZ\x90\x00\x03", {}, "a.txt: binary, not text (a NUL byte at offset 3)"),
    "latin-1": ("a.txt", b"caf\xe9 " * 99, {}, "a.txt: not UTF-8 (byte 0xe9 at offset 3). Convert it (iconv"),
    "cut gzip": ("a.txt.gz", gzip.compress(LONG.encode(), mtime=0)[:-20], {}, "a.txt.gz: not a whole gzip"),
    "no gzip": ("a.txt.gz", b"plain", {}, "a.txt.gz: not a whole gzip"),
    "no zip": ("a.zip", b"PK\x03\x04", {}, "a.zip: not a zip that can be read"),
    "bom lies": ("a.txt", b"\xff\xfea", {}, "a.txt: not UTF-16, as its byte order mark says"),
    "only a bom": ("a.txt", codecs.BOM_UTF8, {}, "a.txt: no text in it."),
    "short": ("a.txt", b"abc def\n", {}, "a.txt: 7 tokens to learn from, fewer than one window of 16 and the next"),
    "one": ("a.txt", b"a", {}, "fewer than one window of 16 and the next. Give more text."),
    "nothing held": ("a.txt", b"ab\n" * 9, {"held_out": 0.03}, "a.txt: 1 tokens to judge by"),
    "json": ("a.jsonl", b'{"text": "a"}\n{"text": \n', {}, "a.jsonl line 2: not JSON"),
    "deep json": ("a.jsonl", b"[" * 10**5, {}, "a.jsonl line 1: not JSON"),
    "no column": ("a.jsonl", b'{"a": "x", "b": "y"}', {}, "no column 'text' or 'content' among its columns: a, b"),
    "column": ("a.jsonl", b'{"a": "x", "b": "y"}', {"column": "c"}, "line 1: no column 'c' among its columns: a, b"),
    "number": ("a.jsonl", b'{"text": 3}', {}, "a.jsonl line 1: its column 'text' holds no string (int)"),
    "list": ("a.jsonl", b"[1]", {}, "a.jsonl line 1: neither a record nor a string (list)"),
    "surrogate": ("a.jsonl", b'{"text": "a\\ud800"}', {}, "a.jsonl line 1: half a surrogate pair at character 1"),
    "same": ("a.jsonl", b'"same"\n"same"\n', {}, "a.jsonl: 2 documents that are all the same"),
    "tokens": ("a.txt", b"abc", {"tokens": "words"}, "words: no way to cut text into tokens. Take one of char"),
    "share": ("a.txt", b"abc", {"held_out": 1.0}, "1.0: not a share to hold out"),
    "window": ("a.txt", b"abc", {"size": (0,)}, "0: not a window of text"),
    "two sizes": ("a.txt", b"abc", {"size": (28, 28)}, "28x28: not a window of text"),
    "vocabulary": ("a.txt", b"abc", {"tokens": "bpe", "vocabulary": 99}, "99: a vocabulary too small"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_names_it_and_the_cure(tmp_path, case):
    name, content, options, says = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Problem) as caught:
        prepare(tmp_path / name, **options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(("make", "says"), [(False, "no such file or folder"), (True, "no files in it")])
def test_nothing_there_is_one_line(tmp_path, make, says):
    if make:
        (tmp_path / "x").mkdir()
    with pytest.raises(Problem, match=says):
        prepare(tmp_path / "x")


def test_bad_files_stop_a_folder_unless_left_out(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "b.txt").write_bytes(b"\0")
    (tmp_path / "c.txt").write_bytes(LONG.encode())
    with pytest.raises(Problem, match=r"^a\.txt: not UTF-8 .* --skip-bad to leave out all 2 of these\.$"):
        prepare(tmp_path)
    data = prepare(tmp_path, skip_bad=True)
    assert whole(data) == LONG
    assert "left out as bad: a.txt, b.txt" in data.notes
    summary = kind.open(str(tmp_path), DataOptions()).summary()
    assert [line.split(":")[0] for line in summary.bad] == ["a.txt", "b.txt"]
    assert "stop at the 2 bad, without --skip-bad" in summary.plan


def test_byte_tokens_take_any_encoding_and_give_it_back(tmp_path):
    raw = b"caf\xe9 \xff\n" * 99
    (tmp_path / "a.txt").write_bytes(raw)
    data = prepare(tmp_path / "a.txt", tokens="bytes")
    assert data.train.row.tobytes() + data.held_out.row.tobytes() == raw
    assert data.codec.encoding == "latin-1"
    assert data.train.raw(torch.tensor([0]))[0].startswith("café ÿ\n")
    assert any("not UTF-8 in 1 of 1" in note for note in data.notes)


def test_a_summary_counts_what_is_there(tmp_path):
    for name, content in (("a.txt", "aab\nc"), ("b.txt", "é\n\n"), ("c.txt", "aab\nc"), ("d.txt", "")):
        (tmp_path / name).write_bytes(content.encode())
    summary = kind.open(str(tmp_path), DataOptions(size=(4,))).summary()
    assert summary.facts == {
        "documents": 3, "characters": 13, "bytes": 14, "lines": 6, "distinct characters": 5,
        "most frequent": {"\n": 4, "a": 4, "b": 2, "c": 2, "é": 1}, "encoding": "UTF-8",
        "characters of a document": "3 to 5, median 5", "duplicates": 1, "empty": "d.txt",
    }  # fmt: skip
    assert summary.count == 4
    assert summary.bad == []


@pytest.mark.parametrize(
    ("name", "content", "is_text"),
    [("a.c", b"", True), ("x", b"plain", True), ("x", b"\x89PNG", False), ("x", b"a\0", False), ("x", b"", False),
     ("x", "é".encode() * 2048 + b"a", True), ("x", b"a" + "é".encode() * 2048, True), ("x", b"a\xc3", False)],
)  # fmt: skip
def test_text_is_known_by_name_or_first_bytes(tmp_path, name, content, is_text):
    (tmp_path / name).write_bytes(content)
    assert kind.recognise(tmp_path / name) == is_text


def test_a_folder_of_pictures_with_a_readme_is_not_text(tmp_path):
    for name in ("a.png", "b.png", "README.md"):
        (tmp_path / name).write_bytes(b"x")
    assert not kind.recognise(tmp_path)
    assert not kind.recognise(tmp_path / "none")


def test_samples_are_saved_numbered_and_byte_for_byte(tmp_path):
    raw = ["a\r\nb\n", "", "é日"]
    files = kind.save(raw, tmp_path / "out" / "deep", first=9)
    assert [f.name for f in files] == ["sample-000009.txt", "sample-000010.txt", "sample-000011.txt"]
    assert [f.read_bytes().decode() for f in files] == raw
    kind.show(raw, tmp_path / "sheet.txt")
    lines = (tmp_path / "sheet.txt").read_bytes().decode().split("\n")
    assert [len(line) for line in lines if line.startswith("─")] == [80, 80, 80]
    assert "é日" in lines


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(Problem, match="not a folder"):
        kind.save(["a"], tmp_path / "file")
    with pytest.raises(NoRoom, match="can't be written"):
        kind.show(["a"], tmp_path)
    assert (tmp_path / "file").read_text() == "kept"
