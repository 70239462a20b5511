"""Results as a page that the docs show."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"


def write(name: str, title: str, said: str, rows: Sequence[Mapping[str, object]]) -> Path:
    """results/NAME.md: a table with the rows' keys as its head."""
    heads = list(rows[0])
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *(row(r, heads) for r in rows))]
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    threads = f"{torch.get_num_threads()} threads, {platform.system()} {platform.machine()}"
    machine = f"torch {torch.__version__}, {threads}{device}."
    file = RESULTS / f"{name}.md"
    file.write_text(f"# {title}\n\n{said} {machine}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def row(values: Mapping[str, object], heads: Sequence[str]) -> list[str]:
    return [f"{v:.4g}" if isinstance(v := values[head], float) else str(v) for head in heads]
