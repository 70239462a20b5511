"""Music comes back from its tokens as it was, and every row that the grammar allows is one that a piece has."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds.music.codec import Codec, Events, Grid
from reverie.kinds.music.grid import NEXT
from reverie.kinds.music.piece import DRUMS, Note, Piece, ordered, voiced

GRID = Grid(48, 72, 4, 200, ties=True, bar=16)
FRAMES = Grid(48, 72, 1, 200, ties=False)
EVENTS = Events(48, 72, 4, 200, 16, (16, 12), (90, 120), (0, 33, DRUMS), (40, 88))
CODECS = pytest.mark.parametrize("codec", [GRID, FRAMES, EVENTS], ids=["grid", "frames", "events"])


def apart(notes: list[Note]) -> list[Note]:
    """Without those that would sound beside another at the same pitch."""
    kept: list[Note] = []
    for note in sorted(notes):
        if all(n.pitch != note.pitch or n.start + n.length <= note.start for n in kept):
            kept.append(note)
    return kept


@st.composite
def chorales(draw, ties: bool = True):
    """Pieces of one instrument, no pitch twice at once; without ties, none struck again where it ends."""
    note = st.tuples(st.integers(0, 30), st.integers(1, 8), st.integers(48, 72))
    notes = apart([Note(*one) for one in draw(st.lists(note, min_size=1, max_size=8))])
    if not ties:
        notes = [n for n in notes if all((m.pitch, m.start + m.length) != (n.pitch, n.start) for m in notes)]
    codec = GRID if ties else FRAMES
    return Piece(voiced(notes), codec.beat, "", 120.0, codec.bar)


@st.composite
def bands(draw):
    """Pieces of several instruments, drums among them, that any notes may share."""
    pair = st.tuples(st.integers(0, 2), st.integers(1, 16))
    note = st.builds(
        lambda start, voice, pitch, velocity: Note(
            start, voice[1], pitch, voice[0], velocity, EVENTS.programs[voice[0]]
        ),
        st.integers(0, 70), pair, st.integers(48, 72), st.sampled_from(EVENTS.velocities),
    )  # fmt: skip
    notes = draw(st.lists(note, min_size=1, max_size=10))
    tempo, bar = draw(st.sampled_from(EVENTS.tempos)), draw(st.sampled_from(EVENTS.measures))
    return Piece(ordered(notes), 4, "", float(tempo), bar)


def there_and_back(codec, piece: Piece) -> Piece:
    return codec.decode(codec.encode([piece]).values)[0]


def alike(one: Piece, two: Piece) -> bool:
    """Equal but for the order of notes that nothing tells apart."""
    return sorted(one.notes) == sorted(two.notes) and one[1:] == two[1:]


@settings(max_examples=60, deadline=None)
@given(chorales())
def test_a_grid_with_ties_brings_back_every_note(piece):
    assert there_and_back(GRID, piece) == piece


@settings(max_examples=60, deadline=None)
@given(chorales(ties=False))
def test_a_grid_of_frames_brings_back_every_note_that_is_not_struck_again(piece):
    assert there_and_back(FRAMES, piece) == piece


@settings(max_examples=60, deadline=None)
@given(bands())
def test_events_bring_back_every_note_of_every_instrument(piece):
    assert alike(there_and_back(EVENTS, piece), piece)


def test_frames_that_follow_each_other_are_one_note_unless_ties_say_otherwise():
    twice = Piece((Note(0, 1, 60), Note(1, 1, 60)), 4, bar=16)
    assert there_and_back(GRID, twice).notes == twice.notes
    merged = there_and_back(FRAMES, twice._replace(beat=1, bar=0))
    assert merged.notes == (Note(0, 2, 60),)


@pytest.mark.parametrize("codec", [GRID, FRAMES], ids=["grid", "frames"])
def test_one_set_of_pitches_has_one_row_of_tokens(codec):
    notes = [Note(0, 1, 60), Note(0, 1, 64), Note(0, 1, 67), Note(0, 1, 64, 3)]
    rows = {tuple(codec.tokens(Piece(order, codec.beat))) for order in (tuple(notes), tuple(notes[::-1]))}
    assert len(rows) == 1
    row = next(iter(rows))
    assert list(row) == sorted(row, reverse=True), "from high to low, then NEXT"
    assert len(row) == 4
    assert row[-1] == NEXT


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.tuples(st.just(GRID), chorales()), st.tuples(st.just(EVENTS), bands())))
def test_the_grammar_allows_every_row_that_a_piece_has(pair):
    codec, piece = pair
    row = codec.encode([piece])["music"]
    wide = torch.cat([row, torch.full((1, 3), 5)], 1)  # what is beyond a row's own tokens means nothing
    for count in range(row.shape[1]):
        may = codec.allowed(wide, torch.tensor([count]))
        assert may[0, row[0, count]], f"token {count}: {row[0, count]}"


@CODECS
def test_whatever_the_grammar_allows_is_written_again_as_it_is(codec):
    """Rows drawn evenly from what is allowed: each is the one row of the piece that it stands for; of events, up to the
    order of notes of one pitch that one instrument strikes at once."""
    chance = torch.Generator().manual_seed(0)
    count, width = 8, 60
    rows = torch.zeros(count, 0, dtype=torch.long)
    for place in range(width):
        may = codec.allowed(rows, torch.full((count,), place))
        may[:, 0] = False
        rows = torch.cat([rows, torch.multinomial(may.double(), 1, generator=chance)], 1)
    for row in rows.tolist():
        own = whole(codec, row)
        again = codec.tokens(codec.piece(own)).tolist()
        assert again == own if isinstance(codec, Grid) else sorted(again) == sorted(own)


def whole(codec, row: list[int]) -> list[int]:
    """A row without what sounds nothing at its end: empty steps, bars and positions, half a note."""
    if isinstance(codec, Grid):
        row = row if row[-1] == NEXT else [*row, NEXT]
        while len(row) > 1 and row[-2] == NEXT:
            row = row[:-1]
        return row
    while not codec.ended(codec.said[row[-1]][0]):
        row = row[:-1]
    return row


@CODECS
def test_rows_of_one_batch_are_told_apart_by_their_counts(codec):
    """What is allowed does not hang on the other rows, nor on what is beyond a row's own tokens."""
    piece = Piece((Note(0, 2, 60), Note(1, 1, 55), Note(2, 4, 62)), codec.beat, bar=16)
    row = torch.from_numpy(codec.tokens(piece))
    counts = torch.arange(len(row) + 1)
    together = codec.allowed(row.expand(len(counts), -1), counts)
    for count in counts.tolist():
        assert torch.equal(codec.allowed(row[None, :count], torch.tensor([count]))[0], together[count])


