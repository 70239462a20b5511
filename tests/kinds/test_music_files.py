"""Files of music are read as they are, and bad ones are named with the cure."""

import json
from contextlib import suppress

import mido
import pytest

from kinds import tune_files as made
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.music import midi
from reverie.kinds.music.files import find
from reverie.kinds.music.heard import Bad, finest, gridded
from reverie.kinds.music.piece import DRUMS, Note, Piece, voiced

pytestmark = pytest.mark.usefixtures("own_cache")


def on(pitch, time=0, velocity=80, channel=0):
    return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)


def off(pitch, time=0, channel=0):
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


# ---------------------------------------------------------------------------------------------------------------- MIDI


@pytest.mark.parametrize("beat", [1, 2, 3, 4, 6, 8, 12, 24])
def test_a_written_midi_file_is_read_back_as_it_was(beat):
    notes = [Note(0, 2, 60, velocity=90), Note(0, 3, 67, program=33), Note(2, 2, 60), Note(5, 1, 38, program=DRUMS)]
    piece = Piece(voiced(notes), beat, tempo=92.0, bar=3 * beat)
    heard = midi.read(midi.written(piece))
    assert heard.tempo == pytest.approx(92, abs=1e-3)  # in whole microseconds a quarter note
    assert gridded(heard._replace(tempo=92.0), beat) == piece


def test_more_instruments_than_channels_keep_their_sounds_where_they_can():
    notes = [Note(k, 1, 60, program=k) for k in range(15)]
    assert {s.program for s in midi.read(midi.written(Piece(voiced(notes), 4))).sounds} == set(range(15))


def test_notes_end_as_they_began_and_those_without_end_last_as_long_as_their_track():
    data = made.of_messages([on(60), on(60, 480), off(60, 480), off(60, 480), on(64), off(99, 960)])
    sounds = midi.read(data).sounds
    assert [(s.start, s.length, s.pitch) for s in sounds] == [(0, 2, 60), (1, 2, 60), (3, 2, 64)]


def test_a_note_struck_with_no_force_ends_one():
    (sound,) = midi.read(made.of_messages([on(60), on(60, 480, velocity=0)])).sounds
    assert sound.length == 1


def test_the_ninth_channel_is_drums_and_programs_hold_for_their_own():
    program = mido.Message("program_change", channel=1, program=40)
    track = [program, on(60, channel=1), on(60), on(36, channel=9), off(60, 480, 1), off(60), off(36, channel=9)]
    assert {(s.pitch, s.program) for s in midi.read(made.of_messages(track)).sounds} == {(60, 40), (60, 0), (36, DRUMS)}


def test_metre_and_tempo_are_the_first_and_their_changes_are_said():
    head = [
        mido.MetaMessage("time_signature", numerator=6, denominator=8),
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.MetaMessage("set_tempo", tempo=400_000, time=480),
        mido.MetaMessage("time_signature", numerator=2, denominator=4),
    ]
    heard = midi.read(made.of_messages(head, [on(60), off(60, 480)]))
    assert (heard.bar, heard.tempo) == (3, 120)
    assert {what.split(" (")[0] for what, times in heard.left_out if times} == {"changes of tempo", "changes of metre"}


