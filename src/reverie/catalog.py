"""The families there are, read from their files without importing torch.

A family is a file of one of the wings of `reverie.models`: its name is the family's name, its docstring's first
paragraph the paper, its `Config` the fields. The Config and Sampling classes alone are compiled from the file, so they
may use nothing but dataclasses, typing.Literal, math and `reverie.spec`.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, get_type_hints

from reverie import spec
from reverie.errors import Problem

MODELS = Path(__file__).parent / "models"
CORE = Path(__file__).parent / "core.py"


class Setting(NamedTuple):
    """One field of a Config or Sampling."""

    name: str
    type: Any
    default: Any
    comment: str


@dataclass(frozen=True)
class Family:
    """What a model's file says about itself."""

    name: str
    wing: str
    paper: str  # the docstring's first paragraph, on one line
    path: Path
    config: type
    sampling: type | None
    abilities: tuple[str, ...]
    sets: tuple[str, ...]

    def fields(self) -> list[Setting]:
        return settings(self.config, self.path)

    def sampling_fields(self) -> list[Setting]:
        return settings(self.sampling, self.path) if self.sampling else []

    def load(self) -> ModuleType:
        """The module itself: imports torch."""
        return import_module(f"reverie.models.{self.wing}.{self.name}")


def families() -> list[Family]:
    """Every family, by wing and name."""
    return [family(path) for path in sorted(MODELS.glob("*/*.py")) if not path.name.startswith("_")]


def find(name: str, where: str = "--model") -> Family:
    """Raises Problem with the nearest names where there is no such family."""
    plain = name.isidentifier() and not name.startswith("_")  # a pattern such as * is no name
    found = next(MODELS.glob(f"*/{name}.py"), None) if plain else None
    if found:
        return family(found)
    known = sorted(p.stem for p in MODELS.glob("*/*.py") if not p.name.startswith("_"))
    near = get_close_matches(name, known)
    cure = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}"
    raise Problem(f"{where} {name}: no such model. {cure}")


@cache
def family(path: Path) -> Family:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    config = compiled(classes["Config"])
    sampling = compiled(classes["Sampling"]) if "Sampling" in classes else None
    model = next(node for node in classes.values() if any(base_name(b) == "Model" for b in node.bases))
    sets = tuple(n.name for n in classes["Config"].body if isinstance(n, ast.FunctionDef) and is_set(n))
    paper = " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split())
    return Family(path.stem, path.parent.name, paper, path, config, sampling, abilities(model), sets)


def compiled(node: ast.ClassDef) -> type:
    """A dataclass by itself, without the module around it."""
    names: dict[str, Any] = {k: getattr(dataclasses, k) for k in ("dataclass", "field", "replace")}
    names |= {k: v for k, v in vars(math).items() if not k.startswith("_")}
    names |= {k: v for k, v in vars(spec).items() if not k.startswith("_")}
    names |= {"Literal": Literal, "math": math, "__name__": "reverie.catalog"}
    exec(compile(ast.Module([node], []), "<config>", "exec"), names)
    made: type = names[node.name]
    return made


def is_set(node: ast.FunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "classmethod" for d in node.decorator_list)


def base_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def members(node: ast.ClassDef) -> set[str]:
    """Names of a class's methods and annotated attributes."""
    defined = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    annotated = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    assigned = {t.id for n in node.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    return defined | annotated | assigned


@cache
def protocols() -> dict[str, set[str]]:
    """Abilities, as core.py lists them: name -> what a model must have."""
    tree = ast.parse(CORE.read_text(encoding="utf-8"))
    classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    table = next(
        n.value for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "ABILITIES"
    )
    assert isinstance(table, ast.Dict)
    pairs = zip(table.keys, table.values)
    named = [(str(k.value), v.id) for k, v in pairs if isinstance(k, ast.Constant) and isinstance(v, ast.Name)]
    return {name: members(classes[protocol]) for name, protocol in named}


def abilities(model: ast.ClassDef) -> tuple[str, ...]:
    has = members(model)
    return tuple(name for name, needed in protocols().items() if needed <= has)


def settings(config: type, path: Path) -> list[Setting]:
    """Fields with their types, defaults and one-line comments."""
    types, notes = get_type_hints(config, {"Literal": Literal}), comments(path, config.__name__)
    return [Setting(f.name, types[f.name], f.default, notes.get(f.name, "")) for f in dataclasses.fields(config)]


@cache
def comments(path: Path, name: str) -> dict[str, str]:
    """The comment at the end of each field's line."""
    source = path.read_text(encoding="utf-8")
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == name)
    by_line = dict(lines(source))
    declared = (n for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name))
    return {n.target.id: by_line.get(n.end_lineno or 0, "") for n in declared if isinstance(n.target, ast.Name)}


def lines(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ").rstrip()
