"""Pieces led by their melody: the same pieces, in another order of tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds.music.codec import Codec
from reverie.kinds.music.grid import END, FIRST, NEXT, Grid
from reverie.kinds.music.items import Leading
from reverie.kinds.music.led import Led, led, melody, split
from reverie.kinds.music.piece import Note, Piece
from reverie.kinds.music.source import moving
from reverie.kinds.music.under import under
from reverie.metrics.music.leading import faults
from tunes import lines, walks

CHORDS = st.lists(st.lists(st.integers(40, 79), max_size=4, unique=True), min_size=1, max_size=12)


def grid(**changed):
    return Grid(40, 79, 1, 400, **changed)


def of_chords(chords):
    """A note a pitch and step: the last step is never empty."""
    return Piece(
        tuple(Note(t, 1, p) for t, chord in enumerate([*chords, [60]]) for p in sorted(chord, reverse=True)), 1
    )


@settings(max_examples=60, deadline=None)
@given(CHORDS, st.booleans(), st.integers(1, 6))
def test_a_row_is_its_piece_and_gives_it_back(chords, ties, ahead):
    codec = Led(grid(ties=ties), 500, ahead)
    piece = codec.reduced(of_chords(chords))
    batch = codec.encode([piece])
    (again,) = codec.decode(batch.values)
    assert again.frames() == piece.frames()
    assert again.notes == piece.notes
    assert int(batch.lengths["music"][0]) == batch["music"].shape[1]


def test_the_melody_stands_ahead_by_the_same_distance_everywhere():
    """Notes a to e, one voice below: two steps ahead, then over."""
    codec = Led(grid(), 100, 2)
    a, b, c, d, e = (codec.grid.token(p) for p in (70, 71, 72, 73, 74))
    low = codec.grid.token(50)
    row = codec.encode([lines([70, 71, 72, 73, 74], [50] * 5)])["music"][0].tolist()
    over = codec.over
    steps = [c, a, low, NEXT, d, b, low, NEXT, e, c, low, NEXT, over, d, low, NEXT, over, e, low, NEXT]
    assert row == [a, b, *steps, END]


def test_a_piece_shorter_than_the_lead_is_whole():
    codec = Led(grid(), 100, 4)
    piece = lines([70, 71], [50, 52])
    assert codec.decode(codec.encode([piece]).values)[0].frames() == piece.frames()


def test_a_part_that_is_cut_out_leaves_the_steps_that_only_lead():
    codec = Led(grid(), 100, 2)
    row = codec.tokens(lines([70, 71, 72, 73], [50] * 4))
    made = codec.dressed(row)
    assert (made == NEXT).sum() == 2
    assert codec.plain(made) == row[: 2 * 3].tolist()


def test_anything_that_is_written_can_be_read():
    """Rows at random, of which some make no sense."""
    codec = Led(grid(ties=True), 60, 3)
    rows = torch.randint(codec.vocabulary, (200, 60), generator=torch.Generator().manual_seed(0))
    for piece in codec.decode({"music": rows}):
        assert all(note.length > 0 and 40 <= note.pitch <= 79 for note in piece.notes)


def test_the_codec_goes_through_json():
    codec = Led(grid(ties=True, classes=("a", "b")), 77, 5)
    assert Codec.from_json(codec.to_json()) == codec
    assert codec.spec.only[1].categories == codec.grid.vocabulary + 2
    assert list(codec.spec.condition) == ["label"]


def test_items_have_room_and_count_their_frames():
    pieces = walks(6, 0)
    codec = led(Grid(40, 90, 1, 200), pieces)
    items = Leading(pieces, codec)
    batch = items.take(torch.arange(6), vary=True)
    assert int(batch.lengths["music"].max()) <= codec.longest
    assert items.frames == [40] * 6
    cut = Leading(pieces, led(Grid(40, 90, 1, 60), pieces))
    assert len(cut) > 6
    assert sum(cut.frames) == 6 * 40 - 4 * (len(cut) - 6)  # of a part without an end the last 4 steps only lead


def test_a_melody_is_the_highest_of_each_step():
    piece = Piece((Note(0, 2, 70), Note(0, 4, 60), Note(1, 1, 72), Note(4, 2, 65), Note(6, 1, 65)), 1, "x", 90.0)
    found = melody(piece)
    assert [note[:3] for note in found.notes] == [(0, 1, 70), (1, 1, 72), (2, 2, 60), (4, 2, 65), (6, 1, 65)]
    assert (found.name, found.tempo) == ("x", 90.0)
    with pytest.raises(Problem, match="no notes"):
        melody(Piece((), 1, "empty"))


# -------------------------------------------------------------------------------------------------- what may be written


def random_row(codec, allowed, seed, most=400):
    """One allowed token after the other, each equally likely."""
    g = torch.Generator().manual_seed(seed)
    row = torch.zeros(1, 0, dtype=torch.long)
    while row.shape[1] < most:
        may = allowed(row, torch.tensor([row.shape[1]]))[0]
        assert may.any()
        choice = may.nonzero()[:, 0]
        token = choice[torch.randint(len(choice), (1,), generator=g)]
        row = torch.cat([row, token[None]], 1)
        if token == END:
            return row
    raise AssertionError("no end")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(44, 79) | st.just(0), min_size=1, max_size=8), st.booleans(), st.sampled_from([0, 2, 4]))
def test_whatever_is_allowed_is_the_melody_with_so_many_voices(row, ties, voices):
    tune = melody(lines([*row, 60]))
    codec = Led(grid(ties=ties), 400, 3)
    (piece,) = codec.decode({"music": random_row(codec, under(codec, [tune], voices), seed=len(row))})
    wanted = codec.reduced(tune).frames()
    assert [frame[:1] for frame in piece.frames()] == wanted
    if voices:
        assert {len(frame) for frame in piece.frames() if frame} == {voices}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(60, 79), min_size=4, max_size=10), st.integers(0, 99))
def test_strict_voices_make_no_fifth_or_octave_in_parallel_where_they_need_not(row, seed):
    """Random voices have many; those left have no other pitch."""
    codec, tune = Led(grid(), 400, 3), melody(lines([*row]))
    free, strict = (
        codec.decode({"music": random_row(codec, under(codec, [tune], 3, how), seed)})[0] for how in (False, True)
    )
    assert [frame[0] for frame in strict.frames()] == [frame[0] for frame in free.frames()]
    hits, changes = faults((0, 7))(strict)
    assert hits <= 0.1 * changes or changes < 4


def test_a_pitch_that_makes_a_fifth_in_parallel_is_not_allowed_and_all_others_are():
    """From C over F to D over …: G below D, and an octave lower, would move along in fifths."""
    codec, tune = Led(grid(), 400, 1), melody(lines([60, 62, 62]))
    token = codec.grid.token
    row = torch.tensor([[token(60), token(62), token(60), token(53), NEXT, token(62), token(62)]])
    both = [under(codec, [tune], 2, strict)(row, torch.tensor([7]))[0] for strict in (False, True)]
    gone = {codec.grid.low + int(k) - FIRST for k in (both[0] & ~both[1]).nonzero()[:, 0]}
    assert gone == {55}


def test_rows_of_a_batch_keep_each_its_own_melody():
    codec = Led(grid(), 400, 2)
    tunes = [melody(lines([60, 62, 64])), melody(lines([70, 71]))]
    allowed = under(codec, tunes, 2)
    rows = torch.zeros(2, 0, dtype=torch.long)
    first = allowed(rows, torch.zeros(2, dtype=torch.long))
    assert [row.nonzero()[:, 0].tolist() for row in first] == [[codec.grid.token(60)], [codec.grid.token(70)]]
    pieces = (lines([60, 62, 64], [50] * 3), lines([70, 71], [50] * 2))
    one, two = (np.append(codec.tokens(piece), END) for piece in pieces)
    whole = [codec.dressed(row) for row in (one, two)]
    wide = max(map(len, whole))
    padded = torch.tensor([np.pad(row, (0, wide - len(row))).tolist() for row in whole])
    for width in range(wide):
        counts = torch.tensor([min(width, len(row)) for row in whole])
        may = allowed(padded[:, :width], counts)
        for k, row in enumerate(whole):
            assert width >= len(row) or may[k, row[width]]


@pytest.mark.parametrize(
    ("tune", "voices", "says"),
    [
        (lines([41]), 4, "pitch 41 has no room for 3 voices under it, as the run knows none below"),
        (lines([90]), 4, "pitch 90: the run knows"),
        (lines([60]), 1, "--voices 1: from 2"),
        (lines([60]), 9, "--voices 9"),
        (lines([60] * 99), 4, "Cut it"),
    ],
)
def test_what_can_not_be_harmonised_is_said(tune, voices, says):
    with pytest.raises(Problem, match=says):
        under(Led(grid(), 400, 4), [tune], voices)


def test_steps_are_split_at_their_ends():
    assert split([5, 4, NEXT, NEXT, 6]) == [[5, 4], [], [6]]


@pytest.mark.parametrize(
    ("ends", "keys", "moved"),
    [(60, "", False), (0, "", True), (60, "all", True), (0, "own", False)],
)
def test_pieces_that_all_end_on_one_note_are_not_moved_unless_one_asks(ends, keys, moved):
    """Thirty melodies, all to C, or each to another note."""
    pieces = [melody(lines([62, 64, 65, ends or 60 + k % 7])) for k in range(30)]
    reach, said = moving(pieces, keys)
    assert (reach is not None) is moved
    assert ("end on C" in said) is (not moved and not keys)
