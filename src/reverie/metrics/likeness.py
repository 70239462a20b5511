"""How like its original a picture is."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

WINDOW = 11  # pixels of SSIM's Gaussian window, whose deviation is 1.5


def unit(pictures: np.ndarray) -> Float[Tensor, "n c h w"]:
    """(N, H, W, C) uint8 or uint16 -> float64 in [0, 1]."""
    whole = torch.from_numpy(pictures.astype(np.float64)).permute(0, 3, 1, 2)
    return whole / float(np.iinfo(pictures.dtype).max)


def psnr(made: np.ndarray, true: np.ndarray) -> Float[Tensor, " n"]:
    """Peak signal-to-noise ratio of pictures (N, H, W, C) of one depth, in dB: -10 log10 of the mean squared error of
    values in [0, 1], over all pixels and channels. Infinite where nothing differs."""
    return -10 * (unit(made) - unit(true)).square().mean((1, 2, 3)).log10()


def ssim(made: np.ndarray, true: np.ndarray) -> Float[Tensor, " n"] | None:
    """Structural similarity of the same, 1 where nothing differs. Wang et al. 2004, equation 13; the mean over the
    channels. None where pictures are smaller than its window."""
    from torchmetrics.functional.image import structural_similarity_index_measure as of

    if min(true.shape[1:3]) < WINDOW:
        return None
    found: Tensor = of(unit(made), unit(true), data_range=1.0, reduction="none")  # type: ignore[assignment]
    return found.reshape(len(true))