def test_a_grid_forbids_higher_pitches_ends_within_a_step_and_what_is_held_from_nothing():
    row = torch.tensor([[GRID.token(60), NEXT, GRID.token(64)]])
    may = GRID.allowed(row, torch.tensor([3]))[0]
    held = [GRID.token(pitch, held=True) for pitch in (60, 59)]
    assert may[[NEXT, GRID.token(63), held[0]]].all()
    assert not may[[0, 1, GRID.token(64), GRID.token(70), held[1]]].any()
    full = torch.tensor([[GRID.token(72 - k) for k in range(8)]])
    assert GRID.allowed(full, torch.tensor([8]))[0].nonzero().flatten().tolist() == [NEXT]
    nothing = GRID.allowed(full, torch.tensor([0]))[0]
    assert not nothing[0], "no piece is empty"


@CODECS
def test_any_row_of_tokens_is_some_piece(codec):
    """An untrained model writes anything."""
    rows = torch.randint(codec.vocabulary, (16, 80), generator=torch.Generator().manual_seed(1))
    for piece in codec.decode({"music": rows}):
        assert all(note.length >= 1 and codec.low <= note.pitch <= codec.high for note in piece.notes)


@CODECS
def test_moved_tokens_are_the_tokens_of_the_moved_piece(codec):
    notes = [Note(0, 2, 60), Note(0, 1, 52), Note(2, 1, 57)]
    if codec is EVENTS:
        notes.append(Note(1, 1, 50, 2, 88, DRUMS))
    moved = [note._replace(pitch=note.pitch + 3 * (note.program != DRUMS)) for note in notes]
    row, other = (codec.tokens(Piece(tuple(one), codec.beat)) for one in (notes, moved))
    assert (codec.moved(row, 3) == other).all()
    assert codec.span(row) == (52, 60)


