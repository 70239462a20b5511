"""Precision, recall, density and coverage against the package `prdc` of Naeem et al. 2020, on the same features.

pip install prdc==0.2 scikit-learn && python benchmarks/prdc_agreement.py
"""

import contextlib
import io

import torch
from prdc import compute_prdc

import tables
from reverie.metrics.neighbours import neighbourhood


def rows(real: int, fake: int, dims: int, k: int) -> list[dict[str, object]]:
    """Two Gaussians, the second narrower and shifted."""
    x, y = torch.randn(real, dims), 0.9 * torch.randn(fake, dims) + 0.15
    ours = neighbourhood(x, y, k, k)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_prdc(x.double().numpy(), y.double().numpy(), k)
    parts = {"precision": ours.precise, "recall": ours.recalled, "density": ours.density, "coverage": ours.covered}
    said: dict[str, object] = {"real": real, "fake": fake, "dimensions": dims, "k": k}
    return [
        said
        | {"what": name, "ours": (value := float(part.double().mean())), "theirs": float(theirs[name])}
        | {"apart": f"{abs(value - float(theirs[name])):.1e}"}
        for name, part in parts.items()
    ]


def main() -> None:
    torch.manual_seed(0)
    found = [line for case in ((2000, 1500, 16, 5), (1000, 1000, 64, 3)) for line in rows(*case)]
    said = "By `python benchmarks/prdc_agreement.py`: both on the same normal features, `prdc` 0.2."
    print(tables.write("prdc_agreement", "Precision, recall, density and coverage beside prdc", said, found))


if __name__ == "__main__":
    main()
