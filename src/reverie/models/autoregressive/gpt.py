"""GPT-2. Radford, Wu, Child, Luan, Amodei & Sutskever 2019, "Language Models are Unsupervised Multitask Learners".

A decoder-only transformer: each token's distribution given those before it. Where the paper is silent on how it was
trained, `gpt2` takes the values of GPT-3 of the same size (Brown et al. 2020, arXiv:2005.14165, table 2.1, appendix B).
`nanogpt_cpu` are the settings that nanoGPT's README gives for a small computer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Network, Spec, Training, Update
from reverie.maths.sampling import inverse_cdf, probabilities
from reverie.maths.schedules import warm_up_then_cosine
from reverie.nets.checks import at_least, from_zero, nucleus, positive, share
from reverie.nets.decay import adamw
from reverie.nets.transformer import Transformer, gpt2_

UNSEEN = -100  # a target that no loss counts


@dataclass(frozen=True)
class Config:
    layers: int = 12  # blocks, each of attention and a dense network
    heads: int = 12  # of attention, in each block; they divide the width
    width: int = 768  # of the residual stream
    dropout: float = 0.1  # of embeddings, attention and what each block adds
    bias: bool = True  # in linear layers and layer norms
    deviation: float = 0.02  # of the weights at the start
    learning_rate: float = 6e-4  # of AdamW, at its highest
    warm_up: float = 0.00125  # share of the planned steps over which the learning rate rises
    floor: float = 0.1  # share of the learning rate that the cosine falls to at the planned end
    beta1: float = 0.9  # of AdamW: its momentum
    beta2: float = 0.95  # of AdamW: memory of squared gradients
    weight_decay: float = 0.1  # of AdamW, on matrices and embeddings only

    @classmethod
    def gpt2(cls) -> Named:
        """124,439,808 parameters: vocabulary 50,257, context 1,024, batches of 512 windows, 300 billion tokens."""
        spec = Spec("text", {"text": Field((1025,), categories=50_257, start=50_256)})
        return Named(cls(), Training(batch=512, steps=572_000, clip=1.0, size=(1024,), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: any text, by characters or a small vocabulary."""
        config = cls(layers=4, heads=4, width=128, dropout=0.0, learning_rate=2e-3, warm_up=0.05, beta2=0.99)
        return Named(config, Training(batch=16, steps=3_000, clip=1.0, size=(128,)))

    @classmethod
    def base(cls) -> Named:
        """10.6 million parameters, for a GPU or for a day: the shape of nanoGPT's character model of Shakespeare. A
        text of a million characters is learnt by heart before the last step: the best look's weights are kept."""
        config = cls(layers=6, heads=6, width=384, dropout=0.2, learning_rate=1e-3, warm_up=0.02, beta2=0.99)
        return Named(config, Training(batch=64, steps=5_000, clip=1.0, size=(256,), keep="best"))

    @classmethod
    def nanogpt_cpu(cls) -> Named:
        """nanoGPT's README, Shakespeare on a CPU: no biases, no dropout, 100 steps of warm-up in 2,000."""
        spec = Spec("text", {"text": Field((65,), categories=65, start=0)})
        config = cls(
            layers=4, heads=4, width=128, dropout=0.0, bias=False, learning_rate=1e-3, warm_up=0.05, beta2=0.99
        )
        return Named(config, Training(batch=12, steps=2_000, clip=1.0, size=(64,), spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(layers=2, heads=2, width=16, learning_rate=1e-2, warm_up=0.05)
        return Named(config, Training(batch=16, steps=200, clip=1.0, size=(16,)))


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0  # divides the logits: below 1 bolder, above 1 wilder; 0: always the likeliest token
    top_k: int = 0  # draw from that many likeliest tokens; 0: from all
    top_p: float = 1.0  # draw from the likeliest tokens that together hold this probability
    length: int = 0  # tokens; 0: as many as the model's context


class GPT(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, layers=1, heads=1, width=1, weight_decay=0)
        positive(cfg, "deviation", "learning_rate")
        share(cfg, "dropout", "warm_up", "beta1", "beta2")
        if not 0 <= cfg.floor <= 1:
            raise ValueError(f"floor {cfg.floor}: not in [0, 1]. Pass a share of the learning rate")
        self.name, field = tokens(spec)
        self.start = field.start or 0
        context = field.shape[0] - 1
        self.transformer = Transformer(
            field.categories, context, cfg.width, cfg.layers, cfg.heads, cfg.dropout, cfg.bias
        )
        gpt2_(self.transformer, cfg.deviation)

    def optimizers(self) -> dict[str, Optimizer]:
        matrices = (p for p in self.parameters() if p.ndim >= 2)
        betas = (self.cfg.beta1, self.cfg.beta2)
        return {"adamw": adamw(self, matrices, self.cfg.learning_rate, self.cfg.weight_decay, betas)}

    def updates(self) -> Sequence[Update]:
        rate = partial(warm_up_then_cosine, share=self.cfg.warm_up, floor=self.cfg.floor)
        return [Update("adamw", self.loss, rate=rate)]

    def loss(self, batch: Batch, at: At) -> Loss:
        """-log p of every token but the first of each window, given those before it: nats, counted a token."""
        nats, counts = self.cross_entropy(batch, "sum")
        return Loss(nats, counts.sum(), {"loss": nats})

    def cross_entropy(self, batch: Batch, reduction: str) -> tuple[Tensor, Tensor]:
        """Nats, summed or one a token (B T,), and how many tokens of each item (B,) are predicted."""
        windows = batch[self.name]  # (B, T+1)
        targets = windows[:, 1:]
        counts = windows.new_full((len(windows),), targets.shape[1])
        lengths = batch.lengths.get(self.name)
        if lengths is not None:
            counts = (lengths - 1).clamp(min=0)
            beyond = torch.arange(targets.shape[1], device=windows.device) >= counts[:, None]
            targets = targets.masked_fill(beyond, UNSEEN)
        logits = self.transformer(windows[:, :-1])
        nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=UNSEEN, reduction=reduction)
        return nats, counts

    # -------------------------------------------------------------------------------------------------------- abilities

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """Exact: `draws` changes nothing. The first token of a window is given, not scored."""
        nats, counts = self.cross_entropy(batch, "none")
        return nats.view(len(counts), -1).sum(1), counts

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """A number in [0, 1) for each token: (length,). Of 53 bits: rare tokens come as often as they should."""
        length = self.checked(how).length or self.transformer.context
        return torch.rand(length, dtype=torch.float64, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Tokens (B, length) that follow the start token, which is not among them."""
        start = torch.full((len(noise), 1), self.start, device=noise.device)
        return {self.name: self.complete(start, noise, how)}

    def complete(self, prompt: Tensor, noise: Tensor, how: Any) -> Tensor:
        """Tokens (B, length) that follow the prompts (B, P ≥ 1), one for each number of the noise (B, length).

        A token sees up to a whole context before it: when that is full, its last half is read again as a context of its
        own, so that learnt positions never run out."""
        how, net = self.checked(how), self.transformer
        tokens = torch.cat([prompt, prompt.new_empty(noise.shape)], 1)
        cache, first = net.cache(len(prompt)), max(0, prompt.shape[1] - net.context)
        for end in range(prompt.shape[1], tokens.shape[1]):
            if end - first > net.context:
                first = end - max(1, net.context // 2)
                cache.clear()
            features = net.features(tokens[:, first + cache.seen : end], cache)
            p = probabilities(net.logits(features[:, -1]), how.temperature, how.top_k, how.top_p)
            tokens[:, end] = inverse_cdf(p, noise[:, end - prompt.shape[1]])
        return tokens[:, prompt.shape[1] :]

    def checked(self, how: Any) -> Sampling:
        chosen: Sampling = how or Sampling()
        from_zero(chosen, "temperature", "top_k", "length")
        nucleus(chosen)
        return chosen

    def network(self) -> Network:
        """tokens (B, T) -> logits of the token after each (B, T, V), T up to the context."""
        longest, vocabulary = self.transformer.context, self.transformer.tokens.num_embeddings

        def draw(generator: torch.Generator) -> dict[str, Tensor]:
            return {"tokens": torch.randint(vocabulary, (longest,), generator=generator)}

        axes = {"tokens": {1: ("length", longest)}} if longest > 1 else {}
        return Network(self.transformer, draw, ("logits",), axes)


def tokens(spec: Spec) -> tuple[str, Field]:
    """Name and field of the one row of tokens (T+1,) that an item is."""
    name, field = spec.only
    if not field.categories or len(field.shape) != 1:
        what = "categories" if field.categories else "numbers"
        raise ValueError(f"{name} {field.shape} of {what}: gpt takes a row of tokens, such as text. Pass some")
    if field.shape[0] < 2:
        raise ValueError(f"{name} {field.shape}: no token to predict. Pass windows of 2 tokens or more")
    return name, field
