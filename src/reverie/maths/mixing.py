"""Two pictures in one, and their targets with them, or a part left out: what keeps a classifier from learning its
pictures by heart."""

import torch
from jaxtyping import Float
from torch import Tensor

Mixed = tuple[Float[Tensor, "b c h w"], Float[Tensor, "b n"]]


def mixup(x: Float[Tensor, "b c h w"], shares: Float[Tensor, "b n"], alpha: float) -> Mixed:
    """Each item and its target's shares blended with another's, by λ from Beta(alpha, alpha), one a batch. Zhang et al.
    2018, arXiv:1710.09412. Draws from torch's global generator."""
    share, other = _drawn(alpha), torch.randperm(len(x), device=x.device)
    return share * x + (1 - share) * x[other], share * shares + (1 - share) * shares[other]


def cutmix(x: Float[Tensor, "b c h w"], shares: Float[Tensor, "b n"], alpha: float) -> Mixed:
    """A rectangle of each item taken from another, of an area of 1 - λ of the picture where it fits whole, λ from
    Beta(alpha, alpha); the targets are mixed by the area that was in fact taken. Yun et al. 2019, arXiv:1905.04899.
    Draws from torch's global generator."""
    height, width = x.shape[2:]
    side = (1 - _drawn(alpha)) ** 0.5
    middle = (int(torch.randint(height, ())), int(torch.randint(width, ())))
    top, bottom = _edges(middle[0], side * height, height)
    left, right = _edges(middle[1], side * width, width)
    other = torch.randperm(len(x), device=x.device)
    mixed = x.clone()
    mixed[:, :, top:bottom, left:right] = x[other, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, kept * shares + (1 - kept) * shares[other]


def cutout(x: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c h w"]:
    """Each picture without a square of its own, whose middle may be any pixel, so that some of it may lie outside. In
    its place stands the batch's mean of each channel. DeVries & Taylor 2017, arXiv:1708.04552. Draws from torch's
    global generator."""
    (b, _, h, w), device = x.shape, x.device
    top = torch.randint(h, (b, 1), device=device) - side // 2
    left = torch.randint(w, (b, 1), device=device) - side // 2
    rows, columns = torch.arange(h, device=device), torch.arange(w, device=device)
    high, wide = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)  # (B, H), (B, W)
    return torch.where((high[:, :, None] & wide[:, None, :])[:, None], x.mean((0, 2, 3), keepdim=True), x)


def _drawn(alpha: float) -> float:
    """λ from Beta(alpha, alpha), as a ratio of gammas: torch's own Beta draws from no generator that one may name."""
    first, second = torch._standard_gamma(torch.full((2,), alpha, dtype=torch.float64)).tolist()
    return float(first / (first + second)) if first + second else 0.5


def _edges(middle: int, length: float, whole: int) -> tuple[int, int]:
    return max(0, round(middle - length / 2)), min(whole, round(middle + length / 2))
