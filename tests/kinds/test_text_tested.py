"""A text to learn from, and another to judge by."""

import pytest
import torch

import reverie
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train.txt").write_text("abcd\n" * 200)
    (tmp_path / "val.txt").write_text("dcbaé\n" * 30)
    return tmp_path / "train.txt", tmp_path / "val.txt"


def text(items):
    return "".join(items.raw(torch.arange(len(items))))


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
def test_all_of_the_text_is_learnt_from_and_the_other_judges(places, tokens):
    own, other = places
    source = open_source(str(own), DataOptions(tokens=tokens, test=str(other), size=(20,)))
    ready = source.prepare()
    assert 990 < ready.train.characters < 1000  # all but the first token
    assert 170 < ready.held_out.characters < 180
    assert set("abcdé\n") <= set(text(ready.held_out))
    assert "é" not in text(ready.train)
    assert f"1,000 characters to learn from, 180 (15.3%) held out: {other}" in ready.notes
    assert f"keep {other} for judging" in source.summary().plan


def test_a_folder_may_judge_and_what_it_shares_with_the_text_is_said(places, tmp_path):
    own, _ = places
    (tmp_path / "more").mkdir()
    for i, source in enumerate(places):
        (tmp_path / "more" / f"{i}.txt").write_text(source.read_text())
    ready = open_source(str(own), DataOptions(test=str(tmp_path / "more"))).prepare()
    assert "held-out texts that are learnt from too, word for word: 1" in ready.notes
    assert ready.held_out.characters == 1179


def test_the_mark_is_of_what_the_texts_say_and_not_of_where_they_lie(places, tmp_path):
    own, other = places
    (tmp_path / "copy.txt").write_text(other.read_text())
    (tmp_path / "third.txt").write_text(other.read_text() + "a")
    marks = [
        open_source(str(own), DataOptions(test=place)).prepare().fingerprint
        for place in (str(other), str(tmp_path / "copy.txt"), str(tmp_path / "third.txt"), "")
    ]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def test_what_cannot_judge_is_refused(places, tmp_path):
    own, _ = places
    (tmp_path / "short.txt").write_text("a")
    (tmp_path / "bad.txt").write_bytes(b"ab\xff\xfe\x00" * 20)
    for name, said in (("short.txt", "1 tokens to judge by"), ("bad.txt", "bad.txt"), ("none.txt", "no such file")):
        with pytest.raises(Problem, match=said):
            open_source(str(own), DataOptions(test=str(tmp_path / name))).prepare()


def test_options_that_would_do_nothing_are_refused(places):
    own, _ = places
    with pytest.raises(Problem, match=r"--vocabulary 300: of a bpe. Pass --tokens bpe too"):
        open_source(str(own), DataOptions(vocabulary=300))
    with pytest.raises(Problem, match=r"--column text: of \.jsonl files, and .*train\.txt has none"):
        open_source(str(own), DataOptions(column="text")).prepare()


def test_a_run_judges_by_it_after_training_too(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = reverie.fit("train.txt", "recurrent_lm", out="run", set="tiny", steps=2, size=16, test="val.txt")
    monkeypatch.chdir("/")
    assert reverie.open(tmp_path / "run").prepared.held_out.characters == 179
    assert run.info["source"]["options"]["test"] == str(tmp_path / "val.txt")
