"""Tiny files of music for tests."""

import io
import json
import zipfile

import mido

from reverie.kinds.music.midi import written
from reverie.kinds.music.piece import Note, Piece, voiced

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)

ABC = """X:1
T:A scale
M:3/4
L:1/4
Q:1/4=90
K:C
G|C D E|F2 G|{d}c3|]

X:2
T:A turn
M:4/4
L:1/8
K:D
D2 E2 F2 G2|A4 d4|]
"""

KERN = "**kern\t**kern\n*M4/4\t*M4/4\n4C\t4c\n4D\t4d\n2E\t2e\n==\t==\n*-\t*-\n"

XML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><time><beats>2</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration><tie type="start"/></note>
<note><pitch><step>D</step><alter>1</alter><octave>5</octave></pitch><duration>2</duration></note></measure>
<measure number="2"><note><rest/><duration>1</duration></note>
<note><pitch><step>E</step><octave>5</octave></pitch><duration>3</duration></note>
<note><chord/><pitch><step>G</step><octave>5</octave></pitch><duration>3</duration></note></measure></part>
</score-partwise>"""

FRAMES = {"train": [[[60, 64, 67], [60, 64, 67], [], [59, 62]], [[72], [71]]], "test": [[[48, 60], [50, 62]]]}


def tune(first: int = 0, beat: int = 4, size: int = 8, **more) -> Piece:
    """A scale, begun at one of its notes, over held lower ones: two voices, a bar of four quarters."""
    notes = [Note(k * beat, beat, SCALE[(first + k) % 8] + 12) for k in range(size)]
    notes += [Note(k * 2 * beat, 2 * beat, SCALE[(first + 2 * k) % 8] - 12) for k in range(size // 2)]
    return Piece(voiced(notes), beat, **{"bar": 4 * beat, **more})


def midi(first: int = 0, **more) -> bytes:
    return written(tune(first, **more))


def folder(path, count: int = 12, **more):
    """Of so many different tunes."""
    path.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        (path / f"tune-{k:02d}.mid").write_bytes(midi(k, **{"size": 8 + 2 * (k // 8), **more}))
    return path


def frames() -> bytes:
    return json.dumps(FRAMES).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def compressed(score: str) -> bytes:
    """As .mxl has it."""
    container = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
    return zipped({"META-INF/container.xml": container.encode(), "score.xml": score.encode()})


def of_messages(*tracks, ticks: int = 480, form: int = 1) -> bytes:
    """A MIDI file of mido's messages."""
    file = mido.MidiFile(type=form, ticks_per_beat=ticks)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()
