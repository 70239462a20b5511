"""Pieces in batches: transposed and begun at bars in training, cut where they are long, as they are elsewhere."""

import pytest
import torch

from kinds import tune_files as made
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.music.codec import Events, Grid
from reverie.kinds.music.grid import END
from reverie.kinds.music.items import DOWN, UP, Encoded, Framed
from reverie.kinds.music.piece import Note, Piece, voiced

pytestmark = pytest.mark.usefixtures("own_cache")

GRID = Grid(36, 96, 4, 400, ties=True, bar=16)
EVENTS = Events(36, 96, 4, 400, 16, (16,), (120,), (0, 33), (80,))


def long(bars: int, beat: int = 4) -> Piece:
    """A bar is told from others by its pitches: its number is in them. Notes are held over bars' ends."""
    notes = [Note(16 * k + 4 * j, 4, 60 + k % 12 + j) for k in range(bars) for j in range(4)]
    notes += [Note(16 * k + 12, 8, 48 + k % 7) for k in range(0, bars - 1, 2)]
    return Piece(voiced(notes), beat, "long", bar=16)


def rows(batch):
    tokens, lengths = batch["music"], batch.lengths["music"]
    return [row[:n].tolist() for row, n in zip(tokens, lengths)]


def prepared(tmp_path, **options):
    return open_source(str(made.folder(tmp_path / "tunes")), DataOptions(**options)).prepare()


@pytest.mark.parametrize("tokens", ["grid", "events"])
def test_items_are_tokens_with_an_end_and_decode_to_what_raw_says(tmp_path, tokens):
    data = prepared(tmp_path, tokens=tokens)
    index = torch.arange(len(data.train))
    batch, raw = data.train.take(index), data.train.raw(index)
    assert all(row[-1] == END and END not in row[:-1] for row in rows(batch))
    assert data.codec.decode(batch.values) == [piece._replace(name="") for piece in raw]
    assert batch["music"].shape[1] == max(batch.lengths["music"]) <= data.codec.longest
    assert data.train.columns(index)["item"] == [piece.name for piece in raw]


def test_the_size_that_a_model_asks_for_cuts_no_piece(tmp_path):
    source = open_source(str(made.folder(tmp_path / "tunes")), DataOptions())
    assert source.prepare((20,)).codec == source.prepare().codec


@pytest.mark.parametrize("tokens", ["grid", "events"])
def test_pieces_vary_by_all_intervals_that_keep_them_in_reach_and_by_nothing_else(tmp_path, tokens):
    data = prepared(tmp_path, tokens=tokens)
    own = data.train.raw(torch.tensor([0]))[0]
    torch.manual_seed(0)
    index = torch.zeros(400, dtype=torch.long)
    found = data.codec.decode(data.train.take(index, vary=True).values)
    moves = {piece.notes[0].pitch - own.notes[0].pitch for piece in found}
    pitches = [note.pitch for piece in data.train.raw(torch.arange(len(data.train))) for note in piece.notes]
    mine = [note.pitch for note in own.notes]
    low, high = max(DOWN, min(pitches) - min(mine)), min(UP, max(pitches) - max(mine))
    assert moves == set(range(low, high + 1))
    for piece in found:
        by = piece.notes[0].pitch - own.notes[0].pitch
        assert piece.notes == tuple(note._replace(pitch=note.pitch + by) for note in own.notes)


def test_within_a_wide_reach_all_twelve_keys_come_about_equally_often():
    """Of 2,400 draws, each of 12 comes 200 times, with a deviation of 13.5: none is 6 of these away."""
    piece = Piece((Note(0, 4, 66),), 4, bar=16)
    items = Framed([piece], GRID, reach=(40, 90))
    torch.manual_seed(1)
    batch = items.take(torch.zeros(2400, dtype=torch.long), vary=True)
    counts = torch.bincount(batch["music"][:, 0] - GRID.token(66) + 5, minlength=12)
    assert len(counts) == 12
    assert (counts - 200).abs().max() < 6 * 13.5


def test_the_same_seed_varies_alike_and_without_varying_nothing_is_drawn(tmp_path):
    items = prepared(tmp_path).train
    index = torch.arange(len(items))
    torch.manual_seed(3)
    one = items.take(index, vary=True)["music"]
    torch.manual_seed(3)
    assert torch.equal(items.take(index, vary=True)["music"], one)
    state = torch.get_rng_state()
    items.take(index)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("codec", [GRID, EVENTS], ids=["grid", "events"])
