"""MIDI files: read and written by mido."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .heard import Bad, Heard, Sound, checked
from .piece import DRUMS, Note, Piece

TICKS = 480  # a quarter note, where the grid divides it
MOST = 500_000  # notes of a file
_DRUMS = 9  # the channel that General MIDI gives them


def read(data: bytes) -> Heard:
    """Every note of a file, of all tracks. Raises Bad."""
    import mido

    if data[:4] not in (b"MThd", b"RIFF"):
        raise Bad("no MIDI file (it does not begin with MThd). Remove it, or give it the suffix of what it is")
    if data[:4] == b"RIFF":  # of .rmi: a MIDI file in a wrapper
        data = data[max(0, data.find(b"MThd")) :]
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except EOFError:
        raise Bad("ends in the middle. Copy or download it again") from None
    except (OSError, ValueError, LookupError, TypeError, mido.KeySignatureError) as error:
        raise Bad(f"not readable as MIDI ({type(error).__name__}: {error}). Copy or download it again") from None
    if file.type == 2:
        raise Bad("holds tracks that do not belong together (format 2). Save each as a file of its own")
    if not 0 < file.ticks_per_beat < 0x8000:
        raise Bad("counts time in seconds of film, not in notes. Save it with ticks a quarter note")
    return checked(_heard(file))


def _heard(file: Any) -> Heard:
    unit, sounds = 1 / file.ticks_per_beat, list[Sound]()
    tempos, bars, left_out = list[tuple[int, float]](), list[tuple[int, float]](), Counter[str]()
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "set_tempo" and message.tempo:
                tempos.append((now, 60e6 / message.tempo))
            elif message.type == "time_signature" and message.denominator:
                bars.append((now, 4 * message.numerator / message.denominator))
            elif message.type in ("pitchwheel", "control_change", "aftertouch", "polytouch"):
                left_out["pedals, bends and other controls"] += 1
        sounds += _sounds(track, unit)
        if len(sounds) > MOST:
            raise Bad(f"more than {MOST:,} notes. Cut it into pieces")
    tempo, bar = (min(found)[1] if found else other for found, other in ((tempos, 120.0), (bars, 0.0)))
    left_out["changes of tempo (the first is kept)"] += len({round(value, 3) for _, value in tempos}) > 1
    left_out["changes of metre (the first is kept)"] += len({value for _, value in bars}) > 1
    return Heard(tuple(sorted(sounds)), tempo, bar, tick=unit, left_out=tuple(left_out.items()))


def _sounds(track: Any, unit: float) -> Iterator[Sound]:
    """A track's notes. One that is struck again while it sounds ends the way it began: the first in, the first out."""
    sounding: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    programs: dict[int, int] = {}
    now = 0

    def sound(channel: int, pitch: int, start: int, velocity: int) -> Sound:
        program = DRUMS if channel == _DRUMS else programs.get(channel, 0)
        return Sound(start * unit, max(now - start, 1) * unit, pitch, velocity, program)

    for message in track:
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            sounding[message.channel, message.note].append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            begun = sounding[message.channel, message.note]
            if begun:
                yield sound(message.channel, message.note, *begun.pop(0))
    for (channel, pitch), begun in sounding.items():  # never ended: they last as long as the track
        for start, velocity in begun:
            yield sound(channel, pitch, start, velocity)


def written(piece: Piece) -> bytes:
    """A piece as a MIDI file (format 1): a track for each voice of each instrument, of which each has a channel."""
    import mido

    scale = max(1, TICKS // piece.beat)
    file = mido.MidiFile(type=1, ticks_per_beat=piece.beat * scale)
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=min(round(60e6 / piece.tempo), 0xFFFFFF))])
    if sixteenths := _sixteenths(piece):
        numerator, denominator = sixteenths
        head.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
    file.tracks.append(head)
    programs = sorted({note.program for note in piece.notes} - {DRUMS})
    channels = {program: (k % 15) + ((k % 15) >= _DRUMS) for k, program in enumerate(programs)} | {DRUMS: _DRUMS}
    own = sorted(piece.notes, key=lambda note: (note.program, note.voice))
    for (program, _), notes in groupby(own, lambda note: (note.program, note.voice)):
        track = mido.MidiTrack()
        if program != DRUMS:
            track.append(mido.Message("program_change", channel=channels[program], program=program))
        track.extend(_messages(list(notes), channels[program], scale))
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _sixteenths(piece: Piece) -> tuple[int, int] | None:
    """A bar as a time signature: the coarsest unit that divides it."""
    for denominator in (4, 8, 16, 32):
        count = piece.bar * denominator / (4 * piece.beat)
        if count and count == int(count) < 256:
            return int(count), denominator
    return None


def _messages(notes: list[Note], channel: int, scale: int) -> Iterator[Any]:
    """Ends come before beginnings at one time, so that a pitch can be struck again where it ends."""
    import mido

    events = [(note.start + note.length, 0, note) for note in notes] + [(note.start, 1, note) for note in notes]
    now = 0
    for step, begins, note in sorted(events, key=lambda event: (event[0], event[1], -event[2].pitch, event[2].start)):
        kind, velocity = ("note_on", min(max(note.velocity, 1), 127)) if begins else ("note_off", 0)
        yield mido.Message(kind, channel=channel, note=note.pitch, velocity=velocity, time=(step - now) * scale)
        now = step
