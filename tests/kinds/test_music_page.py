"""Pieces leave as MIDI files, piano rolls and sound; a given tune becomes tokens."""

import stat
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from PIL import Image

from kinds import tune_files as made
from reverie.errors import Problem
from reverie.kinds.music import midi, moved, prompt, save, show, sound
from reverie.kinds.music.codec import Events, Grid
from reverie.kinds.music.heard import gridded
from reverie.kinds.music.piece import DRUMS, Note, Piece
from reverie.kinds.music.roll import BAR, TALL, VOICES, page, roll

pytestmark = pytest.mark.usefixtures("own_cache")


def test_saved_pieces_are_midi_files_that_are_numbered_and_read_back(tmp_path):
    pieces = [made.tune(k) for k in range(3)]
    files = save(pieces, tmp_path / "out", first=5)
    assert [file.name for file in files] == [f"sample-{5 + k:06d}.mid" for k in range(3)]
    assert [gridded(midi.read(file.read_bytes()), 4) for file in files] == pieces


def test_an_empty_piece_is_a_file_too(tmp_path):
    (file,) = save([Piece((), 4)], tmp_path)
    assert file.read_bytes()[:4] == b"MThd"
    show([Piece((), 4)], tmp_path / "page.png")
    assert sound.sound(Piece((), 4)).max() == 0


def test_a_roll_shows_each_note_where_it_is_in_its_voices_colour():
    piece = Piece((Note(0, 2, 60, 0), Note(2, 4, 64, 1)), 2, bar=4)
    made_of = roll(piece, 58, 66, 3)
    step = made_of.shape[1] // 6
    for note in piece.notes:
        row = (66 - note.pitch) * TALL + 1
        colours = {
            tuple(pixel) for pixel in made_of[row, note.start * step + 1 : (note.start + note.length) * step - 1]
        }
        assert colours == {VOICES[note.voice]}
    assert (made_of == VOICES[0]).all(2).sum() == TALL * (2 * step - 2)
    assert tuple(made_of[0, 0]) == tuple(made_of[0, 4 * step]) == BAR
    assert tuple(made_of[0, 2 * step]) != BAR


def test_a_page_shows_all_pieces_in_one_scale(tmp_path):
    pieces = [made.tune(k) for k in range(5)]
    one, all_of_them = page(pieces[:1]), page(pieces)
    assert all_of_them.shape[0] * all_of_them.shape[1] > 4 * one.shape[0] * one.shape[1]
    show(pieces, tmp_path / "page.png")
    assert np.asarray(Image.open(tmp_path / "page.png")).shape == all_of_them.shape
    with pytest.raises(Problem, match="0 pieces"):
        show([], tmp_path / "none.png")


