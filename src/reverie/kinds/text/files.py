"""Which files are text, and their bytes: files, folders, zips, .jsonl, each also gzipped."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reverie.errors import Problem
from reverie.kinds.reading import Readable, bounded

from .long import Long

# A file named like this is meant as text: one that can't be read is an error, not something to pass over.
TEXT = frozenset((
    ".txt", ".text", ".md", ".markdown", ".rst", ".org", ".tex", ".bib", ".log", ".srt", ".vtt", ".abc", ".smi",
    ".smiles", ".fasta", ".pgn", ".lrc", ".poem", ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh",
    ".cs", ".java", ".kt", ".scala", ".go", ".rs", ".swift", ".m", ".js", ".mjs", ".ts", ".jsx", ".tsx", ".css",
    ".scss", ".html", ".htm", ".xml", ".svg", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".sh", ".bash",
    ".zsh", ".fish", ".pl", ".pm", ".rb", ".php", ".lua", ".r", ".jl", ".hs", ".ml", ".mli", ".ex", ".exs", ".erl",
    ".clj", ".lisp", ".el", ".scm", ".f", ".f90", ".sql", ".vim", ".cmake", ".mk", ".proto", ".v", ".sv", ".vhd",
    ".asm", ".s", ".diff", ".patch", ".po",
))  # fmt: skip
LINES = frozenset((".jsonl", ".ndjson"))  # one JSON record a line
PASSED_OVER = frozenset(("__pycache__", "node_modules", "__MACOSX"))
LARGEST = 8 << 30  # bytes of one unpacked file: what unpacks to more is a mistake or an attack
STREAMED = 256 << 20  # bytes of a plain file beyond which it is read a part at a time
COLUMNS = ("text", "content")  # of a .jsonl record, where none is asked for

_BOMS = (  # the longest first: UTF-32's little-endian mark starts with UTF-16's
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True)
class Document:
    """One text, as bytes of its encoding and without a byte order mark."""

    name: str
    data: bytes | Long  # of a file that is too large for memory: where it lies
    utf8: bool = True


@dataclass(frozen=True)
class Bad:
    """What can't be read, and why."""

    name: str
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}. {self.cure}."


@dataclass
class Found:
    """All that a place holds."""

    documents: list[Document] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)  # not text by name or by content: pictures, archives …
    marks: dict[str, str] = field(default_factory=dict)  # name of a file that had a byte order mark -> its encoding
    columns: set[str] = field(default_factory=set)  # of .jsonl records that were read


def suffix(name: str) -> str:
    """The suffix that counts: .txt of a.txt.gz."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix == ".gz" else path.suffix


def named_as_text(name: str) -> bool:
    """By its name alone."""
    return suffix(name) in TEXT or suffix(name) in LINES


def is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file()


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part in PASSED_OVER for part in PurePosixPath(name).parts)


def walk(folder: Path) -> Iterator[str]:
    """Names of the files under a folder, relative, sorted, with / between; without hidden ones and linked folders."""

    def refuse(error: OSError) -> None:
        raise Problem(f"{error.filename}: can't be read ({error.strerror}). Mend its permissions.")

    names = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(f for f in folders if not _hidden(f))
        names += [Path(root, f).relative_to(folder).as_posix() for f in files if not _hidden(f)]
    return iter(sorted(names))


def members(archive: zipfile.ZipFile) -> list[str]:
    """Names of the files in a zip, sorted, without hidden ones."""
    return sorted(i.filename for i in archive.infolist() if not i.is_dir() and not _hidden(i.filename))


def find(path: Path, column: str, any_bytes: bool) -> Found:
    """Reads every text of a file, folder or zip. `any_bytes`: what is no UTF-8 is taken as it is (byte tokens)."""
    found = Found()
    if path.is_dir():
        for name in walk(path):
            _add(found, name, _taken(path / name), column, any_bytes, alone=False)
    elif is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                for name in members(archive):
                    _add(found, name, _unzip(archive, name), column, any_bytes, alone=False)
        except (zipfile.BadZipFile, OSError) as error:
            raise Problem(f"{path}: not a zip that can be read ({error}). Pack it again.") from None
    else:
        _add(found, str(path), _taken(path), column, any_bytes, alone=True)
    return found


def _taken(path: Path) -> bytes | Long | Bad:
    """A file's bytes; of a plain text that is large, where it lies."""
    large = path.is_file() and path.stat().st_size > STREAMED
    if not large or path.suffix.lower() == ".gz" or suffix(path.name) in LINES:
        return _read(path)
    try:
        return Long.scan(path)
    except OSError as error:
        return Bad(str(path), f"can't be read ({error.strerror})", "Mend its permissions")
    except ValueError as error:
        return Bad(str(path), str(error), f"Convert it to UTF-8 (iconv -f latin1 -t utf-8 {path}), or remove it")


