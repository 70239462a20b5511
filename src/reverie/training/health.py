"""How training fares, in words: signs of trouble in what was logged. Pure functions, which know no model: they read
names that any model may log, and say nothing of what is not there.

`real` and `fake` are a discriminator's mean probabilities that real items, and made ones, are real; `distance` is how
much higher a critic rates real items than made ones (its gap); `gradient_norm_NAME` is of an optimiser's gradient;
`sample_spread` of the samples beside data (1 as data, 0 all alike); `kl` is what a code says of its item, in nats, and
`active_units` in how many of its units; `codes_used` the share of a codebook's codes that are."""

from collections.abc import Mapping

WON = 0.99  # of real items called real and made ones called made: nothing is left to learn from
ROSE = 100.0  # times the greatest gradient norm of the beginning
SILENT = 0.1  # nats of a code: below it, it says nothing
ALIKE = 0.1  # spread of the samples beside data
FEW = 0.1  # of a codebook
NORM, SPREAD = "gradient_norm", "sample_spread"


def health(values: Mapping[str, float], usual: Mapping[str, float]) -> str:
    """All signs, in one clause each; "" where there are none. `usual`: the greatest size of each value in the
    beginning."""
    return "; ".join(signs(values, usual).values())


def signs(values: Mapping[str, float], usual: Mapping[str, float]) -> dict[str, str]:
    """By what shows it, each sign of trouble with what to change."""
    found = {"won": won(values), "gap": gap(values), "alike": alike(values)}
    found |= {"silent": silent(values), "unused": unused(values)}
    found |= {name: rose(name, values[name], usual) for name in values if name.startswith(NORM)}
    return {name: words for name, words in found.items() if words}


def won(values: Mapping[str, float]) -> str:
    """A discriminator that errs no more gives its generator nothing to go by."""
    real, fake = values.get("real", 0.0), values.get("fake", 1.0)
    if real < WON or fake > 1 - WON:
        return ""
    return (
        f"the discriminator has won (it calls real items real with {real:.3f}, made ones with {fake:.3f}): "
        "a lower --learning-rate, or a larger --batch, keeps the two even"
    )


def gap(values: Mapping[str, float]) -> str:
    """A critic that rates made items above real ones measures no distance."""
    found = values.get("distance", 0.0)
    if found >= 0:
        return ""
    return (
        f"the critic rates made items above real ones (gap {found:.3g}): it does not keep up; more turns of it, or a "
        "lower --learning-rate, would help"
    )


def alike(values: Mapping[str, float]) -> str:
    """Collapse."""
    spread = values.get(SPREAD, 1.0)
    if spread > ALIKE:
        return ""
    return (
        f"samples are all alike (spread {spread:.0%} of real): a generator that has collapsed seldom recovers; train "
        "anew with a lower --learning-rate, a larger --batch or another --seed"
    )


def silent(values: Mapping[str, float]) -> str:
    """Posterior collapse: Bowman et al. 2016, arXiv:1511.06349; units in use as Burda et al. 2015 count them."""
    kl = values.get("kl", SILENT)
    if values.get("active_units", 1.0) >= 1 or kl >= SILENT:
        return ""
    return (
        f"posterior collapse: the code says nothing of its item (KL {kl:.2g} nats, no unit in use). If that lasts, "
        "--warm-up 0.2, --free-bits 0.1 or a smaller --beta would keep it in use"
    )


def unused(values: Mapping[str, float]) -> str:
    """A codebook of which few codes are chosen says little of an item."""
    share = values.get("codes_used", 1.0)
    if share > FEW:
        return ""
    return f"only {share:.0%} of the codes are in use: a larger --revive, or a lower --learning-rate, brings them back"


def rose(name: str, value: float, usual: Mapping[str, float]) -> str:
    """A gradient that is far from what it was."""
    before = usual.get(name, 0.0)
    if not before or value <= ROSE * before:
        return ""
    whose = name.removeprefix(NORM).removeprefix("_").replace("_", " ")
    return (
        f"the {whose + ' ' if whose else ''}gradient's norm rose to {value:.3g}, {value / before:,.0f} times what it "
        "was at most in the beginning: a lower --learning-rate, or --clip, bounds it"
    )
