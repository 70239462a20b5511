"""What the catalog reads from a model's file is what the imported module says."""

import dataclasses
import subprocess
import sys
from typing import get_type_hints

import pytest

from reverie.catalog import comments, families, family, find
from reverie.core import ABILITIES, Model
from reverie.errors import Problem
from reverie.training.build import model_class
from toys import domains, lines, pairs, pictures, tokens

FAMILIES = families()


def built(family) -> Model:
    """For the first toy set that it takes, and told its classes where it can be."""
    made = getattr(family.load().Config, "tiny" if "tiny" in family.sets else "small")().config
    if any(field.name == "conditional" for field in dataclasses.fields(made)):
        made = dataclasses.replace(made, conditional=True)
    for spec, _ in (pictures(), pairs(), lines(), tokens(), domains()):
        try:
            return model_class(family.load())(made, spec)
        except ValueError:
            continue
    raise AssertionError(f"{family.name} takes none of the toy sets")


each = pytest.mark.parametrize("family", FAMILIES, ids=[f.name for f in FAMILIES])


@each
def test_fields_types_and_defaults_are_the_modules(family):
    config = family.load().Config
    read = {s.name: (s.type, s.default) for s in family.fields()}
    true = {f.name: (get_type_hints(config)[f.name], f.default) for f in dataclasses.fields(config)}
    assert read == true


@each
def test_sampling_options_are_the_modules(family):
    sampling = getattr(family.load(), "Sampling", None)
    assert (family.sampling is None) == (sampling is None)
    if sampling:
        assert [s.name for s in family.sampling_fields()] == [f.name for f in dataclasses.fields(sampling)]
        assert [s.default for s in family.sampling_fields()] == [f.default for f in dataclasses.fields(sampling)]


@each
def test_sets_have_the_values_that_the_modules_sets_have(family):
    module = family.load()
    assert {"small", "paper"} & set(family.sets)
    for name in family.sets:
        read, true = getattr(family.config, name)(), getattr(module.Config, name)()
        assert dataclasses.asdict(read.config) == dataclasses.asdict(true.config)
        assert dataclasses.asdict(read.training) == dataclasses.asdict(true.training)


@each
def test_abilities_are_those_that_isinstance_finds(family):
    """Of a model as it is built for data with classes."""
    model = built(family)
    assert isinstance(model, Model)
    assert set(family.abilities) == {name for name, protocol in ABILITIES.items() if isinstance(model, protocol)}


@each
def test_every_field_has_its_own_comment(family):
    notes = [s.comment for s in family.fields()]
    assert all(notes)
    assert find(family.name) is family


def test_names_are_unique_over_the_wings():
    names = [f.name for f in FAMILIES]
    assert len(set(names)) == len(names) >= 4


@pytest.mark.parametrize(
    ("name", "says"),
    [("dcgann", "Did you mean dcgan?"), ("zzz", "There are"), ("", "There are"), ("*", "There are"), ("../vae", "vae")],
)
def test_an_unknown_name_is_one_line_with_the_nearest(name, says):
    with pytest.raises(Problem, match=says) as caught:
        find(name)
    assert "\n" not in str(caught.value)


def test_a_comment_is_the_one_at_the_end_of_its_own_line(tmp_path):
    """A '#' in a string is no comment, and a comment on the line above is another's."""
    file = tmp_path / "odd.py"
    file.write_text(
        '"""Odd. Nobody 1999, "Title"."""\n'
        "from dataclasses import dataclass\n"
        "from typing import Literal\n"
        "from reverie import core\n"
        "@dataclass(frozen=True)\n"
        "class Config:\n"
        "    # above\n"
        '    mark: Literal["#a", "b"] = "#a"  # which # mark\n'
        "    wide: tuple[int, ...] = (\n        1,\n        2,\n    )  # of each layer\n"
        "    bare: int = 3\n"
        "    @classmethod\n"
        "    def paper(cls) -> Named:\n"
        "        return Named(cls(), Training())\n"
        "class Odd(core.Model):\n"
        "    conditions = ('label',)\n"
        "    def sample(self): ...\n"
        "    def noise(self): ...\n"
    )
    found = family(file)
    assert comments(file, "Config") == {"mark": "which # mark", "wide": "of each layer", "bare": ""}
    assert [s.default for s in found.fields()] == ["#a", (1, 2), 3]
    assert found.paper == 'Odd. Nobody 1999, "Title".'
    assert (found.sets, found.abilities) == (("paper",), ("sample", "condition"))


def test_reading_the_catalog_imports_no_torch():
    code = "import sys; from reverie import catalog; [f.fields() for f in catalog.families()]"
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@each
def test_every_set_that_has_a_spec_can_be_counted_and_said(family):
    from reverie.commands.models import chosen_set, counted, parser, said, spec_of

    for name in family.sets:
        args = parser([family.name]).take([family.name, "--set", name])
        _, named = chosen_set(family, args)
        spec = spec_of(named, args)
        if spec:
            assert sum(counted(family, named.config, spec).values()) > 0
            assert said(spec)