def bad_midi():
    whole = made.midi()
    yield "text", b"no music at all", "no MIDI file"
    yield "nothing", b"MThd", "ends in the middle"
    yield "cut", whole[: len(whole) // 2], "ends in the middle"
    yield "silent", made.of_messages([mido.MetaMessage("set_tempo", tempo=500_000)]), "no notes in it"
    yield "film", whole[:12] + b"\xe7\x28" + whole[14:], "seconds of film"
    yield "apart", made.of_messages([on(60), off(60, 480)], [on(60), off(60, 480)], form=2), "format 2"
    yield "endless", made.of_messages([on(60), off(60, 0x0FFFFFFF)]), "more than 20,000"


@pytest.mark.parametrize(("name", "data", "said"), list(bad_midi()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_bad_midi_file_is_said_in_one_line_and_left_out_only_when_asked(tmp_path, name, data, said):
    made.folder(tmp_path / "tunes")
    (tmp_path / "tunes" / "bad.mid").write_bytes(data)
    where = str(tmp_path / "tunes")
    with pytest.raises(Problem) as caught:
        open_source(where, DataOptions()).prepare()
    assert str(caught.value).startswith("bad.mid: ")
    assert said in str(caught.value)
    assert "--skip-bad" in str(caught.value)
    assert "\n" not in str(caught.value)
    summary = open_source(where, DataOptions()).summary()
    assert len(summary.bad) == 1
    assert said in summary.bad[0]
    assert summary.count == 12
    prepared = open_source(where, DataOptions(skip_bad=True)).prepare()
    assert len(prepared.train) + len(prepared.held_out) == 12


def test_a_pitch_above_127_is_read_as_the_file_means_it_or_not_at_all(tmp_path):
    data = made.midi()
    at = data.index(b"\x90") + 1
    (tmp_path / "high.mid").write_bytes(data[:at] + b"\xc8" + data[at + 1 :])
    found = find(str(tmp_path / "high.mid"))
    assert found.bad or all(0 <= s.pitch <= 127 for tune in found.tunes for s in tune.heard.sounds)


def test_where_every_file_is_bad_it_says_so(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.mid").write_bytes(b"")
    for call in (lambda s: s.prepare(), lambda s: s.summary()):
        with pytest.raises(Problem, match=r"a\.mid: 0 bytes"):
            call(open_source(str(tmp_path), DataOptions()))


# -------------------------------------------------------------------------------------------------------------- places


def test_music_is_recognised_by_its_names_and_json_by_how_it_begins(tmp_path):
    made.folder(tmp_path / "tunes", 2)
    (tmp_path / "frames.json").write_bytes(made.frames())
    (tmp_path / "other.json").write_text('{"train": ["a text", "another"]}')
    (tmp_path / "page.xml").write_text("<html><body>no score</body></html>")
    (tmp_path / "frames.zip").write_bytes(made.zipped({"a.json": made.frames()}))
    (tmp_path / "texts.zip").write_bytes(made.zipped({"a.json": b'{"train": ["a text"]}'}))
    (tmp_path / "tunes.zip").write_bytes(made.zipped({"a.mid": made.midi(), "b.mid": made.midi(1), "read.me": b"x"}))
    kinds = {
        n: open_source(str(tmp_path / n), DataOptions()).kind
        for n in ("tunes", "frames.json", "tunes.zip", "frames.zip")
    }
    assert set(kinds.values()) == {"music"}
    assert open_source(str(tmp_path / "other.json"), DataOptions()).kind == "text"
    assert open_source(str(tmp_path / "texts.zip"), DataOptions()).kind == "text"
    assert open_source(str(tmp_path / "page.xml"), DataOptions()).kind == "text"
    assert open_source("demo-tunes", DataOptions()).kind == "music"


@pytest.mark.parametrize("name", ["nothing", "others"])
def test_a_folder_without_music_says_what_to_put_there(tmp_path, name):
    (tmp_path / name).mkdir()
    if name == "others":
        (tmp_path / name / "a.txt").write_text("words")
    with pytest.raises(Problem, match=r"Put \.mid, \.musicxml"):
        open_source(str(tmp_path / name), DataOptions(kind="music")).prepare()


def test_folders_of_classes_give_labels(tmp_path):
    for name in ("jigs", "reels"):
        made.folder(tmp_path / name, 6, tempo=90.0 if name == "jigs" else 120.0, size=8 if name == "jigs" else 12)
    prepared = open_source(str(tmp_path), DataOptions()).prepare()
    assert prepared.codec.spec.condition["label"].names == ("jigs", "reels")
    import torch

    batch = prepared.train.take(torch.arange(len(prepared.train)))
    assert set(batch["label"].tolist()) == {0, 1}
    names = [piece.name for piece in prepared.train.raw(torch.arange(len(prepared.train)))]
    assert [name.startswith("reels") for name in names] == batch["label"].bool().tolist()


def test_folders_of_parts_are_kept_apart(tmp_path):
    for part, first in (("train", 0), ("valid", 1), ("test", 2)):
        made.folder(tmp_path / part, 4, beat=4, size=8 + 2 * first)
    prepared = open_source(str(tmp_path), DataOptions()).prepare()
    assert (len(prepared.train), len(prepared.held_out), len(prepared.calibration)) == (4, 4, 4)


def test_the_parts_of_frames_are_the_datas_own(tmp_path):
    data = made.FRAMES | {"valid": [[[55], [57]]]}
    (tmp_path / "a.json").write_text(json.dumps(data))
    prepared = open_source(str(tmp_path / "a.json"), DataOptions()).prepare()
    import torch

    def frames(items):
        return [piece.frames() for piece in items.raw(torch.arange(len(items)))]

    def sets(pieces):
        return [[tuple(sorted(step, reverse=True)) for step in piece] for piece in pieces]

    assert frames(prepared.train) == sets(data["train"])
    assert frames(prepared.held_out) == sets(data["test"])
    assert frames(prepared.calibration) == sets(data["valid"])
    assert not prepared.codec.ties
    assert prepared.train.frames == [4, 2]


def test_parts_without_a_training_part_leave_the_rest_to_learn_from(tmp_path):
    parts = {"valid": made.FRAMES["train"], "test": made.FRAMES["test"]}
    (tmp_path / "a.json").write_text(json.dumps(parts))
    prepared = open_source(str(tmp_path / "a.json"), DataOptions()).prepare()
    assert (len(prepared.train), len(prepared.held_out), prepared.calibration) == (2, 1, None)


def test_files_that_no_item_comes_of_are_said(tmp_path):
    made.folder(tmp_path / "tunes")
    (tmp_path / "tunes" / "read.me").write_text("about them")
    (tmp_path / "tunes" / "bad.mid").write_bytes(b"words")
    notes = open_source(str(tmp_path / "tunes"), DataOptions(skip_bad=True)).prepare().notes
    assert "1 files left aside as bad: bad.mid" in notes
    assert "1 files left aside as no music by their names: read.me" in notes


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"train": [[[60, 200]]]}', "200: no MIDI pitch"),
        (b'{"train": [[[60.5]]]}', "60.5: no MIDI pitch"),
        (b'{"train": [[["C4"]]]}', "'C4': no MIDI pitch"),
        (b'{"train": [[[60]]', "not JSON"),
        (b'{"train": [[[60], 3]]}', "train 1 is no list of steps"),
        (b'{"train": [[[60]], [[], []]]}', "train 2 has no notes"),
        (b'{"test": [[[60]]], "mine": [[[60]]]}', "not music as JSON"),
    ],
)
def test_bad_frames_are_named(tmp_path, data, said):
    (tmp_path / "bad.json").write_bytes(data)
    with pytest.raises(Problem) as caught:
        open_source(str(tmp_path / "bad.json"), DataOptions()).prepare()
    assert said in str(caught.value)


def test_a_zip_is_read_without_leaving_it_and_a_bomb_is_refused(tmp_path, monkeypatch):
    members = {f"/tunes/{k}.mid": made.midi(k) for k in range(3)} | {"bomb.mid": b"MThd" + bytes(70 << 20)}
    members |= {"../../out.mid": made.midi(3)}  # a hidden name, as every path with a dot before it
    (tmp_path / "a.zip").write_bytes(made.zipped(members))
    found = find(str(tmp_path / "a.zip"))
    assert sorted(tune.name for tune in found.tunes) == [f"/tunes/{k}.mid" for k in range(3)]
    assert found.bad == ["bomb.mid: more than 64 MiB. No score is that large: remove it"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(Problem, match="not a zip that can be read"):
        find(str(tmp_path / "b.zip"))


# ---------------------------------------------------------------------------------------------------------------- grid


@pytest.mark.parametrize(("parts", "beat"), [((1,), 1), ((2,), 2), ((4,), 4), ((3,), 6), ((3, 4), 12), ((8, 3), 24)])
def test_the_grid_is_the_coarsest_on_which_notes_begin(parts, beat):
    """Of 20 eighths, triplets and so on, none is left aside; 3 a quarter is no grid of its own, 6 is."""
    tracks = [[m for _ in range(20) for m in (on(60 + k), off(60 + k, 480 // part))] for k, part in enumerate(parts)]
    found, share = finest([midi.read(made.of_messages(*tracks))])
    assert (found, share) == (beat, 1)


def test_ticks_that_divide_no_triplet_are_rounded_ones(tmp_path):
    """Of 100 ticks a quarter, a triplet is 33, 67 and 100: within half a tick of a third."""
    track = [m for gap in (33, 34, 33) * 4 for m in (on(60), off(60, gap))]
    assert finest([midi.read(made.of_messages(track, ticks=100))]) == (6, 1)


def test_a_performance_is_put_onto_a_fine_grid_and_how_many_notes_move_is_said(tmp_path):
    track = [m for gap in (97, 211, 301, 47, 149, 263) * 8 for m in (on(60), off(60, gap))]
    (tmp_path / "a.mid").write_bytes(made.of_messages(track))
    (tmp_path / "b.mid").write_bytes(made.of_messages(track[4:]))
    notes = open_source(str(tmp_path), DataOptions(held_out=0)).prepare().notes
    assert notes[0].startswith("12 steps a quarter note")
    assert "of all notes do not, and move to the nearest" in notes[0]


def test_a_file_of_bad_notes_raises_no_other_error_than_its_own():
    """Bytes changed at every place: each file is music or is bad."""
    data = made.midi()
    for place in range(len(data)):
        for value in (0x00, 0xFF, 0x80):
            with suppress(Bad):
                assert midi.read(data[:place] + bytes([value]) + data[place + 1 :]).sounds
