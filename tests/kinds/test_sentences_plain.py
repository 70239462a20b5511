"""Sentences that nobody predicts: from files of any of the forms to tokens and back, split without copies on both
sides."""

import gzip
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds.row_files import put
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.sentences import Codec, save, show, typed, unseen
from reverie.kinds.sentences.pieces import Pieces
from reverie.kinds.text import bpe

TEXTS = [f"A {'big' if k % 2 else 'small'} dog number {k} runs, it's fast!" for k in range(80)]
PLAIN = DataOptions(kind="sentences")


def put_lines(file, texts):
    file.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{text}\n" for text in texts).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
    return file


def source(path, **options):
    return open_source(str(path), DataOptions(**{"kind": "sentences", **options}))


def everything(items):
    return items.raw(torch.arange(len(items)))


@pytest.fixture
def dogs(tmp_path):
    return put_lines(tmp_path / "dogs.txt", TEXTS)


@pytest.mark.parametrize("form", ["dogs.txt", "dogs.txt.gz", "dogs", "csv", "jsonl", "folder"])
def test_every_form_gives_the_same_sentences(tmp_path, form):
    if form in ("csv", "jsonl"):
        rows = [{"said": text, "note": f"a remark of several words, no {k}"} for k, text in enumerate(TEXTS)]
        data = source(put(tmp_path, f"rows.{form}", rows), column="said").prepare()
        assert data.codec.column == "said"
        assert any("not read: note" in note for note in data.notes)
    else:
        path = put_lines(tmp_path / ("in/dogs.txt" if form == "folder" else form), TEXTS)
        data = source(path.parent if form == "folder" else path).prepare()
    assert sorted(everything(data.train) + everything(data.held_out)) == sorted(TEXTS)
    assert data.calibration is None  # nobody predicts, nothing is calibrated
    assert not data.codec.spec.condition
    assert not data.codec.spec.target


def test_a_text_stays_a_text_where_nobody_says_sentences(dogs):
    found = open_source(str(dogs), DataOptions())
    assert found.kind == "text"
    assert any("--kind sentences" in line for line in found.summary().plan)


def test_a_files_class_is_a_condition_where_nobody_predicts_it(tmp_path):
    for name, texts in {"big": TEXTS[1::2], "small": TEXTS[::2]}.items():
        put_lines(tmp_path / "d" / f"{name}.txt", texts)
    data = source(tmp_path / "d").prepare()
    label = data.codec.spec.condition["label"]
    assert (label.categories, label.names) == (2, ("big", "small"))
    batch = data.train.take(torch.arange(9))
    said = ["small" in text for text in data.train.raw(torch.arange(9))]
    assert batch["label"].tolist() == [int(small) for small in said]
    assert source(tmp_path / "d").summary().facts["classes"] == {"big": 40, "small": 40}
    again = unseen([str(tmp_path / "d")], data.codec, PLAIN)
    assert again.truth
    assert len(again.items) == 80


@pytest.mark.parametrize("how", ["files", "flag"])
def test_a_test_part_of_its_own_is_held_out(tmp_path, how):
    put_lines(tmp_path / "d" / "train.txt", TEXTS[:60])
    test = put_lines(tmp_path / "d" / "test.txt", TEXTS[60:])
    data = (
        source(tmp_path / "d") if how == "files" else source(tmp_path / "d" / "train.txt", test=str(test))
    ).prepare()
    assert everything(data.held_out) == TEXTS[60:]
    assert everything(data.train) == TEXTS[:60]


def test_copies_stay_in_one_part(tmp_path):
    path = put_lines(tmp_path / "d.txt", [TEXTS[k // 3] for k in range(120)])
    data = source(path).prepare()
    assert not set(everything(data.train)) & set(everything(data.held_out))
    assert any("80 sentences are repeated" in note for note in data.notes)


def test_words_of_the_held_out_part_change_nothing(dogs):
    data = source(dogs).prepare()
    held = set(everything(data.held_out))
    dogs.write_text("".join(f"{text}{' unheard-of' if text in held else ''}\n" for text in TEXTS))
    again = source(dogs).prepare()
    assert again.codec == data.codec
    assert again.fingerprint != data.fingerprint


MODEL = bpe.train([f" {text}" for text in TEXTS], 300)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=40), min_size=1, max_size=4))
def test_any_sentence_comes_back_from_its_tokens(texts):
    codec = Pieces(MODEL, 400)
    batch = codec.encode(texts)
    assert codec.decode(batch.values) == texts
    assert batch["text"].shape[1] == batch.lengths["text"].max()
    for row, n in zip(batch["text"], batch.lengths["text"]):
        assert (row[: n - 1] >= 2).all()  # pieces, the end, then what fills a batch
        assert (row[n - 1 :] == 0).all()


