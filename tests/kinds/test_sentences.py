"""Labelled sentences: from files of any of the forms to batches, split and encoded by the training part alone."""

import json
import re

import pytest
import torch

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.sentences import Codec, unseen
from reverie.kinds.sentences.codec import words

PREDICT = DataOptions(predict="labels")


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / name.replace("__", ".")).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


@pytest.fixture
def films(tmp_path):
    """A file a class, of one stem: 60 lines each."""
    return write(
        tmp_path / "films",
        film__pos=[f"a good, warm film number {k}" for k in range(60)],
        film__neg=[f"a bad dull film, it's number {k + 60}!" for k in range(60)],
    )


def test_words_are_lowercased_and_punctuation_stands_by_itself():
    assert words("It's GOOD, isn't it?! café 3") == ["it's", "good", ",", "isn't", "it", "?", "!", "café", "3"]


@pytest.mark.parametrize("form", ["suffix", "stem", "folders", "parts"])
def test_every_form_of_folder_is_recognised_and_says_its_classes(tmp_path, form):
    lines = {"neg": [f"bad {k}" for k in range(30)], "pos": [f"good {k}" for k in range(30)]}
    if form in ("suffix", "stem"):
        names = {k: f"x__{k}" if form == "suffix" else f"{k}__txt" for k in lines}
        write(tmp_path / "d", **{names[k]: texts for k, texts in lines.items()})
    else:
        for part in ("train", "test") if form == "parts" else ("",):
            for k, texts in lines.items():
                write(tmp_path / "d" / part / k, **{f"{i}__txt": [text] for i, text in enumerate(texts)})
    source = open_source(str(tmp_path / "d"), PREDICT)
    assert source.kind == "sentences"
    prepared = source.prepare()
    assert prepared.codec.classes == ("neg", "pos")
    batch = prepared.held_out.take(torch.arange(len(prepared.held_out)))
    raw = prepared.held_out.raw(torch.arange(len(prepared.held_out)))
    assert [("bad" in text, "good" in text) for text in raw] == [(y == 0, y == 1) for y in batch["label"].tolist()]
    if form == "parts":
        held = prepared.held_out.columns(torch.arange(len(prepared.held_out)))["part"]
        assert held == ["test"] * 60


def test_a_batch_is_as_wide_as_its_longest_item_and_filled_with_0(tmp_path):
    write(tmp_path / "d", a__txt=["one two three", *["x"] * 30], b__txt=["one", *["y"] * 30])
    train = (
        open_source(str(tmp_path / "d"), DataOptions(predict="labels", held_out=0.0, calibration=0.0)).prepare().train
    )
    lengths = [len(words(text)) for text in train.raw(torch.arange(len(train)))]
    long, short = lengths.index(3), lengths.index(1)
    batch = train.take(torch.tensor([short, long]))
    assert batch["text"].shape == (2, 3)
    assert batch["text"][0, 1:].tolist() == [0, 0]
    assert (batch["text"][1] > 1).all()
    assert batch.lengths["text"].tolist() == [1, 3]


def test_words_of_the_held_out_part_change_nothing(films):
    prepared = open_source(str(films), PREDICT).prepare()
    held = set(prepared.held_out.raw(torch.arange(len(prepared.held_out))))
    for file in films.iterdir():
        text = file.read_text()
        for line in held:
            text = text.replace(f"{line}\n", f"{line} unheardof\n")
        file.write_text(text)
    again = open_source(str(films), PREDICT).prepare()
    assert again.codec == prepared.codec
    assert "unheardof" not in again.codec.vocabulary
    assert again.fingerprint != prepared.fingerprint


def test_copies_stay_in_one_part(tmp_path):
    write(tmp_path / "d", a__txt=[f"same {k // 3}" for k in range(90)], b__txt=[f"other {k // 3}" for k in range(90)])
    prepared = open_source(str(tmp_path / "d"), PREDICT).prepare()
    texts = [set(part.raw(torch.arange(len(part)))) for part in (prepared.train, prepared.held_out)]
    assert not texts[0] & texts[1]
    assert any("repeated" in note for note in prepared.notes)


def test_the_codec_survives_json_and_reads_unknown_words(films):
    codec = open_source(str(films), PREDICT).prepare().codec
    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    batch = codec.encode(["Good zebra FILM", ""])
    assert batch["text"][0, 1] == 1
    assert batch["text"][1].tolist()[0] == 1  # a text without words is one unknown word
    assert codec.decode({"text": batch["text"]})[0] == "good … film"


def test_new_lines_are_read_and_a_folder_of_both_classes_says_the_truth(films, tmp_path):
    codec = open_source(str(films), PREDICT).prepare().codec
    (tmp_path / "new.txt").write_bytes(b"caf\xe9 good\n\nbad\n")
    found = unseen([str(tmp_path / "new.txt")], codec, PREDICT)
    assert list(found.names) == ["line 1", "line 3"]
    assert not found.truth
    assert any("Latin-1" in note for note in found.notes)
    assert any("1 empty lines" in note for note in found.notes)
    assert "label" not in found.items.take(torch.arange(2)).values
    known = unseen([str(films)], codec, PREDICT)
    assert known.truth
    assert len(known.items) == 120


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({"a__txt": ["x"], "b__txt": []}, {}, "b.txt: no text in it"),
        ({"a__txt": ["x"] * 40}, {"kind": "sentences"}, "no classes of texts"),
        ({"a__txt": ["x"] * 9, "b__txt": ["y"] * 9}, {"predict": "genre", "kind": "sentences"}, "--predict genre"),
        ({"a__txt": ["x"] * 9, "b__txt": ["y"] * 9}, {"size": (3, 3)}, "--size 3x3"),
        ({"a__txt": ["x"] * 9, "b__txt": ["y"] * 9}, {"group": "speaker"}, "--group"),
    ],
)
def test_bad_input_is_named_with_its_cure(tmp_path, files, options, said):
    write(tmp_path / "d", **files)
    with pytest.raises(Problem, match=re.escape(said)):
        open_source(str(tmp_path / "d"), DataOptions(**{"predict": "labels", **options})).prepare()


def test_rt_polarity_is_found_by_name(real_data):
    summary = open_source("rt-polarity", PREDICT).summary()
    assert (summary.kind, summary.count) == ("sentences", 10_662)
    assert summary.facts["classes"] == {"neg": 5_331, "pos": 5_331}
