"""`reverie models [M]`: the families, and one of them taken apart."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from reverie.catalog import Family, families, find
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.spec import Field, Named, Spec
from reverie.terminal import Terminal

from .arguments import Parser, add_fields, given_fields
from .readers import shape, shown, text, type_name, whole

HELP = "the models there are; with one's name: its paper, fields and parameters"
BATCH = 64  # items that --show looks at, at most


def parser(words: Sequence[str]) -> Parser:
    """The fields of the model are flags too: `reverie models dcgan --width 32 --shape 3x64x64`."""
    names = {family.name: family for family in families()}
    family = next((names[word] for word in words if word in names), None)
    made = Parser("models", f"Says {HELP}.")
    made.add_argument("model", metavar="M", nargs="?", default="", help="one of them")
    made.value("--set", text("--set"), "a named set of its values: paper … (default: small, if any)", metavar="NAME")
    made.value("--shape", shape("--shape"), "of an item: 3x64x64 of pictures, 128 of text (default: the set's own)")
    made.value("--classes", whole("--classes", 0), "of the label (default: the set's own)")
    made.value("--vocabulary", whole("--vocabulary", 1), "tokens of text (default: the set's own)")
    made.add_argument(
        "--show", metavar="DATA", nargs="?", const="", default=None,
        help="each layer on a batch of DATA, or of random values: outputs, gradients, dead units",
    )  # fmt: skip
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    if family:
        add_fields(made, f"fields of {family.name} (defaults: the paper's)", family.fields())
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    if args.model:
        return one(find(args.model, "models"), args, screen)
    for flag in ("set", "shape", "classes", "vocabulary", "show"):
        if getattr(args, flag) is not None:
            raise Problem(f"--{flag}: of which model? Write reverie models M --{flag} …")
    return every(screen)


def every(screen: Terminal) -> dict[str, Any]:
    """The table of families."""
    rows = [(f.name, f.wing, ", ".join(f.abilities) or "learn", ", ".join(f.sets), f.paper) for f in families()]
    screen.table(("model", "wing", "can", "sets", "paper"), rows)
    screen.tell("next: reverie models M, or reverie fit DATA --model M")
    keys = ("name", "wing", "paper", "abilities", "sets")
    return {"models": [{key: getattr(f, key) for key in keys} for f in families()]}


def one(family: Family, args: Namespace, screen: Terminal) -> dict[str, Any]:
    name, named = chosen_set(family, args)
    for flag, value in (("--classes", args.classes), ("--vocabulary", args.vocabulary)):
        if args.show is not None and value is not None:
            raise Problem(f"{flag} {value}: {args.show} says its own. Leave one of the two out")
    spec = spec_of(named, args)
    screen.tell(f"{family.name}: {family.paper}")
    screen.tell(f"can: {', '.join(family.abilities) or 'learn'}; sets: {', '.join(family.sets)}; here {name}")
    rows = [(s.name, shown(getattr(named.config, s.name)), type_name(s.type), s.comment) for s in family.fields()]
    screen.table(("field", "value", "type", "meaning"), rows)
    if family.sampling:
        screen.tell("sampling:")
        options = [(s.name, shown(s.default), type_name(s.type), s.comment) for s in family.sampling_fields()]
        screen.table(("option", "default", "type", "meaning"), options)
    result: dict[str, Any] = {
        "name": family.name,
        "wing": family.wing,
        "paper": family.paper,
        "abilities": family.abilities,
        "sets": family.sets,
        "set": name,
        "fields": described(family, named),
        "sampling": [described_field(s, s.default) for s in family.sampling_fields()],
        "training": {k: v for k, v in dataclasses.asdict(named.training).items() if k != "spec"},
        "parameters": {},
    }
    if args.show is not None:
        return result | show(family, named, spec, args, screen)
    if spec is None:
        shape = "--shape 3x64x64" if family.wing != "autoregressive" else "--shape 128 --vocabulary 65"
        screen.tell(f"parameters: they depend on the data; {shape} counts them")
        return result
    result["parameters"] = counted(family, named.config, spec)
    tell(result["parameters"], spec, screen)
    return result


# ---------------------------------------------------------------------------------------------------- what is asked for


def chosen_set(family: Family, args: Namespace) -> tuple[str, Named]:
    """The set's name and values, with the fields that the person gave; read without torch."""
    name = args.set or ("small" if "small" in family.sets else "paper")
    if name not in family.sets:
        raise Problem(f"--set {name}: {family.name} has no such set. There are: {', '.join(family.sets)}")
    named: Named = getattr(family.config, name)()
    return name, Named(dataclasses.replace(named.config, **given_fields(args)), named.training)


