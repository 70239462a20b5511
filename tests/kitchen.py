"""A folder with a recipe of one's own in the package's path, and small pictures to run it on."""

import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest
import torch
from PIL import Image

import reverie.recipes as package

RECIPE = '''"""A recipe of a test."""
from pathlib import Path
from reverie.recipes import Recipe
from reverie.recipes.likelihood import held_out


def measure(run):
    with open("measured", "a") as file:
        file.write("x")
    if Path("stop").exists():
        raise KeyboardInterrupt
    found = held_out(run, draws=2)
    return {{"value": found["nats_an_item"], "unit": "nats", **found}}


RECIPE = Recipe(
    title="a tiny VAE", source="a test", published="1000 nats", data="pictures", model="vae", measure=measure,
    goal=900.0, published_value=1000.0, tolerance=1.0, differs="in all", set="tiny", steps={steps},
)
'''


def write_pictures(folder: Path) -> None:
    """40 of them, 8 by 8."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for k in range(40):
        pixels = torch.randint(0, 256, (8, 8), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{k:02}.png")


class Kitchen:
    """Where a test works: `tiny_vae` is a recipe, `pictures` its data; a file `stop` is Ctrl-C while it measures."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.patch = folder, monkeypatch
        write_pictures(folder / "pictures")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder / "recipes")])
        monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file written twice in a second would be read once
        monkeypatch.chdir(folder)
        self.write()

    def write(self, steps: int = 3) -> None:
        (self.folder / "recipes").mkdir(exist_ok=True)
        (self.folder / "recipes" / "tiny_vae.py").write_text(RECIPE.format(steps=steps))
        self.patch.delitem(sys.modules, "reverie.recipes.tiny_vae", raising=False)
        invalidate_caches()

    @property
    def measured(self) -> int:
        """How often anything was measured."""
        file = self.folder / "measured"
        return len(file.read_text()) if file.exists() else 0