def _read(path: Path) -> bytes | Bad:
    try:
        with open(path, "rb") as file:
            return _bounded(file, str(path))
    except OSError as error:
        return Bad(str(path), f"can't be read ({error.strerror})", "Mend its permissions")


def _unzip(archive: zipfile.ZipFile, name: str) -> bytes | Bad:
    try:
        with archive.open(name) as file:
            return _bounded(file, name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        return Bad(name, f"can't be unpacked ({error})", "Pack the zip again, without a password")


def _bounded(file: Readable, name: str) -> bytes | Bad:
    data = bounded(file, LARGEST)
    return Bad(name, "more than 8 GiB", "Split it into several files") if data is None else data


def _add(found: Found, name: str, data: bytes | Long | Bad, column: str, any_bytes: bool, alone: bool) -> None:
    """Sorts one file in: documents, bad, empty or other. `alone`: the person named this very file."""
    if isinstance(data, Long):
        found.documents.append(Document(name, data))
        return
    if isinstance(data, bytes) and name.lower().endswith(".gz"):
        data = _gunzip(name, data)
    if isinstance(data, Bad):
        found.bad.append(data)
        return
    if not data:
        if alone:
            found.bad.append(Bad(name, "no text (0 bytes)", "Choose a file that has some"))
        else:
            found.empty.append(name)
        return
    text = _decode(found, name, data, any_bytes and suffix(name) not in LINES)
    if isinstance(text, Bad):
        if alone or named_as_text(name):
            found.bad.append(text)
        else:
            found.other.append(name)
    elif suffix(name) in LINES:
        assert isinstance(text.data, bytes)
        _add_lines(found, name, text.data, column)
    elif text.data:
        found.documents.append(text)
    else:
        found.empty.append(name)


def _gunzip(name: str, data: bytes) -> bytes | Bad:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return _bounded(file, name)
    except (OSError, EOFError, zlib.error) as error:
        return Bad(name, f"not a whole gzip ({error})", "Pack or download it again")


def _decode(found: Found, name: str, data: bytes, any_bytes: bool) -> Document | Bad:
    """Checks one file's bytes, without a byte order mark; UTF-16 and UTF-32 that say so become UTF-8."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                data = data.decode(encoding).encode("utf-8")
            except UnicodeDecodeError as error:
                where = f"not {encoding.upper()}, as its byte order mark says, from byte {error.start} on"
                return Bad(name, where, "Convert it to UTF-8")
            found.marks[name] = encoding
            break
    zero = data.find(b"\0")
    if zero >= 0:
        return Bad(name, f"binary, not text (a NUL byte at offset {zero})", "Remove it, or convert it to UTF-8")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if any_bytes:
            return Document(name, data, utf8=False)
        what = f"not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start})"
        return Bad(name, what, f"Convert it (iconv -f latin1 -t utf-8 {name}), or pass --tokens bytes")
    return Document(name, data)


def _add_lines(found: Found, name: str, data: bytes, column: str) -> None:
    """The records of a .jsonl file: a document each."""
    for number, line in enumerate(data.decode("utf-8").split("\n"), 1):  # not splitlines: a string may hold U+2028
        if not line or line.isspace():
            continue
        where = f"{name} line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            found.bad.append(Bad(where, f"not JSON ({str(error).splitlines()[0]})", "Mend the line"))
            continue
        text = _of_record(found, where, record, column)
        if isinstance(text, Bad):
            found.bad.append(text)
        elif text:
            found.documents.append(Document(where, text))
        else:
            found.empty.append(where)


def _of_record(found: Found, where: str, record: object, column: str) -> bytes | Bad:
    """One record's text: the record itself, or the column asked for, or `text`, `content`, or the only string."""
    if isinstance(record, str) and not column:
        text: object = record
    elif isinstance(record, dict):
        names = [column] if column else [c for c in COLUMNS if c in record] or _only_string(record)
        if not names or names[0] not in record:
            has = ", ".join(sorted(record)) or "none"
            what = f"no column {column!r}" if column else "no column 'text' or 'content'"
            return Bad(where, f"{what} among its columns: {has}", "Name the one to take with --column")
        text = record[names[0]]
        found.columns.add(names[0])
    else:
        return Bad(where, f"neither a record nor a string ({type(record).__name__})", "Mend the line")
    if not isinstance(text, str):
        what = f"its column {names[0]!r} holds no string ({type(text).__name__})"
        return Bad(where, what, "Name another with --column")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        return Bad(where, f"half a surrogate pair at character {error.start}", "Mend the line")
    if b"\0" in data:
        return Bad(where, "binary, not text (a NUL character)", "Mend the line")
    return data


def _only_string(record: dict[str, object]) -> list[str]:
    strings = [name for name, value in record.items() if isinstance(value, str)]
    return strings if len(strings) == 1 else []
