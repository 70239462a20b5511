"""The house stands as the design draws it: imports point one way, one Config and one Model a file, nothing that is
loaded can run code, every field is used and explained."""

import ast
import re
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest

import reverie
from reverie.catalog import families
from reverie.commands import VERBS
from reverie.commands.arguments import flag_of

PACKAGE = Path(reverie.__file__).parent
ROOT = PACKAGE.parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))
MODEL_FILES = [family.path for family in families()]
NAMES = [family.name for family in families()]

BASE = {"spec", "errors", "shown"}
HIGH = BASE | {"core", "maths", "kinds", "metrics", "catalog", "choose", "training", "tasks", "judging", "version"}
HIGH |= {"machine"}
TOP = HIGH | {"recipes"}
# module or package of reverie -> what it may import
MAY = {
    "errors": set(),
    "shown": set(),
    "spec": set(),
    "machine": set(),
    "core": BASE,
    "catalog": BASE,
    "choose": BASE | {"core"},
    "maths": BASE | {"core", "maths"},
    "nets": BASE | {"core", "maths", "nets"},
    "models": BASE | {"core", "maths", "nets"},
    "cache_folder": set(),
    "kinds": BASE | {"core", "kinds", "version", "cache_folder", "machine"},
    "metrics": BASE | {"core", "maths", "kinds", "metrics", "cache_folder"},
    "training": HIGH,
    "tasks": HIGH,
    "judging": HIGH,
    "recipes": TOP | {"terminal"},
    "terminal": BASE | {"training"},
    "commands": TOP | {"commands", "terminal"},
    "cli": TOP | {"commands", "terminal"},
    "__init__": BASE | {"training", "judging"},
    "__main__": {"cli"},
}
LINES, LONG, MOST = 300, 50, 7  # of a file, a function, arguments: what good code tends to look like, not walls
WALL_LINES, WALL_LONG = 450, 75  # beyond these it is split
CODE_RUNNERS = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "yaml", "runpy", "code"}
BLIND = ("training", "tasks", "judging")  # they know no model by name


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def module_of(path: Path) -> list[str]:
    """src/reverie/nets/conv.py -> ["reverie", "nets", "conv"]."""
    parts = ["reverie", *path.relative_to(PACKAGE).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path: Path) -> set[str]:
    """Absolute names that a file imports, wherever in it: "reverie.nets.conv.Generator", "torch"."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
    return found


def wing(name: str) -> str:
    """Which room of the house an absolute name is in: "reverie.nets.conv" -> nets."""
    parts = name.split(".")
    return "version" if parts[1:] in ([], ["__version__"]) else parts[1]


@pytest.mark.parametrize("path", FILES, ids=short)
def test_imports_point_one_way(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in MAY, f"{own}: a new room; write what it may import into this test and into the design"
    allowed = MAY[own] | ({"version"} if own in ("cli", "commands", "recipes") else set())
    names = {n for n in imported(path) if n.split(".")[0] == "reverie"}
    wrong = {name for name in names if wing(name) not in allowed}
    assert not wrong


@pytest.mark.parametrize("path", [p for p in FILES if short(p).split("/")[0] in BLIND], ids=short)
def test_trainer_tasks_and_judging_know_no_model_by_name(path):
    words = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    assert not words & set(NAMES)
    assert "models" not in {wing(n) for n in imported(path) if n.startswith("reverie.")}


@pytest.mark.parametrize("path", MODEL_FILES, ids=short)
def test_a_model_file_has_one_config_and_one_final_model(path):
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    models = [c for c in classes if "Model" in [ast.unparse(b).split(".")[-1] for b in c.bases]]
    assert len(models) == 1
    assert [c.name for c in classes].count("Config") == 1
    assert not [c.name for c in classes if models[0].name in map(ast.unparse, c.bases)], "a model inherits from a model"
    assert models[0].name.lower() == path.stem.replace("_", ""), "the class bears the family's name"


@pytest.mark.parametrize("path", MODEL_FILES, ids=short)
def test_a_model_file_begins_with_its_paper(path):
    first = (ast.get_docstring(tree(path)) or "").split("\n\n")[0]
    assert re.search(r"\b(19|20)\d\d\b", first), "the year"
    assert re.search(r'arXiv:\d{4}\.\d{4,5}|".+"', first), "the arXiv number, or a title in quotes"


@pytest.mark.parametrize("family", families(), ids=NAMES)
def test_every_field_is_used_and_explained(family):
    text = family.path.read_text(encoding="utf-8")
    outside = [n for n in tree(family.path).body if getattr(n, "name", "") not in ("Config", "Sampling")]
    nodes = [node for top in outside for node in ast.walk(top)]
    used = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}
    for setting in [*family.fields(), *family.sampling_fields()]:
        assert setting.name in used, f"{setting.name}: nothing in {family.path.name} reads it"
        assert len(setting.comment.split()) >= 2, f"{setting.name}: a comment says what it is"
        assert "\n" not in setting.comment
    assert "**kwargs" not in text


@pytest.mark.parametrize("family", families(), ids=NAMES)
@pytest.mark.parametrize("verb", VERBS)
def test_no_field_bears_the_name_of_a_flag(family, verb):
    """The verbs' own flags, with no model named: a field of that name could not be set."""
    from reverie.cli import command

    own = {s for a in command(verb).parser([])._actions for s in a.option_strings}
    fields = family.sampling_fields() if verb == "sample" else family.fields()
    assert not own & {flag_of(s.name) for s in fields}


