"""Measures of rows: what each one sees, what it does not, and that nobody is accused who is honest."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from metrics.table_rows import TOWNS, Served, judged, rows
from reverie.metrics import Sets, Z
from reverie.metrics.table import cheap, left_out, neighbours, prepare, spread, suspects
from reverie.metrics.table.apart import Pairs, columns, half, without
from reverie.metrics.table.detection import area, delong
from reverie.metrics.table.frame import Form, closest, single
from reverie.metrics.table.originality import matched


def frames(*sets):
    form = Form.of(sets[0], [row for other in sets[1:] for row in other])
    return [form.read(one) for one in sets]


def shuffled(table, name, seed=5):
    order = np.random.default_rng(seed).permutation(len(table))
    return [{**row, name: table[k][name]} for row, k in zip(table, order)]


# --------------------------------------------------------------------------------------------------------- closed forms


def test_a_shift_by_two_deviations_is_a_distance_of_two():
    real = [{"x": float(x)} for x in np.random.default_rng(0).standard_normal(500)]
    scale = np.std([row["x"] for row in real])
    one, two = frames(real, [{"x": row["x"] + 2 * scale} for row in real])
    assert columns(one, two)["x"] == pytest.approx(2.0, rel=1e-12)


def test_words_and_gaps_are_apart_by_the_share_that_would_have_to_move():
    real = [{"w": w, "x": 1.0 * k} for k, w in enumerate("aaabbb")]
    fake = [{"w": w, "x": x} for w, x in zip("aaaabn", [None, None, 0, 1, 2, 3])]
    found = columns(*frames(real, fake))
    assert found["w"] == pytest.approx(2 / 6)  # two of six b have moved: one to a, one to a word that nobody knows
    assert found["x is missing"] == pytest.approx(2 / 6)


def test_associations_are_those_of_their_definitions():
    """1 of what says the other, 0 of what does not vary, Pearson's as numpy has it; chance is taken off."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 2000))
    town, free = rng.integers(0, 3, (2, 2000))
    table = [
        {
            "a": float(a[i]), "b": float(b[i] + a[i]), "of town": float(town[i]), "flat": 0.3,
            "town": "xyz"[town[i]], "twin": "uvw"[town[i]], "free": "pqr"[free[i]], "same": "s",
        }
        for i in range(2000)
    ]  # fmt: skip
    (frame,) = frames(table)
    pairs = Pairs(frame)
    found = pairs.matrix(pairs.moments(frame))
    at = {name: k for k, name in enumerate(pairs.names)}

    def of(one, two):
        assert found[at[one], at[two]] == found[at[two], at[one]]
        return found[at[one], at[two]]

    assert of("a", "b") == pytest.approx(np.corrcoef(a, b + a)[0, 1], rel=1e-9)
    assert of("town", "twin") == pytest.approx(1.0, rel=1e-9)
    assert of("town", "of town") == pytest.approx(1.0, rel=1e-9)
    for one, two in (("town", "free"), ("a", "town"), ("a", "of town")):
        assert abs(of(one, two)) < 4 / np.sqrt(2000)  # four deviations of a correlation of nothing
    for flat, name in (("flat", "a"), ("flat", "town"), ("same", "a"), ("same", "town")):
        assert of(flat, name) == 0


def test_a_correlation_is_over_the_rows_that_have_both():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 300))
    gone = rng.random((2, 300)) < 0.3
    pair = [np.where(gone[0], np.nan, a), np.where(gone[1], np.nan, a + b)]
    table = [{"a": None if x != x else x, "b": None if y != y else y} for x, y in zip(*map(np.ndarray.tolist, pair))]
    (frame,) = frames(table)
    pairs = Pairs(frame)
    there = ~gone.any(0)
    expected = np.corrcoef(a[there], (a + b)[there])[0, 1]
    assert pairs.matrix(pairs.moments(frame))[0, 1] == pytest.approx(expected, rel=1e-9)


def test_moments_of_two_parts_add_up():
    (frame,) = frames(rows(60))
    pairs = Pairs(frame)
    whole = pairs.moments(frame)
    again = pairs.moments(frame[:25]).plus(pairs.moments(frame[25:]))
    for one, two in zip(whole, again):
        assert np.allclose(one, two, rtol=1e-12, atol=1e-12)


