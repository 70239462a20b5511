"""Memory of `reverie sample` by how many samples are asked for: a process each, its peak as the system counts it, which
includes what the parent held when it began: so this one stays small.

python benchmarks/sampling_memory.py [--size 64] [--counts 100 1000 10000]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import tables


def peak(run: Path, count: int, out: Path) -> float:
    """MiB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    words = [sys.executable, "-m", "reverie", "sample", str(run), "-n", str(count), "--out", str(out), "--json"]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert used.ru_maxrss > own
    if status:
        raise SystemExit(f"sampling {count} ended with {status}")
    assert len(list(out.glob("*.png"))) == count
    return used.ru_maxrss / unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1_000, 10_000])
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        size = ["--size", str(asked.size), "--set", "quick", "--steps", "2", "--out", str(run)]
        command = [sys.executable, "-m", "reverie", "fit", "demo-fashion", "--model", "dcgan", *size]
        subprocess.run(command, check=True, capture_output=True)
        for count in asked.counts:
            rows.append({"samples": f"{count:,}", "peak, MiB": peak(run, count, Path(folder) / f"{count}")})
            print(rows[-1], flush=True)
    said = f"By `python benchmarks/sampling_memory.py`: `dcgan`, set `quick`, {asked.size}×{asked.size}."
    print(tables.write("sampling_memory", "Memory of sampling", said, rows))


if __name__ == "__main__":
    main()
