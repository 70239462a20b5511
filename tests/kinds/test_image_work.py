"""Work on all cores, in order, shown when it takes long."""

import os
import threading
import time

import pytest

from reverie import shown
from reverie.kinds.image import work


def test_results_are_in_order_on_all_cores_and_progress_shows_only_when_it_takes_long(capsys, monkeypatch):
    threads = set()

    def one(i):
        threads.add(threading.get_ident())
        time.sleep(0.0002)
        return i * i

    assert work.spread(1000, one, "squaring") == [i * i for i in range(1000)]
    assert capsys.readouterr().err == ""
    if (os.cpu_count() or 1) > 1:
        assert len(threads) > 1
    monkeypatch.setattr(shown, "QUIET", 0.0)
    work.spread(1000, one, "squaring")
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("squaring: ") and "of 1,000" in line for line in lines)
    assert work.spread(0, one, "nothing") == []


def test_an_error_in_the_work_comes_out_and_ends_it():
    done = []

    def one(i):
        done.append(i)
        if i == 70:
            raise KeyboardInterrupt
        return i

    with pytest.raises(KeyboardInterrupt):
        work.spread(1_000_000, one, "working")
    assert len(done) < 10_000
