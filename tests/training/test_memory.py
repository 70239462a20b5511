"""Pages that a step gives back are not asked for again."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from reverie.training.memory import keep
done = keep() if sys.argv[1] == "keep" else None
def step():
    return float((torch.ones(8 << 20) + 1).sum())  # 64 MB in two tensors
for _ in range(8):  # until the allocator has found places for both
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str, **env: str) -> tuple[str, int]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], env={**clean, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, count = done.stdout.split()
    return said, int(count)


def test_a_step_after_the_first_asks_for_no_further_pages():
    said, count = faults("keep")
    if said == "False":
        pytest.skip("no glibc here")
    usual = faults("leave")[1]
    if usual < 1_000:
        pytest.skip("this system gives zeroed pages in other ways")
    assert usual > 4 * 16_000  # 64 MB are 16,384 pages of 4 kB a step
    # now and then a tensor finds another place once more: then the next process says what is usual
    again = [faults("keep")[1] for _ in range(3)] if count >= 200 else []
    assert min([count, *again]) < 200


def test_a_persons_own_setting_stands():
    assert faults("keep", MALLOC_TOP_PAD_="131072")[0] == "False"
