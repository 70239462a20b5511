"""What spoils numbers in known ways. Vincent et al. 2008 (ICML) and 2010 (JMLR 11:3371). Draws from torch's global
generator."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def hidden(items: int, parts: int, amount: float, like: Tensor) -> Bool[Tensor, "b n"]:
    """Which parts of each item are hidden: each with probability `amount`, on the device of `like`."""
    return torch.rand(items, parts, device=like.device) < amount


def gaussian(x: Float[Tensor, "b n"], least: float, most: float) -> Float[Tensor, "b n"]:
    """x + N(0, s²), s of each item drawn evenly between `least` and `most`."""
    deviation = least + (most - least) * torch.rand(len(x), 1, dtype=x.dtype, device=x.device)
    return x + deviation * torch.randn_like(x)


def salt_and_pepper(x: Float[Tensor, "b n"], amount: float) -> Float[Tensor, "b n"]:
    """Each number, with probability `amount`, becomes 0 or 1, either as often."""
    chance = torch.rand_like(x)
    return torch.where(chance < amount, (chance < amount / 2).to(x.dtype), x)
