"""The optimiser of most networks: AdamW, whose weight decay is of some parameters only."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.optim import AdamW


def adamw(
    model: nn.Module,
    decayed: Iterable[Tensor],
    rate: float,
    decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> AdamW:
    """Over all parameters of a model: those `decayed` shrink by `decay`, the others by nothing. Loshchilov & Hutter
    2019, arXiv:1711.05101."""
    shrinking = list(decayed)
    known = {id(p) for p in shrinking}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": shrinking, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    return AdamW(groups, lr=rate, betas=betas, fused=True)
