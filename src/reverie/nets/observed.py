"""What is seen of items given what a decoder says of them: p(x|z) over the items of any spec."""

from math import log, pi, sqrt
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.errors import listed
from reverie.maths.likelihood import log_bernoulli, log_discretised_logistic, log_normal

from .flat import Flat, Seen

Form = Literal["bernoulli", "gaussian", "logistic"]
LEAST = 1e-3  # of a mean in [0, 1] whose logit is asked for: a pixel that is always off keeps a finite one
CERTAIN = 1e-6  # least distance of a uniform number from 0 and 1
BEGINS = 0.1  # a learnt deviation of numbers in [0, 1]


class Observed:
    """Numbers with bounds, in [0, 1], are of a form: bernoulli (intensities as probabilities), gaussian, or logistic
    (discretised over the field's levels). Numbers without bounds are normal, categories have probabilities. A deviation
    belongs to a field. `outputs` is what a decoder says of items: (B, flat.size).

    It holds no parameters: `log_var` (fields with a deviation,) is given. Raises ValueError for numbers without levels
    of which they are asked for."""

    def __init__(self, flat: Flat, form: Form, linear: bool = False):
        """`linear`: the mean of bounded numbers is what the decoder says; else its sigmoid."""
        self.flat, self.form, self.linear = flat, form, linear
        fields = list(flat.numbers.values())
        if form == "logistic" and any(f.low < f.high and f.levels < 2 for f in fields):
            raise ValueError("--decoder logistic: for numbers on a grid, such as 8-bit pictures. Pass gaussian")
        spread = [form != "bernoulli" or f.low >= f.high for f in fields]  # whose field has a deviation
        self.fields = [f for f, has in zip(fields, spread) if has]
        place = torch.tensor(spread, dtype=torch.long).cumsum(0) - 1 if fields else torch.zeros(0, dtype=torch.long)
        self.which = place.clamp(min=0)[flat.of] if fields else place  # of each number, its field's deviation
        half = [0.5 / (f.levels - 1) if f.levels > 1 else 1.0 for f in fields for _ in range(f.size)]
        self.half = torch.tensor(half, dtype=torch.float64)  # of a level's cell
        self.alike = flat.within or not any(f.low < f.high for f in fields)

    @property
    def density(self) -> bool:
        """Is the likelihood one of a density, at least in part?"""
        return bool(self.fields) and (self.form != "logistic" or not self.flat.within)

    @property
    def of_levels(self) -> bool:
        """Is the likelihood a probability of the levels that the numbers have?"""
        fields, flat = self.flat.numbers.values(), self.flat
        binary = self.form == "bernoulli" and all(f.levels == 2 for f in fields)
        return bool(flat.count) and flat.within and not flat.groups and (self.form == "logistic" or binary)

    @property
    def said(self) -> str:
        """What p(x|z) is, in words."""
        form = {
            "bernoulli": "Bernoulli, intensities in [0, 1] as probabilities",
            "gaussian": "normal",
            "logistic": "discretised logistic",
        }[self.form]
        parts = [f"{form} numbers"] if any(f.low < f.high for f in self.flat.numbers.values()) else []
        parts += ["normal numbers without bounds"] if not self.flat.within else []
        return listed([*parts, *(["categories"] if self.flat.groups else [])])

    def first(self) -> Tensor:
        """log_var at the start: (fields with a deviation,)."""
        return torch.tensor([2 * log(BEGINS) if f.low < f.high else 0.0 for f in self.fields])

    def spread(self, log_var: Tensor) -> Tensor:
        """The log-variance of each number: (n,)."""
        count = self.flat.count
        if len(log_var) < 2:
            return log_var.expand(count) if len(log_var) else log_var.new_zeros(count)
        return log_var[self.which.to(log_var.device)]

    def mean(self, outputs: Float[Tensor, "b d"]) -> Float[Tensor, "b n"]:
        """Expected numbers."""
        return outputs[:, : self.flat.count] if self.linear else self.flat.mean(outputs)

    def log_p(self, seen: Seen, outputs: Float[Tensor, "b d"], log_var: Tensor) -> Float[Tensor, " b"]:
        """log p(x|z) of each item; gaps cost nothing."""
        found = self.flat.log_categories(seen, outputs)
        return found + self.log_numbers(seen, outputs, self.spread(log_var)) if self.flat.count else found

    def log_numbers(self, seen: Seen, outputs: Float[Tensor, "b d"], log_var: Tensor) -> Float[Tensor, " b"]:
        count, bounded = self.flat.count, self.flat.bounded.to(outputs.device)
        form: Form = self.form if self.flat.within else "gaussian"
        x, raw = seen.x[:, :count], outputs[:, :count]
        if form == "bernoulli" and seen.there is None:
            return log_bernoulli(x, raw)
        mean = self.mean(outputs)
        if self.alike and seen.there is None:
            return self.log_form(form, x, raw, mean, log_var)
        parts = [t[..., None] for t in (x, raw, mean, log_var)]  # each number's by itself
        terms = self.log_form("gaussian", *parts)
        if bounded.any() and self.form != "gaussian":
            terms = torch.where(bounded, self.log_form(self.form, *parts), terms)
        return self.flat.summed(terms, seen)

    def log_form(self, form: Form, x: Tensor, raw: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
        """Summed over the last axis. (…, n) each, log_var (n,)."""
        if form == "bernoulli":
            return log_bernoulli(x, raw)
        if form == "gaussian":
            return log_normal(x, mean, log_var.expand_as(x))
        half = self.half.to(x).view(log_var.shape)
        return log_discretised_logistic(x, mean, scale_of(log_var).log(), half)

    def drawn(self, outputs: Float[Tensor, "b d"], log_var: Tensor, noise: Float[Tensor, "b d"]) -> dict[str, Tensor]:
        """A draw of p(x|z) by standard normal noise -> fields. Bounded numbers stay within their bounds."""
        count, log_var = self.flat.count, self.spread(log_var)
        mean, bounded = self.mean(outputs), self.flat.bounded.to(outputs.device)
        uniform = torch.special.ndtr(noise).clamp(CERTAIN, 1 - CERTAIN)
        normal = mean + (0.5 * log_var).exp() * noise[:, :count]
        if self.form == "bernoulli":
            inside = (uniform[:, :count] < mean).to(mean.dtype)
        elif self.form == "logistic":
            cell = 2 * self.half.to(mean)
            inside = ((mean + scale_of(log_var) * uniform[:, :count].logit()) / cell).round() * cell
        else:
            inside = normal
        numbers = torch.where(bounded, inside.clamp(0, 1), normal)
        gumbel = -(-uniform[:, count:].log()).log()  # the largest of logits + these is a draw of their softmax
        return self.flat.items(numbers, outputs[:, count:] + gumbel)

    def bias(self, mean: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
        """What a decoder says where every item is `mean`, the mean of `Seen.x`."""
        count, flat = self.flat.count, self.flat
        logit = mean[:count].clamp(LEAST, 1 - LEAST).logit()
        plain = mean[:count] if self.linear else torch.where(flat.bounded.to(mean.device), logit, mean[:count])
        return torch.cat([plain, mean[count:].clamp(min=LEAST).log()])


def scale_of(log_var: Tensor) -> Tensor:
    """Of a logistic distribution with that variance."""
    return (0.5 * log_var).exp() * (sqrt(3) / pi)
