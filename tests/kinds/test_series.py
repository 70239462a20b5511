"""Series: how they are cut into windows and parts, and that nothing is learnt from what is held out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinds.series_files import CHANNELS, ROWS, file, lines, prepared, values
from reverie.core import Described
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.kinds.series import Codec, recognise, save, show, unseen

L, H = 12, 5
SPLIT = {"held_out": 0.2, "calibration": 0.25, "horizon": H}  # of 200 rows: 0:120, 120:160, 160:200


def everything(items):
    return items.take(torch.arange(len(items)))


def test_every_window_of_every_part_is_there_and_its_target_lies_in_its_own_part(tmp_path):
    found = prepared(file(tmp_path, lines()), (L,), **SPLIT)
    own = (found.codec.standardised(values())).astype(np.float32)
    for part, first, end, past in (
        (found.train, L, 120, 0), (found.calibration, 120, 160, 120 - L), (found.held_out, 160, 200, 160 - L)
    ):  # fmt: skip
        batch = everything(part)
        assert len(part) == end - first - H + 1
        for i in range(len(part)):
            assert np.array_equal(batch["past"][i].numpy(), own[past + i : past + i + L])
            assert np.array_equal(batch["future"][i].numpy(), own[first + i : first + i + H])


def test_train_windows_see_no_row_of_another_part(tmp_path):
    """Rows from 120 on are marked: no training window holds a mark, of past or future."""
    marked = values()
    marked[120:] = 1e6
    found = prepared(file(tmp_path, lines(marked)), (L,), **SPLIT)
    windows = found.train.raw(torch.arange(len(found.train)))
    assert max(part.max() for window in windows for part in (window["past"], window["future"])) < 1e3
    assert all((w["future"] == 1e6).all() for w in found.calibration.raw(torch.arange(len(found.calibration))))


@pytest.mark.parametrize("change", [slice(160, 200), slice(120, 160)], ids=["held out", "calibration"])
def test_rows_that_are_not_trained_on_change_nothing_in_the_codec(tmp_path, change):
    other = values()
    other[change] = other[change] * 7 + 1000
    first = prepared(file(tmp_path, lines()), (L,), **SPLIT)
    second = prepared(file(tmp_path, lines(other), "other.csv"), (L,), **SPLIT)
    assert first.codec == second.codec
    assert first.fingerprint != second.fingerprint
    assert torch.equal(everything(first.train)["past"], everything(second.train)["past"])


def test_scales_are_the_mean_and_population_deviation_of_the_training_rows(tmp_path):
    codec = prepared(file(tmp_path, lines()), (L,), **SPLIT).codec
    seen = values()[:120]
    assert codec.means == pytest.approx(seen.mean(0), rel=1e-12)
    assert codec.deviations == pytest.approx(np.sqrt(((seen - seen.mean(0)) ** 2).mean(0)), rel=1e-12)


def test_a_channel_that_does_not_move_is_0_and_comes_back(tmp_path):
    flat = values()
    flat[:, 1] = 0.1
    found = prepared(file(tmp_path, lines(flat)), (L,), **SPLIT)
    batch = everything(found.held_out)
    assert (batch["future"][..., 1] == 0).all()
    assert (found.codec.decode({"future": batch["future"]})[..., 1] == 0.1).all()
    assert any(note == "constant in the training rows: b" for note in found.notes)


def test_named_rows_are_held_out_and_those_after_them_left_out(tmp_path):
    where = file(tmp_path, lines())
    found = prepared(where, (L,), test_where="rows=120:160", calibration=0.25, horizon=H)
    sizes = [len(part) for part in (found.train, found.calibration, found.held_out)]
    assert sizes == [90 - L - H + 1, 30 - H + 1, 40 - H + 1]
    assert "rows 160:200 left out, 2024-01-07 16:00 to 2024-01-09 07:00" in found.notes
    last = found.held_out.raw(torch.tensor([len(found.held_out) - 1]))[0]["future"]
    assert np.array_equal(last, values()[155:160])


def test_without_enough_rows_to_calibrate_by_all_of_them_are_learnt_from(tmp_path):
    found = prepared(file(tmp_path, lines()), (L,), held_out=0.2, calibration=0.1, horizon=H)  # 16 rows: 12 windows
    assert found.calibration is None
    assert len(found.train) == 160 - L - H + 1
    assert any(note.startswith("too few rows to calibrate by") for note in found.notes)


def test_nothing_held_out_leaves_no_window(tmp_path):
    found = prepared(file(tmp_path, lines()), (L,), held_out=0.0, calibration=0.0, horizon=H)
    assert len(found.held_out) == 0
    assert len(found.train) == ROWS - L - H + 1


def test_windows_come_back_as_they_went_in(tmp_path):
    found = prepared(file(tmp_path, lines()), (L,), **SPLIT)
    index = torch.tensor([3, 0, 7])
    raw, batch = found.held_out.raw(index), found.held_out.take(index)
    again = found.codec.encode(raw)
    assert all(torch.equal(again[name], batch[name]) for name in ("past", "future"))
    for given, back in zip(raw, found.codec.decode(batch.values)):
        for name in ("past", "future"):
            assert back[name] == pytest.approx(given[name], rel=1e-5, abs=1e-4)
    future = found.codec.decode({"future": batch["future"]})
    assert future.shape == (3, H, len(CHANNELS))
    assert found.codec.decode({"past": batch["past"]}).shape == (3, L, len(CHANNELS))
    assert Codec.from_json(found.codec.to_json()) == found.codec
    blind = found.codec.encode([{"past": raw[0]["past"]}])
    assert set(blind.values) == {"past"}


def test_the_spec_is_of_numbers_without_bounds(tmp_path):
    spec = prepared(file(tmp_path, lines()), (L,), **SPLIT).codec.spec
    name, future = spec.predicted
    assert (name, future.shape, future.low, future.high) == ("future", (H, 3), 0.0, 0.0)
    assert spec.only[1].shape == (L, 3)


def test_an_item_is_named_by_the_time_of_its_first_predicted_row(tmp_path):
    found = prepared(file(tmp_path, lines()), (L,), **SPLIT)
    assert isinstance(found.held_out, Described)
    assert found.held_out.columns(torch.tensor([0, 2]))["item"] == ["2024-01-07 16:00", "2024-01-07 18:00"]


def test_lengths_are_the_persons_else_the_models_else_said(tmp_path):
    where = file(tmp_path, lines(values(400)))
    for size, options, lengths in (
        ((), {}, (96, 24)), ((30,), {}, (30, 24)), ((30,), {"size": (20,), "horizon": 7}, (20, 7))
    ):  # fmt: skip
        codec = prepared(where, size, **options).codec
        assert (codec.past, codec.horizon) == lengths
    assert (
        "looks back at 96 rows (--size another) and predicts the next 24 (--horizon another)" in prepared(where).notes
    )


def test_another_length_or_part_is_other_data(tmp_path):
    where = file(tmp_path, lines())
    plain = DataOptions(predict="next", size=(L,), horizon=H)
    others = [
        replace(plain, size=(L + 1,)), replace(plain, horizon=H + 1), replace(plain, held_out=0.2),
        replace(plain, calibration=0.3), replace(plain, drop=("b",)), replace(plain, test_where="rows=100:150"),
    ]  # fmt: skip
    marks = [open_source(where, options).prepare().fingerprint for options in (plain, *others)]
    assert len(set(marks)) == len(marks)
    assert open_source(where, plain).prepare().fingerprint == marks[0]


def test_new_files_are_gone_on_with_from_their_end(tmp_path):
    codec = prepared(file(tmp_path, lines()), (L,), **SPLIT).codec
    more = values(50) + 3
    places = [file(tmp_path, lines(more), "new.csv"), file(tmp_path, lines(values(L)), "short.csv")]
    new = unseen(places, codec, DataOptions())
    assert new.names == ["new.csv after 2024-01-03 01:00", "short.csv after 2024-01-01 11:00"]
    assert not new.truth
    batch = everything(new.items)
    assert set(batch.values) == {"past"}
    assert np.array_equal(batch["past"][0].numpy(), codec.standardised(more[-L:]))
    assert np.array_equal(batch["past"][1].numpy(), codec.standardised(values(L)))
    assert not new.notes


def test_a_new_file_with_another_step_is_said(tmp_path):
    codec = prepared(file(tmp_path, lines()), (L,), **SPLIT).codec
    new = unseen([file(tmp_path, lines(values(50), step="D"), "days.csv")], codec, DataOptions())
    assert [note.partition(": ")[2] for note in new.notes] == [
        "its rows lie 1 day apart, those that the model has learnt from 1 hour"
    ]


def test_windows_are_written_as_csv_and_drawn_on_a_page(tmp_path):
    from PIL import Image

    found = prepared(file(tmp_path, lines()), (L,), **SPLIT)
    raw = found.held_out.raw(torch.arange(2))
    files = save(raw, tmp_path / "out", first=4)
    assert [f.name for f in files] == ["sample-000004.csv", "sample-000005.csv"]
    text = files[0].read_text().splitlines()
    assert text[0] == "step,a,b,c"
    assert [int(line.split(",")[0]) for line in text[1:]] == list(range(1 - L, H + 1))
    assert [float(cell) for cell in text[-1].split(",")[1:]] == raw[0]["future"][-1].tolist()
    show(raw, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        colours = {colour for _, colour in page.convert("RGB").getcolors(1 << 20)}
    assert {(0x8A, 0x8A, 0x8A), (0xD1, 0x49, 0x5B)} <= colours


def test_the_summary_says_what_it_is(tmp_path):
    where = file(tmp_path, lines())
    summary = open_source(where, DataOptions()).summary()
    assert summary.kind == "series"
    known = {k: summary.facts[k] for k in ("rows", "from", "to", "step", "gaps", "missing")}
    assert known == {
        "rows": ROWS, "from": "2024-01-01 00:00", "to": "2024-01-09 07:00", "step": "1 hour", "gaps": 0, "missing": 0
    }  # fmt: skip
    assert list(summary.facts["channels"]) == list(CHANNELS)
    planned = open_source(where, DataOptions(predict="next", size=(L,), horizon=H, calibration=0.2)).summary()
    assert planned.train == 144 - L - H + 1  # of 200 rows 20 are held out, and 36 kept to calibrate by
    assert planned.shape == (L, len(CHANNELS))
    assert recognise(tmp_path / "series.csv")


def test_etth1_by_its_standard_parts(real_data):
    """8,640, 2,880 and 2,880 rows, and every one of the 2,785 windows; the last value repeated misses by as much as
    plain arithmetic on the file says."""
    from reverie.recipes.etth1_linear import RECIPE

    where = real_data / "timeseries" / "ETTh1.csv"
    found = open_source(str(where), DataOptions(**RECIPE.options)).prepare()
    assert [len(part) for part in (found.train, found.calibration, found.held_out)] == [8209, 2785, 2785]
    batch = everything(found.held_out)
    rows = np.loadtxt(where, delimiter=",", skiprows=1, usecols=range(1, 8))
    rows = (rows - rows[:8640].mean(0)) / rows[:8640].std(0)
    wrong = [((rows[i : i + 96] - rows[i - 1]) ** 2).mean() for i in range(11520, 14400 - 95)]
    repeated = float((batch["past"][:, -1:] - batch["future"]).square().mean())
    assert repeated == pytest.approx(np.mean(wrong), rel=1e-5)
