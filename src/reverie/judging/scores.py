"""Pieces of music as drawings that stand inside a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reverie.kinds.music.piece import Note, Piece

ROW, LEAST = 4, 12  # height of a semitone in units; semitones that a drawing spans at least
WIDE = 640  # units of a whole drawing
QUARTERS = 64  # that are drawn; what is beyond is said
VOICES = ("#1f6feb", "#d29922", "#2da44e", "#cf222e", "#8250df", "#0a7ea4")
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def roll(piece: Piece) -> str:
    """A piano roll as SVG: time to the right, pitch upwards, a colour a voice, a line at every C and every fourth
    quarter; its first 64 quarters."""
    steps = QUARTERS * piece.beat
    notes = [note for note in piece.notes if note.start < steps]
    if not notes:
        return "<p class='note'>no note</p>"
    low, high = min(note.pitch for note in notes), max(note.pitch for note in notes)
    spare = max(0, LEAST - (high - low))
    low, high = low - 1 - spare // 2, high + 1 + spare // 2
    shown = min(steps, max(note.start + note.length for note in notes))
    unit, tall = WIDE / max(shown, 1), (high - low + 1) * ROW

    def place(pitch: int) -> int:
        return int((high - pitch) * ROW)

    lines = [f"M0 {place(c) + ROW}H{WIDE}" for c in range(low, high + 1) if c % 12 == 0]
    lines += [f"M{t * unit:.1f} 0V{tall}" for t in range(0, shown, 4 * piece.beat)]
    boxes = "".join(
        f'<rect x="{note.start * unit:.1f}" y="{place(note.pitch)}" '
        f'width="{max(1.0, min(note.length, shown - note.start) * unit - 0.8):.1f}" height="{ROW - 0.5}" '
        f'fill="{VOICES[note.voice % len(VOICES)]}"/>'
        for note in notes
    )
    said = escape(", ".join(filter(None, (piece.name, about(piece, notes)))))
    drawing = f'<path class="axis" d="{"".join(lines)}"/>{boxes}'
    svg = f'<svg class="roll" viewBox="0 0 {WIDE} {tall}" role="img" aria-label="{said}">{drawing}</svg>'
    return f"<figure>{svg}<figcaption>{said}</figcaption></figure>"


def about(piece: Piece, notes: Sequence[Note]) -> str:
    """How long a piece is and in which pitches it lies."""
    low, high = (pick(note.pitch for note in notes) for pick in (min, max))
    long = len(piece.frames()) / piece.beat
    part = f", its first {QUARTERS} drawn" if long > QUARTERS else ""
    return f"{long:g} quarters{part}, {called(low)} to {called(high)}"


def called(pitch: int) -> str:
    """60 is C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
