"""Splitting: parts are disjoint, cover everything, and keep together what belongs together."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.split import Parts, numbered, parts

PLAIN = DataOptions(predict="label")


def whole(found: Parts) -> list[int]:
    return sorted(np.concatenate([found.train, found.held_out, found.calibration]).tolist())


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 400),
    share=st.floats(0.01, 0.9),
    calibration=st.floats(0, 0.5),
    groups=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_parts_are_disjoint_and_cover_everything_and_no_group_is_cut(count, share, calibration, groups, seed):
    member = np.random.default_rng(seed).integers(0, groups, count)
    speaker = [f"s{m}" for m in member]
    options = replace(PLAIN, held_out=share, calibration=calibration, group="speaker")
    found = parts(count, options, columns={"speaker": speaker}, classes=member % 2)
    assert whole(found) == list(range(count))
    sides = [{speaker[i] for i in part} for part in (found.train, found.held_out, found.calibration)]
    assert sum(map(len, sides)) == len(set(speaker))


def test_a_grouped_split_also_keeps_a_share_to_calibrate_by():
    speaker = [f"s{i % 30}" for i in range(600)]
    found = parts(600, replace(PLAIN, group="speaker"), columns={"speaker": speaker})
    assert len(found.held_out) == 60
    assert len({speaker[i] for i in found.calibration}) == 2  # a tenth of the 27 others, whole
    assert not {speaker[i] for i in found.calibration} & {speaker[i] for i in found.train}


def test_folds_are_disjoint_cover_everything_and_have_the_classes_alike():
    classes = np.array([0] * 90 + [1] * 30)
    held = [parts(120, replace(PLAIN, fold=f"{k}/10"), classes=classes).held_out for k in range(1, 11)]
    assert sorted(np.concatenate(held).tolist()) == list(range(120))
    assert {int(classes[part].sum()) for part in held} <= {2, 3, 4}
    assert {len(part) for part in held} == {12}
    other = parts(120, replace(PLAIN, fold="1/10/7"), classes=classes).held_out
    assert other.tolist() != held[0].tolist()


def test_a_drawn_part_has_the_classes_in_the_datas_own_proportions():
    classes = np.array([0] * 900 + [1] * 100)
    found = parts(1000, PLAIN, classes=classes)
    assert len(found.held_out) == 100
    assert classes[found.held_out].sum() in (9, 10, 11)
    assert len(found.calibration) == 90
    assert classes[found.calibration].sum() in (8, 9, 10)


def test_by_time_nothing_is_learnt_from_the_future():
    day = np.random.default_rng(0).permutation(400)
    when = [str(np.datetime64("2020-01-01") + int(d)) for d in day]
    found = parts(400, replace(PLAIN, order="day"), columns={"day": when})
    assert len(found.held_out) == 40
    assert day[found.train].max() < day[found.calibration].min()
    assert day[found.calibration].max() < day[found.held_out].min()


def test_equal_times_stay_in_one_part():
    found = parts(100, replace(PLAIN, order="year", calibration=0.0), columns={"year": ["2001"] * 85 + ["2002"] * 15})
    assert found.held_out.tolist() == list(range(85, 100))


def test_the_data_s_own_part_and_a_named_one_come_first():
    own = np.arange(50) >= 40
    assert parts(50, PLAIN, own=own).held_out.tolist() == list(range(40, 50))
    take = [str(i % 10) for i in range(50)]
    found = parts(50, replace(PLAIN, test_where="take=0, 3"), own=own, columns={"take": take})
    assert found.held_out.tolist() == [i for i in range(50) if i % 10 in (0, 3)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fold": "1/10"}, "--fold 1/10: the data has a test part of its own, which is what is held out. Leave --fold"),
        ({"order": "day", "calibration": 0.0}, "--order day: the data has a test part of its own"),
        ({"order": "day"}, None),  # sets which of the others calibrate
    ],
)
def test_an_option_that_the_datas_own_part_leaves_idle_is_refused(changes, says):
    own, known = np.arange(50) >= 40, {"day": [str(99 - i) for i in range(50)]}
    if says is None:
        found = parts(50, replace(PLAIN, calibration=0.5, **changes), own=own, columns=known)
        assert found.calibration.tolist() == list(range(20))
        return
    with pytest.raises(Problem, match=re.escape(says)):
        parts(50, replace(PLAIN, **changes), own=own, columns=known)


def test_items_that_are_the_same_are_not_on_both_sides():
    text = [str(i % 30) for i in range(300)]
    found = parts(300, PLAIN, kept_together=text)
    assert not {text[i] for i in found.train} & {text[i] for i in found.held_out}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=3), min_size=1, max_size=40))
def test_groups_are_numbered_as_numpy_numbers_them_so_that_no_split_ever_moves(values):
    known = np.unique(np.asarray(values, dtype=str), return_inverse=True)[1].reshape(-1)
    assert numbered(values).tolist() == known.tolist()


def test_one_long_value_makes_the_others_no_longer():
    values = ["a" * 1_000_000, *(str(i) for i in range(5_000))]  # 20 GB as an array of numpy's strings
    tracemalloc.start()
    assert len(parts(len(values), replace(PLAIN, group="text"), columns={"text": values}).train) > 4_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20_000_000


def test_the_split_is_the_same_every_time():
    first, again = (parts(500, PLAIN) for _ in range(2))
    assert first.held_out.tolist() == again.held_out.tolist()
    assert first.calibration.tolist() == again.calibration.tolist()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group": "speaker"}, "--group speaker: no such column. There are: take"),
        ({"test_where": "take"}, "--test-where take: write COLUMN=VALUE"),
        ({"test_where": "take=99"}, "--test-where take=99: no item is so. take has 0, 1"),
        ({"test_where": "take=0,1"}, "all 10 items are held out"),
        ({"fold": "0/10"}, "--fold 0/10: of 10 items, take n from 2 to 10"),
        ({"fold": "1-10"}, "--fold 1-10: write k/n"),
        ({"fold": "1/11"}, "--fold 1/11"),
        ({"fold": "1/10/99999999999999999999"}, "--fold 1/10/99999999999999999999: write k/n"),
        ({"order": "take", "held_out": 0.5}, None),
    ],
)
def test_what_cannot_be_split_is_refused_in_a_line(changes, says):
    known = {"take": [str(i % 2) for i in range(10)]}
    if says is None:
        assert parts(10, replace(PLAIN, **changes), columns=known).held_out.tolist() == [1, 3, 5, 7, 9]
        return
    with pytest.raises(Problem, match=re.escape(says)):
        parts(10, replace(PLAIN, **changes), columns=known)


@pytest.mark.parametrize("share", [1.0, 1.5, -0.1])
def test_what_is_held_out_is_a_share_of_less_than_all(share):
    with pytest.raises(Problem, match=f"--held-out {share:g}: not a share"):
        parts(40, replace(PLAIN, held_out=share))


def test_a_time_that_is_none_is_named():
    with pytest.raises(Problem, match="--order day: 'soon' is neither a number nor a date"):
        parts(3, replace(PLAIN, order="day"), columns={"day": ["2020-01-01", "soon", "2020-01-02"]})


def test_held_out_where_a_group_would_be_cut_is_refused():
    known = {"take": ["0", "1", "0", "1"], "speaker": ["a", "a", "b", "b"]}
    with pytest.raises(Problem, match="2 values of speaker are on both sides"):
        parts(4, replace(PLAIN, test_where="take=0", group="speaker"), columns=known)
