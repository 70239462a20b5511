"""Series that nobody predicts: windows to be made more of, how they are cut, and how they come back."""

import csv
import re

import numpy as np
import pytest
import torch
from PIL import Image

from kinds.series_files import CHANNELS, ROWS, file, lines, values
from reverie.core import Spec
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.series import Codec, save, show, unseen
from reverie.nets.flat import Flat

T = 12


def prepared(where, wished=(T,), **options):
    return open_source(where, DataOptions(**options)).prepare(wished)


def everything(items):
    return items.take(torch.arange(len(items)))["window"]


def test_windows_are_one_field_with_named_channels(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    (name, field), *rest = codec.spec.fields.items()
    assert (name, field.shape, field.names, rest, dict(codec.spec.target)) == ("window", (T, 3), CHANNELS, [], {})
    assert Spec.from_json(codec.spec.to_json()) == codec.spec
    assert Codec.from_json(codec.to_json()) == codec
    assert Flat(codec.spec).size == T * 3


def test_every_window_of_every_part_is_there_and_shares_no_row_with_the_other(tmp_path):
    found = prepared(file(tmp_path, lines()), held_out=0.2)
    own = found.codec.standardised(values())
    for part, first, end in ((found.train, 0, 160), (found.held_out, 160, 200)):
        batch = everything(part)
        assert len(part) == end - first - T + 1
        for i in range(len(part)):
            assert np.array_equal(batch[i].numpy(), own[first + i : first + i + T])
    assert found.calibration is None
    assert found.train.columns(torch.tensor([0, 3]))["item"] == ["2024-01-01 00:00", "2024-01-01 03:00"]


def test_rows_that_are_held_out_change_nothing_in_the_codec(tmp_path):
    other = values()
    other[160:] = other[160:] * 7 + 1000
    files = [file(tmp_path, lines(x), f"{k}.csv") for k, x in enumerate((values(), other))]
    first, second = (prepared(where, held_out=0.2) for where in files)
    assert first.codec == second.codec
    assert first.fingerprint != second.fingerprint
    assert np.allclose(first.codec.means, values()[:160].mean(0), rtol=1e-12)


def test_a_window_is_24_rows_where_nobody_says_and_10_windows_at_least_are_held_out(tmp_path):
    where = file(tmp_path, lines())
    found = prepared(where, ())
    assert (found.codec.past, len(found.held_out), len(found.train)) == (24, 10, ROWS - 33 - 23)
    assert any("--size another" in note for note in found.notes)
    assert prepared(where, (), size=(7,)).codec.past == 7
    assert len(prepared(where, (), held_out=0.0).held_out) == 0
    assert len(prepared(where, (T,), test_where="rows=100:150").held_out) == 50 - T + 1


def test_windows_come_back_in_the_files_units_and_decimals(tmp_path):
    found = prepared(file(tmp_path, lines()))
    index = torch.tensor([0, 30, 90])
    raw, batch = found.train.raw(index), found.train.take(index)
    for window, back, at in zip(raw, found.codec.decode(batch.values), index.tolist()):
        assert np.array_equal(window["window"], values()[at : at + T])
        assert np.array_equal(back["window"], window["window"])  # three and six decimals are rounded to
        assert back["channels"] == CHANNELS
    assert torch.equal(found.codec.encode(raw)["window"], batch["window"])
    with pytest.raises(Problem, match="window: "):
        found.codec.encode([{"window": values()[:5]}])


def test_a_window_is_saved_as_rows_and_many_are_drawn(tmp_path):
    found = prepared(file(tmp_path, lines()))
    raw = found.codec.decode(found.train.take(torch.arange(3)).values)
    written = save(raw, tmp_path / "out", 4)
    assert [one.name for one in written] == ["sample-000004.csv", "sample-000005.csv", "sample-000006.csv"]
    with open(written[1], newline="") as out:
        head, *body = csv.reader(out)
    assert head == ["step", *CHANNELS]
    assert [row[0] for row in body] == [str(k + 1) for k in range(T)]
    assert np.array_equal(np.array([row[1:] for row in body], float), values()[1 : 1 + T])
    show(raw, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size[0] > 3 * 200


def test_a_new_file_is_cut_into_windows_that_cover_it(tmp_path):
    codec = prepared(file(tmp_path, lines())).codec
    new = unseen([file(tmp_path, lines(values()[:30]), "new.csv"), str(tmp_path / "series.csv")], codec, DataOptions())
    batch = new.items.take(torch.arange(len(new.items)))["window"].numpy()
    starts = [0, 12, 18]  # the last ends with the file
    for k, at in enumerate(starts):
        assert np.array_equal(batch[k], codec.standardised(values())[at : at + T])
    assert new.names[2] == "new.csv 2024-01-01 18:00 to 2024-01-02 05:00"
    assert len(new.items) == 3 + 17
    exact = unseen([file(tmp_path, lines(values()[:24]), "exact.csv")], codec, DataOptions())
    assert len(exact.items) == 2
    with pytest.raises(Problem, match=r"9 rows; the model knows windows of 12\. Give as many"):
        unseen([file(tmp_path, lines(values()[:9]), "short.csv")], codec, DataOptions())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"horizon": 5}, "--horizon 5: nothing is predicted. Pass --predict next, or leave it out"),
        ({"size": (190,)}, "200 rows are too few for windows of 190"),
        ({"test_where": "rows=190:195"}, "--test-where rows=190:195: 5 rows, fewer than the 12 of a window"),
        ({"order": "a"}, "a series is split by time: its last rows are held out"),
    ],
)
def test_what_cannot_be_cut_is_one_line(tmp_path, options, says):
    with pytest.raises(Problem, match=re.escape(says)) as caught:
        prepared(file(tmp_path, lines()), **options)
    assert "\n" not in str(caught.value)


def test_data_says_what_fit_would_do_in_both_cases(tmp_path):
    where = file(tmp_path, lines())
    made, predicted = (open_source(where, DataOptions(predict=p, held_out=0.2)).summary() for p in ("", "next"))
    assert made.train == len(prepared(where, (), held_out=0.2).train)
    assert made.plan[-1] == "or, with --predict next, learn to predict how it goes on"
    assert any("predicts the next 24" in line for line in predicted.plan)
    assert predicted.train < made.train
    short = open_source(file(tmp_path, lines(values()[:30]), "short.csv"), DataOptions()).summary()
    assert short.train == 0
    assert "its 30 rows are too few for windows of 24: pass a smaller --size" in short.plan