def test_the_jackknifes_width_of_a_mean_is_that_of_its_groups_means():
    (frame,) = frames([{"x": float(x)} for x in np.random.default_rng(0).standard_normal(200)])
    groups = [np.arange(g, 200, 10) for g in range(10)]
    means = np.array([frame.x[group].mean() for group in groups])
    width = half(without(frame, groups, lambda side: float(side.x.mean())))
    assert width == pytest.approx(Z * np.sqrt(means.var(ddof=1) / 10), rel=1e-9)


def test_the_area_is_scikit_learns_and_its_error_delongs():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal(80).round(1), (rng.standard_normal(60) + 0.5).round(1)  # with ties
    truth = np.repeat([0, 1], (80, 60))
    found = delong(real, fake)
    assert found.value == pytest.approx(roc_auc_score(truth, np.concatenate([real, fake])), rel=1e-12)
    wins = (fake[:, None] > real) + 0.5 * (fake[:, None] == real)
    expected = wins.mean(1).var(ddof=1) / 60 + wins.mean(0).var(ddof=1) / 80
    assert found.error == pytest.approx(np.sqrt(expected), rel=1e-9)


def test_distances_count_deviations_and_words():
    real = [{"x": 0.0, "w": "a"}, {"x": 2.0, "w": "a"}]  # deviation 1
    one, two = frames(real, [{"x": 2.0, "w": "b"}, {"x": None, "w": "a"}])
    near, which = closest(two, one, 2)
    assert which[0].tolist() == [1, 0]
    assert near[0].tolist() == pytest.approx([1.0, np.sqrt(5)])
    assert near[1].tolist() == pytest.approx([np.sqrt(2), np.sqrt(2)])  # as the mean, and one for the gap


def test_rows_that_stand_once_are_found():
    (frame,) = frames([{"x": 1.0, "w": "a"}, {"x": None, "w": "a"}, {"x": 1.0, "w": "a"}, {"x": None, "w": "b"}])
    assert single(frame).tolist() == [False, True, False, True]


# -------------------------------------------------------------------------------------------------- what a measure sees


def test_other_rows_of_the_same_kind_score_at_the_floor():
    found = judged(rows(1000, 1), rows(1000, 2), rows(1000, 3))
    for name in ("marginals", "pairs"):
        m = found[name]
        assert m.floor / 2 < m.value < 2 * m.floor
        assert m.low < m.value < m.high
    assert abs(found["detection"].value - 0.5) < 3 * (found["detection"].high - found["detection"].low) / (2 * Z)
    assert found["spread"].value == pytest.approx(1.0, abs=0.05)
    assert found["copies_exact"].value == 0
    assert found["nearer_training"].p > 1e-3


def test_the_held_out_rows_themselves_are_apart_by_nothing():
    real = rows(300, 2)
    found = judged(real, real, rows(300, 3))
    assert found["marginals"].value == found["pairs"].value == 0
    assert found["repeats"].value == found["repeats"].floor


@pytest.mark.parametrize(("name", "pair"), [("gewicht", "größe"), ("colour", "ort"), ("höhe", "ort")])
def test_a_shuffled_column_keeps_its_marginals_and_is_caught_by_pairs(name, pair):
    real, fake = rows(1000, 2, gaps=0.0), shuffled(rows(1000, 1, gaps=0.0), name)
    honest, found = (judged(side, real, rows(1000, 3, gaps=0.0)) for side in (rows(1000, 1, gaps=0.0), fake))
    assert found["marginals"].value == pytest.approx(honest["marginals"].value, rel=1e-9)
    assert found["pairs"].low > 2 * honest["pairs"].floor
    worst = found["pairs"].protocol.split("worst: ")[1].split(";")[0].split(", ")[0]
    assert name in worst
    assert pair in worst
    assert found["detection"].value - 0.5 > 5 * (found["detection"].high - found["detection"].low) / (2 * Z)


def test_the_worst_columns_are_named_first():
    fake = [{**row, "ort": TOWNS[0], "gewicht": row["gewicht"] + 1} for row in rows(400, 1)]
    m = judged(fake, rows(400, 2))["marginals"]
    said = m.protocol.split("worst: ")[1].split(";")[0].split(", ")
    assert [one.split()[0] for one in said[:2]] == ["gewicht", "ort"]  # by one deviation, and by two thirds