@pytest.mark.parametrize("path", FILES, ids=short)
def test_nothing_that_is_loaded_can_run_code(path):
    names = imported(path)
    assert not {name.split(".")[0] for name in names} & CODE_RUNNERS
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
        if called == "torch.load":
            assert given.get("weights_only") == "True", f"line {node.lineno}: torch.load(…, weights_only=True)"
        if called in ("np.load", "numpy.load"):
            assert given.get("allow_pickle") == "False", f"line {node.lineno}: np.load(…, allow_pickle=False)"
        if called in ("eval", "exec") and short(path) != "catalog.py":  # which reads the package's own files
            raise AssertionError(f"line {node.lineno}: {called}")


@pytest.mark.parametrize("path", FILES, ids=short)
def test_all_chance_is_torchs(path):
    assert not {n for n in imported(path) if n.split(".")[0] in ("random", "secrets") or n.startswith("numpy.random")}
    calls = [ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
    assert not [c for c in calls if c.startswith(("np.random.", "numpy.random."))]


@pytest.mark.parametrize("path", FILES, ids=short)
def test_a_file_reads_in_one_sitting(path):
    """Says in the warnings what is larger than usual; fails where it is far too large."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    long, many = {}, {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length, a = (node.end_lineno or 0) - node.lineno + 1, node.args
            count = len([x for x in [*a.posonlyargs, *a.args, *a.kwonlyargs] if x.arg not in ("self", "cls")])
            long |= {node.name: length} if length > LONG else {}
            many |= {node.name: count} if count > MOST else {}
    if lines > LINES or long or many:
        warnings.warn(f"{short(path)}: {lines} lines; long functions {long}; many arguments {many}", stacklevel=1)
    assert lines <= WALL_LINES
    assert max(long.values(), default=0) <= WALL_LONG


@pytest.mark.parametrize("module", ["reverie", "reverie.cli", "reverie.catalog", "reverie.spec", "reverie.kinds.find"])
def test_what_answers_at_once_imports_nothing_heavy(module):
    heavy = "{'torch', 'numpy', 'lightning_fabric', 'scipy', 'PIL', 'pyarrow'}"
    code = f"import sys, {module}; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def project_files() -> list[Path]:
    """What a person gets: the tracked kinds of text, without environments and build results."""
    places = [ROOT / name for name in ("src", "tests", "docs", "benchmarks", ".ci")]
    inner = [p for place in places if place.is_dir() for p in place.rglob("*")]
    wanted = {".py", ".md", ".toml", ".yml", ".txt", ".json", ""}
    files = (p for p in [*ROOT.glob("*"), *inner] if p.is_file() and p.suffix in wanted)
    return sorted(p for p in files if "egg-info" not in str(p))


def test_no_file_names_the_machine_it_was_written_on():
    words = ("/" + "work/", "farm" + "-", "/home/" + "user", "--find" + "-links")
    for path in project_files():
        text = path.read_text(encoding="utf-8", errors="ignore")
        found = [word for word in words if word in text]
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_the_constraints_meet_the_ranges_that_the_package_declares():
    """And name one exact version each, without a build that only one platform has."""
    import tomllib

    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            assert "+" not in version
            pins[name.replace("_", "-").lower()] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [r for group in project["optional-dependencies"].values() for r in group]
    for requirement in map(Requirement, [*project["dependencies"], *extras]):
        if requirement.name != "reverie":
            assert requirement.specifier.contains(pins[requirement.name.lower()]), requirement
