"""Tunes from a folder to a judged run, as a person has it."""

import json

import pytest
import soundfile
from PIL import Image

from kinds import tune_files as made
from reverie.choose import choose
from reverie.cli import main
from reverie.kinds.music import midi
from reverie.kinds.music.heard import gridded
from reverie.training.run import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scales in two voices, of two tempi: a folder each."""
    where = tmp_path_factory.mktemp("music")
    for k, name in enumerate(("slow", "fast")):
        made.folder(where / "tunes" / name, 12, tempo=60.0 + 60 * k, size=8 + 2 * k)
    words = ["--set", "tiny", "--steps", "40", "--held-out", "0.3", "--out", str(where / "run")]
    assert main(["fit", str(where / "tunes"), *words]) == 0
    return where


def tunes(files):
    return [gridded(midi.read(file.read_bytes()), 1) for file in sorted(files)]


def test_music_gets_a_recurrent_lm_where_nobody_names_a_model(folder):
    assert choose("music", (300,), 300).model == "recurrent_lm"
    run = Run.open(folder / "run")
    assert run.info["model"] == "recurrent_lm"
    assert run.spec.kind == "music"


def test_data_says_what_music_it_is_and_what_fit_does(folder, capsys):
    assert main(["data", str(folder / "tunes"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["count"]) == ("music", 24)
    assert said["facts"]["classes"] == {"slow": 12, "fast": 12}
    assert any(line.startswith("train a recurrent_lm: ") for line in said["plan"])


def test_samples_are_midi_files_with_rolls_and_sound_and_the_same_whatever_number_is_asked_for(folder, tmp_path):
    run = str(folder / "run")
    for n, out in (("6", "a"), ("3", "b")):
        words = ["-n", n, "--out", str(tmp_path / out), "--grid", str(tmp_path / f"{out}.png"), "--label", "fast"]
        assert main(["sample", run, *words, *(["--wav"] if out == "b" else [])]) == 0
    many, few = (sorted((tmp_path / out).glob("*.mid")) for out in "ab")
    assert (len(many), len(few)) == (6, 3)
    assert [file.read_bytes() for file in many[:3]] == [file.read_bytes() for file in few]
    assert Image.open(tmp_path / "a.png").size[0] > 100
    sounds = sorted((tmp_path / "b").glob("*.wav"))
    assert [file.stem for file in sounds] == [file.stem for file in few]
    assert soundfile.info(sounds[0]).duration > 0.1


def test_a_tune_goes_on_as_it_began(folder, tmp_path):
    opening = made.tune(2, beat=1, size=4)
    (tmp_path / "a.mid").write_bytes(midi.written(opening))
    words = ["--prompt", str(tmp_path / "a.mid"), "-n", "3", "--wav", "--out", str(tmp_path / "out")]
    assert main(["complete", str(folder / "run"), *words]) == 0
    files = list((tmp_path / "out").glob("*.mid"))
    assert len(files) == len(list((tmp_path / "out").glob("*.wav"))) == 3
    for piece in tunes(files):
        assert piece.frames()[:4] == opening.frames()[:4]


def test_what_moves_onto_the_grid_of_the_run_is_said(folder, tmp_path, capsys):
    (tmp_path / "a.mid").write_bytes(midi.written(made.tune(2, beat=1, size=4)._replace(beat=2)))
    assert (
        main(["complete", str(folder / "run"), "--prompt", str(tmp_path / "a.mid"), "--out", str(tmp_path / "o")]) == 0
    )
    assert "2 of 6 notes move" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("none.mid", "no such file"),
        ("words.mid", "no MIDI file"),
        ("high.mid", "pitch 108: the run knows MIDI pitches"),
        ("silent.mid", "no notes in it"),
    ],
)
def test_a_prompt_that_is_no_tune_of_the_runs_is_one_line(folder, tmp_path, capsys, prompt, said):
    (tmp_path / "words.mid").write_text("words")
    (tmp_path / "high.mid").write_bytes(midi.written(made.tune()._replace(notes=(made.Note(0, 4, 108),))))
    (tmp_path / "silent.mid").write_bytes(made.of_messages([]))
    assert main(["complete", str(folder / "run"), "--prompt", str(tmp_path / prompt)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_run_is_judged(folder):
    report = Run.open(folder / "run").evaluate(samples=12)
    names = {m.name.rsplit("_", 1)[0] for m in report.metrics}
    assert "nats_per_frame" in names
    assert (folder / "run" / "report" / "report.html").is_file()


def test_sound_is_of_music_only(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a text that goes on and on. " * 30)
    assert main(["fit", str(tmp_path / "a.txt"), "--set", "tiny", "--steps", "2", "--out", str(tmp_path / "run")]) == 0
    for verb in (["sample"], ["complete", "--prompt", "a"]):
        capsys.readouterr()
        assert main([verb[0], str(tmp_path / "run"), *verb[1:], "--wav"]) == 2
        assert "--wav: of music, and the run makes text. Leave it out" in capsys.readouterr().err
