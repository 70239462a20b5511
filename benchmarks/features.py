"""How long the features of 10,000 pictures of 28 × 28 take with the offline default, and how much memory.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/features.py [--threads 2]

The pictures are Fashion-MNIST's test set, which travels in the package. Processor seconds are named beside those of the
clock, as another program on the machine takes from the second alone.
"""

import argparse
import gzip
import os
import resource
import time
from importlib import resources

import numpy as np
import torch

import tables
from reverie.metrics import features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    file = resources.files("reverie") / "samples" / "t10k-images-idx3-ubyte.gz"
    pictures = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    extractor = features.default(28)
    extractor(pictures[:50])
    wall, processor = time.perf_counter(), time.process_time()
    found = features.stream(pictures, extractor)
    row = {"extractor": extractor.name, "pictures": found.statistics.count, "threads": torch.get_num_threads()}
    row |= {"seconds": time.perf_counter() - wall, "processor seconds": time.process_time() - processor}
    row |= {"peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    row |= {"programs waiting": f"{os.getloadavg()[0]:.1f}"}
    said = "By `python benchmarks/features.py`: features, their statistics, and the first 10,000 kept."
    print(tables.write("features", "Features of 10,000 pictures of 28 × 28", said, [row]))
    print(row)


if __name__ == "__main__":
    main()
