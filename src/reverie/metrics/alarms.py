"""False alarms and hits of a detector: a threshold with a promise, p-values, and the area under the ROC curve.

A score is promised something only beside scores of items that are like the normal ones and that decided nothing: then a
fresh normal item is as likely to be at any place among them as at any other (Vovk, Gammerman & Shafer 2005; of
anomalies Laxhammar & Falkman 2010; Bates et al. 2023, arXiv:2104.08279)."""

from __future__ import annotations

from decimal import ROUND_UP, Context
from fractions import Fraction
from math import ceil, exp, floor, log, sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import beta, rankdata

from reverie.errors import Problem

from . import Z

SURE = 0.025  # on either side of a 95 % interval


def p_values(scores: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Of each score (N,), the share of the normal ones (n,) and itself that are at least as large: a multiple of
    1 / (n + 1). A fresh normal item's is at most a with probability a at most, for every a. Raises Problem on NaN."""
    ordered = np.sort(finite(normal))
    at_least = len(ordered) - np.searchsorted(ordered, finite(scores), side="left")
    return np.asarray((1 + at_least) / (1 + len(ordered)))


class Promise(NamedTuple):
    """What a threshold promises: a fresh normal item lies above it with probability `rate` at most."""

    rate: float
    threshold: float  # an alarm is a score above it
    items: int  # that it rests on
    low: float  # the 95 % interval of the share of all future normal items that will lie above
    high: float


def promise(normal: np.ndarray, rate: float) -> Promise:
    """The K-th largest of n normal scores, K = floor((n + 1) rate). Which share of all normal items really lies above
    differs from one draw of the n to the next: of scores without ties it is Beta(K, n + 1 - K) distributed. Raises
    Problem where n items can't promise so little."""
    if not 0 < rate < 1:
        raise Problem(f"--flag {rate:g}: a share above 0 and below 1. Write one, like --flag 0.01")
    count = len(normal)
    place = floor((count + 1) * Fraction(str(rate)))  # of the number as written
    if place < 1:
        least = least_rate(count)
        needed = ceil(1 / Fraction(str(rate))) - 1
        raise Problem(
            f"--flag {rate:g}: so few false alarms need {needed:,} held-out items or more, and there are {count:,}. "
            f"Ask for --flag {least:.2g} or more, or train with a larger --held-out"
        )
    low, high = beta.ppf((SURE, 1 - SURE), place, count + 1 - place)
    threshold = np.sort(finite(normal))[count - place]
    return Promise(rate, float(threshold), count, float(low), float(high))


def least_rate(count: int) -> float:
    """The smallest rate that so many items can promise, 1 / (count + 1), rounded up to two digits."""
    return float(Context(prec=2, rounding=ROUND_UP).divide(1, count + 1))


class Area(NamedTuple):
    """The probability that an anomaly scores above a normal item, ties half, and its 95 % interval."""

    value: float
    low: float
    high: float
    normal: int
    other: int


def area(normal: np.ndarray, other: np.ndarray) -> Area:
    """Under the ROC curve, of scores (n,) and (m,). The interval is DeLong's (DeLong, DeLong & Clarke-Pearson 1988), on
    the scale of log-odds; where all pairs are right, or all wrong, Clopper & Pearson's of min(n, m) pairs without a
    common item. Raises Problem where one side is empty, and on NaN."""
    if not len(normal) or not len(other):
        raise Problem(f"{len(normal)} normal items and {len(other)} others: an area needs one of each at least")
    n, m = len(normal), len(other)
    whole = rankdata(np.concatenate([finite(other), finite(normal)]))
    below = (whole[:m] - rankdata(other)) / n  # of each anomaly, the share of normal items below it
    above = 1 - (whole[m:] - rankdata(normal)) / m  # of each normal item, the share of anomalies above it
    value = float(below.mean())
    spread = sqrt(variance(below) / m + variance(above) / n)
    if not 0 < value < 1:
        return Area(value, *perfect(value, min(n, m)), n, m)
    middle, half = log(value / (1 - value)), Z * spread / (value * (1 - value))
    return Area(value, odds(middle - half), odds(middle + half), n, m)


def perfect(value: float, count: int) -> tuple[float, float]:
    """95 % interval of an area of 0 or 1, by `count` items of the rarer side: that of as many trials of which none, or
    all, hit. Clopper & Pearson 1934."""
    far = SURE ** (1 / count)
    return (far, 1.0) if value else (0.0, 1 - far)


def variance(x: np.ndarray) -> float:
    return float(x.var(ddof=1)) if len(x) > 1 else 0.25  # of one item: the largest that a share can have


def odds(x: float) -> float:
    """Log-odds -> share."""
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def finite(x: np.ndarray) -> np.ndarray:
    """In float64. Raises Problem on NaN; an infinite score is a score."""
    found = np.asarray(x, np.float64)
    if np.isnan(found).any():
        raise Problem(f"{int(np.isnan(found).sum())} scores are no numbers: the model is broken. Train anew by --out")
    return found
