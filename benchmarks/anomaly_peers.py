"""pyod's detectors on arrays: what `benchmarks/anomalies.py` runs in an environment that has pyod.

    pip install pyod==3.6.7      (beside a torch)
    python benchmarks/anomaly_peers.py ARRAYS.npz SCORES.npz

The arrays are `train` (N, d), all normal, and `test` (M, d). Each detector is at its own defaults, with a seed where it
takes one."""

import sys
import time

import numpy as np


def detectors() -> dict[str, object]:
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    return {
        "ECOD": ECOD(),
        "IForest": IForest(random_state=0),
        "AutoEncoder": AutoEncoder(random_state=0, verbose=0),
        "KNN": KNN(),
    }


def scores(train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Of each detector the scores of `test` (M,), and the seconds that it took."""
    found: dict[str, np.ndarray] = {}
    for name, detector in detectors().items():
        begun = time.perf_counter()
        detector.fit(train)  # type: ignore[attr-defined]
        found[name] = detector.decision_function(test)  # type: ignore[attr-defined]
        found[f"{name} seconds"] = np.array(time.perf_counter() - begun)
        print(f"{name}: {float(found[f'{name} seconds']):.1f} s", flush=True)
    return found


if __name__ == "__main__":
    with np.load(sys.argv[1], allow_pickle=False) as given:
        np.savez(sys.argv[2], **scores(given["train"], given["test"]))
