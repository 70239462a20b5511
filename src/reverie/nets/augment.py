"""What a discriminator sees of pictures when there are few of them: real and made ones changed alike, so that it can't
learn the real ones by heart, and the generator is not asked to make changed ones.

`diff` changes every picture (Zhao et al. 2020, arXiv:2006.10738); `ada` with a probability p that follows how far the
discriminator overfits (Karras et al. 2020, arXiv:2006.06676)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .ada import ada
from .diff_augment import diff_augment

KINDS = ("none", "diff", "ada")
EVERY = 4  # updates between two of p: ADA's appendix D
SIGNS = "augment_signs"


class Augment(nn.Module):
    """Pictures -> changed pictures, (B, C, H, W), from torch's global generator; gradients pass through.

    A model calls it on real pictures and on made ones, in the discriminator's turn and in the generator's; gives
    `stats(on_real)` to the discriminator's loss, and `absorb` what the trainer sums up. Raises ValueError for values
    out of range."""

    p: Tensor  # probability of each change
    signs: Tensor  # sum of the signs of the logits of real items, since p last moved
    items: Tensor  # and how many they were
    updates: Tensor  # and over how many updates

    def __init__(self, kind: str, target: float = 0.6, ramp: float = 500_000):
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"augment {kind}: there is no such one. Pass one of {', '.join(KINDS)}")
        if not -1 < target < 1:
            raise ValueError(f"augment_target {target}: the mean of signs lies between -1 and 1. Pass such a number")
        if not ramp > 0:
            raise ValueError(f"augment_ramp {ramp}: not above 0. Pass a positive number")
        self.kind, self.target, self.ramp = kind, target, ramp
        if kind == "ada":
            for name in ("p", "signs", "items", "updates"):
                self.register_buffer(name, torch.zeros(()))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.kind == "ada":
            return ada(x, self.p)
        return diff_augment(x) if self.kind == "diff" else x

    def stats(self, on_real: Float[Tensor, " b"]) -> dict[str, Tensor]:
        """For `Loss.stats`, from the discriminator's logits of real items."""
        return {SIGNS: on_real.detach().sign().sum()} if self.kind == "ada" else {}

    def logs(self, on_real: Float[Tensor, " b"]) -> dict[str, Tensor]:
        """For `Loss.logs`: p, and r_t = E[sign D(x)], which is 0 where the discriminator is at a loss and 1 where it
        has learnt the real items by heart (equation 1)."""
        if self.kind != "ada":
            return {}
        return {"augment_p": self.p * len(on_real), "augment_sign": on_real.detach().sign().sum()}

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """One update's statistics. After every fourth, p takes a step up where r_t is above the target, else down: so
        large that `ramp` items take it from 0 to 1."""
        if SIGNS not in stats:
            return
        self.signs += stats[SIGNS]
        self.items += count
        self.updates += 1
        due = self.updates == EVERY  # stays on the device, so that no step waits for it
        step = (self.signs / self.items - self.target).sign() * self.items / self.ramp
        self.p.add_(step * due).clamp_(0, 1)
        for kept in (self.signs, self.items, self.updates):
            kept.mul_(~due)
