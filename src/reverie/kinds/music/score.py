"""Scores (MusicXML, ABC, Humdrum **kern), read by music21 once: what it makes of a file is cached by the file's
content."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from reverie.cache_folder import cache_folder
from reverie.errors import NoRoom, Problem
from reverie.kinds.writing import write

from .heard import Bad, Heard, Sound, checked

FORMATS = {".musicxml": "musicxml", ".xml": "musicxml", ".mxl": "musicxml", ".abc": "abc", ".krn": "humdrum"}
CALLED = {"musicxml": "MusicXML", "abc": "ABC", "humdrum": "Humdrum"}
VERSION = 1  # of what is cached
LARGEST = 64 << 20  # bytes of a score within an .mxl


def read(name: str, data: bytes) -> list[Heard]:
    """Every tune of a file. Raises Bad; Problem where music21 is missing."""
    suffix = PurePosixPath(name.lower()).suffix
    key = hashlib.blake2b(f"{VERSION} {suffix} ".encode() + data, digest_size=16).hexdigest()
    kept = cache_folder() / "music" / f"{key}.json"
    found = _cached(kept)
    if found is None:
        found = _parsed(_text(data, suffix), FORMATS[suffix])
        with suppress(NoRoom, Problem):  # else it is parsed again next time
            write(kept, json.dumps(found))
    if not any(heard.sounds for heard in found):
        raise Bad("no notes in it. Remove it")
    return [checked(heard) for heard in found if heard.sounds]


def _cached(kept: Any) -> list[Heard] | None:
    try:
        return [_heard_from(one) for one in json.loads(kept.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):  # not there, or not whole
        return None


def _heard_from(values: list[Any]) -> Heard:
    heard = Heard(*values)
    left_out = tuple((str(what), int(count)) for what, count in heard.left_out)
    return heard._replace(sounds=tuple(Sound(*sound) for sound in heard.sounds), left_out=left_out)


def _text(data: bytes, suffix: str) -> str:
    """A score's text. Raises Bad."""
    if suffix == ".mxl":
        data = _unpacked(data)
    if b"<!ENTITY" in data:  # which can make a small file a huge one
        raise Bad("declares entities of its own, and no score needs any. Remove it")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise Bad("holds NUL characters: no score. Remove it, or give it the suffix of what it is")
        return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)  # what it says of its encoding is no longer so
    raise Bad("not the encoding that its first bytes say. Convert it to UTF-8")


def _unpacked(data: bytes) -> bytes:
    """The score in a compressed MusicXML file. Raises Bad."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith((".xml", ".musicxml"))]
            scores = [name for name in names if not name.startswith("META-INF")]
            if not scores:
                raise Bad("no score in it. Copy or download it again")
            with archive.open(scores[0]) as file:
                found = file.read(LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise Bad(f"not a compressed score ({error}). Copy or download it again") from None
    if len(found) > LARGEST:
        raise Bad(f"unpacks to more than {LARGEST >> 20} MiB. No score is that large: remove it")
    return found


def _parsed(text: str, form: str) -> list[Heard]:
    """Raises Bad where music21 can't make sense of it."""
    try:
        from music21 import converter, stream
    except ImportError:
        cure = "pip install 'reverie[music]', or give MIDI files"
        raise Problem(f"scores are read by music21, which is not installed. {cure}") from None
    try:
        found = converter.parseData(text, format=form)
        scores = list(found.scores) if isinstance(found, stream.Opus) else [found]
        return [_heard(score) for score in scores]
    except RecursionError:
        raise Bad(f"nested too deeply for {CALLED[form]}. Remove it") from None
    except Exception as error:  # its parsers raise what happens to fail
        said = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise Bad(f"not readable as {CALLED[form]} ({said}). Remove it, or mend it in a score editor") from None


def _heard(score: Any) -> Heard:
    """One tune: each part's notes, tied ones as one."""
    sounds, left_out = list[Sound](), Counter[str]()
    signatures = list(score.recurse().getElementsByClass("TimeSignature"))
    bar = float(signatures[0].barDuration.quarterLength) if signatures else 0.0
    parts = list(score.parts) if score.hasPartLikeStreams() else [score]
    lead = max((_lead(part, bar) for part in parts), default=0.0)
    for part in parts:
        sounds += _sounds(part, lead, left_out)
    marks = [mark for mark in score.recurse().getElementsByClass("MetronomeMark") if mark.getQuarterBPM()]
    tempo = float(marks[0].getQuarterBPM()) if marks else 120.0
    left_out["repeats (played once)"] = len(score.recurse().getElementsByClass("Repeat"))
    left_out["changes of tempo (the first is kept)"] = len({mark.getQuarterBPM() for mark in marks}) > 1
    left_out["changes of metre (the first is kept)"] = len({s.ratioString for s in signatures}) > 1
    title = (score.metadata.title or "").strip() if score.metadata else ""
    return Heard(tuple(sorted(sounds)), tempo, bar, title, left_out=tuple(left_out.items()))


def _lead(part: Any, bar: float) -> float:
    """Quarter notes of silence before an upbeat, so that bars lie where they do."""
    measures = list(part.getElementsByClass("Measure"))
    first = float(measures[0].highestTime) if len(measures) > 1 else bar
    return bar - first if 0 < first < bar else 0.0


def _sounds(part: Any, lead: float, left_out: Counter[str]) -> list[Sound]:
    from music21.harmony import Harmony

    instrument = part.getInstrument(returnDefault=False)
    program = getattr(instrument, "midiProgram", None) or 0
    found = []
    for note in part.stripTies().flatten().notes:
        length = float(note.quarterLength)
        if isinstance(note, Harmony):
            left_out["names of chords"] += 1
        elif not length:
            left_out["grace notes"] += 1
        elif not note.pitches:
            left_out["percussion without pitches"] += 1
        else:
            start, velocity = float(note.offset) + lead, note.volume.velocity or 80
            found += [Sound(start, length, int(pitch.midi), round(velocity), program) for pitch in note.pitches]
    return found
