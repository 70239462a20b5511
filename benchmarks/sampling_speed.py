"""Tokens a second that gpt writes, against transformers' `generate` for a GPT-2 of the same size and weights.

    pip install transformers && python benchmarks/sampling_speed.py [--threads 1] [--seconds 2] [--rounds 9]

Both draw at temperature 1 from all tokens, with a cache of keys and values, from one start token to a whole context.
First the logits of both are compared, ours as its cache has them; then both write in turns, A B A B. Time is the
processor's, of one process with that many threads, so that other work on the machine counts for less.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import tables
from peers import copy_gpt2
from reverie.core import Field, Spec
from reverie.models.autoregressive.gpt import GPT, Config, Sampling

CASES = [(name, batch) for name in ("small", "base") for batch in (1, 64)]
VOCABULARY = 65  # characters of Tiny Shakespeare
CLOSE = 1e-4  # between logits


def both(name: str) -> tuple[GPT, Any]:
    """Ours and theirs, of a named set's size, with the same weights: wide enough that a text is no noise."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config, training = getattr(Config, name)()
    config, context = replace(config, deviation=0.1), training.size[0]
    torch.manual_seed(0)
    ours = GPT(config, Spec("text", {"text": Field((context + 1,), categories=VOCABULARY, start=0)})).eval()
    shape = GPT2Config(
        vocab_size=VOCABULARY, n_positions=context, n_embd=config.width, n_layer=config.layers, n_head=config.heads,
        bos_token_id=0, eos_token_id=None,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(shape).eval()
    copy_gpt2(theirs.transformer, ours.transformer)
    return ours, theirs


@torch.inference_mode()
def apart(ours: GPT, theirs: Any, batch: int) -> float:
    """The largest difference of any logit, ours read token by token, theirs at once."""
    context = ours.rows.context
    tokens = torch.randint(VOCABULARY, (batch, context), generator=torch.Generator().manual_seed(1))
    reader = ours.reader(batch, None)
    read = torch.stack([reader.read(tokens[:, t : t + 1]) for t in range(context)], 1)
    return float((read - theirs(tokens, use_cache=False).logits).abs().max())


def writers(ours: GPT, theirs: Any, batch: int) -> tuple[Callable[[], Tensor], Callable[[], Tensor], int]:
    """Each writes once; how many tokens that is."""
    length = ours.rows.context - 1  # theirs counts the start among the context
    generator = torch.Generator().manual_seed(2)
    start = torch.zeros(batch, 1, dtype=torch.long)

    @torch.inference_mode()
    def one() -> Tensor:
        how = Sampling(length=length)
        noise = torch.stack([ours.noise(generator, how) for _ in range(batch)])
        return ours.sample(noise, {}, how)["text"]

    @torch.inference_mode()
    def two() -> Tensor:
        mask = torch.ones_like(start)
        made = theirs.generate(start, max_new_tokens=length, do_sample=True, top_k=0, attention_mask=mask)
        assert made.shape == (batch, length + 1)
        return made

    return one, two, batch * length


def rate(write: Callable[[], Tensor], tokens: int, seconds: float) -> float:
    """Tokens a second of processor time, over at least so many seconds."""
    begun, done = time.process_time(), 0
    while time.process_time() - begun < seconds or not done:
        write()
        done += tokens
    return done / (time.process_time() - begun)


def measure(name: str, batch: int, rounds: int, seconds: float) -> Mapping[str, object]:
    ours, theirs = both(name)
    gap = apart(ours, theirs, batch)
    if not gap < CLOSE:
        raise SystemExit(f"{name}: the logits differ by {gap:.2g}: not the same network, so no ratio")
    one, two, tokens = writers(ours, theirs, batch)
    for write in (one, two):
        write()  # start-up
    pairs = [(rate(one, tokens, seconds), rate(two, tokens, seconds)) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    return {
        "set": name,
        "batch": batch,
        "logits apart": gap,
        "ours, tokens a second": statistics.median(a for a, _ in pairs),
        "transformers": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "greatest": max(ratios),
        "rounds": rounds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = []
    for case in CASES:
        rows.append(measure(*case, asked.rounds, asked.seconds))
        print(rows[-1], flush=True)
    said = (
        "By `python benchmarks/sampling_speed.py`, in turns: gpt beside transformers' `generate` of a GPT-2 with the "
        "same weights, a whole context from one start token, temperature 1, with a cache; tokens a second of processor "
        "time; median, least and greatest ratio."
    )
    print(tables.write("sampling_speed", "Tokens a second beside transformers", said, rows))
