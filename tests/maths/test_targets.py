"""What a prediction costs, by hand."""

import torch

from reverie.core import Field
from reverie.maths.targets import nats


def test_smoothing_spreads_a_share_of_each_label_over_yes_and_no():
    """Of three labels with probabilities p: y' = 0.7 y + 0.15, and the sum of -y' log p - (1 - y') log(1 - p)."""
    output, target = torch.tensor([[2.0, -1.0, 0.5]]).double(), torch.tensor([[1, 0, 1]])
    field = Field((3,), categories=2)
    p, told = torch.sigmoid(output), 0.7 * target + 0.15
    found = nats(output, target, field, 0.3)
    assert torch.allclose(found, -(told * p.log() + (1 - told) * (1 - p).log()).sum(1))
    assert not torch.allclose(found, nats(output, target, field))


def test_numbers_have_nothing_to_spread():
    output, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])
    assert nats(output, target, Field((2,), 0.0, 0.0), 0.3).item() == (1 + 4) / 2
