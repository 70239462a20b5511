"""Does a text VAE use its code? With the paper's two remedies (Bowman et al. 2016), and with neither.

    python benchmarks/text_vae.py LINES.txt [--steps 2000] [--pair-steps 800] [--runs runs/text_vae]

Trains the set `small` for `steps`, then for `pair-steps` as it is, and without word dropout and the KL's warm-up;
judges each by held-out sentences; writes samples of the first, and a path between two sentences. A run that is there
already is judged as it is.
"""

import argparse
import json
from pathlib import Path

import torch

import reverie
import tables
from reverie.kinds import DataOptions
from reverie.kinds.sentences import typed
from reverie.tasks.codes import decoded, encoded
from reverie.training.run import Run

PAIR = {"both remedies": {}, "neither": {"warm_up": 0.0, "word_dropout": 0.0}}
ACTIVE = 0.01  # variance of a unit's mean over held-out sentences
DRAWS = 20  # importance samples a sentence
JUDGED = 1_000  # held-out sentences


def trained(data: str, folder: Path, steps: int, fields: dict) -> Run:
    if (folder / "weights.safetensors").exists():
        return Run.open(folder)
    options = DataOptions(kind="sentences")
    return reverie.fit(data, "text_vae", out=folder, steps=steps, set="small", fields=fields, options=options)


@torch.inference_mode()
def judged(run: Run, name: str, steps: int) -> dict[str, object]:
    """The bound and its parts, the importance-sampled likelihood, the code's use."""
    model, held = run.model, run.prepared.held_out
    torch.manual_seed(0)
    found, lengths, back = [], [], 0
    for part in torch.arange(len(held)).split(100):
        batch = held.take(part).to(run.device)
        found.append(model.bound(batch))
        lengths.append(batch.lengths["text"])
        said = model.decode(found[-1][0])["text"][:, : batch["text"].shape[1]]
        back += int((said == batch["text"]).all(1).sum())
    mean, rate, rest = (torch.cat(rows) for rows in zip(*found))
    tokens, bound = torch.cat(lengths).double().mean(), (rate.sum(1) + rest).double().mean()
    index = torch.arange(0, len(held), max(1, len(held) // JUDGED))[:JUDGED]
    scored = [model.nll(held.take(part).to(run.device), DRAWS) for part in index.split(100)]
    nats, units = (torch.cat(rows).double() for rows in zip(*scored))
    return {
        "model": name,
        "steps": steps,
        "bound, nats a sentence": float(bound),
        "of which KL": float(rate.sum(1).mean()),
        "bound, nats a token": float(bound / tokens),
        f"NLL of {len(index)} ({DRAWS} draws), nats a sentence": float(nats.mean()),
        "nats a token": float(nats.sum() / units.sum()),
        "active units": f"{int((mean.var(0) > ACTIVE).sum())} of {mean.shape[1]}",
        "come back word for word": back / len(held),
    }


def between(run: Run, one: str, two: str, steps: int) -> list[str]:
    """Sentences of codes on the line from one to the other."""
    codes = encoded(run, typed([one, two], run.codec).items)
    path = torch.lerp(codes[0], codes[1], torch.linspace(0, 1, steps)[:, None])
    return run.codec.decode(decoded(run, path))


def quoted(title: str, texts: list[str]) -> str:
    return f"\n{title}\n\n" + "".join(f"- {text}\n" for text in texts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--pair-steps", type=int, default=800)
    parser.add_argument("--runs", default="runs/text_vae", type=Path)
    parser.add_argument("--one", default="A man in a blue shirt is standing on a ladder.")
    parser.add_argument("--two", default="Two young girls are playing with a dog in the grass.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, fields, steps in [("small", {}, asked.steps), *((k, v, asked.pair_steps) for k, v in PAIR.items())]:
        run = trained(asked.data, asked.runs / name.replace(" ", "-"), steps, fields)
        rows.append(judged(run, name, steps))
        print(json.dumps(rows[-1]), flush=True)
    said = f"By `python benchmarks/text_vae.py {Path(asked.data).name}`: held-out sentences."
    file = tables.write("text_vae", "The text VAE, with the paper's remedies and without", said, rows)
    first = Run.open(asked.runs / "small")
    text = quoted("The first ten samples of `small`, each token drawn:", first.sample(10))
    text += quoted("The same codes, the likeliest token each time:", first.sample(10, temperature=0.0))
    text += quoted("On the line between the codes of two sentences, the likeliest token each time:", [
        asked.one, *between(first, asked.one, asked.two, 10), asked.two])  # fmt: skip
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    print(file)
