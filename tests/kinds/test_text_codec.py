"""Text <-> tokens."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds.text import Codec, bpe
from reverie.kinds.text.codec import alphabet
from reverie.spec import Spec

LETTERS = "\n\r \tabcé\u0301ßЖ日\U0001f600\U0010ffff"
ANY = st.text(st.characters(exclude_categories=["Cs"]))


@cache
def learnt() -> str:
    return bpe.train(["the cat sat on the mat and the dog on the cat. " * 20], 300)


def codec(tokens: str, documents: bool = False, window: int = 4096) -> Codec:
    start = {"characters": len(LETTERS), "bytes": 256, "bpe": bpe.load(learnt()).get_vocab_size()}[tokens]
    letters = LETTERS if tokens == "characters" else ""
    model = learnt() if tokens == "bpe" else ""
    return Codec(tokens, window, letters, model, documents=documents, start=start if documents else 0)


def known(tokens: str) -> st.SearchStrategy[str]:
    return st.text(LETTERS) if tokens == "characters" else ANY


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
@given(data=st.data())
def test_decode_undoes_encode(tokens, documents, data):
    c = codec(tokens, documents)
    raw = data.draw(st.lists(known(tokens), min_size=1, max_size=4))
    batch = c.encode(raw)
    assert c.decode(batch.values, batch.lengths) == raw
    assert batch["text"].dtype == torch.int64
    assert batch["text"].shape == (len(raw), *c.spec.fields["text"].shape)
    assert int(batch["text"].min()) >= 0
    assert int(batch["text"].max()) < c.categories
    for text in raw:
        assert c.text(c.ids(text)) == text


@given(st.lists(st.text("<|end>"), min_size=1, max_size=3))
def test_a_text_that_spells_the_end_token_is_kept_as_it_is(raw):
    c = codec("bytes", documents=True)
    batch = c.encode([t + "<|end|>" for t in raw])
    assert c.decode(batch.values, batch.lengths) == [t + "<|end|>" for t in raw]


@given(st.binary())
def test_latin_1_makes_a_character_of_any_byte(data):
    c = Codec("bytes", 8, encoding="latin-1")
    text = data.decode("latin-1")
    assert c.ids(text).tobytes() == data
    assert c.text(c.ids(text)) == text


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
def test_codec_and_spec_survive_json(tokens):
    c = codec(tokens, documents=True)
    again = Codec.from_json(json.loads(json.dumps(c.to_json())))
    assert again == c
    assert again.ids("abc").tolist() == c.ids("abc").tolist()
    assert Spec.from_json(json.loads(json.dumps(c.spec.to_json()))) == c.spec


def test_a_character_is_numbered_in_the_order_of_code_points():
    c = Codec("characters", 8, alphabet(["cab", "b\U0001f600" * 5000]))
    assert c.alphabet == "abc\U0001f600"
    assert c.ids("\U0001f600cab").tolist() == [3, 2, 0, 1]


def test_a_document_starts_and_ends_with_the_last_id():
    c = Codec("characters", 5, "ab", documents=True, start=2)
    batch = c.encode(["ab", "abab"])
    assert batch["text"].tolist() == [[2, 0, 1, 2, 2, 2], [2, 0, 1, 0, 1, 2]]
    assert batch.lengths["text"].tolist() == [4, 6]
    assert c.spec.fields["text"].start == 2
    assert c.text([2, 0, 2, 2, 1]) == "<|end|>a<|end|><|end|>b"
    assert c.decode({"text": torch.tensor([[2, 0, 2, 1], [0, 1, 2, 0], [2, 2, 0, 0], [0, 0, 0, 1]])}) == [
        "a", "ab", "", "aaab",
    ]  # fmt: skip


def test_full_windows_have_no_lengths():
    assert Codec("characters", 2, "ab").encode(["aba", "bab"]).lengths == {}


@pytest.mark.parametrize(
    ("c", "text", "says"),
    [
        (Codec("characters", 8, "ab"), "aéb日", "'é' (U+00E9), '日' (U+65E5): not among the 2 characters"),
        (Codec("characters", 8, "ab日"), "\U0010ffff", "U+10FFFF"),
        (Codec("characters", 8, "ab"), "\ud800", "U+D800: half a surrogate"),
        (Codec("bytes", 8), "\ud800", "U+D800): can't be written in utf-8"),
        (Codec("bytes", 8, encoding="latin-1"), "é日", "'日' (U+65E5): can't be written in latin-1"),
    ],
)
def test_an_unknown_character_is_named(c, text, says):
    with pytest.raises(Problem) as caught:
        c.ids(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_longer_than_the_window_is_refused_not_cut():
    with pytest.raises(Problem, match="4 tokens, more than a window of 3"):
        Codec("characters", 2, "ab").encode(["abab"])


@pytest.mark.parametrize("ids", [[-1], [2], [0, 1, 99]])
def test_an_id_that_stands_for_nothing_is_refused(ids):
    with pytest.raises(ValueError, match="not in"):
        Codec("characters", 2, "ab").text(ids)


def test_bytes_that_are_no_utf8_read_as_replaced():
    assert Codec("bytes", 2).text([97, 0xFF, 98]) == "a\ufffdb"


@pytest.mark.parametrize(("categories", "dtype"), [(256, "uint8"), (257, "uint16"), (65537, "uint32")])
def test_ids_take_the_smallest_type_that_holds_them(categories, dtype):
    letters = "".join(map(chr, [i for i in range(0x20000) if not 0xD800 <= i < 0xE000][:categories]))
    c = Codec("characters", 8, letters)
    assert c.dtype == np.dtype(dtype)
    assert c.ids(letters).tolist() == list(range(categories))


@pytest.mark.parametrize("size", [1, 3, 40])
def test_ids_do_not_depend_on_where_a_long_text_is_cut(monkeypatch, size):
    text = "the cat,  sat\n\n on the mat … and\tthe don't dog 日本 " * 9
    expected = {t: codec(t).ids(text).tolist() for t in ("bytes", "bpe")}
    monkeypatch.setattr("reverie.kinds.text.codec.CHUNK", size)
    monkeypatch.setattr("reverie.kinds.text.bpe.CHUNK", max(size, 25))  # below a word's length a word is cut
    assert {t: codec(t).ids(text).tolist() for t in ("bytes", "bpe")} == expected
    assert "".join(bpe.chunks(text)) == text


def test_a_word_longer_than_a_chunk_comes_back(monkeypatch):
    monkeypatch.setattr("reverie.kinds.text.bpe.CHUNK", 10)
    text = "é" * 35 + " the cat"
    assert codec("bpe").text(codec("bpe").ids(text)) == text


def test_bpe_learns_what_repeats_and_the_same_each_time():
    texts = ["the cat sat on the mat and the dog on the cat. " * 20, "日本語 " * 50]
    assert bpe.load(bpe.train(texts, 270)).get_vocab_size() == 270
    model = bpe.train(texts, 300)
    assert model == bpe.train(texts, 300)
    ids = np.concatenate(list(bpe.encode(model, " the cat")))
    assert len(ids) == 2  # ' the' and ' cat', each a piece


@pytest.mark.parametrize("data", [{}, {"tokens": "bytes"}, {"tokens": "bytes", "window": 2, "shell": "rm"}])
def test_a_codec_of_another_form_is_refused(data):
    with pytest.raises(Problem, match="text codec"):
        Codec.from_json(data)


def test_a_broken_bpe_is_refused():
    with pytest.raises(Problem, match="BPE can't be read"):
        Codec("bpe", 4, model="{}").spec  # noqa: B018
