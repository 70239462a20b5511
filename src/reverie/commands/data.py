"""`reverie data DATA`: what it is, what is wrong with it, and what `fit` would do with it."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.choose import MADE, choose
from reverie.terminal import Terminal

from .arguments import Parser, add_data, data_options

HELP = "what some data is, what is wrong with it, and what fit would do with it"
SHOWN = 20  # bad files named in a terminal; --json has them all


def parser(words: Sequence[str]) -> Parser:
    made = Parser("data", f"Says {HELP}.")
    made.add_argument("data", metavar="DATA", nargs="+", help="a file, a folder, or a named set; two are two domains")
    add_data(made)
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    made.set_defaults(words=[word for word in words if word != "--json"])
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.kinds.find import open_source

    summary = open_source(args.data[0], data_options(args)).summary()
    screen.tell(f"{summary.where}: {summary.kind}, {summary.count:,} items")
    for name, value in summary.facts.items():
        screen.tell(f"  {name}: {fact(value)}")
    if summary.bad:
        screen.tell(f"{len(summary.bad):,} bad:")
        screen.tell(*(f"  {line}" for line in summary.bad[:SHOWN]))
        if len(summary.bad) > SHOWN:
            screen.tell(f"  and {len(summary.bad) - SHOWN:,} more; --json names them all")
    plan, words = list(summary.plan), list(args.words)
    if not args.predict and summary.kind not in MADE:
        plan.append(f"need --predict: no model makes a {summary.kind} yet")
        words += ["--predict", "WHAT"]
    elif summary.train:
        predict, domains = args.predict or "", summary.domains
        choice = choose(summary.kind, summary.shape, summary.train, predict=predict, domains=domains)
        plan.append(f"train a {choice.model}: {choice.why}")
    screen.tell("fit would:")
    screen.tell(*(f"  {line}" for line in plan))
    after = f"reverie fit {shlex.join(words)}"
    screen.tell(f"next: {after}")
    return {
        "kind": summary.kind,
        "where": str(summary.where),
        "count": summary.count,
        "facts": dict(summary.facts),
        "bad": list(summary.bad),
        "plan": plan,
        "next": after,
    }


def fact(value: Any) -> str:
    """A fact of a summary in a line."""
    if isinstance(value, dict):
        return ", ".join(f"{key!s} {fact(v)}" if str(key).strip() else f"{key!r} {fact(v)}" for key, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(fact, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