def loudest(wave, rate):
    """Hz of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return np.fft.rfftfreq(len(wave), 1 / rate)[spectrum.argmax()]


@pytest.mark.parametrize("pitch", [21, 45, 69, 96, 108, 127])
def test_a_note_sounds_at_its_pitch_and_nothing_of_it_lies_beyond_half_the_rate(pitch):
    wave = sound.sound(Piece((Note(0, 8, pitch),), 4))
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    assert loudest(wave[: sound.RATE], sound.RATE) == pytest.approx(frequency, abs=1.5)  # a bin is 1 Hz
    spectrum = np.abs(np.fft.rfft(wave[: sound.RATE] * np.hanning(sound.RATE)))
    places = np.arange(len(spectrum)) / frequency
    between = np.abs(places - places.round()) * frequency > min(20, frequency / 3)
    assert spectrum[between].max() < 0.02 * spectrum.max(), "aliases would lie between the partials"


def test_notes_sound_when_they_are_written_as_loud_as_they_are_struck():
    piece = Piece((Note(0, 1, 69, velocity=127), Note(8, 1, 69, velocity=64)), 4, tempo=60.0)
    wave = sound.sound(piece)
    assert len(wave) == pytest.approx(sound.RATE * (9 / 4 + sound.RELEASE), abs=2)
    first, gap, last = (
        np.abs(wave[int(a * sound.RATE) : int(b * sound.RATE)]).max() for a, b in ((0, 0.3), (0.5, 1.9), (2, 2.3))
    )
    assert gap == 0
    assert first == pytest.approx(sound.LOUDEST, rel=1e-3)
    assert last / first == pytest.approx((64 / 127) ** 1.5, rel=1e-3)


def test_drums_have_no_pitch_and_sound_alike_each_time():
    piece = Piece((Note(0, 1, 38, program=DRUMS), Note(1, 1, 36, program=DRUMS)), 4)
    assert np.array_equal(sound.sound(piece), sound.sound(piece))
    assert np.isfinite(sound.sound(piece)).all()


def test_played_pieces_are_wav_files_beside_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "FONTS", ())
    pieces = [made.tune(0), made.tune(1)]
    files = sound.play(pieces, save(pieces, tmp_path))
    assert [file.name for file in files] == ["sample-000000.wav", "sample-000001.wav"]
    wave, rate = soundfile.read(files[0], dtype="float32")
    assert rate == sound.RATE
    assert np.abs(wave - sound.sound(pieces[0])).max() < 2 / 2**15  # 16 bits


def test_hours_of_sound_are_refused(tmp_path):
    with pytest.raises(Problem, match="minutes, and sound is made of 30 at most"):
        sound.play([Piece((Note(0, 20_000, 60),), 4)], [tmp_path / "a.mid"])


@pytest.mark.parametrize("works", [True, False])
def test_fluidsynth_plays_where_it_and_a_soundfont_are_there(tmp_path, monkeypatch, works):
    """A program of that name that takes its order of words: the file after -F is its own. Where it fails, the plain
    synthesiser plays."""
    own = tmp_path / "bin"
    own.mkdir()
    font = tmp_path / "some.sf2"
    font.write_bytes(b"RIFF")
    program = own / "fluidsynth"
    body = 'while [ "$1" != -F ]; do shift; done; printf played > "$2"' if works else "exit 3"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(own), prepend=":")
    monkeypatch.setenv("SOUNDFONT", str(font))
    (file,) = sound.play([made.tune()], [tmp_path / "a.mid"])
    assert (file.read_bytes() == b"played") == works
    assert (file.read_bytes()[:4] == b"RIFF") != works


def test_a_soundfont_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(Problem, match=r"none\.sf2: no such file"):
        sound.play([made.tune()], [tmp_path / "a.mid"])


# -------------------------------------------------------------------------------------------------------------- prompts

GRID = Grid(36, 96, 4, 400, ties=True, bar=16)
EVENTS = Events(36, 96, 4, 400, 16, (16,), (120,), (0, 33), (80,))


@pytest.mark.parametrize("codec", [GRID, EVENTS], ids=["grid", "events"])
@pytest.mark.parametrize("suffix", ["mid", "musicxml"])
def test_the_prompt_of_a_file_is_the_tokens_of_its_tune_without_an_end(tmp_path, codec, suffix):
    file = tmp_path / f"a.{suffix}"
    if suffix == "mid":
        file.write_bytes(made.midi())
        expected = made.tune()
    else:
        pytest.importorskip("music21")
        file.write_text(made.XML)
        expected = Piece((Note(0, 4, 72), Note(4, 4, 75), Note(10, 6, 79), Note(10, 6, 76, 1)), 4)
    tokens = prompt(str(file), codec)
    assert [note[:3] for note in codec.piece(tokens.tolist()).notes] == [note[:3] for note in expected.notes]
    assert 0 not in tokens


def test_notes_between_the_runs_steps_move_and_that_is_said(tmp_path):
    (tmp_path / "a.mid").write_bytes(made.midi())
    assert not moved(str(tmp_path / "a.mid"), Grid(36, 96, 1, 400))
    (tmp_path / "b.mid").write_bytes(midi.written(made.tune()._replace(beat=8)))
    (said,) = moved(str(tmp_path / "b.mid"), Grid(36, 96, 1, 400))
    assert said == f"{tmp_path / 'b.mid'}: 4 of 12 notes move to the nearest of 1 step a quarter note"


def refused():
    yield "none.mid", None, "no such file. Name a .mid"
    yield "a.mid", b"words", "no MIDI file"
    yield "a.mid", made.of_messages([]), "no notes in it"
    yield "a.mid", midi.written(Piece((Note(0, 1, 20),), 4)), "pitch 20: the run knows MIDI pitches 36 to 96"
    yield "a.mid", midi.written(made.tune(size=200)), "tokens, and pieces of this run have 399 at most"
    yield "a.json", made.frames(), "3 tunes. Give a file with one"
    yield "a.mid", midi.written(Piece((Note(0, 1, 40, program=DRUMS),), 4)), "drums"


@pytest.mark.parametrize(("name", "data", "said"), list(refused()))
def test_a_prompt_that_can_not_be_said_in_tokens_is_named(tmp_path, name, data, said):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(Problem) as caught:
        prompt(str(tmp_path / name), GRID)
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sound_for_which_there_is_no_room_is_said_and_leaves_no_part_of_it(tmp_path):
    program = """
import resource, sys
from pathlib import Path
from reverie.errors import NoRoom
from reverie.kinds.music.piece import Note, Piece
from reverie.kinds.music.sound import play
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    play([Piece((Note(0, 4, 60),), 1)], [Path(sys.argv[1], "a.mid")])
except NoRoom as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert "a.wav: can't be written (File too large)" in done.stdout, done.stderr
    assert not any(tmp_path.iterdir())
