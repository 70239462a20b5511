"""Against programs that install from the package index, on the same data and the same network, in turns.

    pip install pythae==0.1.2 transformers && python benchmarks/peers.py [vae] [gpt] [mlp] [--threads 2] [--rounds 3]

vae: pythae's VAE with its default network, trained by its own pipeline, and the same network by `reverie.fit`, each as
its user calls it; both are then judged by the same importance sampling on the same 1,000 held-out pictures.
gpt: transformers' GPT-2 of the same size in a plain loop, losses compared step by step as in throughput.py; then the
time that each takes to write 64 texts of a whole context.
mlp: scikit-learn's own network of the same layers, items a second over whole passes.
"""

import argparse
import contextlib
import io
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import plain
import reverie
import tables
import throughput
from reverie.recipes.likelihood import held_out

EPOCHS = 20
TEXTS = 64


def in_turns(ours: Callable[[int], float], theirs: Callable[[int], float], rounds: int) -> dict[str, float]:
    """Seconds or rates of both, A B A B, by the round's number; the ratio of each pair."""
    pairs = [(ours(k), theirs(k)) for k in range(rounds)]
    ratios = [a / b for a, b in pairs]
    return {
        "reverie": statistics.median(a for a, _ in pairs),
        "peer's": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "greatest": max(ratios),
    }


# ------------------------------------------------------------------------------------------------------------------ vae


