"""What is said of predictions follows from their measures, either way."""

import pytest

from reverie.judging.words import headline
from reverie.metrics import Metric


def ece(value: float) -> list[Metric]:
    raw = Metric("ece_uncalibrated_100", 0.4, "share", 100, "", floor=0.03)
    return [raw, Metric("ece_100", value, "share", 100, "", floor=0.03)]


def rmse(value: float, low: float, high: float) -> list[Metric]:
    return [
        Metric("rmse_50", value, "kg", 50, "", low, high, reference=2.0),
        Metric("r2_50", 1 - value**2 / 4, "", 50, ""),
    ]


def coverage(value: float, low: float, high: float) -> list[Metric]:
    return [
        Metric("coverage_50", value, "share", 50, "", low, high, reference=0.9),
        Metric("width_50", 3.5, "kg", 50, ""),
    ]


ERROR = "(calibration error {}; by chance alone up to 3.0 %)."
BY_CHANCE = "(calibration error 25 %; by chance alone up to 30 %)."
OFF = "Off by {} (root mean square; 95 %: {} to {}) on 50 items"
MEAN = "; always saying the mean would be off by 2; 75 % of the variance is explained."
BLUR = "The samples are blurred: their fine detail is {} as strong as real items'."
SAID = [
    ([Metric("sharpness_2k", 0.4, "of held-out", 2000, "", floor=1.0)], BLUR.format("40 %")),
    (ece(0.02), "Its probabilities can be taken at their word " + ERROR.format("2.0 %")),
    (
        [Metric("ece_20", 0.25, "share", 20, "", floor=0.30)],
        f"Too few items to tell whether its probabilities can be taken at their word {BY_CHANCE}",
    ),
    (ece(0.2), "Its probabilities are off by 20 % on average " + ERROR.format("20 %")),
    (rmse(1.0, 0.8, 1.2), OFF.format(1, 0.8, 1.2) + MEAN),
    (rmse(1.9, 1.6, 2.1), OFF.format(1.9, 1.6, 2.1) + ": not surely better than always saying the mean (2)."),
    (coverage(0.88, 0.8, 0.95), "Of its intervals that promise 90 %, 88 % hold the truth; they are 3.5 wide."),
    (
        coverage(0.6, 0.5, 0.7),
        "Of its intervals that promise 90 %, 60 % hold the truth, which is surely less; they are 3.5 wide.",
    ),
]


@pytest.mark.parametrize(("metrics", "says"), SAID)
def test_a_verdict_holds_its_evidence(metrics, says):
    assert headline(metrics) == [says]
