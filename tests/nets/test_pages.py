"""Large pages change where a tensor lies and nothing else."""

import torch

from reverie.nets.pages import LEAST, PAGE, large


def test_a_large_tensor_is_the_same_one_and_its_memory_is_advised(monkeypatch):
    asked = []

    class Library:
        def madvise(self, first, size, how):
            asked.append((first.value, size.value, how))
            return 0

    monkeypatch.setattr("reverie.nets.pages.ctypes.CDLL", lambda name: Library())
    monkeypatch.setattr("sys.platform", "linux")
    x = torch.empty(LEAST // 4 + 1000)
    assert large(x) is x
    ((first, size, how),) = asked
    assert how == 14  # MADV_HUGEPAGE of Linux's headers
    begin, end = x.data_ptr(), x.data_ptr() + 4 * x.numel()
    assert first % PAGE == size % PAGE == 0
    assert begin <= first < begin + PAGE  # only whole pages that are the tensor's own
    assert end - PAGE < first + size <= end


def test_small_ones_and_those_elsewhere_are_left_alone(monkeypatch):
    def fail(name):
        raise AssertionError("asked")

    monkeypatch.setattr("reverie.nets.pages.ctypes.CDLL", fail)
    large(torch.empty(1000))
    large(torch.empty(LEAST, device="meta"))
    monkeypatch.setattr("sys.platform", "darwin")
    large(torch.empty(LEAST))


def test_it_can_be_written_and_read_through():
    x = large(torch.empty(2 * LEAST, dtype=torch.uint8)).fill_(3)
    assert int(x.sum(dtype=torch.long)) == 6 * LEAST
