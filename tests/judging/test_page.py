"""What stands on the page: words that the numbers bear out, pictures that are the pictures, curves that are the log."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from reverie.judging.pictures import POINTS, curve, grid, png
from reverie.judging.report import neighbours, samples
from reverie.judging.samples import Beside
from reverie.judging.scores import roll
from reverie.judging.words import headline, number, percent
from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric
from tunes import lines


def frechet(value, floor=10.0, reference=200.0):
    return Metric("frechet_2k", value, "", 2000, "", floor=floor, reference=reference)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (250.0, "no closer to the data than an untrained model"),
        (200.0, "no closer to the data than an untrained model"),
        (150.0, "less than half of the way"),
        (48.0, "80 % of the way"),
        (12.0, "nearly as close to the data as real items"),
    ],
)
def test_the_distance_is_put_between_untrained_and_real(value, says):
    (said,) = headline([frechet(value)])
    assert says in said
    assert all(number(x) in said for x in (value, 10.0, 200.0))  # the evidence stands beside the claim


def test_a_distance_without_reference_claims_nothing():
    assert headline([frechet(50.0, reference=None)]) == ["Fréchet distance 50; real training items score 10."]
    assert headline([frechet(50.0, None, None)]) == ["Fréchet distance 50."]


@pytest.mark.parametrize(("recall", "missing"), [(0.39, True), (0.41, False)])
def test_missing_variety_is_said_below_half_the_floor(recall, missing):
    (said,) = headline([Metric("recall_2k", recall, "share", 2000, "", floor=0.8)])
    assert ("much of it is missing" in said) is missing


@pytest.mark.parametrize(("bits", "says"), [(1.8, "50 % less than a plain"), (3.7, "no better than a plain")])
def test_text_is_held_against_the_bigram_model(bits, says):
    (said,) = headline([Metric("bits_per_character", bits, "bits", 9, "", reference=3.6)])
    assert says in said


@pytest.mark.parametrize(("low", "says"), [(0.2, "not surely better"), (0.4, "would be right on 30 %")])
def test_accuracy_is_held_against_the_constant_guess(low, says):
    whole = Metric("accuracy_1k", 0.5, "share right", 1000, "", low=low, high=0.6, reference=0.3)
    (said,) = headline([whole, Metric("accuracy[cat]", 0.9, "share right", 10, "", low=0.6, high=1.0)])
    assert says in said
    assert "1000 held-out items" in said


def test_no_metric_no_verdict():
    assert headline([]) == ["No measure applies to this model and this data."]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.004, "0.4 %"), (0.996, "99.6 %")],
)
def test_shares_near_the_ends_keep_a_decimal(share, said):
    assert percent(share) == said


def shown(uri):
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_picture_on_the_page_is_the_picture(channels, depth):
    eight = np.arange(5 * 7 * channels, dtype=np.uint8).reshape(5, 7, channels)
    picture = eight if depth == np.uint8 else eight.astype(np.uint16) * 257
    assert np.array_equal(shown(png(picture)).reshape(5, 7, channels), eight)


def test_the_grid_goes_row_by_row():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.ones((5, 2, 3, 1), np.uint8)
    page = grid(pictures, 3)
    assert page.shape == (4, 9, 1)
    assert page[::2, ::3, 0].tolist() == [[1, 2, 3], [4, 5, 0]]


def points(svg):
    return [tuple(map(float, p.split(","))) for p in re.search(r'points="([^"]*)"', svg)[1].split()]


def test_a_curve_is_its_values():
    svg = curve("loss", [0, 10, 20], [3.0, 1.0, 2.0])
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y1 - y0 == pytest.approx(2 * (y1 - y2), abs=0.3)  # downwards: 3 → 1, then half of it back
    assert y0 < y2 < y1
    ElementTree.fromstring(svg)


def test_a_curve_over_decades_is_logarithmic():
    svg = curve("loss", [0, 1, 2], [1000.0, 10.0, 0.1])
    (_, y0), (_, y1), (_, y2) = points(svg)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    assert "log scale" in svg


@pytest.mark.parametrize("values", [[], [1.0], [float("nan")] * 3, [1.0, float("inf")]])
def test_a_curve_of_less_than_two_values_is_left_out(values):
    assert curve("loss", range(len(values)), values) == ""


def test_a_flat_curve_and_a_broken_one_are_drawn():
    assert len(points(curve("loss", [1, 2], [5.0, 5.0]))) == 2
    assert len(points(curve("loss", [1, 2, 3], [5.0, float("nan"), 4.0]))) == 2


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    steps = range(5000)
    found = points(curve("loss", steps, [float(s) for s in steps]))
    short = points(curve("loss", [0, 4999], [0.0, 4999.0]))
    assert len(found) == POINTS
    assert (found[0], found[-1]) == (short[0], short[-1])


def test_names_and_texts_are_escaped():
    assert "<b>" not in curve("<b>", [1, 2], [1.0, 2.0])
    assert "<b>" not in samples(["<b>bold</b>"])
    assert "&lt;b&gt;" in neighbours([Beside("<b>", ["a", "b"])], "")


def test_a_long_text_is_clipped_and_says_so():
    assert samples(["x" * 10_000]).count("x") == 600
    assert "…" in samples(["x" * 10_000])


def test_nothing_to_show_shows_nothing():
    assert samples(None) == samples(np.zeros((0, 2, 2, 1), np.uint8)) == neighbours([], "") == ""


def test_a_piece_is_drawn_note_by_note():
    """Time to the right, pitch upwards: the higher note stands higher, the later further right, the longer is wider."""
    piece = lines([72, 74], [60, 60])._replace(name="a <tune>")
    page = samples([piece, Piece((), 1)])
    drawn = ElementTree.fromstring(re.search(r"<svg.*?</svg>", page)[0])
    boxes = [{k: float(box.get(k)) for k in ("x", "y", "width")} for box in drawn.iter("rect")]
    (high, low, late, _) = boxes
    assert high["y"] < low["y"]
    assert late["x"] > high["x"]
    assert late["y"] < high["y"]
    assert "a &lt;tune&gt;, 2 quarters, C4 to D5" in page
    assert "no note" in page


def test_what_is_beyond_the_drawing_is_said():
    assert "100 quarters, its first 64 drawn" in roll(lines(range(20, 120)))


def test_music_is_told_of_by_its_steps_and_its_parallels():
    framed = Metric("nats_per_frame_77", 5.5, "nats a frame", 77, "")
    led = Metric("parallels_77", 0.05, "a change", 77, "", low=0.04, high=0.06, floor=0.02)
    assert headline([framed]) == ["A step of held-out music costs 5.5 nats, the ends of pieces among them."]
    assert headline([led])[0].endswith("surely more.")
    assert "held-out pieces: 2.0 %" in headline([led])[0]
    assert "surely" not in headline([Metric("parallels_77", 0.02, "", 7, "", low=0.01, high=0.03, floor=0.02)])[0]