def test_a_long_piece_is_cut_at_bars_into_parts_that_are_together_the_whole(codec):
    piece, kind = long(40), Framed if codec is GRID else Encoded
    whole = codec.tokens(piece)
    from dataclasses import replace

    items = kind([piece], replace(codec, longest=len(whole) // 3))
    assert len(items) == 4, "with room for an end, three are too few"
    found = rows(items.take(torch.arange(len(items))))
    assert [row[-1] == END for row in found] == [False, False, False, True]
    assert all(len(row) <= len(whole) // 3 for row in found)
    assert max(map(len, found)) < 1.5 * min(map(len, found)), "about equally long"
    parts = items.raw(torch.arange(len(items)))
    lengths = [-(-part.steps // 16) for part in parts]
    if codec is GRID:
        frames = [frame for part in parts for frame in part.frames()]
        assert frames == piece.frames()
        assert [len(part.frames()) for part in parts] == items.frames
    starts = [sum(lengths[:k]) for k in range(len(parts))] if codec is GRID else None
    for k, part in enumerate(parts):
        first = next(note for note in part.notes if note.voice == 0)
        assert first.start == 0, "each begins with a bar"
        if starts:
            assert first.pitch == 60 + starts[k] % 12


@pytest.mark.parametrize("codec", [GRID, EVENTS], ids=["grid", "events"])
def test_training_begins_a_long_piece_at_any_bar_from_which_an_item_is_filled(codec):
    from dataclasses import replace

    piece = long(12)
    short = replace(codec, longest=len(codec.tokens(piece)) // 2)
    items = Encoded([piece], short, reach=None)
    torch.manual_seed(0)
    found = rows(items.take(torch.zeros(200, dtype=torch.long), vary=True))
    firsts = set()
    for row in found:
        assert len(row) <= short.longest
        part = short.piece(row)
        firsts.add(next(note.pitch for note in part.notes if note.voice == 0) - 60)
        assert row[-1] == END or len(row) == short.longest
    assert {0, 1, 2, 3, 4, 5, 6} <= firsts
    assert any(row[-1] == END for row in found), "the end is seen too"


def test_what_is_held_at_a_cut_is_struck_there():
    piece = Piece((Note(0, 32, 50), Note(0, 16, 60), Note(16, 16, 62)), 4, bar=16)
    from dataclasses import replace

    items = Framed([piece], replace(GRID, longest=60))
    (first, second) = items.raw(torch.arange(2))
    assert (first.notes[-1].length, second.notes[-1]) == (16, Note(0, 16, 50, 1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (3,)}, "--size 3: a piece is as long as a number of tokens"),
        ({"size": (64, 64)}, "--size 64x64"),
        ({"tokens": "bpe"}, "--tokens bpe: no way to write music. There are: grid, events"),
        ({"held_out": 1.5}, "--held-out 1.5"),
    ],
)
def test_options_that_music_can_not_meet_are_named(tmp_path, options, said):
    with pytest.raises(Problem) as caught:
        prepared(tmp_path, kind="music", **options)
    assert said in str(caught.value)


def test_a_grid_that_can_not_say_the_music_is_refused_and_events_are_chosen(tmp_path):
    folder = made.folder(tmp_path / "tunes")
    (folder / "drums.mid").write_bytes(made.of_messages([*drum(), *drum()]))
    assert isinstance(open_source(str(folder), DataOptions()).prepare().codec, Events)
    with pytest.raises(Problem, match="--tokens grid: it has drums"):
        open_source(str(folder), DataOptions(tokens="grid")).prepare()


def drum():
    import mido

    return [
        mido.Message("note_on", note=36, channel=9, velocity=100),
        mido.Message("note_off", note=36, channel=9, time=480),
    ]


def test_copies_stay_in_one_part(tmp_path):
    folder = made.folder(tmp_path / "tunes", 6)
    for k in range(6):
        (folder / f"copy-{k}.mid").write_bytes(made.midi(k))
    data = open_source(str(folder), DataOptions(held_out=0.3)).prepare()
    index = [torch.arange(len(items)) for items in (data.train, data.held_out)]
    one, two = ({p.notes for p in items.raw(i)} for items, i in zip((data.train, data.held_out), index))
    assert two
    assert not one & two
    assert any("6 pieces stand there once more" in note for note in data.notes)


def test_the_fingerprint_is_of_the_notes_and_of_the_options(tmp_path):
    folder = made.folder(tmp_path / "tunes")
    marks = {open_source(str(folder), DataOptions(**o)).prepare().fingerprint for o in ({}, {"tokens": "events"})}
    (folder / "tune-00.mid").write_bytes(made.midi(7))
    marks.add(open_source(str(folder), DataOptions()).prepare().fingerprint)
    assert len(marks) == 3


def test_what_tokens_do_not_keep_is_said(tmp_path):
    folder = made.folder(tmp_path / "tunes", 6)
    for k in range(6, 12):
        (folder / f"tune-{k:02d}.mid").write_bytes(made.midi(k, tempo=60.0, bar=12, size=10))
    notes = open_source(str(folder), DataOptions(tokens="grid")).prepare().notes
    assert any("not kept: the tempo, of " in note for note in notes)
    assert any("not kept: the metre, of " in note for note in notes)
    notes = open_source(str(folder), DataOptions(tokens="events")).prepare().notes
    assert not any("not kept" in note for note in notes)


def test_a_summary_says_what_music_it_is(tmp_path):
    summary = open_source(str(made.folder(tmp_path / "tunes")), DataOptions()).summary()
    assert (summary.kind, summary.count) == ("music", 12)
    assert summary.facts["notes"] == 8 * 12 + 4 * 15  # eight tunes of 8 and 4 notes, four of 10 and 5
    assert summary.facts["pitches"] == "C3 to C6"
    assert summary.facts["at once"] == "2 at most"
    assert summary.facts["grid"] == "1 step a quarter note, on which notes begin"
    assert any(line.startswith("grid: ") for line in summary.plan)