def test_detection_sees_what_no_pair_tells():
    """The sign of c is that of a · b in real rows, and anyone's in samples: every pair is independent in both."""
    rng = np.random.default_rng(0)

    def table(bound):
        a, b, c = rng.standard_normal((3, 1000))
        c = np.where(bound, np.abs(c) * np.sign(a * b), c)
        return [dict(zip("abc", map(float, row))) for row in zip(a, b, c)]

    found = judged(table(False), table(True), table(True))
    assert found["pairs"].value < 3 * found["pairs"].floor
    assert found["detection"].low > 0.7
    assert abs(found["detection"].floor - 0.5) < 0.06  # four errors of the area of 1,000 and 1,000: 0.013 each


def test_a_perfect_split_is_known_no_surer_than_its_rows_allow():
    """60 of 60: at least 0.025^(1/60) by Clopper & Pearson."""
    found = judged([{**row, "gewicht": row["gewicht"] + 99} for row in rows(60, 2)], rows(60, 1))["detection"]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 60))


def test_swapping_the_sides_keeps_the_area():
    one, two = frames(rows(200, 1), [{**row, "gewicht": row["gewicht"] + 1} for row in rows(200, 2)])
    assert area(one, two).value == pytest.approx(area(two, one).value, abs=3 * area(one, two).error)


def test_samples_that_are_all_alike_vary_less_and_repeat():
    fake = [rows(1, 1)[0]] * 100
    found = judged(fake, rows(100, 2))
    assert found["spread"].value == 0
    assert (found["repeats"].value, found["repeats"].floor) == (1.0, 0.0)


# ----------------------------------------------------------------------------------------------------------- new or not


def test_planted_copies_are_found_and_counted():
    train, real, fake = rows(1000, 1), rows(500, 2), rows(400, 3)
    fake[::4] = train[:100]
    found = judged(fake, real, train)
    assert found["copies_exact"].value == 100 / 400
    assert found["copies_exact"].floor == 0
    assert found["copies_exact"].p < 1e-4
    sets = Sets(Served(fake), Served(real), Served(train))
    assert {(i, j) for i, j in suspects(prepare(sets), 100)} == {(4 * j, j) for j in range(100)}


def test_copies_with_a_little_noise_lean_to_the_training_rows():
    train, real = rows(1000, 1), rows(1000, 2)
    fake = [{**row, "gewicht": row["gewicht"] + 0.01} for row in train[:500]]
    found = judged(fake, real, train)
    assert found["copies_exact"].value == 0
    assert found["nearer_training"].value > 0.6
    assert found["nearer_training"].p < 1e-4
    assert found["training_distance"].value < 0.2