@CODECS
def test_a_codec_comes_back_from_json(codec):
    import json

    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec


@pytest.mark.parametrize("data", [{}, {"form": "drawn"}, {"form": "grid", "low": 1}, {"form": "events"}])
def test_what_is_no_codec_is_refused_in_one_line(data):
    with pytest.raises(Problem, match="Take it from a run") as caught:
        Codec.from_json(data)
    assert "\n" not in str(caught.value)


def refusals():
    nine = tuple(Note(0, 1, 50 + k) for k in range(9))
    yield GRID, Piece((Note(0, 1, 90),), 4, "a.mid"), "a.mid: pitch 90: the run knows MIDI pitches 48 to 72"
    yield GRID, Piece(nine, 4), "9 notes at once, more than 8. Take --tokens events"
    yield GRID, Piece((Note(0, 1, 50, program=DRUMS),), 4), "drums, which have no pitch"
    yield GRID, Piece((Note(0, 1, 50),), 3), "3 steps a quarter, and the codec has 4"
    yield EVENTS, Piece((Note(0, 1, 90),), 4), "pitch 90"
    yield EVENTS, Piece((Note(0, 1, 60, program=7),), 4), "instrument 7: the run knows the instruments 0, 33, drums"


@pytest.mark.parametrize(("codec", "piece", "said"), list(refusals()))
def test_what_has_no_token_is_named(codec, piece, said):
    with pytest.raises(Problem) as caught:
        codec.tokens(piece)
    assert said in str(caught.value)


def test_one_melodic_instrument_stands_for_any():
    codec = Events(48, 72, 4, 200, 16, (16,), (120,), (33,), (80,))
    assert codec.reduced(Piece((Note(0, 1, 60, program=7),), 4)).notes[0].program == 33


def test_where_all_data_has_one_value_there_are_no_tokens_for_it():
    codec = Events(60, 60, 4, 200, 1, (16,), (120,), (0,), (80,))
    assert codec.opening == 0
    assert codec.vocabulary == 3 + 16 + 1 + 1  # end, start, bar; positions, pitches and lengths are always said
    assert len(codec.tokens(Piece((Note(0, 1, 60), Note(5, 1, 60)), 4))) == 1 + 3 + 3


def test_voices_are_ranks_among_what_sounds_where_a_note_begins():
    notes = voiced([Note(0, 4, 60), Note(1, 1, 64), Note(1, 2, 55), Note(2, 1, 50)])
    assert {note.pitch: note.voice for note in notes} == {60: 0, 64: 0, 55: 2, 50: 2}


@CODECS
def test_what_is_kept_of_a_piece_is_plain_whole_numbers(codec):
    """And so what any other program that reads pieces expects."""
    kept = codec.reduced(Piece((Note(0, 2, 60), Note(2, 1, 62)), codec.beat, bar=16))
    assert {type(value) for note in kept.notes for value in note} == {int}


def test_a_span_and_a_move_of_nothing_are_nothing():
    assert GRID.span(np.array([NEXT, NEXT])) is None
    assert (GRID.moved(np.array([NEXT]), 5) == NEXT).all()
