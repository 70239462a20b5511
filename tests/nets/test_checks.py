"""What a model refuses, in one line with the value and the cure."""

from dataclasses import dataclass

import pytest

from reverie.core import Field, Spec
from reverie.nets.checks import at_least, picture, positive, share


@dataclass(frozen=True)
class Config:
    width: float = 4
    rate: float = 0.1
    beta: float = 0.5


def test_values_in_range_pass_at_their_very_edge():
    at_least(Config(width=1), width=1)
    positive(Config(rate=1e-300), "rate")
    share(Config(beta=0.0), "beta", "rate")


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda: at_least(Config(width=0), width=1), "width 0: too small. Pass 1 or more"),
        (lambda: at_least(Config(width=float("nan")), width=1), "width nan: too small. Pass 1 or more"),
        (lambda: positive(Config(rate=0.0), "rate"), "rate 0.0: not above 0. Pass a positive number"),
        (lambda: share(Config(beta=1.0), "beta"), r"beta 1.0: not in \[0, 1\). Pass a number from 0 up to, but not, 1"),
        (lambda: share(Config(beta=-0.1), "beta"), r"beta -0.1: not in \[0, 1\)"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_cure(check, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        check()


def test_picture_gives_name_and_field():
    field = Field((3, 30, 20), levels=256)
    assert picture(Spec("image", {"photo": field}), "dcgan", 8) == ("photo", field)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (Field((1, 6, 40)), "6x40: dcgan makes 8x8 and larger. Pass the nearest: --size 8x40"),
        (Field((16,)), r"photo \(16,\): dcgan takes pictures"),
        (Field((3, 32, 32), categories=4), "dcgan takes pictures"),
        (Field((3, 32, 32), low=0.0), r"in \[-1, 1\]"),
    ],
)
def test_what_is_no_picture_or_too_small_is_refused(field, says):
    with pytest.raises(ValueError, match=says):
        picture(Spec("image", {"photo": field}), "dcgan", 8)