def vae(rounds: int, folder: Path) -> list[Mapping[str, Any]]:
    nats: dict[str, list[float]] = {"ours": [], "theirs": []}
    kept: dict[str, Any] = {}

    def ours(k: int) -> float:
        begun = time.perf_counter()
        kept["run"] = reverie.fit(
            "demo-fashion", "vae", out=folder / f"ours-{k}", set="paper", seed=k, steps=EPOCHS * 90,
            fields={"hidden": (512,), "activation": "relu"},
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        nats["ours"].append(float(held_out(kept["run"], draws=200)["nats_an_item"]))
        return EPOCHS * 9_000 / seconds

    def theirs(k: int) -> float:
        items = kept["run"].prepared.train
        x = items.take(torch.arange(len(items)))["image"].add(1).div(2)
        begun = time.perf_counter()
        model = pythae_fit(x, folder / f"theirs-{k}", k)
        seconds = time.perf_counter() - begun
        copy_pythae(model, kept["run"].model)
        nats["theirs"].append(float(held_out(kept["run"], draws=200)["nats_an_item"]))
        return EPOCHS * 9_000 / seconds

    speed = in_turns(ours, theirs, rounds)
    a, b = (statistics.median(nats[who]) for who in ("ours", "theirs"))
    return [
        {"peer": "pythae 0.1.2, VAE", "what": f"items a second, {EPOCHS} epochs by its own pipeline", **speed},
        {
            "peer": "pythae 0.1.2, VAE", "what": "nats a held-out picture (200 draws): less is better",
            "reverie": a, "peer's": b, "ratio": a / b, "least": "", "greatest": "",
        },
    ]  # fmt: skip


def pythae_fit(x: Tensor, folder: Path, seed: int) -> nn.Module:
    from pythae.models import VAE, VAEConfig
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    logging.disable(logging.INFO)
    config = BaseTrainerConfig(
        output_dir=str(folder), learning_rate=1e-3, per_device_train_batch_size=100, num_epochs=EPOCHS, seed=seed,
        no_cuda=True,
    )  # fmt: skip
    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce"))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        TrainingPipeline(training_config=config, model=model)(train_data=x)
    return model


def copy_pythae(theirs: Any, ours: Any) -> None:
    """Into ours, whose estimator judges both."""
    linear = [m for m in theirs.modules() if isinstance(m, nn.Linear)]
    by_size = {(m.in_features, m.out_features): m for m in linear if (m.in_features, m.out_features) != (512, 20)}
    encoder, decoder = ours.encoder, ours.decoder
    with torch.inference_mode():  # in which the run's model was judged
        for own in (encoder[0], decoder[0], decoder[2]):
            their = by_size[own.in_features, own.out_features]
            own.weight.copy_(their.weight)
            own.bias.copy_(their.bias)
        for part, name in zip((slice(0, 20), slice(20, 40)), ("embedding", "log_var")):
            encoder[2].weight[part] = getattr(theirs.encoder, name).weight
            encoder[2].bias[part] = getattr(theirs.encoder, name).bias


# ------------------------------------------------------------------------------------------------------------------ gpt


class Transformers(plain.Gpt):
    """Its GPT-2 without dropout, weights of ours; the plain loop's optimiser and schedule."""

    def __init__(self, model: Any):
        from transformers import GPT2Config, GPT2LMHeadModel

        cfg, field = model.cfg, model.spec.only[1]
        config = GPT2Config(
            vocab_size=field.categories, n_positions=field.shape[0] - 1, n_embd=cfg.width, n_layer=cfg.layers,
            n_head=cfg.heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=None,
        )  # fmt: skip
        self.network = GPT2LMHeadModel(config).to(torch.get_default_dtype())
        copy_gpt2(self.network.transformer, model.transformer)
        self.prepare(model)

    def logits(self, x: Tensor) -> Tensor:
        return self.network(x, use_cache=False).logits


def copy_gpt2(base: Any, ours: Any) -> None:
    pairs = [(base.wte, ours.tokens), (base.wpe, ours.places), (base.ln_f, ours.norm)]
    for block, own in zip(base.h, ours.blocks):
        pairs += [(block.ln_1, own.norm1), (block.ln_2, own.norm2)]
        pairs += [(block.attn.c_attn, own.attention.qkv), (block.attn.c_proj, own.attention.out)]
        pairs += [(block.mlp.c_fc, own.up), (block.mlp.c_proj, own.down)]
    with torch.no_grad():
        for their, own in pairs:
            their.weight.copy_(own.weight.T if type(their).__name__ == "Conv1D" else own.weight)
            if hasattr(their, "bias"):
                their.bias.copy_(own.bias)


def gpt(rounds: int, folder: Path, seconds: float = 10.0) -> list[Mapping[str, Any]]:
    make = throughput.pair("gpt", Transformers, lambda config: replace(config, bias=True))
    throughput.agreement("gpt", make(folder / "check", torch.float64))
    pair = make(folder / "timed", torch.float32)
    speed = in_turns(lambda k: pair.ours(seconds), lambda k: pair.theirs(seconds), rounds)
    model, network = pair.trainer.model.eval(), pair.plain.network.eval()
    context = model.transformer.context
    generator = torch.Generator().manual_seed(0)
    noise = torch.stack([model.noise(generator, None) for _ in range(TEXTS)])[:, : context - 1]

    @torch.inference_mode()
    def ours(k: int) -> float:
        begun = time.perf_counter()
        model.sample(noise, {}, None)
        return noise.numel() / (time.perf_counter() - begun)

    @torch.inference_mode()
    def theirs(k: int) -> float:
        begun = time.perf_counter()
        start = torch.zeros(TEXTS, 1, dtype=torch.long)
        options = {"do_sample": True, "top_k": 0, "attention_mask": torch.ones_like(start)}
        made = network.generate(start, max_new_tokens=context - 1, **options)
        assert made.shape == (TEXTS, context)
        return noise.numel() / (time.perf_counter() - begun)

    writing = in_turns(ours, theirs, 2 * rounds + 1)
    peer = "transformers, GPT-2"
    return [
        {"peer": peer, "what": "training, items a second, in a plain loop", **speed},
        {"peer": peer, "what": f"tokens a second, {TEXTS} texts with a cache", **writing},
    ]


# ------------------------------------------------------------------------------------------------------------------ mlp


def mlp(rounds: int, folder: Path, seconds: float = 10.0) -> list[Mapping[str, Any]]:
    """Two hidden layers of 256 with ReLU on pictures of 784 numbers, ten classes, Adam, batches of 256. Numpy's own
    numbers are float64, which scikit-learn then computes in; it is timed on float32 too."""
    from sklearn.neural_network import MLPClassifier

    def change(config: Any) -> Any:
        bare = {"hidden": (256, 256), "activation": "relu", "norm": "none", "dropout": 0.0, "smoothing": 0.0}
        return replace(config, **bare, decay="none", weight_decay=0.0)

    pair = throughput.pair("feedforward", lambda model: None, change)(folder / "mlp", torch.float32)
    _, _, (x, y) = throughput.data("feedforward")
    labels, rows = y.numpy(), []
    pair.ours(seconds / 4)  # start-up
    for dtype in (torch.float64, torch.float32):
        pictures = x.flatten(1).to(dtype).numpy()
        peer = MLPClassifier((256, 256), batch_size=256, learning_rate_init=1e-3, alpha=0.0)
        peer.partial_fit(pictures, labels, classes=range(10))

        def theirs(k: int, peer: Any = peer, pictures: Any = pictures) -> float:
            begun, done = time.perf_counter(), 0
            while time.perf_counter() - begun < seconds:
                peer.partial_fit(pictures, labels)
                done += len(labels)
            return done / (time.perf_counter() - begun)

        what = f"training, items a second, two layers of 256, its numbers {dtype}"
        speed = in_turns(lambda k: pair.ours(seconds), theirs, rounds)
        rows.append({"peer": "scikit-learn, MLPClassifier", "what": what, **speed})
    return rows


PEERS = {"vae": vae, "gpt": gpt, "mlp": mlp}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="vae|gpt|mlp", help="all where left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.peers or PEERS:
            rows += PEERS[name](asked.rounds, Path(folder))
            print(json.dumps(rows[-2:]), flush=True)
    if not asked.peers:
        said = (
            "Same network, data and batch, in turns, by `python benchmarks/peers.py`; median, least and greatest ratio."
        )
        print(tables.write("peers", "Beside peers from the package index", said, rows))
