"""Learning from a reward without leaving what is known: a prior's likelihood, raised where the reward is."""

from jaxtyping import Float
from torch import Tensor


def augmented(
    prior: Float[Tensor, " b"], agent: Float[Tensor, " b"], score: Float[Tensor, " b"], sigma: float
) -> Float[Tensor, " b"]:
    """(log P_prior + sigma · score - log P_agent)² of items that the agent drew, from their log-likelihoods in nats and
    their scores in [0, 1]. Olivecrona, Blaschke, Engkvist & Chen 2017, arXiv:1704.07555, section "Augmented
    likelihood". 0 where the agent gives an item what the prior does, times e^(sigma · score)."""
    found: Tensor = (prior + sigma * score - agent).square()
    return found
