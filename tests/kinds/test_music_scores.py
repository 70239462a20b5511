"""Scores are read as music21 has them, once."""

import builtins

import pytest

from kinds import tune_files as made
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.music import score
from reverie.kinds.music.files import find
from reverie.kinds.music.heard import Bad, Sound

pytestmark = pytest.mark.usefixtures("own_cache")
pytest.importorskip("music21")


def sounds(heard):
    return [(s.start, s.length, s.pitch) for s in heard.sounds]


def left_out(heard):
    return {what for what, times in heard.left_out if times}


def test_an_upbeat_begins_late_in_its_bar_and_grace_notes_are_left_out_and_said():
    scale, turn = score.read("a.abc", made.ABC.encode())
    assert (scale.name, scale.bar, scale.tempo) == ("A scale", 3, 90)
    assert sounds(scale) == [(2, 1, 67), (3, 1, 60), (4, 1, 62), (5, 1, 64), (6, 2, 65), (8, 1, 67), (9, 3, 72)]
    assert left_out(scale) == {"grace notes"}
    assert sounds(turn) == [(0, 1, 62), (1, 1, 64), (2, 1, 66), (3, 1, 67), (4, 2, 69), (6, 2, 74)]


@pytest.mark.parametrize("packed", [False, True])
def test_musicxml_is_read_with_its_chords_also_packed(packed):
    data = made.compressed(made.XML) if packed else made.XML.encode()
    (heard,) = score.read("a.mxl" if packed else "a.musicxml", data)
    assert (heard.bar, sounds(heard)) == (2, [(0, 1, 72), (1, 1, 75), (2.5, 1.5, 76), (2.5, 1.5, 79)])


def test_kern_is_read_with_its_spines():
    (heard,) = score.read("a.krn", made.KERN.encode())
    assert sounds(heard) == [(0, 1, 48), (0, 1, 60), (1, 1, 50), (1, 1, 62), (2, 2, 52), (2, 2, 64)]


def test_notes_that_are_tied_are_one():
    text = "X:1\nL:1/4\nM:2/4\nK:C\nC D-|D2|]\n"
    assert sounds(score.read("a.abc", text.encode())[0]) == [(0, 1, 60), (1, 3, 62)]


def test_another_encoding_than_utf_8_is_read():
    text = "X:1\nT:Fête galante\nL:1/4\nM:2/4\nK:C\nC D|]\n"
    for encoding in ("latin-1", "utf-8", "utf-8-sig", "utf-16"):
        (heard,) = score.read("a.abc", text.encode(encoding))
        assert (heard.name, len(heard.sounds)) == ("Fête galante", 2)


def spoiled(archive: bytes) -> bytes:
    """With bytes within the score that no unpacking makes sense of."""
    at = archive.rindex(b"score.xml", 0, archive.rindex(b"PK\x01\x02", 0, archive.rindex(b"PK\x01\x02"))) + 9
    return archive[:at] + b"\xff" * 40 + archive[at + 40 :]


def bad():
    yield "a.musicxml", b"<html>no score</html>", "a.musicxml: "
    yield "a.musicxml", made.XML[:400].encode(), "not readable as MusicXML"
    entity = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + made.XML
    yield "a.musicxml", entity.encode(), "declares entities of its own"
    yield "a.mxl", b"PK no zip", "not a compressed score"
    yield "a.mxl", spoiled(made.compressed(made.XML * 3)), "not a compressed score"
    yield "a.mxl", made.zipped({"read.me": b"nothing"}), "no score in it"
    yield "a.mxl", made.zipped({"score.xml": bytes(65 << 20)}), "unpacks to more than 64 MiB"
    yield (
        "a.musicxml",
        made.XML.replace("<duration>2<", "<duration>-5<").encode(),
        "a note of -2.5 quarter notes at -2.5",
    )
    yield "a.musicxml", made.XML.replace("<duration>3<", "<duration>1e300<").encode(), "lasts 5e+299 quarter notes"
    slow = made.XML.replace("</attributes>", '</attributes><sound tempo="-90"/>')
    yield "a.musicxml", slow.encode(), "a tempo of -90 quarter notes a minute"
    yield "a.abc", b"X:1\nT:words only\nK:C\n", "no notes in it"
    yield "a.abc", b"a letter to a friend\n", "not readable as ABC"
    yield "a.abc", b"X:1\0\nK:C\nC|", "NUL"
    yield "a.krn", b"a letter to a friend\n", "not readable as Humdrum"
    yield "a.krn", b"", "0 bytes"


@pytest.mark.parametrize(("name", "data", "said"), list(bad()))
def test_a_bad_score_is_named_in_one_line(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    (line,) = find(str(tmp_path)).bad
    assert line.startswith(f"{name}: ")
    assert said in line
    assert "\n" not in line


def test_what_was_parsed_once_is_read_from_the_cache_and_a_broken_one_is_parsed_anew(tmp_path, monkeypatch):
    (first,) = score.read("a.krn", made.KERN.encode())
    (kept,) = (score.cache_folder() / "music").iterdir()
    monkeypatch.setattr(score, "_parsed", lambda text, form: (_ for _ in ()).throw(Bad("parsed again. Don't")))
    assert score.read("a.krn", made.KERN.encode()) == [first]
    assert isinstance(first.sounds[0], Sound)
    kept.write_text("[[")
    with pytest.raises(Bad, match="parsed again"):
        score.read("a.krn", made.KERN.encode())


def test_without_music21_scores_name_the_extra_and_midi_is_read(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **more):
        if name.split(".")[0] == "music21":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    (tmp_path / "a.abc").write_text(made.ABC)
    for call in (lambda s: s.summary(), lambda s: s.prepare()):
        with pytest.raises(Problem, match=r"pip install 'reverie\[music\]'") as caught:
            call(open_source(str(tmp_path / "a.abc"), DataOptions()))
        assert "\n" not in str(caught.value)
    assert open_source(str(made.folder(tmp_path / "midi")), DataOptions()).summary().count == 12


def test_the_chorales_of_music21_have_four_voices(tmp_path):
    from reverie.kinds.music.corpus import exported, voices

    folder = exported()
    scores = sorted(folder.glob("*.mxl"))
    assert len(scores) > 350
    assert {voices(one) for one in scores[::40]} == {4}
    assert exported() == folder
    (heard,) = score.read(scores[0].name, scores[0].read_bytes())
    assert heard.bar == 4
    assert min(s.pitch for s in heard.sounds) > 35