def test_a_long_sentence_is_cut_and_still_ends_and_that_is_said(tmp_path):
    path = put_lines(tmp_path / "d.txt", [*TEXTS, "word " * 60])
    data = source(path, size=(12,)).prepare()
    assert data.codec.spec.fields["text"].shape == (12,)
    assert any("longer ones are cut (--size)" in note for note in data.notes)
    (row,) = data.codec.ids(["word " * 60])
    assert len(row) == 12
    assert row[-1] == 0


def test_what_is_counted_of_a_cut_sentence_is_what_its_tokens_stand_for(tmp_path):
    data = source(put_lines(tmp_path / "d.txt", TEXTS), size=(6,)).prepare()
    index = torch.arange(len(data.held_out))
    batch = data.held_out.take(index)
    texts = data.codec.decode(batch.values)
    assert data.held_out.tokens == int(batch.lengths["text"].sum())
    assert data.held_out.characters == sum(len(text) + 1 for text in texts)  # a line's end with each
    assert data.held_out.characters < sum(len(text) + 1 for text in data.held_out.raw(index))


def test_the_codec_survives_json(dogs):
    codec = source(dogs).prepare().codec
    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    assert isinstance(codec, Pieces)


def test_the_spec_says_where_writing_starts_and_that_it_ends(dogs):
    field = source(dogs).prepare().codec.spec.fields["text"]
    assert (field.length, field.start) == (True, 1)
    assert field.categories <= 4096 + 2


def test_new_files_and_typed_sentences_are_read_by_the_runs_codec(dogs, tmp_path):
    codec = source(dogs, size=(40,)).prepare().codec
    put_lines(tmp_path / "new.txt", ["A cat.", "", "Zebras, ünknown"])
    found = unseen([str(tmp_path / "new.txt")], codec, PLAIN)
    assert list(found.names) == ["line 1", "line 3"]
    assert any("1 empty lines" in note for note in found.notes)
    said = typed(["A cat.", "Zebras, ünknown"], codec)
    index = torch.arange(2)
    assert torch.equal(said.items.take(index)["text"], found.items.take(index)["text"])
    assert codec.decode(said.items.take(index).values) == ["A cat.", "Zebras, ünknown"]
    with pytest.raises(Problem, match="no sentence"):
        typed(["a", " "], codec)


def test_sentences_are_saved_one_a_line_in_one_file(tmp_path):
    (file,) = save(["one", "two\nlines"], tmp_path / "out", 1024)
    assert file.name == "sentences-001024.txt"
    assert file.read_text() == "one\ntwo lines\n"
    show(["x", "y"], tmp_path / "sheet.txt")
    assert (tmp_path / "sheet.txt").read_text() == "x\ny\n"


@pytest.mark.parametrize(
    ("texts", "options", "said"),
    [
        ([], {}, "no sentence in it"),
        (["same"] * 9, {}, "one sentence only"),
        (TEXTS, {"size": (1,)}, "--size 1"),
        (TEXTS, {"size": (3, 3)}, "--size 3x3"),
        (TEXTS, {"tokens": "bytes"}, "--tokens bytes"),
        (TEXTS, {"group": "speaker"}, "--group"),
        (TEXTS, {"column": "text"}, "--column"),
        (TEXTS, {"vocabulary": 100}, "too small"),
        (TEXTS, {"fold": "3"}, "--fold 3"),
    ],
)
def test_bad_input_is_named_with_its_cure(tmp_path, texts, options, said):
    path = put_lines(tmp_path / "d.txt", texts)
    with pytest.raises(Problem, match=said):
        source(path, **options).prepare()


def test_bad_bytes_and_columns_are_named_with_their_cure(tmp_path):
    (tmp_path / "d.txt").write_bytes(b"a\0b\n")
    with pytest.raises(Problem, match="NUL"):
        source(tmp_path / "d.txt").prepare()
    rows = [{"said": text, "note": f"a remark of several words, no {k}"} for k, text in enumerate(TEXTS)]
    with pytest.raises(Problem, match=r"2 columns of texts\. Name one by --column"):
        source(put(tmp_path, "rows.csv", rows)).prepare()
    with pytest.raises(Problem, match="--column sad: no such column"):
        source(put(tmp_path, "rows.csv", rows), column="sad").prepare()


def test_multi30k_is_26_100_sentences_to_learn_from_and_2_900_held_out(real_data):
    data = source(real_data / "translation-multi30k" / "train.en.gz").prepare()
    assert (len(data.train), len(data.held_out)) == (26_100, 2_900)
    index = torch.arange(200)
    assert data.codec.decode(data.train.take(index).values) == data.train.raw(index)
