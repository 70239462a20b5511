"""A measure over several runs is one measure, whatever count of the samples' own each run has in its name."""

import pytest

from reverie.judging.compare_page import measures
from reverie.judging.comparison import Comparison, Row, Trained
from reverie.judging.counts import alike
from reverie.judging.order import Order
from reverie.judging.ranking import means
from reverie.judging.samples import left_out, over_seeds
from reverie.metrics import Metric


def m(name, value=1.0, **more):
    return Metric(name, value, more.pop("unit", "bits"), 9, "as it is", **more)


def test_over_seeds_a_measure_is_kept_whose_count_hangs_on_the_samples():
    runs = [[m("pitch_class_js_1200", 0.2)], [m("pitch_class_js_1187", 0.4)], [m("pitch_class_js_3k", 0.6)]]
    (one,) = over_seeds(runs)
    assert (one.name, one.value) == ("pitch_class_js_1200", pytest.approx(0.4))
    assert "the count in its name is 1,187 to 3,000 over all" in one.protocol
    assert left_out(runs, [one]) == []
    (same,) = over_seeds([[m("frechet_2k")], [m("frechet_2k")]])
    assert "count in its name" not in same.protocol


def test_over_seeds_a_measure_that_a_seed_lacks_is_left_out_and_named():
    runs = [[m("validity_1k"), m("unique_900")], [m("validity_1k"), m("unique_1k"), m("unique_10k")]]
    kept = over_seeds(runs)
    assert [one.name for one in kept] == ["validity_1k"]
    (said,) = left_out(runs, kept)
    assert said == "left out, as not each of the 2 sampling seeds has it: unique_900, unique_1k and unique_10k"


def test_over_seeds_p_is_twice_the_median_and_a_share_stays_one():
    """Of 0.99 and 0.90: Student's interval would be 0.373 to 1.517."""
    (one,) = over_seeds([[m("copied_32", 0.99, unit="share", p=1e-9)], [m("copied_32", 0.90, unit="share", p=0.4)]])
    assert (one.value, one.low, one.high) == pytest.approx((0.945, 0.945 - 0.045 * 12.7062, 1.0), rel=1e-4)
    assert one.p == pytest.approx(1e-9 + 0.4)
    assert "p: twice the median of theirs" in one.protocol
    (sure,) = over_seeds([[m("a", p=0.9)], [m("a", p=0.8)]])
    assert sure.p == 1.0
    assert all(over_seeds([[m("a")], [m("a", p=p)]])[0].p is None for p in (None, 0.1))
    (wide,) = over_seeds([[m("frechet_9", 0.1)], [m("frechet_9", 9.0)]])
    assert wide.low < 0 < 1 < wide.high


def test_means_over_training_seeds_know_the_measure_by_its_beginning():
    found = means([[m("chord_js_400", 0.2)], [m("chord_js_410", 0.4)]])
    assert [(name, span.value, span.runs) for name, span in found.items()] == [("chord_js_400", pytest.approx(0.3), 2)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["distinct_1", "distinct_2"], ["distinct_1", "distinct_2", "distinct_3"]),
        (["distinct_1", "distinct_2", "distinct_3"], ["distinct_1"]),
        (["accuracy[a_1]"], ["accuracy[a_2]"]),
        (["nll_nats_is50"], ["nll_nats_is500"]),
        (["words"], ["words_20"]),
    ],
)
def test_what_is_another_measure_keeps_its_own_name(first, second):
    assert alike([first, second]) == [{name: name for name in names} for names in (first, second)]


def test_the_table_of_a_comparison_has_one_row_for_it(tmp_path):
    rows = []
    for model, counts in (("gpt", (1200, 1187)), ("recurrent_lm", (1300, 1250))):
        runs = {seed: Trained("run", metrics=[m(f"interval_js_{n}", n / 1000)]) for seed, n in enumerate(counts)}
        rows.append(Row(model, runs))
    order = Order("tunes", ("gpt", "recurrent_lm"), tmp_path, steps=4, seeds=2)
    table = measures(Comparison(order, rows, "", ()))
    assert table.count("scope='row'>interval_js_") == 1
    assert "<td data-name='gpt'>1.19<small>" in table
    assert "<td data-name='recurrent_lm'>1.27<small>" in table
    assert "1,187 to 1,300 over all" in table
