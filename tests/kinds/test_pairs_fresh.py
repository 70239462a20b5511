"""New sentences, as a trained run takes them."""

import gzip

import pytest
import torch

from kinds.test_pairs import folder, prepared, write  # noqa: F401
from reverie.errors import Problem
from reverie.kinds import DataOptions, pairs


@pytest.fixture
def codec(folder):  # noqa: F811
    return prepared(folder).codec


def unseen(codec, *places):
    return pairs.unseen([str(place) for place in places], codec, DataOptions())


def raw(found):
    return found.items.raw(torch.arange(len(found.items)))


def test_a_file_is_a_sentence_a_line_and_empty_lines_are_left_out_and_said(codec, tmp_path):
    (tmp_path / "new.txt").write_text("A dog.\n\nA cat.\n  \n")
    found = unseen(codec, tmp_path / "new.txt")
    assert raw(found) == [{"source": "A dog."}, {"source": "A cat."}]
    assert (found.names, found.truth) == (["line 1", "line 3"], False)
    assert found.notes == ["new.txt: empty lines, left out: 2"]
    assert set(found.items.take(torch.tensor([0])).values) == {"source"}


def test_files_of_one_name_in_two_folders_are_both_read(codec, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "new.txt.gz").write_bytes(gzip.compress(f"From {name}.\n".encode()))
    found = unseen(codec, tmp_path / "a" / "new.txt.gz", tmp_path / "b" / "new.txt.gz")
    assert raw(found) == [{"source": "From a."}, {"source": "From b."}]
    assert found.names == ["new.txt.gz 1", "new.txt.gz 1"]


@pytest.mark.parametrize("order", [("en", "de"), ("de", "en")])
def test_two_files_one_in_each_language_are_pairs_in_either_order(codec, tmp_path, order):
    write(tmp_path, "new", {"en": ["A dog.", "A cat."], "de": ["Ein Hund.", "Eine Katze."]})
    found = unseen(codec, *(tmp_path / f"new.{code}" for code in order))
    assert raw(found)[1] == {"source": "A cat.", "target": "Eine Katze."}
    assert found.truth


def test_a_folder_holds_the_truth(codec, tmp_path):
    (tmp_path / "new").mkdir()
    write(tmp_path / "new", "new", {"en": ["A dog."], "de": ["Ein Hund."], "fr": ["Un chien."]})
    found = unseen(codec, tmp_path / "new")
    assert (raw(found), found.truth) == ([{"source": "A dog.", "target": "Ein Hund."}], True)


def test_one_file_without_the_truth_leaves_none(codec, tmp_path):
    (tmp_path / "pairs").mkdir()
    write(tmp_path / "pairs", "new", {"en": ["A dog."], "de": ["Ein Hund."]})
    (tmp_path / "more.txt").write_text("A cat.\n")
    found = unseen(codec, tmp_path / "pairs", tmp_path / "more.txt")
    assert (raw(found), found.truth) == ([{"source": "A dog."}, {"source": "A cat."}], False)


def test_a_file_in_the_other_language_is_said(codec, tmp_path):
    write(tmp_path, "new", {"de": ["Ein Hund."]})
    assert unseen(codec, tmp_path / "new.de").notes == [
        "new.de: read as en, which is what this run translates, whatever its name says"
    ]


def test_a_sentence_longer_than_any_that_was_learnt_is_said(codec, tmp_path):
    (tmp_path / "new.txt").write_text("tree " * 500 + "\n")
    found = unseen(codec, tmp_path / "new.txt")
    assert found.items.take(torch.tensor([0]))["source"].shape[1] == codec.longest[0]
    assert found.notes[0].startswith("1 reach the longest that was learnt")


def test_nothing_to_translate_is_refused(codec, tmp_path):
    (tmp_path / "new.txt").write_text("\n\n")
    with pytest.raises(Problem, match="no sentence in it"):
        unseen(codec, tmp_path / "new.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match="no files in both en and de"):
        unseen(codec, tmp_path / "empty")
