"""A series on disk: what it is, and how it becomes windows to learn from."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.split import FEWEST, key

from .codec import Codec
from .files import Series, read, spoken
from .items import Windows
from .steps import step

PAST, HORIZON = 96, 24  # rows, where nobody says
WINDOW = 24  # rows of a window that is made, where nobody says: Yoon et al. 2019, TimeGAN
JUDGED = 10  # windows that are held out, at least


class Parts(NamedTuple):
    """Rows from which each part is predicted: train [0, train), calibration [train, aside), held out [aside, end)."""

    train: int
    aside: int
    end: int


class Steps:
    """A file with a row a time."""

    kind = "series"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        if len(options.size) > 1 or any(n < 1 for n in options.size):
            said = "x".join(map(str, options.size))
            raise Problem(f"--size {said}: a series is looked back at by a number of rows. Write one, like {PAST}")
        if options.horizon and not options.predict:
            raise Problem(f"--horizon {options.horizon}: nothing is predicted. Pass --predict next, or leave it out")
        if options.horizon < 0:
            raise Problem(f"--horizon {options.horizon}: rows to predict. Give 1 or more")
        for name, share in (("held-out", options.held_out), ("calibration", options.calibration)):
            if not 0 <= share < 1:
                raise Problem(f"--{name} {share:g}: not a share. Give one from 0 to below 1")
        if options.predict not in ("", "next"):
            raise Problem(
                f"--predict {options.predict}: a series goes on by --predict next, all its columns. To predict one "
                "column from the others of its row, pass --kind table"
            )

    @cached_property
    def series(self) -> Series:
        return read(self.where, self.options.drop, self.options.skip_bad)

    def summary(self) -> Summary:
        series = self.series
        found, times = step(series.times), spoken(series.times)
        facts: dict[str, Any] = {
            "rows": len(series),
            "channels": {c: f"{x.min():g} … {x.max():g}" for c, x in zip(series.channels, series.values.T)},
            "from": times[0],
            "to": times[-1],
            "step": found.text,
            "gaps": found.longer,
            "missing": series.filled or 0,
        }
        predict, length = self.options.predict, self._lengths(())[0]
        plan, train = list(series.notes), 0
        if predict or len(series) > 2 * length + JUDGED:
            prepared = self.prepare()
            plan, train = list(prepared.notes), len(prepared.train)
        else:
            plan.append(f"its {len(series):,} rows are too few for windows of {length:,}: pass a smaller --size")
        if not predict:
            plan.append("or, with --predict next, learn to predict how it goes on")
        shape = (length, len(series.channels))
        return Summary("series", self.where, len(series), facts, (), tuple(plan), train, shape)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits by time, then learns each channel's mean and deviation from the training rows alone."""
        import torch

        series, (past, horizon) = self.series, self._lengths(size)
        split = self._split(len(series), past, horizon)
        codec = self._codec(series, split.train, past, horizon)
        encoded = torch.from_numpy(codec.standardised(series.values))
        names = spoken(series.times)

        def windows(first: int, end: int) -> Windows:
            """Of which the first row predicted is `first` at the earliest, and the last `end` - 1 at the latest."""
            starts = np.arange(first - past, end - horizon - past + 1)
            shown = past if horizon else 0
            return Windows(series.values, encoded, starts, codec, [names[i + shown] for i in starts])

        own = 0 if horizon else past  # windows that are made share no row with what is learnt from
        train, held_out = windows(past, split.train), windows(split.aside + own, split.end)
        calibration = windows(split.train, split.aside) if horizon else None
        notes = [*series.notes, *self._irregular(series), *self._said(series, split, past, horizon, bool(size))]
        spans = [("learn from", train), ("calibrate by", calibration or ()), ("judge by", held_out)]
        counts = [f"{len(w):,} to {what}" for what, w in spans if horizon or len(w)]
        notes.append(f"windows, one from every row: {', '.join(counts)}")
        mark = self._fingerprint(series, past, horizon)
        aside = calibration if calibration and len(calibration) else None
        return Prepared(codec, train, held_out, mark, tuple(notes), aside)

    def _lengths(self, size: tuple[int, ...]) -> tuple[int, int]:
        predict = self.options.predict
        wished = self.options.size or size or (PAST if predict else WINDOW,)
        if len(wished) != 1:
            said = "x".join(map(str, wished))
            raise Problem(f"{said}: a series is looked back at by a number of rows. Pass --size {PAST}")
        return wished[0], (self.options.horizon or HORIZON) if predict else 0

    def _split(self, rows: int, past: int, horizon: int) -> Parts:
        options = self.options
        if options.test_where:
            aside, end = self._rows(rows)
        else:
            aside, end = rows - round(options.held_out * rows), rows
        if not horizon:
            return self._made_split(rows, aside, end, past)
        train = aside - round(options.calibration * aside)
        if aside - train < horizon + FEWEST - 1:
            train = aside  # too few windows to calibrate by
        if train < past + horizon:
            raise Problem(
                f"{self.where}: {train:,} rows to learn from, and a window is {past:,} rows of past and {horizon:,} of "
                "future. Give more rows, or a smaller --size, --horizon, --held-out or --calibration"
            )
        if 0 < end - aside < horizon:
            what = f"--test-where {options.test_where}" if options.test_where else f"--held-out {options.held_out:g}"
            raise Problem(f"{what}: {end - aside:,} rows, fewer than the {horizon:,} of --horizon. Hold out more")
        return Parts(train, aside, end)

    def _made_split(self, rows: int, aside: int, end: int, length: int) -> Parts:
        """For windows that are made: none is kept to calibrate by, and as many rows at least are held out as judging
        takes."""
        options = self.options
        if not options.test_where and options.held_out:
            aside = min(aside, rows - length - JUDGED + 1)
        if aside < length + 1:
            raise Problem(
                f"{self.where}: {rows:,} rows are too few for windows of {length:,} to learn from and to hold out. "
                "Give more rows, or a smaller --size"
            )
        if 0 < end - aside < length:
            raise Problem(
                f"--test-where {options.test_where}: {end - aside:,} rows, fewer than the {length:,} of a window. Hold "
                "out more, or pass a smaller --size"
            )
        return Parts(aside, aside, end)

    def _rows(self, rows: int) -> tuple[int, int]:
        """rows=11520:14400, the first row counted as 0, the last one not included."""
        given = self.options.test_where
        name, _, span = given.partition("=")
        first, sign, end = (word.strip() for word in span.partition(":"))
        if name.strip() != "rows" or not sign or not (first.isdecimal() and end.isdecimal()):
            raise Problem(f"--test-where {given}: of a series write rows=FIRST:END, counted from 0, like rows=800:1000")
        if not 0 < int(first) < int(end) <= rows:
            raise Problem(f"--test-where {given}: no such rows. There are 0 to {rows:,}; some must come before them")
        return int(first), int(end)

    def _codec(self, series: Series, train: int, past: int, horizon: int) -> Codec:
        for name, known in zip(series.channels, series.known):
            if known >= train:
                raise Problem(f"{self.where}: {name}: no value in the {train:,} training rows. Pass --drop {name}")
        seen = series.values[:train]
        means, spread = seen.mean(0), seen.std(0)
        flat = seen.max(0) == seen.min(0)
        means, spread = np.where(flat, seen[0], means), np.where(flat, 1.0, spread)
        text, scale = step(series.times).text, (tuple(means.tolist()), tuple(spread.tolist()))
        digits = () if horizon else tuple(map(decimals, seen.T))
        return Codec(series.time, text, series.channels, *scale, past, horizon, digits)

    def _irregular(self, series: Series) -> list[str]:
        found = step(series.times)
        if not found.first:
            return []
        other = f"{found.longer:,} steps are longer and {found.shorter:,} shorter than {found.text}"
        return [f"{other}, the first after {found.first}: rows are taken as if evenly spaced"]

    def _said(self, series: Series, split: Parts, past: int, horizon: int, wished: bool) -> list[str]:
        """How it is cut, a line each."""
        options, times = self.options, spoken(series.times)
        by = "--size" if options.size else "the model's" if wished else "--size another"
        ahead = "--horizon" if options.horizon else "--horizon another"
        notes = [
            f"{len(series.channels)} channels ({', '.join(series.channels[:8])}{' …' if series.channels[8:] else ''})",
            f"looks back at {past:,} rows ({by}) and predicts the next {horizon:,} ({ahead})"
            if horizon
            else f"windows of {past:,} rows ({by}), one from every row: they overlap",
        ]
        spans = (("learnt from", 0, split.train), ("calibration", split.train, split.aside),
                 ("held out", split.aside, split.end), ("left out", split.end, len(series)))  # fmt: skip
        notes += [
            f"rows {first:,}:{end:,} {what}, {times[first]} to {times[end - 1]}"
            for what, first, end in spans
            if end > first
        ]
        if split.aside > split.train:
            notes.append(
                "times are not exchangeable: intervals cover as promised only while the series stays as it was"
            )
        elif options.calibration and horizon:
            notes.append("too few rows to calibrate by: all before the held-out ones are learnt from")
        flat = series.values[: split.train].max(0) == series.values[: split.train].min(0)
        if flat.any():
            notes.append(f"constant in the training rows: {', '.join(np.array(series.channels)[flat])}")
        return notes

    def _fingerprint(self, series: Series, past: int, horizon: int) -> str:
        about = [key(self.options), list(self.options.drop), past, horizon, list(series.channels)]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        digest.update(series.times.astype(np.int64).tobytes())
        digest.update(np.ascontiguousarray(series.values).tobytes())
        return digest.hexdigest()


def decimals(values: np.ndarray) -> int:
    """That all values (N,) have at most; -1 of more than 9."""
    for digits in range(10):
        if np.array_equal(np.round(values, digits), values):
            return digits
    return -1
