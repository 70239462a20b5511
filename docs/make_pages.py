"""MkDocs hook: a page for each model, each kind and each kind's measures, made from the code, and the results from the
recipes' and benchmarks' own files. Nothing is written into docs/, so nothing there can grow old."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from reverie.catalog import Family, Setting, families
from reverie.cli import command, overview
from reverie.commands import VERBS
from reverie.commands.arguments import flag_of
from reverie.commands.models import chosen_set, counted, said, spec_of
from reverie.commands.models import parser as models_parser
from reverie.commands.readers import shown, type_name
from reverie.kinds import KINDS
from reverie.recipes.page import page as results
from reverie.recipes.page import table

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "reverie"
WINGS = {
    "predictors": "Predictors",
    "autoencoders": "Autoencoders",
    "adversarial": "Adversarial",
    "autoregressive": "Autoregressive",
    "diffusion": "Diffusion",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages that are made to the navigation."""
    by_wing: dict[str, list[Any]] = {}
    for family in families():
        by_wing.setdefault(WINGS.get(family.wing, family.wing), []).append({family.name: f"models/{family.name}.md"})
    models = [{"All": "models/index.md"}, *({wing: pages} for wing, pages in by_wing.items())]
    kinds = [{kind: f"kinds/{kind}.md"} for kind in KINDS]
    written = [{"Design": "design.md"}] if (Path(config.docs_dir) / "design.md").is_file() else []
    made = [{"Models": models}, {"Kinds of data": kinds}, {"Results": "results.md"}]
    config.nav = [*(config.nav or []), *made, *written, {"Contributing": "contributing.md"}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = {"verbs.md": verbs(), "models/index.md": index(), "results.md": results(), "contributing.md": contributing()}
    made |= {f"models/{family.name}.md": model_page(family) for family in families()}
    made |= {f"kinds/{kind}.md": kind_page(kind) for kind in KINDS}
    for where, text in made.items():
        files.append(File.generated(config, where, content=text))
    return files


# ---------------------------------------------------------------------------------------------------------------- verbs

ENDINGS = """
Every verb takes `--json`: standard output then holds one JSON object and nothing else, errors included
(`{"error": …, "code": …}`); progress goes to standard error.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | a bug in reverie; a file with the details is named |
| 2 | something that you can mend: one line names the value and the cure |
| 3 | training diverged; the last good checkpoint is kept |
| 4 | a file could not be written; what was there before is whole |
| 130 | stopped by Ctrl-C; the same command goes on |
"""


def verbs() -> str:
    """Each verb's own help, as it prints it at 100 columns."""
    os.environ["COLUMNS"] = "100"
    page = ["# Verbs", f"```\n{overview()}\n```", ENDINGS.strip()]
    for verb in VERBS:
        code = command(verb)
        said = (code.__doc__ or "").partition(": ")[2].strip()
        page += [f"## {verb}", f"{said[0].upper()}{said[1:]}", f"```\n{code.parser([]).format_help()}```"]
    return "\n\n".join(page) + "\n"


# --------------------------------------------------------------------------------------------------------------- models


def index() -> str:
    rows = [
        (f"[{f.name}]({f.name}.md)", f.wing, ", ".join(f.abilities) or "learn", ", ".join(f.sets), escape(f.paper))
        for f in families()
    ]
    return "# Models\n\n" + table(("model", "wing", "can", "sets", "paper"), rows)


def model_page(family: Family) -> str:
    """Paper, abilities, sets with their parameters, fields, sampling options."""
    text = family.path.read_text(encoding="utf-8")
    parts = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")
    page = [f"# {family.name}", *map(prose, parts), f"Can: {', '.join(family.abilities) or 'learn'}."]
    page.append(f"```\nreverie fit DATA --model {family.name}\n```")
    page += ["## Sets", sets(family), "## Fields", *fields(family)]
    if family.sampling:
        options = family.sampling_fields()
        rows = [(f"`{flag_of(s.name)}`", shown(s.default), type_name(s.type), s.comment) for s in options]
        page += ["## Sampling", "Flags of `reverie sample`.", table(("flag", "default", "type", "meaning"), rows)]
    page += ["## The file", f"```python\n{text}```"]
    return "\n\n".join(page) + "\n"


def fields(family: Family) -> Iterable[str]:
    yield f"Flags of `reverie fit DATA --model {family.name}`, with each set's values."
    configs = [getattr(family.config, name)().config for name in family.sets]

    def row(setting: Setting) -> tuple[str, ...]:
        values = [shown(getattr(config, setting.name)) for config in configs]
        return (f"`{flag_of(setting.name)}`", *values, type_name(setting.type), setting.comment)

    yield table(("flag", *family.sets, "type", "meaning"), map(row, family.fields()))


def sets(family: Family) -> str:
    notes, rows = set_notes(family), []
    for name in family.sets:
        args = models_parser([family.name]).take([family.name, "--set", name])
        _, named = chosen_set(family, args)
        spec, training = spec_of(named, args), named.training
        total = f"{sum(counted(family, named.config, spec).values()):,} for {said(spec)}" if spec else "with the data"
        rows.append((name, str(training.batch), f"{training.steps:,}", total, notes.get(name, "")))
    return table(("set", "batch", "steps", "parameters", ""), rows)


def set_notes(family: Family) -> dict[str, str]:
    """What each set's docstring says."""
    tree = ast.parse(family.path.read_text(encoding="utf-8"))
    config = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Config")
    methods = [n for n in config.body if isinstance(n, ast.FunctionDef)]
    return {n.name: " ".join((ast.get_docstring(n) or "").split()) for n in methods}


# --------------------------------------------------------------------------------------------------- kinds and measures


def kind_page(kind: str) -> str:
    """What a kind's and its measures' modules say of themselves."""
    said = docstring(module(PACKAGE / "kinds" / kind)).split("\n\n")
    return "\n\n".join([f"# {kind}", *map(prose, said), *judged(kind)])


def judged(kind: str) -> list[str]:
    file = module(PACKAGE / "metrics" / kind)
    if not file.is_file():
        return []
    said = [prose(part) for part in docstring(file).split("\n\n")]
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    rows = [(f"`{one.stem}`", " ".join(docstring(one).split())) for one in files if measures(one)]
    return ["## How it is judged", *said, *([table(("measure", "what it says"), rows)] if rows else [])]


def measures(file: Path) -> bool:
    """Is it a measure that is found and called?"""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return any(isinstance(n, ast.FunctionDef) and n.name == "measure" for n in body)


def module(path: Path) -> Path:
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


# --------------------------------------------------------------------------------------------------------- contributing


def contributing() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.replace("(docs/design.md)", "(design.md)")


# ----------------------------------------------------------------------------------------------------------------- text


def prose(part: str) -> str:
    """A docstring's paragraph; an indented one is code."""
    return part if part.startswith("    ") else escape(part, quote=False)
