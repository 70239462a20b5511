"""Logistic probabilities in integers: the same in every process, whatever its machine, its threads and its versions.

An entropy decoder must know the very probabilities that the encoder had; one unit in the last place of a float makes
noise of all that follows. Ballé, Johnston & Minnen 2019, "Integer Networks for Data Compression with Latent-Variable
Models", ICLR. Numbers are int64 with a stated number of bits after the point. The tables are made with Python's whole
numbers, which round nothing."""

from functools import cache

import torch
from torch import Tensor

NUMBER = 20  # bits after the point of means, logarithms of scales and logits, as networks say them
PLACE = 30  # of a place on the axis that is 1 wide for a picture's range, and of a distance on it
ONE = 30  # a cumulative probability of 1 is 2^30
TIME = 16  # of a distance in scales
FINE = 8  # of the tables: their entries lie 2^-8 apart
REACH = 22  # scales from the mean beyond which nothing is left: 2^30 / (1 + e^22) < 1
STEP = 5  # the logarithm of a scale is taken in steps of 2^-5: at most 1.6 % off
SMALLEST, LARGEST = -12, 4  # logarithm of a scale, on that axis
WIDTHS = 12  # bits after the point of 1 / scale
FARTHEST = 1 << PLACE + 3  # distance that is told from a farther one: its product with 1 / scale stays below 2^63
WEIGHT = 16  # a mixture's largest weight is 2^16
DIGITS = 60  # bits that e^-x is known to


def exponential(numerator: int, denominator: int) -> int:
    """floor(2^DIGITS · e^(-numerator / denominator)) to a few units, by the power series."""
    total, term, n = 0, 1 << 2 * DIGITS, 0
    while term:
        total += -term if n % 2 else term
        n += 1
        term = term * numerator // (denominator * n)
    return total >> DIGITS


@cache
def powers() -> list[int]:
    """2^DIGITS · e^(-k / 2^FINE) for k = 0 … REACH · 2^FINE."""
    factor, entries = exponential(1, 1 << FINE), [1 << DIGITS]
    for _ in range(REACH << FINE):
        entries.append(entries[-1] * factor >> DIGITS)
    return entries


@cache
def sigmoids() -> Tensor:
    """2^ONE · sigmoid(k / 2^FINE) for k from -REACH · 2^FINE on, rising from 0 to 2^ONE."""
    upper = [(1 << ONE + DIGITS) // ((1 << DIGITS) + entry) for entry in powers()]
    upper[-2:] = [1 << ONE] * 2
    return torch.tensor([(1 << ONE) - value for value in upper[:0:-1]] + upper)


@cache
def inverses() -> Tensor:
    """2^WIDTHS / scale, for its logarithm from SMALLEST to LARGEST in steps of 2^-STEP."""
    factor, entry = exponential(1, 1 << STEP), (1 << 2 * DIGITS) // exponential(-SMALLEST, 1)
    entries = []
    for _ in range(((LARGEST - SMALLEST) << STEP) + 1):
        entries.append(entry >> DIGITS - WIDTHS)
        entry = entry * factor >> DIGITS
    return torch.tensor(entries)


@cache
def weights() -> Tensor:
    """2^WEIGHT · e^(-k / 2^FINE)."""
    return torch.tensor([entry >> DIGITS - WEIGHT for entry in powers()])


def logistic(distance: Tensor, log_scale: Tensor) -> Tensor:
    """2^ONE · sigmoid(distance / scale), never falling in the distance. Distance with PLACE bits after the point,
    log_scale with NUMBER; any shapes that broadcast."""
    half = 1 << NUMBER - STEP - 1
    index = (log_scale + half >> NUMBER - STEP).clamp(SMALLEST << STEP, LARGEST << STEP) - (SMALLEST << STEP)
    limit = REACH << TIME
    distance = distance.clamp(-FARTHEST, FARTHEST)
    time = (distance * inverses()[index] >> PLACE + WIDTHS - TIME).clamp(-limit, limit - 1) + limit
    cell, rest = time >> TIME - FINE, time & (1 << TIME - FINE) - 1
    table = sigmoids()
    low = table[cell]
    return low + ((table[cell + 1] - low) * rest >> TIME - FINE)


def shares(logits: Tensor) -> Tensor:
    """Weights of a mixture, (…, K) with NUMBER bits after the point -> (…, K), the largest 2^WEIGHT."""
    below = logits.amax(-1, keepdim=True) - logits
    return weights()[(below >> NUMBER - FINE).clamp(max=REACH << FINE)]


def mixture(place: Tensor, mean: Tensor, log_scale: Tensor, logits: Tensor) -> Tensor:
    """2^ONE · P(X < place) of a mixture of logistics: place (…, n) with PLACE bits after the point, the rest (…, K)
    with NUMBER -> (…, n)."""
    distance = place[..., None] - (mean << PLACE - NUMBER)[..., None, :]
    share = shares(logits)[..., None, :]
    whole = (logistic(distance, log_scale[..., None, :]) * share).sum(-1)
    return whole // share.sum(-1)


def fixed(x: Tensor, bits: int = NUMBER) -> Tensor:
    """A float to the nearest number with so many bits after the point, exactly: a power of two times a float32 rounds
    nothing in float64."""
    return (x.detach().cpu().double() * 2.0**bits).round().to(torch.int64)