def spec_of(named: Named, args: Namespace) -> Spec | None:
    """Of the flags; else the set's own, with the flags' classes and vocabulary; None where nobody says."""
    own = named.training.spec
    if args.shape is None and own is None and args.vocabulary is None:
        if args.classes is not None:
            raise Problem(f"--classes {args.classes}: of items of which shape? Add --shape 3x64x64")
        return None
    row = args.shape is not None and len(args.shape) == 1
    if own and own.kind != "text" and tokens_in(own) and (row or args.shape is None):
        spec = of_tokens(own, args.shape, args.vocabulary)
    elif args.vocabulary is not None or row or (own and own.kind == "text" and args.shape is None):
        spec = text_spec(own, args.shape, args.vocabulary, named.training.size)
    elif own and args.shape is None:
        spec = own
    else:
        spec = Spec("image", {"image": Field(picture(args.shape), levels=256)}, domains=own.domains if own else ())
    return classed(spec, own, args.classes)


def classed(spec: Spec, own: Spec | None, classes: int | None) -> Spec:
    """With so many classes, as what is predicted or as what is told; those of the set's `own` where nobody says."""
    if classes is not None and "label" in spec.target:
        label = dataclasses.replace(spec.target["label"], categories=classes)
        return dataclasses.replace(spec, target={**spec.target, "label": label})
    condition = dict(own.condition) if own else {}
    if classes is not None:
        condition = {"label": Field((), categories=classes)} if classes else {}
    return dataclasses.replace(spec, condition=condition)


def tokens_in(spec: Spec) -> list[str]:
    """Its fields that are rows of tokens, among what is predicted, too."""
    return [name for name, field in {**spec.fields, **spec.target}.items() if field.categories and field.shape]


def of_tokens(own: Spec, shape: tuple[int, ...] | None, vocabulary: int | None) -> Spec:
    """The set's own items, with rows of tokens that are so long and of so many."""

    def changed(part: Mapping[str, Field]) -> dict[str, Field]:
        names = tokens_in(own)
        return {name: resized(field) if name in names else field for name, field in part.items()}

    def resized(field: Field) -> Field:
        return dataclasses.replace(field, shape=shape or field.shape, categories=vocabulary or field.categories)

    return dataclasses.replace(own, fields=changed(own.fields), target=changed(own.target))


def picture(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) != 3 or shape[0] > 4:
        written = "x".join(map(str, shape))
        raise Problem(f"--shape {written}: no picture's. Write channels (1 to 4) x height x width as 3x64x64")
    return shape


def text_spec(own: Spec | None, shape: tuple[int, ...] | None, vocabulary: int | None, size: tuple[int, ...]) -> Spec:
    """A window of T + 1 tokens, so that a model predicts T of them."""
    base = own.only[1] if own and own.kind == "text" else None
    tokens = vocabulary or (base.categories if base else 0)
    length = shape[0] + 1 if shape else base.shape[0] if base else size[0] + 1 if size else 0
    if shape and len(shape) > 1:
        written = "x".join(map(str, shape))
        raise Problem(f"--vocabulary {vocabulary}: of text, and --shape {written} is not. Leave one out")
    if not tokens:
        raise Problem(f"--shape {length - 1}: of text, whose vocabulary is missing. Add --vocabulary 65")
    if not length:
        raise Problem(f"--vocabulary {tokens}: of text, whose length is missing. Add --shape 128")
    return Spec("text", {"text": Field((length,), categories=tokens, start=0)})


def described(family: Family, named: Named) -> list[dict[str, Any]]:
    return [described_field(s, getattr(named.config, s.name)) for s in family.fields()]


def described_field(setting: Any, value: Any) -> dict[str, Any]:
    return {
        "name": setting.name,
        "type": type_name(setting.type),
        "value": value,
        "default": setting.default,
        "comment": setting.comment,
    }


