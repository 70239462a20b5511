"""The run folder: everything needed to sample, resume and judge one trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reverie.catalog import Family, find
from reverie.core import Codec, Model, Spec
from reverie.errors import Problem
from reverie.kinds import Prepared
from reverie.kinds.find import module, open_source

from . import checkpoint, memory
from .build import build_config, build_model
from .written import as_written, read, read_options

if TYPE_CHECKING:
    from reverie.judging.evaluate import Report
    from reverie.kinds.music.piece import Piece
    from reverie.tasks.anomalies import Anomalies
    from reverie.tasks.compress import Compressed
    from reverie.tasks.decompress import Restored
    from reverie.tasks.denoise import Cleaned
    from reverie.tasks.design_files import Made
    from reverie.tasks.embed import Embedding
    from reverie.tasks.explained import Explanation
    from reverie.tasks.interpolate import Between
    from reverie.tasks.mix import Mixture
    from reverie.tasks.predict import Answers
    from reverie.tasks.project import Projection
    from reverie.tasks.reconstruct import Reconstruction
    from reverie.tasks.sample import Label
    from reverie.tasks.translate import Translation
    from reverie.tasks.traverse import Traversal

Files = str | Path | Sequence[str | Path]


class Run:
    """A trained model in its folder. `info` is run.json; everything else is loaded when it is first asked for."""

    def __init__(self, path: Path, info: dict[str, Any]):
        self.path, self.info = path, info

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Raises Problem where the folder holds no run, or one of a newer reverie."""
        folder = Path(path)
        return cls(folder, read(folder))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.info['model']} on {self.info['source']['where']})"

    @cached_property
    def family(self) -> Family:
        return find(self.info["model"])

    @cached_property
    def config(self) -> Any:
        """The Config of the model's own module."""
        with as_written(self.path, "config"):
            return build_config(self.family.load().Config, self.info["config"])

    @cached_property
    def sampling(self) -> type | None:
        """The dataclass of sampling options, where the model has one."""
        found: type | None = vars(self.family.load()).get("Sampling")
        return found

    @cached_property
    def spec(self) -> Spec:
        with as_written(self.path, "spec"):
            return Spec.from_json(self.info["spec"])

    @cached_property
    def codec(self) -> Codec:
        with as_written(self.path, "codec"):
            codec: Codec = module(self.spec.kind).Codec.from_json(self.info["codec"])
        return codec

    @cached_property
    def device(self) -> torch.device:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def model(self) -> Model:
        """Averaged and finished weights, in eval mode."""
        memory.keep()
        with torch.inference_mode(False):  # else gradients by an item could never pass through it
            model = self.new_model()
            try:
                model.load_state_dict(checkpoint.load_weights(self.path / "weights.safetensors"))
            except RuntimeError as error:
                line = str(error).splitlines()[-1].strip()[:200]
                raise Problem(f"{self.path}: the weights are of another model ({line}). Train anew by --out") from error
            return model.to(self.device).eval().requires_grad_(False)

    def new_model(self) -> Model:
        """The model as its first step saw it, before any seed: for one's own loop."""
        config, spec = self.config, self.spec
        with as_written(self.path, "config or spec"):
            return build_model(self.family, config, spec)

    @cached_property
    def prepared(self) -> Prepared:
        """The data, opened again from where it was. Raises Problem where it has changed or gone."""
        source = self.info["source"]
        found = open_source(source["where"], read_options(source["options"])).prepare(tuple(source["size"]))
        if found.fingerprint != source["fingerprint"]:
            raise Problem(
                f"{source['where']}: not the data that {self.path} was trained on (its content has changed). "
                "Bring the old data back, or train anew by --out"
            )
        return found

    @property
    def step(self) -> int:
        """Steps done, as the last checkpoint says."""
        return int(checkpoint.load(self.path / "last.ckpt")["trainer"]["step"])

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        label: Label = "",
        attributes: Mapping[str, float] | None = None,
        **how: Any,
    ) -> Any:
        """n raw items: pictures as (n, H, W, C) integers, texts as strings. See `reverie.tasks.sample.draw`."""
        from reverie.tasks.sample import draw

        return draw(self, n, seed=seed, label=label, attributes=attributes, how=how)

    def complete(
        self,
        prompt: str,
        n: int = 1,
        *,
        seed: int = 0,
        label: Label = "",
        attributes: Mapping[str, float] | None = None,
        **how: Any,
    ) -> Any:
        """n raw items that begin with the prompt: a text, the name of a file of music, SMILES. See
        `reverie.tasks.complete.complete`."""
        from reverie.tasks.complete import Asked, complete

        return complete(self, Asked(prompt, seed, label, attributes, how), n).raw

    def harmonise(self, files: Files, *, out: str | Path = "", label: Label = "", **asked: Any) -> list[Piece]:
        """Voices under the melodies of files, of a run of music with --given melody: n, tries, voices, seed and fields
        of the model's Sampling; `out`: a new folder for .mid files. See `reverie.tasks.harmonise.harmonise`. Raises
        Problem."""
        from reverie.tasks.harmonise import harmonise, save, wanted
        from reverie.tasks.written import empty_folder

        folder = empty_folder("--out", out) if out else None
        made = harmonise(self, words(files), wanted(label, asked))
        if folder:
            save(made, folder)
        return made.pieces

    def predict(
        self,
        files: str | Path | Sequence[str | Path],
        *,
        conformal: float | None = None,
        others: Sequence[Run | str | Path] = (),
    ) -> Answers:
        """What the run, or the mean of it and others, says of new items. See `reverie.tasks.predict.predict`."""
        from reverie.tasks.predict import predict

        named = [files] if isinstance(files, str | Path) else files
        more = [other if isinstance(other, Run) else Run.open(other) for other in others]
        return predict(self, [str(file) for file in named], conformal=conformal, others=more)

    def explain(
        self,
        files: str | Path | Sequence[str | Path] = (),
        *,
        method: str = "",
        of: str = "",
        baseline: str = "",
        steps: int = 0,
        repeats: int = 0,
        items: int = 0,
    ) -> Explanation:
        """What answers rest on; `save(folder)` writes its pictures. See `reverie.tasks.explain.explain`."""
        from reverie.tasks.explain import Ask, explain

        named = [files] if isinstance(files, str | Path) else files
        return explain(self, [str(file) for file in named], Ask(method, of, baseline, steps, repeats, items))

    def embed(self, data: Files, *, to: int = 0, by: str = "pca", clusters: int = 0) -> Embedding:
        """Codes of items; `save(file)` and `plot(file)` write them. See `reverie.tasks.embed.embed`."""
        from reverie.tasks.embed import embed

        return embed(self, words(data), to=to, by=by, clusters=clusters)

    def reconstruct(self, files: Files) -> Reconstruction:
        """Items encoded and decoded; `save(folder)` writes a sheet and a table. See `reverie.tasks.reconstruct`."""
        from reverie.tasks.reconstruct import reconstruct

        return reconstruct(self, words(files))

    def denoise(self, files: Files, out: str | Path) -> Cleaned:
        """Cleaned copies of picture files in the folder `out`. See `reverie.tasks.denoise.denoise`."""
        from reverie.tasks.denoise import denoise

        return denoise(self, words(files), Path(out))

    def translate(self, files: Files, *, to: str = "", out: str | Path = "", scale: str = "run") -> Translation:
        """Copies of picture files as the domain `to` has them. See `reverie.tasks.translate.translate`."""
        from reverie.tasks.translate import translate

        return translate(self, words(files), to, Path(out) if out else None, scale)

    def interpolate(self, a: str | Path = "", b: str | Path = "", **asked: Any) -> Between:
        """The path between two items, or between two random ones: steps, spherical, seed, space. See
        `reverie.tasks.interpolate.interpolate`."""
        from reverie.tasks.interpolate import interpolate

        return interpolate(self, str(a), str(b), **asked)

    def traverse(self, item: str | Path = "", **asked: Any) -> Traversal:
        """What each number of a code does, one at a time: dims, reach, steps, space. See
        `reverie.tasks.traverse.traverse`."""
        from reverie.tasks.traverse import traverse

        return traverse(self, str(item), **asked)

    def project(self, files: Files, *, space: str = "", steps: int = 0, label: Label = "") -> Projection:
        """The codes of pictures, of a model that has no encoder. See `reverie.tasks.project.project`."""
        from reverie.tasks.project import project

        return project(self, words(files), space=space, steps=steps, label=label)

    def mix(self, a: str | Path = "", b: str | Path = "", **asked: Any) -> Mixture:
        """Coarse parts of one item with fine parts of another: part, rows, columns, seed, steps. See
        `reverie.tasks.mix.mix`."""
        from reverie.tasks.mix import mix

        return mix(self, str(a), str(b), **asked)

    def anomalies(self, data: Files, **asked: Any) -> Anomalies:
        """Scores of items, and which are flagged; `save(file)` writes table and page. `asked`: flag, by, normal, worst.
        See `reverie.tasks.anomalies.anomalies`."""
        from reverie.tasks.anomalies import anomalies

        return anomalies(self, words(data), **asked)

    def compress(
        self, files: Files, *, lossless: bool = False, together: bool = False, out: str | Path = ""
    ) -> Compressed:
        """Items as small files. See `reverie.tasks.compress.compress`."""
        from reverie.tasks.compress import compress

        return compress(self, words(files), lossless=lossless, together=together, out=out)

    def decompress(self, where: str | Path, *, out: str | Path = "") -> Restored:
        """And back. See `reverie.tasks.decompress.decompress`."""
        from reverie.tasks.decompress import decompress

        return decompress(where, run=self, out=out)

    def design(
        self,
        maximise: Sequence[str] = (),
        minimise: Sequence[str] = (),
        ranges: Mapping[str, tuple[float, float]] | None = None,
        *,
        n: int = 1_000,
        out: str | Path = "",
        **asked: Any,
    ) -> Made:
        """Molecules toward a goal, as a run of its own: filters, steps, sigma, learning_rate, seed. See
        `reverie.tasks.design_files.design`."""
        from reverie.tasks.design import Goal
        from reverie.tasks.design_files import design
        from reverie.tasks.wishes import wishes

        wanted = wishes(words(maximise), words(minimise), [(name, *ends) for name, ends in (ranges or {}).items()])
        return design(self, Goal(tuple(wanted), **asked), out, n)

    def evaluate(self, **asked: Any) -> Report:
        """Judge the run and write its report: samples, seed, seeds, against, extractor, classifier, statistics, draws.
        See `reverie.judging.evaluate.evaluate`."""
        from reverie.judging.evaluate import evaluate

        return evaluate(self, **asked)

    def export(self, format: str = "safetensors", out: str | Path = "") -> Path:
        """The generator as a file for other programs. See `reverie.tasks.export.export`."""
        from reverie.tasks.export import export

        return export(self, format, Path(out) if out else None)


def words(files: Files) -> list[str]:
    """One place or several, as a person names them."""
    return [str(one) for one in ([files] if isinstance(files, str | Path) else files)]
