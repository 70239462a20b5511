"""What a device can't promise is said."""

import warnings

import torch

from reverie.training.devices import in_order

WITHOUT = "reflection_pad2d_backward_cuda does not have a deterministic implementation, but you set ..."


def test_on_a_gpu_sums_have_a_fixed_order_and_what_has_none_is_said_once():
    said: list[str] = []
    with in_order(torch.device("cuda"), said.append):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        for _ in range(2):
            warnings.warn(WITHOUT, stacklevel=1)
    assert len(said) == 1
    assert "reflection_pad2d_backward_cuda" in said[0]
    assert not torch.are_deterministic_algorithms_enabled()


def test_other_warnings_pass():
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with in_order(torch.device("cuda"), said.append):
            warnings.warn("the disk is nearly full", stacklevel=1)
    assert not said
    assert [str(one.message) for one in caught] == ["the disk is nearly full"]


def test_a_processor_is_left_as_it_is():
    with in_order(torch.device("cpu"), print):
        assert not torch.are_deterministic_algorithms_enabled()
