"""What stands on a comparison's page is what is in its folder, each model told apart."""

import base64
import io
import re
from html import escape
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from reverie.judging.chart import DARK, DASHES, LIGHT, LINES, chart, legend, style
from reverie.judging.compare_page import looked, page, sheet
from reverie.judging.comparison import Comparison, Row, Trained
from reverie.judging.order import Order
from reverie.metrics import Metric


def lines_of(svg):
    return [[tuple(map(float, p.split(","))) for p in found.split()] for found in re.findall(r'points="([^"]*)"', svg)]


def test_all_lines_share_one_scale():
    svg = chart("held_out_nats", "items seen", {0: [[(0, 4.0), (10, 2.0)]], 1: [[(5, 3.0), (20, 0.0)]]})
    (a, b), (c, d) = lines_of(svg)
    assert b[0] - a[0] == pytest.approx((d[0] - a[0]) / 2, abs=0.1)  # 10 of 20
    assert c[0] - a[0] == pytest.approx((d[0] - a[0]) / 4, abs=0.1)  # 5 of 20
    assert b[1] - a[1] == pytest.approx((d[1] - a[1]) / 2, abs=0.1)  # 4 → 2 is half of 4 → 0
    assert a[1] < c[1] < b[1] < d[1]
    ElementTree.fromstring(svg)


def test_a_span_of_decades_is_logarithmic_over_all_lines():
    svg = chart("m", "items seen", {0: [[(0, 1000.0), (1, 10.0)]], 1: [[(0, 10.0), (1, 0.1)]]})
    (a, b), (c, d) = lines_of(svg)
    assert b[1] - a[1] == pytest.approx(d[1] - c[1], abs=0.2)
    assert "log scale" in svg


def test_a_run_that_looked_once_is_a_dot_and_one_alone_is_no_chart():
    svg = chart("m", "items seen", {0: [[(0, 1.0), (1, 2.0)]], 1: [[(1, 1.5)], [(1, float("nan"))]]})
    assert len(re.findall("<circle", svg)) == 2
    assert chart("m", "items seen", {0: [[(1, 1.0)]], 1: [[(1, 2.0)]]}) == ""
    assert chart("m", "items seen", {}) == ""


