"""The verbs of the command line: one file a verb, each a thin call into the library. A verb's module has

HELP: str                                       one line for `reverie --help`
parser(words: Sequence[str]) -> Parser          its flags; `words` may name a model whose fields are flags too
run(args: Namespace, screen: Terminal) -> dict  does it, says what came of it, returns what --json prints
"""

VERBS = (
    "data", "fit", "sample", "complete", "harmonise", "design", "predict", "explain", "embed", "reconstruct", "denoise",
    "translate", "anomalies", "compress", "decompress", "interpolate", "traverse", "project", "mix", "evaluate",
    "compare", "tradeoff", "reproduce", "models", "export",
)  # fmt: skip
