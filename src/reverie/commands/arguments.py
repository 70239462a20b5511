"""Flags and their values.

argparse of the standard library, because it starts in milliseconds and lets every error be one line: its own messages
are replaced, and a value is read by the functions of `readers`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from reverie.catalog import Family, Setting, families, find
from reverie.errors import Problem
from reverie.kinds import KINDS, PLAYED, DataOptions

from .readers import Reader, one_of, reader, real, several, shown, size, text, whole


class Parser(argparse.ArgumentParser):
    """Raises Problem where argparse would print its usage and exit."""

    def __init__(self, verb: str, description: str, epilog: str = ""):
        super().__init__(
            prog=f"reverie {verb}".strip(),
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.verb = verb
        self.words: list[str] = []  # that are read
        self.draws = False  # are options of a run's model flags too?
        self.hint = ""  # for an unknown flag that is a field of some model

    def value(self, flag: str, read: Reader, help: str, default: Any = None, metavar: str = "") -> None:
        """A flag with a value, read by a reader."""
        shown = metavar or getattr(read, "metavar", "VALUE")
        self.add_argument(flag, type=read, default=default, metavar=shown, help=help.replace("%", "%%"))

    def switch(self, flag: str, help: str) -> None:
        self.add_argument(flag, action="store_true", help=help.replace("%", "%%"))

    def take(self, words: Sequence[str]) -> argparse.Namespace:
        """Raises Problem for what it does not know. Where several DATA may be named, flags may stand between them."""
        self.words = list(words)
        several = any(action.dest == "data" and action.nargs == "+" for action in self._actions)
        args, rest = (self.parse_known_intermixed_args if several else self.parse_known_args)(words)
        if rest:
            run = getattr(args, "run", "") if self.draws else ""
            if run and any(word.startswith("-") for word in rest) and not model_in(run):
                raise Problem(f"{run}: no run, and {rest[0]} may be an option of its model. Is it spelt right?")
            self.unknown(rest)
        return args

    def unknown(self, rest: Sequence[str]) -> NoReturn:
        flag = next((w for w in rest if w.startswith("-")), "")
        if not flag:
            raise Problem(f"{rest[0]}: one thing too many. See `{self.prog} --help`")
        name = flag.split("=")[0]
        known = sorted(s for a in self._actions for s in a.option_strings if s.startswith("--"))
        owners = [f.name for f in families() if name in [flag_of(s.name) for s in f.fields()]] if self.hint else []
        if owners:
            raise Problem(f"{name}: a field of {', '.join(owners)}. {self.hint}")
        near = get_close_matches(name.replace("_", "-"), known, n=3, cutoff=0.7)
        cure = f"Did you mean {' or '.join(near)}?" if near else f"See `{self.prog} --help`"
        raise Problem(f"{name}: no such flag. {cure}")

    def error(self, message: str) -> NoReturn:
        missing = re.match(r"the following arguments are required: (.+)", message)
        if missing:
            raise Problem(f"{missing[1]}: missing. {' '.join(self.format_usage().split())[:120]}")
        needs = re.match(r"argument (\S+): expected (?:one|at least one) argument", message)
        if needs:
            written = needs[1].split("/")
            follows = [b for a, b in pairwise(self.words) if a in written and b.startswith("-")]
            if follows and not any(follows[0].split("=")[0] in a.option_strings for a in self._actions):
                raise Problem(
                    f"{written[0]} {follows[0]}: a value that begins with - is written {written[-1]}={follows[0]}"
                )
            raise Problem(f"{needs[1].split('/')[0]}: a value is missing. See `{self.prog} --help`")
        raise Problem(f"{message.removeprefix('argument ')}. See `{self.prog} --help`")


# --------------------------------------------------------------------------------------------------------- model fields


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_fields(parser: Parser, title: str, settings: Iterable[Setting]) -> None:
    """A flag for each field of a Config or Sampling. What is not given is left out of the arguments."""
    group = parser.add_argument_group(title)
    for setting in settings:
        flag, (kind, default) = flag_of(setting.name), (setting.type, setting.default)
        note = f"{setting.comment} (default {shown(default)})".replace("%", "%%")
        dest = f"field:{setting.name}"
        if kind is bool:
            both = argparse.BooleanOptionalAction
            group.add_argument(flag, dest=dest, action=both, default=argparse.SUPPRESS, help=note)
            continue
        read = reader(flag, kind)
        metavar = getattr(read, "metavar", "VALUE")
        group.add_argument(flag, dest=dest, type=read, default=argparse.SUPPRESS, metavar=metavar, help=note)


def given_fields(args: argparse.Namespace) -> dict[str, Any]:
    """Fields that the person set."""
    return {k.removeprefix("field:"): v for k, v in vars(args).items() if k.startswith("field:")}


# ----------------------------------------------------------------------------------------------------------- data flags

AS_IT_IS = DataOptions()
CUT = (
    "of text: characters (default), bytes, bpe; of molecules: atoms (default), selfies; of music: grid, events (chosen)"
)


def add_data(parser: Parser) -> None:
    """How data is read: one flag a field of DataOptions."""
    group = Grouped(parser, "how the data is read")
    group.value("--kind", one_of("--kind", KINDS), "what the data is (default: what it looks like)")
    group.value("--size", size("--size"), "of an item: side or height x width of pictures, tokens, rows of a series")
    group.value("--aspect", one_of("--aspect", ("crop", "pad", "stretch")), "pictures of another aspect (default crop)")
    ways = ("characters", "bytes", "bpe", "atoms", "selfies", "grid", "events")
    group.value("--tokens", one_of("--tokens", ways), CUT)
    group.value("--vocabulary", whole("--vocabulary", 1), f"of a bpe (default {AS_IT_IS.vocabulary})")
    moved = "all | own: are pieces of music moved into all keys in training (default: unless all stand in one key)"
    group.value("--keys", one_of("--keys", ("all", "own")), moved)
    told = "melody: a model of music is told each piece's highest voice ahead, so that it can harmonise one"
    group.value("--given", one_of("--given", ("melody",)), told)
    group.value("--column", text("--column"), "that holds the items; of pairs: from which language", metavar="NAME")
    told = "numbers that a model is told of each item: columns of a table, of molecules also qed, logp, weight …"
    group.value("--attributes", several("--attributes", text("--attributes")), told, metavar="NAME,NAME")
    group.value("--held-out", real("--held-out", 0), f"share kept for judging (default {AS_IT_IS.held_out:g})")
    group.add_argument("--skip-bad", action="store_true", help="leave out files that can't be read")
    add_prediction(Grouped(parser, "what is predicted, and from which part"))


def add_prediction(group: Grouped) -> None:
    """How data is split and read for a predictor."""
    group.value("--predict", text("--predict"), "labels, next, translation, a column, or a language", metavar="WHAT")
    share = f"share of the training part that confidence is set by (default {AS_IT_IS.calibration:g})"
    group.value("--calibration", real("--calibration", 0), share)
    group.value("--drop", several("--drop", text("--drop")), "columns that the model may not see", metavar="NAME,NAME")
    group.value("--group", text("--group"), "a column: items that share its value stay in one part", metavar="NAME")
    group.value("--order", text("--order"), "a column of times: the latest items are held out", metavar="NAME")
    group.value("--test", text("--test"), "a file or folder that is the test part", metavar="DATA")
    group.value("--test-where", text("--test-where"), "the items held out", metavar="NAME=VALUE,VALUE")
    group.value("--horizon", whole("--horizon", 1), "rows of a series to predict (default 24)")
    group.value("--names", text("--names"), "what the names of sounds say: {label}_{speaker}_{take}", metavar="FORM")
    group.value("--fold", text("--fold"), "k/n: part k of n is held out", metavar="1/10")


class Grouped:
    """An argument group that takes readers."""

    def __init__(self, parser: Parser, title: str):
        self.group = parser.add_argument_group(title)
        self.add_argument = self.group.add_argument

    def value(self, flag: str, read: Reader, help: str, metavar: str = "") -> None:
        shown = metavar or getattr(read, "metavar", "VALUE")
        self.group.add_argument(flag, type=read, metavar=shown, help=help.replace("%", "%%"))


def data_options(args: argparse.Namespace) -> DataOptions:
    names = {"fit": "aspect"}  # the field of DataOptions bears a verb's name: its flag does not
    fields = [f.name for f in dataclasses.fields(DataOptions) if f.name not in ("skip_bad", "beside")]
    given = {name: getattr(args, names.get(name, name)) for name in fields}
    options = {name: value for name, value in given.items() if value is not None}
    beside = tuple(args.data[1:]) if isinstance(args.data, list) else ()  # of a verb that takes two domains
    return DataOptions(**options, skip_bad=args.skip_bad, beside=beside)


# ------------------------------------------------------------------------------------------------------ peeking at runs


def value_of(words: Sequence[str], flag: str) -> str:
    """What stands after a flag, before the flags are known: the model's name decides which there are."""
    for k, word in enumerate(words):
        if word == flag and k + 1 < len(words):
            return words[k + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return ""


def model_in(folder: str) -> str:
    """The model of a run, read without torch; "" where there is none: `Run.open` says what is wrong with it."""
    try:
        info = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
        return str(info["model"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def run_in(words: Sequence[str]) -> str:
    """The first word that is a run's folder, and not one that judges."""
    judge = value_of(words, "--classifier")
    return next((w for w in words if not w.startswith("-") and w != judge and model_in(w)), "")


def known_family(name: str) -> Family | None:
    """The family, None where it is not there: for a run that another version made."""
    try:
        return find(name) if name else None
    except Problem:
        return None


def drawing(verb: str, about: str, words: Sequence[str]) -> tuple[Parser, Family | None]:
    """The parser of a verb by which a run's model draws items, and the model's family where `words` name a run: its
    sampling options are flags too (`add_options`)."""
    family = known_family(model_in(run_in(words)))
    also = f"With RUN, the sampling options of its model are flags too: reverie {verb} RUN --help"
    made = Parser(verb, about, "" if family else also)
    made.draws = True
    return made, family


def add_drawing(parser: Parser, family: Family | None) -> None:
    """--label, --json, and the fields of the family's Sampling."""
    about = "a class, by its name or number, of a model that takes one (default: classes are drawn evenly)"
    parser.value("--label", text("--label"), about, metavar="L")
    parser.switch("--json", "print one JSON object, and nothing else, on standard output")
    add_options(parser, family)


def add_options(parser: Parser, family: Family | None) -> None:
    """The fields of the family's Sampling."""
    if family and family.sampling:
        add_fields(parser, f"sampling options of {family.name}", family.sampling_fields())


def played(kind: str) -> None:
    """Raises Problem where --wav asks for the sound of what has none."""
    if kind not in PLAYED:
        raise Problem(f"--wav: of {' and '.join(PLAYED)}, and the run makes {kind}. Leave it out")
