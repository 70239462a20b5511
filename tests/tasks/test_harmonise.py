"""Melodies are harmonised by a model that writes at random what is allowed: what holds then, holds of every model."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from reverie import core
from reverie.errors import Problem
from reverie.kinds.music.files import find
from reverie.kinds.music.grid import Grid
from reverie.kinds.music.heard import gridded
from reverie.kinds.music.led import Led
from reverie.kinds.music.midi import written as as_midi
from reverie.kinds.music.piece import Piece
from reverie.nets.decoding import Manner, written
from reverie.nets.token_rows import TokenRows
from reverie.tasks.harmonise import Asked, Harmony, harmonise, harmonised, save
from reverie.training.run import Run
from tunes import lines, walks


class Dice(core.Model):
    """All tokens equally likely; the nats of a row are its lowest pitch, so that of several tries one is known best."""

    def __init__(self, spec):
        super().__init__()
        self.spec, self.rows = spec, TokenRows(spec, "dice")
        self.weight = nn.Parameter(torch.zeros(()))

    def optimizers(self):
        return {}

    def updates(self):
        return []

    def noise(self, generator, how):
        return torch.rand(self.rows.context, dtype=torch.float64, generator=generator)

    def sample(self, noise, condition, how):
        raise AssertionError("not asked for")

    def read(self, tokens):
        return torch.zeros(len(tokens), self.rows.vocabulary)

    def written(self, prompt, noise, how):
        return written(self, self.rows, prompt, noise, Manner(1.0, 0, 1.0, 0.0, 1.0, 0))

    def nll(self, batch, draws):
        row = batch["music"]
        pitches = row.masked_fill((row < 3) | (row >= 50), 99).float()
        return pitches.amin(1), batch.lengths["music"]


def run(place, codec=None, info: Mapping = {}):
    codec = codec or Led(Grid(40, 86, 1, 300), 320, 3)
    made = Run(place, {"model": "dice", "source": {"where": "chorales.json"}, **info})
    model = Dice(codec.spec).eval().requires_grad_(False)
    vars(made).update(spec=codec.spec, codec=codec, model=model, sampling=None, family=None)
    return made


def tops(piece):
    return [frame[0] if frame else None for frame in piece.frames()]


def files(place, pieces):
    place.mkdir()
    for k, piece in enumerate(pieces):
        (place / f"tune {k}.mid").write_bytes(as_midi(piece))
    return str(place)


def test_every_note_of_every_melody_is_kept_and_four_voices_sound(tmp_path):
    tunes = [*walks(5, 1), lines([60, 0, 64, 64, 86])]
    made = harmonise(run(tmp_path), [files(tmp_path / "tunes", tunes)], Asked(n=2))
    assert len(made.pieces) == 12
    for piece, tune in zip(made.pieces, [tune for tune in tunes for _ in range(2)]):
        assert tops(piece) == tops(tune)
        assert {len(frame) for frame in piece.frames() if frame} == {4}
    assert made.pieces[0] != made.pieces[1]


@pytest.mark.parametrize("voices", [2, 3, 5])
def test_as_many_voices_sound_as_are_asked_for(tmp_path, voices):
    made = harmonised(run(tmp_path), [lines([70, 72, 74])], Asked(voices=voices))
    assert {len(frame) for frame in made.pieces[0].frames()} == {voices}


def test_of_several_tries_the_most_probable_is_kept(tmp_path):
    """Of the same ten, one by one."""
    tune = walks(1, 3)[0]
    single = harmonised(run(tmp_path), [tune], Asked(n=10))
    (best,) = harmonised(run(tmp_path), [tune], Asked(tries=10)).pieces
    two = harmonised(run(tmp_path), [tune], Asked(n=2, tries=5))
    assert best == single.pieces[single.nats.index(min(single.nats))]
    assert two.nats == [min(single.nats[:5]), min(single.nats[5:])]


def test_a_harmony_hangs_on_its_melody_and_the_seed_and_not_on_the_others(tmp_path):
    tunes = walks(70, 4)
    together = harmonised(run(tmp_path), tunes, Asked(seed=5)).pieces
    alone = harmonised(run(tmp_path), tunes[66:68], Asked(seed=5)).pieces
    assert together[66:68] == alone
    assert harmonised(run(tmp_path), tunes[66:67], Asked(seed=6)).pieces != alone[:1]


def test_files_are_named_as_the_tunes_and_hold_what_was_made(tmp_path):
    made = harmonised(run(tmp_path), [lines([70, 72])._replace(name=name) for name in ("a b.mid", "a b.mid", "")])
    names = save(made, tmp_path / "out")
    assert [file.name for file in names] == ["a-b.mid", "a-b-2.mid", "melody.mid"]
    for file, piece in zip(names, made.pieces):
        (tune,) = find(str(file)).tunes
        assert gridded(tune.heard, 1).frames() == piece.frames()


def test_names_that_look_numbered_get_files_of_their_own(tmp_path):
    pieces = [lines([70])._replace(name=name) for name in ("a-4", "a-4", "a", "a", "a-2")]
    names = save(Harmony(pieces, pieces, [0.0] * 5, []), tmp_path / "out")
    assert [file.stem for file in names] == ["a-4", "a-4-2", "a", "a-2", "a-2-2"]


def test_a_folder_that_holds_anything_is_not_written_into(tmp_path):
    """Files are named as their tunes: among these they would be written over."""
    place = files(tmp_path / "tunes", [lines([70, 72])])
    before = (tmp_path / "tunes" / "tune 0.mid").read_bytes()
    (tmp_path / "tunes" / "tune-0.mid").write_bytes(before)
    with pytest.raises(Problem, match="not empty, and nothing is overwritten"):
        run(tmp_path).harmonise(place, out=tmp_path / "tunes")
    assert [file.read_bytes() for file in (tmp_path / "tunes").iterdir()] == [before, before]
    made = run(tmp_path).harmonise(place, out=tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"tune-0.mid", "tune-0-2.mid"}
    assert len(made) == 2


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    good = files(tmp_path / "tunes", [lines([70, 72])])
    with pytest.raises(Problem, match=r"reverie fit chorales\.json --given melody"):
        harmonise(run(tmp_path, Grid(40, 86, 1, 300)), [good])
    with pytest.raises(Problem, match="nothing: no such file"):
        harmonise(run(tmp_path), ["nothing"])
    with pytest.raises(Problem, match="--tries 0"):
        harmonise(run(tmp_path), [good], Asked(tries=0))
    with pytest.raises(Problem, match="pitch 100"):
        harmonised(run(tmp_path), [lines([100])])
    with pytest.raises(Problem, match="no notes"):
        harmonised(run(tmp_path), [Piece((), 1)])
    with pytest.raises(Problem, match="no files"):
        harmonise(run(tmp_path), [])


def test_the_melody_is_what_is_highest_in_a_piece_of_several_voices(tmp_path):
    piece = lines([70, 72, 71], [60, 59, 62], [50, 50, 50])
    (made,) = harmonise(run(tmp_path), [files(tmp_path / "pieces", [piece])]).pieces
    assert tops(made) == [70, 72, 71]