# --------------------------------------------------------------------------------------------------------- with a model


def counted(family: Family, config: Any, spec: Spec) -> dict[str, int]:
    """Parameters of each of the model's own networks; shared ones count once. Nothing is allocated."""
    import torch

    with torch.device("meta"):
        model = built(family, config, spec)
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        network = name.split(".")[0]
        counts[network] = counts.get(network, 0) + parameter.numel()
    return counts


def built(family: Family, config: Any, spec: Spec) -> Any:
    """The model, from the catalog's copy of its Config."""
    from reverie.training.build import build_config, build_model

    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    return build_model(family, build_config(family.load().Config, fields), spec)


def tell(parameters: Mapping[str, int], spec: Spec, screen: Terminal) -> None:
    total = sum(parameters.values())
    rows = [(network, f"{count:,}") for network, count in parameters.items()]
    screen.tell(f"parameters for {said(spec)}:")
    screen.table(("network", "count"), [*rows, ("all", f"{total:,}")], right=("count",))


def said(spec: Spec) -> str:
    """What the parameters are counted for."""
    classes = f", {spec.classes} classes" if spec.classes else ""
    if len(spec.fields) > 1:
        named = sum(bool(field.categories) for field in spec.fields.values())
        return f"rows of {len(spec.fields) - named} numbers and {named} categories{classes}"
    name, field = spec.only
    if field.rate:
        return f"sounds of {field.size / field.rate:.3g} s at {field.rate:,} samples a second{classes}"
    if field.categories and field.length:
        return f"up to {field.shape[0]} tokens out of {field.categories:,}{classes}"
    if field.categories:
        return f"windows of {field.shape[0] - 1} tokens out of {field.categories:,}{classes}"
    return f"{name}s of {'x'.join(map(str, field.shape))}{classes}"


def show(family: Family, named: Named, spec: Spec | None, args: Namespace, screen: Terminal) -> dict[str, Any]:
    """Each layer in each update's turn, on a batch."""
    from reverie.tasks.layers import random_batch, turns
    from reverie.training.seeds import reseed

    count = min(BATCH, named.training.batch)
    if args.show:
        batch, spec = real_batch(args, named, count)
    elif spec is None:
        raise Problem("--show: on what? Name data, as --show photos/, or give --shape 3x64x64 for random values")
    else:
        batch = random_batch(spec, count)
    reseed(0, "model")
    model = built(family, named.config, spec)
    made = turns(model, batch)
    screen.tell(f"an untrained {family.name} on {len(batch)} {said(spec)}, {args.show or 'random values'}")
    for turn in made:
        screen.tell(f"\nturn of {turn.optimizer}: loss {turn.loss:.4g}")
        columns = ("layer", "kind", "output", "mean", "deviation", "dead", "signal", "gradient", "parameters")
        rows = [
            (la.name, la.kind, "x".join(map(str, la.shape)), f"{la.mean:.3g}", f"{la.deviation:.3g}", f"{la.dead:.0%}",
             few(la.signal), few(la.gradient), f"{la.parameters:,}" if la.parameters else "")
            for la in turn.layers
        ]  # fmt: skip
        screen.table(columns, rows, right=columns[3:])
    screen.tell(
        "\ndead: units that say the same for every item",
        "signal, gradient: norms of the loss's gradient by a layer's output and by its parameters; –: none comes back",
    )
    parameters = counted(family, named.config, spec)
    tell(parameters, spec, screen)
    return {"parameters": parameters, "turns": [dataclasses.asdict(turn) for turn in made]}


def few(value: float | None) -> str:
    return "–" if value is None else f"{value:.2e}"


def real_batch(args: Namespace, named: Named, count: int) -> tuple[Any, Spec]:
    """The first items of one's data, in the stream's order of seed 0."""
    from reverie.kinds.find import open_source
    from reverie.training.seeds import reseed
    from reverie.training.stream import Stream

    size = () if args.shape is None else args.shape[-2:] if len(args.shape) > 1 else args.shape
    prepared = open_source(args.show, DataOptions(size=size)).prepare(named.training.size)
    reseed(0, "layers", "data")
    return Stream(prepared.train, min(count, len(prepared.train)), 0).shard(0, 0), prepared.codec.spec
