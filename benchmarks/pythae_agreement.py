"""The two parts of the bound against pythae's VAE, and the gradient of the several-draw bound against its IWAE: same
weights, same pictures, same draws.

    pip install pythae==0.1.2 && python benchmarks/pythae_agreement.py
"""

import logging
from typing import Any
from unittest.mock import patch

import torch
from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
from torch import Tensor, nn

import tables
from peers import copy_pythae
from reverie.core import At, Batch, Field, Spec
from reverie.models.autoencoders import vae

AT, ITEMS, LATENTS, DRAWS = At(0, 0, 1), 64, 20, 7
SPEC = Spec("image", {"image": Field((1, 28, 28), levels=256)})


def pair(theirs: Any, dtype: torch.dtype, **fields: Any) -> tuple[Any, Any]:
    """A model of each, in evaluation mode, with their weights."""
    torch.manual_seed(0)
    ours = vae.VAE(vae.Config(latents=LATENTS, hidden=(512,), activation="relu", **fields), SPEC)
    copy_pythae(theirs, ours)
    return ours.to(dtype), theirs.to(dtype)


def terms(name: str, dtype: torch.dtype, x: Tensor) -> list[dict[str, object]]:
    """Reconstruction and divergence of each item, in mean. Their mse leaves out the normal's constant."""
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENTS, reconstruction_loss=name)
    decoder = {"bce": {"decoder": "bernoulli"}, "mse": {"decoder": "gaussian", "deviation": 1.0}}[name]
    ours, theirs = pair(VAE(config), dtype, **decoder)
    with torch.no_grad():
        torch.manual_seed(1)
        loss = ours.loss(Batch({"image": 2 * x - 1}), AT)
        torch.manual_seed(1)
        found = theirs({"data": x})
    constant = x[0].numel() / 2 * torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64)) if name == "mse" else 0.0
    mine = {
        "reconstruction": float(loss.logs["reconstruction"]) / ITEMS - float(constant),
        "divergence": float(loss.logs["kl"]) / ITEMS,
    }
    yours = {"reconstruction": float(found.recon_loss), "divergence": float(found.reg_loss)}
    return [row(f"{what}, {name}, {dtype}", mine[what], yours[what]) for what in mine]


def gradient(dtype: torch.dtype, x: Tensor) -> list[dict[str, object]]:
    """Norm of the decoder's gradient, and how far the two gradients lie apart. Their draws are ours, turned."""
    config = IWAEConfig(input_dim=(1, 28, 28), latent_dim=LATENTS, reconstruction_loss="bce", number_samples=DRAWS)
    ours, theirs = pair(IWAE(config), dtype, importance=DRAWS)
    torch.manual_seed(1)
    ours.loss(Batch({"image": 2 * x - 1}), AT).total.div(ITEMS).backward()
    torch.manual_seed(1)
    noise = torch.randn(DRAWS, ITEMS, LATENTS, dtype=dtype).transpose(0, 1)
    with patch("torch.randn_like", lambda like: noise.reshape(like.shape)):
        theirs({"data": x}).loss.backward()
    own, other = ours.decoder[2].weight.grad, last(theirs.decoder).weight.grad
    apart = float((own - other).norm())
    return [row(f"gradient's norm of {DRAWS} draws, {dtype}", float(own.norm()), float(other.norm()), apart)]


def last(module: nn.Module) -> Any:
    return [m for m in module.modules() if isinstance(m, nn.Linear)][-1]


def row(what: str, ours: float, theirs: float, apart: float | None = None) -> dict[str, object]:
    relative = (abs(ours - theirs) if apart is None else apart) / abs(theirs)
    assert relative < 1e-5, f"{what}: {ours} and {theirs}"
    return {"what": what, "reverie": f"{ours:.8f}", "pythae": f"{theirs:.8f}", "relative difference": f"{relative:.1e}"}


def main() -> None:
    logging.disable(logging.INFO)
    rows = []
    for dtype in (torch.float64, torch.float32):
        torch.manual_seed(0)
        x = torch.rand(ITEMS, 1, 28, 28).to(dtype)
        rows += [*terms("bce", dtype, x), *terms("mse", dtype, x)]
        rows += gradient(dtype, x) if dtype == torch.float64 else []  # float32 rounds gradients by more than 1e-5
    said = f"By `python benchmarks/pythae_agreement.py`: {ITEMS} pictures, its weights, the same draws; pythae 0.1.2."
    print(tables.write("pythae_agreement", "The bound beside pythae's", said, rows))


if __name__ == "__main__":
    main()
