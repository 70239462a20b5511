"""The budget of mimicry's CIFAR-10 table: 100,000 generator steps, five discriminator turns each (Lee & Town 2020,
arXiv:2005.02494), of a residual network with spectral norm and projection; here with SAGAN's attention."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reverie.recipes import Recipe

if TYPE_CHECKING:
    from reverie.training.run import Run

COUNT = 10_000  # the test part, and as many samples


def ready() -> None:
    """Raises Problem where Inception's weights are missing."""
    from reverie.metrics.features import inception

    inception()


def measure(run: "Run") -> Mapping[str, Any]:
    """The Fréchet distance of Inception's features, by the original FID's protocol."""
    import torch

    from reverie.metrics import image
    from reverie.metrics.features import inception
    from reverie.tasks.sample import draw

    held_out = run.prepared.held_out
    real = held_out.raw(torch.arange(min(COUNT, len(held_out))))
    found = {m.name: m.value for m in image.judge(real, draw(run, COUNT), extractor=inception())}
    name = next(name for name in found if name.startswith("frechet"))
    return {"value": found[name], "unit": f"{name}, Inception", **found}


# Never run to its end. One generator step with its five turns is 6.9e11 floating-point operations of products (torch's
# counter, batches of 64), so that 100,000 are 6.9e16: an hour of a GPU that reaches 19 TFLOP/s.
RECIPE = Recipe(
    title="SAGAN on CIFAR-10, 100,000 generator steps, five discriminator turns each; FID against the test part",
    source="mimicry's README, CIFAR-10, cGAN-PD: the same network without attention",
    published="FID 10.84, of 50,000 samples against the training part; here 10,000 against the test part, which reads "
    "higher, and attention at 16×16",
    data="cifar10",
    model="sagan",
    set="paper",
    steps=100_000,
    fields={"width": 64, "attention": 1, "discriminator_turns": 5, "discriminator_rate": 2e-4, "generator_rate": 2e-4},
    training={"batch": 64},
    measure=measure,
    ready=ready,
    goal=None,
)
