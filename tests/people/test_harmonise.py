"""Melodies are harmonised, and a run of music judged, as a person has it."""

import json
from pathlib import Path

import pytest

from reverie.cli import main
from reverie.kinds.music.files import find
from reverie.kinds.music.heard import gridded
from reverie.kinds.music.midi import written
from reverie.training.run import Run
from tunes import lines, walks


def frames(pieces):
    return [[list(frame) for frame in piece.frames()] for piece in pieces]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run that was given melodies, and a tune of three notes."""
    made = tmp_path_factory.mktemp("music")
    parts = {"train": walks(24, 1, size=16), "valid": walks(8, 2, size=16), "test": walks(24, 3, size=16)}
    (made / "walks.json").write_text(json.dumps({name: frames(pieces) for name, pieces in parts.items()}))
    (made / "tune.mid").write_bytes(written(lines([72, 74, 76])))
    words = ["--model", "recurrent_lm", "--set", "tiny", "--steps", "30", "--given", "melody"]
    assert main(["fit", str(made / "walks.json"), *words, "--out", str(made / "run")]) == 0
    return made


def test_a_melody_comes_back_as_files_with_its_notes_on_top(folder, tmp_path, capsys):
    words = ["harmonise", str(folder / "run"), str(folder / "tune.mid"), "-n", "2", "--tries", "3", "--voices", "2"]
    assert main([*words, "--temperature", "0.9", "--out", str(tmp_path / "out"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in said["files"]] == ["tune.mid", "tune-2.mid", "out-grid.png"]
    for file in said["files"][:2]:
        (tune,) = find(file).tunes
        own = gridded(tune.heard, 1).frames()
        assert [frame[0] for frame in own] == [72, 74, 76]
        assert {len(frame) for frame in own} == {2}
    assert len(said["nats_a_step"]) == 2


def test_the_folder_that_one_is_in_is_a_place(folder, tmp_path, at):
    (tmp_path / "here").mkdir()
    done = at(tmp_path / "here")("harmonise", folder / "run", folder / "tune.mid", "--voices", "2", "--out", ".")
    assert done.code == 0, done.err
    assert sorted(file.name for file in tmp_path.rglob("*.*")) == ["here-grid.png", "tune.mid"]


def test_without_a_place_the_files_lie_in_the_run_and_those_of_before_are_gone(folder, capsys):
    words = ["harmonise", str(folder / "run"), str(folder / "tune.mid"), "--voices", "2"]
    assert main([*words, "-n", "3"]) == 0
    assert "3 harmonised" in capsys.readouterr().out
    assert main(words) == 0
    place = folder / "run" / "samples" / "harmonise-tune-voices-2-seed-0"
    assert [file.name for file in place.iterdir()] == ["tune.mid"]
    assert main([*words, "--free"]) == 0  # asked for otherwise: beside it
    assert main([*words, "--label", "x"]) == 2  # in vain: and nothing is gone
    assert [file.name for file in place.iterdir()] == ["tune.mid"]
    assert (place.parent / "harmonise-tune-voices-2-free-seed-0" / "tune.mid").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.mid"], "nothing.mid: no such file"),
        (["tune.mid", "--voices", "1"], "--voices 1: from 2"),
        (["tune.mid", "--voices", "2", "--temperature", "-1"], "temperature"),
        (["tune.mid", "--voices", "2", "--out", "run"], "nothing is overwritten"),
        (["tune.mid", "--voices", "2", "--out", "new"], "new-grid.png goes beside it"),
        (["walks.json", "--voices", "2", "--label", "x"], "--label x"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(folder, words, says, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "new-grid.png").write_text("mine")
    assert main(["harmonise", "run", *words]) == 2
    assert (folder / "new-grid.png").read_text() == "mine"
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_run_that_was_given_no_melody_says_how_one_is_trained(folder, tmp_path, capsys):
    words = ["--model", "recurrent_lm", "--set", "tiny", "--steps", "2", "--out", str(tmp_path / "plain")]
    assert main(["fit", str(folder / "walks.json"), *words]) == 0
    assert main(["harmonise", str(tmp_path / "plain"), str(folder / "tune.mid")]) == 2
    assert "--given melody" in capsys.readouterr().err


def test_events_have_no_highest_voice_to_give(folder, tmp_path, capsys):
    words = ["--tokens", "events", "--given", "melody", "--out", str(tmp_path / "run")]
    assert main(["fit", str(folder / "walks.json"), *words]) == 2
    assert "--given melody: of music on a grid" in capsys.readouterr().err


def test_a_run_of_music_is_judged_and_its_page_draws_it(folder):
    report = Run.open(folder / "run").evaluate(samples=20)
    names = {metric.name for metric in report.metrics}
    assert {"nats_per_frame_20", "nats_per_frame_endless_20", "quarters_20", "repeats_20"} <= names
    page = report.html.read_text()
    assert page.count('<svg class="roll"') > 20
    assert "pieces of music" in page
    assert any("step of held-out music costs" in line for line in report.headline)
