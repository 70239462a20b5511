"""Windows, splits, the cache."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds import text as kind
from reverie.kinds.text import Codec, prepare
from reverie.kinds.text.items import Windows, stream

DIGITS = "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))  # as many characters as there are tokens: each says its place


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def windows(count: int, window: int) -> Windows:
    codec = Codec("characters", window, DIGITS)
    return Windows(np.arange(count, dtype=np.uint16), codec, count, 3 * count)


@given(st.integers(2, 500), st.integers(1, 60))
def test_windows_predict_each_token_but_the_first_once(count, window):
    items = windows(count, window)
    batch = items.take(torch.arange(len(items)))
    lengths = batch.lengths.get("text", torch.full((len(items),), window + 1))
    rows = [row[:n].tolist() for row, n in zip(batch["text"], lengths)]
    assert [t for row in rows for t in row[1:]] == list(range(1, count))
    assert all(row == list(range(row[0], row[0] + len(row))) for row in rows)
    assert ("text" in batch.lengths) == ((count - 1) % window != 0)
    assert items.tokens == items.characters == count - 1
    assert items.bytes == 3 * (count - 1)
    assert items.raw(torch.arange(len(items))) == ["".join(DIGITS[t] for t in row) for row in rows]


@given(st.integers(2, 500), st.integers(1, 60), st.integers(1, 200))
def test_wider_windows_are_the_same_row_cut_otherwise_and_never_narrower(count, window, wanted):
    narrow, wide = windows(count, window), windows(count, window).wider(wanted)
    assert wide.codec.window == max(window, wanted)
    batch = wide.take(torch.arange(len(wide)))
    lengths = batch.lengths.get("text", torch.full((len(wide),), wide.codec.window + 1))
    assert [t for row, n in zip(batch["text"], lengths) for t in row[1:n].tolist()] == list(range(1, count))
    assert (wide.tokens, wide.characters, wide.bytes) == (narrow.tokens, narrow.characters, narrow.bytes)
    assert windows(count, window).codec.window == window  # what it was cut from is as it was


@given(st.integers(2, 400), st.integers(1, 50))
def test_varied_windows_are_whole_and_start_evenly(count, window):
    """Every place where a window fits is reached from floor or ceil of (n T)/(N-T) of the n T draws of item and shift:
    counted over all of them, not drawn."""
    if count <= window:
        count += window
    items = windows(count, window)
    places = count - window
    starts = np.arange(len(items) * window) * places // (len(items) * window)
    reached = np.bincount(starts, minlength=places)
    assert len(reached) == places
    assert set(reached) <= {len(items) * window // places, -(-len(items) * window // places)}
    torch.manual_seed(0)
    index = torch.arange(len(items)).repeat(20)
    batch = items.take(index, vary=True)
    assert batch.lengths == {}
    first = batch["text"][:, 0]
    assert (batch["text"] == first[:, None] + torch.arange(window + 1)).all()
    low, high = (index * window * places) // (len(items) * window), (index + 1) * window * places
    assert (first >= low).all()
    assert (first * len(items) * window < high).all()


def test_varied_windows_follow_torchs_seed():
    items = windows(4000, 30)
    index = torch.arange(100)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(items.take(index, vary=True)["text"])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(items.take(index)["text"][:, 0], index * 30)


@pytest.mark.parametrize("index", [[-1], [0, 4]])
def test_a_window_that_is_not_there_is_an_error(index):
    with pytest.raises(IndexError):
        windows(9, 2).take(torch.tensor(index))


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
@pytest.mark.parametrize("chunk", [4, 1 << 22])
def test_documents_are_kept_apart_by_the_last_id(monkeypatch, tokens, chunk):
    monkeypatch.setattr("reverie.kinds.text.items.CHUNK", chunk)
    texts = ["né", "a", "longer than the chunk", "é", "x"]
    model = kind.bpe.train(texts, 270) if tokens == "bpe" else ""
    codec = Codec(tokens, 4, "".join(sorted(set("".join(texts)))), model, documents=True)
    row = np.concatenate(list(stream(codec, texts)))
    assert row[0] == row[-1] == codec.end == codec.categories - 1
    between = np.split(row, np.flatnonzero(row == codec.end))[1:-1]
    assert [codec.text(part[1:]) for part in between] == texts


def test_one_text_is_split_by_characters_as_nanogpt_does(tmp_path):
    text = "".join(DIGITS[i % 50] for i in range(1003))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    data = kind.open(str(tmp_path / "a.txt"), DataOptions()).prepare((10,))
    assert data.codec.text(data.train.row) == text[: int(0.9 * 1003)]
    assert data.codec.text(data.held_out.row) == text[int(0.9 * 1003) :]
    assert data.codec.spec.fields["text"].categories == 50
    assert data.held_out.characters == 1003 - int(0.9 * 1003) - 1


@given(st.lists(st.text("ab", min_size=1, max_size=30), min_size=2, max_size=40), st.floats(0.05, 0.5))
def test_documents_are_split_whole_and_equal_ones_go_together(texts, share):
    if len(set(texts)) == 1:
        with pytest.raises(Problem, match="all the same"):
            prepare.split("x", texts, share)
        return
    parts = prepare.split("x", texts, share)
    assert sorted(parts.train + parts.held_out) == sorted(texts)
    assert not set(parts.train) & set(parts.held_out)
    assert parts.train
    assert parts.held_out
    total = {t: len(t) * texts.count(t) for t in texts}
    smallest = min(total.values())
    held = sum(map(len, parts.held_out))
    assert held <= max(share * sum(map(len, texts)), smallest)
    assert prepare.split("y", texts, share) == parts


def test_units_of_documents_count_every_character(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02d}.txt").write_text(f"né {i:02d}\n", encoding="utf-8")
    data = kind.open(str(tmp_path), DataOptions()).prepare((8,))
    held = (len(data.held_out.row) - 1) // 7
    assert held == 2  # a tenth of twenty
    assert (data.held_out.characters, data.held_out.bytes, data.held_out.tokens) == (6 * held, 7 * held, 7 * held)
    assert data.codec.documents
    assert data.codec.spec.fields["text"].start == data.codec.end
    assert data.train.raw(torch.tensor([0]))[0] == data.codec.text(data.train.row[1:7])


@pytest.mark.parametrize(
    ("text", "start"),
    [("ab\n" * 300, "\n"), ("abb" * 300, "b"), ("ab" * 300 + "\n", "a")],
    ids=["line", "most", "late"],
)
@pytest.mark.parametrize("tokens", ["characters", "bytes"])
def test_a_sample_starts_with_newline_else_the_most_frequent_token(tmp_path, tokens, text, start):
    (tmp_path / "a.txt").write_text(text)
    codec = kind.open(str(tmp_path / "a.txt"), DataOptions(tokens=tokens)).prepare((4,)).codec
    assert codec.text([codec.start]) == start


def prepared(folder, **options):
    return kind.open(str(folder), DataOptions(**options)).prepare((16,))


def test_a_bpe_learns_from_the_training_part_alone_and_is_kept(tmp_path, cache):
    (tmp_path / "a.txt").write_text("the cat sat on the mat. " * 90 + "xyzzyq " * 34)
    first = prepared(tmp_path / "a.txt", tokens="bpe", vocabulary=300)
    assert "xyzz" not in first.codec.model
    assert first.codec.text(first.train.row) + first.codec.text(first.held_out.row) == (tmp_path / "a.txt").read_text()
    assert any("kept in" in note for note in first.notes)
    again = prepared(tmp_path / "a.txt", tokens="bpe", vocabulary=300)
    assert any("from the cache" in note for note in again.notes)
    assert (again.codec, again.fingerprint) == (first.codec, first.fingerprint)
    assert again.train.row.tolist() == first.train.row.tolist()
    file = next(cache.glob("text/*/train.bin"))
    file.write_bytes(file.read_bytes()[:-2])  # damaged: made anew
    mended = prepared(tmp_path / "a.txt", tokens="bpe", vocabulary=300)
    assert any("kept in" in note for note in mended.notes)
    assert mended.train.row.tolist() == first.train.row.tolist()
    assert not list(cache.glob("text/.draft*"))


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
def test_a_large_text_is_memory_mapped_and_reads_the_same(tmp_path, monkeypatch, capsys, tokens):
    (tmp_path / "a.txt").write_text("abc\n" * 500)
    plain = prepared(tmp_path / "a.txt", tokens=tokens, **({"vocabulary": 300} if tokens == "bpe" else {}))
    monkeypatch.setattr(prepare, "MAPPED", 100)
    for _ in range(2):
        mapped = prepared(tmp_path / "a.txt", tokens=tokens, **({"vocabulary": 300} if tokens == "bpe" else {}))
        assert isinstance(mapped.train.row, np.memmap)
        assert mapped.codec == plain.codec
        assert mapped.fingerprint == plain.fingerprint
        torch.manual_seed(1)
        one = mapped.train.take(torch.arange(5), vary=True)
        torch.manual_seed(1)
        assert torch.equal(one["text"], plain.train.take(torch.arange(5), vary=True)["text"])
        assert mapped.held_out.raw(torch.arange(3)) == plain.held_out.raw(torch.arange(3))
    assert capsys.readouterr().err.count("GB of tokens") == (tokens != "bpe")  # said once, before it was written


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("abc\n" * 500)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "file"))
    data = prepared(tmp_path / "a.txt", tokens="bpe", vocabulary=300)
    assert any("not kept" in note for note in data.notes)


def test_the_fingerprint_is_of_content_and_options_not_of_the_place(tmp_path):
    for name, text in (("a", "abc\n" * 99), ("b", "abc\n" * 99), ("c", "abd\n" * 99)):
        (tmp_path / f"{name}.txt").write_text(text)
    marks = [prepared(tmp_path / f"{n}.txt").fingerprint for n in "abc"]
    assert marks[0] == marks[1] != marks[2]
    others = [{"tokens": "bytes"}, {"held_out": 0.2}, {"size": (8,)}, {"tokens": "bpe", "vocabulary": 300}]
    assert len({marks[0], *(prepared(tmp_path / "a.txt", **o).fingerprint for o in others)}) == 5


def test_the_window_is_the_persons_else_the_models_else_128(tmp_path):
    (tmp_path / "a.txt").write_text("abc\n" * 500)
    where = str(tmp_path / "a.txt")
    assert kind.open(where, DataOptions(size=(7,))).prepare((16,)).codec.window == 7
    assert kind.open(where, DataOptions()).prepare((16,)).codec.window == 16
    default = kind.open(where, DataOptions()).prepare()
    assert default.codec.window == 128
    assert "windows of 128 tokens (--size N for another)" in default.notes


@pytest.mark.parametrize("tokens", ["characters", "bpe"])
def test_tiny_shakespeare_has_65_characters_and_nanogpts_split(real_data, tokens):
    data = kind.open(str(real_data / "text" / "tinyshakespeare.txt"), DataOptions(tokens=tokens)).prepare((64,))
    text = (real_data / "text" / "tinyshakespeare.txt").read_text()
    assert data.codec.text(data.train.row) == text[:1003854]
    assert data.codec.text(data.held_out.row) == text[1003854:]
    assert data.held_out.characters == 111539
    if tokens == "characters":
        assert data.codec.spec.fields["text"].categories == 65
        assert data.codec.text([data.codec.start]) == "\n"
        assert len(data.held_out) == 1743  # ceil(111539 / 64)
    else:
        assert data.codec.spec.fields["text"].categories == 4096