def modes(count, seed):
    """Rows of few words, some of which come again and again."""
    rng = np.random.default_rng(seed)
    draw = (rng.random((count, 8)) < np.array([0.05, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5])).astype(int)
    return [{f"c{k}": "ny"[v] for k, v in enumerate(row)} for row in draw]


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_model_of_a_table_of_few_rows_is_not_accused(seed):
    """Copies stay in one part, as kinds/split.py keeps them: no held-out row stands in the training part. A model that
    knows the true distribution makes training rows all the time."""
    whole = modes(2000, seed)
    groups = sorted({tuple(row.values()) for row in whole})
    away = {groups[int(k)] for k in np.random.default_rng(seed).permutation(len(groups))[: len(groups) // 3]}
    real, train = ([row for row in whole if (tuple(row.values()) in away) is out] for out in (True, False))
    smooth = [dict.fromkeys(row, "n") if k % 2 else row for k, row in enumerate(modes(1000, 10 + seed))]
    for fake in (modes(1000, 10 + seed), smooth):
        found = judged(fake, real, train)
        assert found["copies_exact"].p > 1e-3
        assert found["nearer_training"].p > 1e-3


def test_names_that_are_exchanged_give_p_evenly():
    """Half of one population is called old: the share of p below 0.1 is a tenth, within three errors of 200."""
    rng = np.random.default_rng(0)
    form = Form.of(modes(4000, 0))
    everything = form.read([dict(row) for row in {tuple(row.items()) for row in modes(4000, 0)}])
    low = 0
    for _ in range(200):
        order = rng.permutation(len(everything))
        old, new = everything[order[: len(order) // 2]], everything[order[len(order) // 2 :]]
        low += matched(form.read(modes(100, int(rng.integers(1 << 30)))), old, new).p < 0.1
    assert 20 - 3 * np.sqrt(18) < low < 20 + 3 * np.sqrt(18)


# ----------------------------------------------------------------------------------------------------------- odd tables


def test_a_column_that_does_not_vary_or_has_no_value_breaks_nothing():
    def table(seed):
        return [{**row, "empty": None, "flat": 7} for row in rows(60, seed)]

    found = judged(table(1), table(2), table(3))
    assert found["marginal[flat]"].value == found["marginal[empty]"].value == 0
    assert all(np.isfinite(m.value) for m in found.values())


def test_one_row_on_a_side_is_no_comparison():
    for fake, real in ((rows(1), rows(50, 1)), (rows(50), rows(1, 1)), (rows(1), rows(1, 1))):
        assert set(judged(fake, real, rows(50, 2))) == {"copies_exact"}


def test_samples_and_data_need_share_no_more_than_some_columns():
    fake = [{k: v for k, v in row.items() if k != "ort"} for row in rows(50, 1)]
    found = judged(fake, rows(50, 2))
    assert "marginal[ort]" not in found
    assert "marginal[colour]" in found


def test_a_number_that_samples_write_as_a_word_is_that_number():
    """As where other data, which have more of them, are named to judge by."""
    real = [{"x": k % 20} for k in range(60)]
    found = judged([{"x": str(row["x"])} for row in real], real)
    assert found["marginals"].value == 0
    assert judged([{"x": "none"}] * 60, real)["marginal[x is missing]"].value == 1


def test_a_thousand_columns_are_judged_and_what_is_left_out_is_said():
    def table(seed):
        draws = np.random.default_rng(seed).standard_normal((60, 1000)).round(3)
        return [{f"c{k}": x if k % 2 else "uvw"[int(x) % 3] for k, x in enumerate(row)} for row in draws.tolist()]

    found = judged(table(1), table(2), table(3))
    assert "of 100 of the columns, evenly chosen" in found["pairs"].protocol
    assert sum(name.startswith("marginal[") for name in found) == 20
    assert found["marginals"].value < 2 * found["marginals"].floor


# --------------------------------------------------------------------------------------------------- what a run watches


def test_what_a_run_watches_rises_with_a_shift_and_with_a_shuffle():
    real = rows(300, 2)
    honest = cheap(real, rows(300, 1))[1]
    assert cheap(real, real) == ("rows_cheap_300", 0.0)
    assert cheap(real, shuffled(rows(300, 1), "gewicht"))[1] > honest
    assert cheap(real, [{**row, "gewicht": row["gewicht"] + 1} for row in rows(300, 1)])[1] > honest + 0.1


def test_left_out_is_the_watched_value_without_each_group():
    import torch

    real, fake = rows(40, 1), rows(40, 2)
    groups = [torch.arange(0, 20), torch.arange(20, 40)]
    found = left_out(real, fake, groups)
    kept = slice(20, 40), slice(0, 20)
    scales = Form.of(real)
    for value, part in zip(found, kept):
        one, two = (scales.read(side[part]) for side in (real, fake))
        pairs = Pairs(one)
        apart = np.abs(pairs.matrix(pairs.moments(one)) - pairs.matrix(pairs.moments(two)))
        expected = np.mean(list(columns(one, two).values())) + np.mean(
            [apart[i, j] for i, j in combinations(range(len(apart)), 2)]
        )
        assert value == pytest.approx(expected, rel=1e-9)


def test_spread_is_one_of_data_and_nothing_of_one_row():
    assert spread(rows(200, 1), rows(200, 2)) == pytest.approx(1.0, abs=0.1)
    assert spread(rows(50, 1), [rows(1)[0]] * 50) == 0


def test_the_neighbours_of_a_training_row_begin_with_itself():
    train = rows(40, 1)
    sets = Sets(Served(train[:5]), Served(rows(40, 2)), Served(train))
    assert neighbours(prepare(sets), 5, 3)[:, 0].tolist() == list(range(5))


def test_a_column_that_held_out_rows_hold_still_is_measured_by_the_training_rows():
    """Zero-inflated: 20 held-out rows are all 0. In raw units that column alone would be all that measures see."""
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(400) < 0.1, rng.exponential(10_000.0, 400), 0.0)
    real = [{"gain": 0.0, "flat": 3.0, "age": float(x)} for x in rng.standard_normal(20)]
    train = [{"gain": float(x), "flat": 3.0, "age": float(y)} for x, y in zip(gain, rng.standard_normal(400))]
    form = Form.of(real, train)
    assert form.numbers == ("gain", "flat", "age")
    assert form.middle[0] == 0.0
    assert form.scale == pytest.approx([gain.std(), 1.0, np.std([row["age"] for row in real])])
    found = judged(train[:100], real, train)
    assert found["marginals"].value < 1.0