def test_forty_models_have_forty_styles_and_the_legend_shows_them():
    assert len({style(k) for k in range(40)}) == 40
    assert len({style(k).split()[1] for k in range(5)}) == 5  # near ones differ by dash, not by colour alone
    shown = re.findall(r"class='(l\d d\d)'.*?</svg>([^<]*)<", legend(["a", "b<c"]))
    assert shown == [("l0 d0", "a"), ("l1 d1", "b&lt;c")]
    for k in range(40):
        colour, dash = style(k).split()
        assert f".{colour} {{" in LINES
        assert f".{dash} {{" in LINES


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize(("colour", "paper"), [*product(LIGHT, ["#ffffff"]), *product(DARK, ["#14171b"])])
def test_lines_stand_out_from_the_paper(colour, paper):
    """At least 3:1, which WCAG 2.1 (1.4.11) asks of graphics."""
    high, low = sorted((luminance(colour), luminance(paper)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


def test_there_are_as_many_dark_colours_as_light_ones_and_all_differ():
    assert len(set(LIGHT)) == len(set(DARK)) == len(LIGHT) == 8
    assert len(set(DASHES)) == 5


def test_looks_are_told_from_losses():
    lines = [{"step": 1, "items": 8, "seconds": 1, "loss": 3.0}, {"step": 2, "items": 16, "seconds": 2, "loss": 2.0}]
    assert looked([*lines, {"step": 3, "items": 24, "seconds": 3, "loss": 1.0, "held_out_nats": 5.0}]) == [
        "held_out_nats"
    ]
    assert looked(lines) == looked([]) == []


# ------------------------------------------------------------------------------------------------------- the whole page


def trained(run, value, **more):
    metrics = [
        Metric("frechet_9", value, "squared <units>", 9, "by & by", floor=1.5, reference=90.0),
        Metric("precision_9", 0.25, "share", 9, "k=3", 0.125, 0.375, reference=value),
        Metric("accuracy[cat]", 0.75, "share", 9, "this class alone"),
    ]
    return Trained(run, 40, 640, 90.0, "tiny", 1234, metrics, [f"{run} says <so>"], **more)


@pytest.fixture
def found(tmp_path):
    """Two models of two runs each with their logs and sheets, and one that could not be trained."""
    rows = [Row("slow"), Row("quick"), Row("odd")]
    for row, values in zip(rows, ((8.0, 10.0), (2.0, 4.0))):
        for seed, value in enumerate(values):
            run = f"{row.model}-seed{seed}"
            (tmp_path / run / "samples").mkdir(parents=True)
            picture = np.full((4, 6), 10 * value + seed, np.uint8)
            for step in (1, 40):
                Image.fromarray(picture + step).save(tmp_path / run / "samples" / f"step-{step:07d}.png")
            log = ['{"step": 1, "items": 16, "seconds": 1, "loss": 9.0}']
            log += [f'{{"step": {s}, "items": {16 * s}, "seconds": {s}, "m": {value + 40 - s}}}' for s in (20, 40)]
            (tmp_path / run / "log.jsonl").write_text("\n".join(log) + "\n")
            row.seeds[seed] = trained(run, value)
    rows[2].troubles[0] = "odd: needs <classes>"
    order = Order("a&b.zip", ("slow", "quick", "odd"), tmp_path, steps=40, seeds=2)
    return Comparison(order, rows, "fingerprint", ())


def test_the_page_is_whole_and_loads_nothing(found):
    text = page(found)
    outer = re.findall(r"""(?:src|href)=['"]([^'"]*)""", text)
    assert all(where.startswith("data:") or re.fullmatch(r"\w+-seed\d/report/report.html", where) for where in outer)
    assert len([where for where in outer if where.endswith("report.html")]) == 4
    assert not re.search(r"<script|@import|url\(|https?:", text)
    assert "<so>" not in text
    assert "<classes>" not in text
    assert "a&amp;b.zip" in text
    opened = re.findall(r"<(section|table|tbody|tr|td|th|ul|li|figure|div|small|svg)\b[^>/]*>", text)
    closed = re.findall(r"</(section|table|tbody|tr|td|th|ul|li|figure|div|small|svg)>", text)
    assert sorted(opened) == sorted(closed)


def test_the_answer_stands_first_and_the_best_on_top(found):
    text = page(found)
    assert text.index("quick is best for this data in 40 steps: Fréchet distance 3") < text.index("<h2>")
    places = text[text.index("<h2>Places") : text.index("<h2>Measures")]
    heads = re.findall(r"scope='row'>(\w+)", places)
    assert heads == ["quick", "slow", "odd"]
    assert escape("odd: needs <classes>") in places


def test_the_tables_hold_the_means_and_their_intervals(found):
    """Of 8 and 10, and of 2 and 4: 9 and 3, each ± 12.7062 (Student, one degree of freedom) · sqrt 2 / sqrt 2."""
    text = page(found)
    assert "<td data-name='slow'>9<small>-3.71 … 21.7</small></td>" in text
    assert "<td data-name='quick'>3<small>-9.71 … 15.7</small></td>" in text
    assert "not surely worse" in text
    assert "<td data-name='floor'>1.5</td>" in text
    assert "<td data-name='reference'>90</td>" in text
    precision = text[text.index("precision_9") :]
    assert "<td data-name='reference'></td>" in precision  # every run has another: none is shown
    assert "accuracy[cat]" not in text


def test_each_models_first_run_shows_its_last_sheet(found):
    uris = re.findall(r"src='data:image/png;base64,([^']*)'", page(found))
    shown = [int(np.array(Image.open(io.BytesIO(base64.b64decode(uri))))[0, 0]) for uri in uris]
    assert shown == [80 + 40, 20 + 40]


def test_a_text_is_shown_as_text(tmp_path):
    (tmp_path / "samples").mkdir()
    assert sheet(tmp_path, "m") == ""
    (tmp_path / "samples" / "step-0000001.txt").write_text("to <b>e or not")
    assert sheet(tmp_path, "m") == "<pre>to &lt;b&gt;e or not …</pre>"


def test_one_chart_holds_all_runs_of_a_measure_against_time_and_items(found):
    charts = re.findall(r"<figure><figcaption>m against.*?</figure>", page(found))
    assert [re.search("against ([^<]*)<", one)[1] for one in charts] == ["minutes of training", "items seen"]
    for one in charts:
        assert re.findall(r'polyline class="(l\d d\d)"', one) == ["l0 d0"] * 2 + ["l1 d1"] * 2
    assert "0.667 minutes of training" in charts[0]  # 40 s
    assert "640 items seen" in charts[1]


def test_a_comparison_in_which_nothing_is_there_yet_has_a_page(tmp_path):
    order = Order("data", ("slow",), tmp_path, time="10m", seeds=1)
    assert "No model has a measure" in page(Comparison(order, [Row("slow")], "", ()))
