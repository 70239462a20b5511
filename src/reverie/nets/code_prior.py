"""How probable a grid of codes is, one code after the other.

The paper of the VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937, section 3.3) takes a PixelCNN. A decoder-only
transformer over the codes in reading order factorises p(z) in the same way. It is taken here because, on a processor
and on grids of some hundred codes, it is the better bargain: it knows the place of a code, where masked convolutions
see neighbours alone, and people's pictures are mostly centred; its products are large and few; and a draw costs a row
a code, since keys and values are kept, where a PixelCNN passes over the whole grid for each.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.maths.sampling import inverse_cdf, probabilities

from .transformer import Transformer, gpt2_


class CodePrior(nn.Module):
    """Codes (B, n) and a class each (B,) -> log-probabilities of every code given those before it: (B, n, K).

    The class stands before the first code, as a word of its own. `classes` 1: there is only one."""

    def __init__(self, codes: int, places: int, classes: int, width: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.codes = codes
        self.transformer = Transformer(codes + classes, places, width, layers, heads, dropout)
        gpt2_(self.transformer)

    def forward(self, index: Int[Tensor, "b n"], label: Int[Tensor, " b"]) -> Float[Tensor, "b n k"]:
        words = torch.cat([self.codes + label[:, None], index[:, :-1]], 1)
        logits: Tensor = self.transformer(words)
        return logits[..., : self.codes].log_softmax(-1)

    def nats(self, index: Int[Tensor, "b n"], label: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
        """-log p of each item's codes given its class."""
        log_p = self(index, label)
        return F.nll_loss(log_p.flatten(0, 1), index.flatten(), reduction="none").view(index.shape).sum(1)

    def draw(
        self, uniform: Float[Tensor, "b n"], label: Int[Tensor, " b"], temperature: float = 1.0
    ) -> Int[Tensor, "b n"]:
        """The codes of these uniform numbers, by the inverse of each code's distribution given those before it. For use
        without gradients."""
        net = self.transformer
        cache, last, made = net.cache(len(label)), self.codes + label, []
        for place in range(uniform.shape[1]):
            logits = net.logits(net.features(last[:, None], cache)[:, -1])[:, : self.codes]
            last = inverse_cdf(probabilities(logits, temperature), uniform[:, place])
            made.append(last)
        return torch.stack(made, 1)
