"""Pictures of one place to train on, those of another to judge by."""

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source


def folder(place, counts, first=0, size=(12, 12), mode="RGB"):
    """Pictures in a folder a class, of different greys: {class: count}."""
    tone = first
    for name, count in counts.items():
        (place / name).mkdir(parents=True, exist_ok=True)
        for _ in range(count):
            shape = (*size, 3) if mode == "RGB" else size
            Image.fromarray(np.full(shape, tone, np.uint8)).save(place / name / f"{tone}.png")
            tone += 1
    return place


def tones(items):
    return sorted(int(picture.flat[0]) for picture in items.raw(torch.arange(len(items))))


def test_all_pictures_are_trained_on_and_those_of_the_other_place_judge(tmp_path):
    own, other = folder(tmp_path / "own", {"a": 30}), folder(tmp_path / "other", {"x": 7}, 100)
    ready = open_source(str(own), DataOptions(test=str(other))).prepare()
    assert tones(ready.train) == list(range(30))
    assert tones(ready.held_out) == list(range(100, 107))
    assert any(note.startswith("30 pictures to train on; 7 held out: those of") for note in ready.notes)
    assert open_source(str(own), DataOptions(test=str(other))).summary().train == 30


def test_they_are_brought_to_the_form_of_the_others_and_that_is_said(tmp_path):
    own = folder(tmp_path / "own", {"a": 4})
    other = folder(tmp_path / "other", {"a": 2}, 100, (20, 24), "L")
    ready = open_source(str(own), DataOptions(test=str(other))).prepare()
    assert ready.held_out.raw(torch.arange(2)).shape == (2, 12, 12, 3)
    assert sum("made so" in note or "resized" in note for note in ready.notes) == 2


def test_classes_are_matched_by_name(tmp_path):
    own, other = folder(tmp_path / "own", {"a": 30, "b": 30}), folder(tmp_path / "other", {"b": 3, "a": 2}, 100)
    for predict in ("", "labels"):
        share = 0.4 if predict else 0.0
        ready = open_source(str(own), DataOptions(test=str(other), predict=predict, calibration=share)).prepare()
        index = torch.arange(5)
        shown = [int(picture.flat[0]) for picture in ready.held_out.raw(index)]
        assert dict(zip(shown, ready.held_out.take(index)["label"].tolist())) == {
            100: 1,
            101: 1,
            102: 1,
            103: 0,
            104: 0,
        }
        kept = 0 if ready.calibration is None else len(ready.calibration)
        assert len(ready.train) + kept == 60
        assert kept == (24 if predict else 0)


def test_other_classes_are_refused_and_so_are_attributes_and_two_domains(tmp_path):
    own, other = folder(tmp_path / "own", {"a": 5, "b": 5}), folder(tmp_path / "other", {"c": 3}, 100)
    with pytest.raises(Problem, match="its pictures are not of the classes a, b"):
        open_source(str(own), DataOptions(test=str(other))).prepare()
    with pytest.raises(Problem, match="no such file"):
        open_source(str(own), DataOptions(test=str(tmp_path / "none"))).prepare()
    with pytest.raises(Problem, match="of one set, and here are two"):
        open_source(str(own), DataOptions(test=str(other), beside=(str(other),))).prepare()


def test_pictures_on_both_sides_are_counted(tmp_path):
    own, other = folder(tmp_path / "own", {"a": 6}), folder(tmp_path / "other", {"a": 5}, 4)
    ready = open_source(str(own), DataOptions(test=str(other))).prepare()
    assert "2 of the 5 held-out pictures are in the training part too" in ready.notes


def test_another_place_with_the_same_pictures_is_the_same_data_and_other_ones_are_not(tmp_path):
    own, other = folder(tmp_path / "own", {"a": 6}), folder(tmp_path / "other", {"a": 5}, 100)
    copy, third = folder(tmp_path / "copy", {"a": 5}, 100), folder(tmp_path / "third", {"a": 5}, 150)
    marks = [
        open_source(str(own), DataOptions(test=place)).prepare().fingerprint
        for place in (str(other), str(copy), str(third), "")
    ]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def test_a_run_finds_them_from_another_folder(tmp_path, monkeypatch):
    folder(tmp_path / "own", {"a": 40})
    folder(tmp_path / "other", {"a": 9}, 100)
    monkeypatch.chdir(tmp_path)
    run = reverie.fit("own", "vae", out=tmp_path / "run", set="tiny", steps=2, test="other")
    monkeypatch.chdir("/")
    again = reverie.open(tmp_path / "run")
    assert len(again.prepared.held_out) == 9
    assert run.info["source"]["held_out"] == 9
    assert reverie.fit(tmp_path / "own", "vae", out=tmp_path / "run", steps=4, test=str(tmp_path / "other")).step == 4
