"""Public sets by name: from the folder in REVERIE_DATA, else from the user's cache, else downloaded and checked; and
those that travel in the package (`demo-…`)."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from reverie.cache_folder import cache_folder
from reverie.errors import Problem

from .download import Remote, fetch

_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
_FASHION = ("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",)
_SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_CIFAR = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _idx(folders: tuple[str, ...], *sums: str) -> tuple[Remote, ...]:
    return tuple(
        Remote(f"{name}.gz", tuple(f"{f}/{name}.gz" for f in folders), sha256, gzip=True)
        for name, sha256 in zip(_IDX, sums)
    )


# name -> its folder below REVERIE_DATA and the files that must be there; one file alone is the set itself
LAYOUT = {
    "mnist": ("mnist", tuple(f"{name}.gz" for name in _IDX)),
    "fashion-mnist": ("fashion-mnist", tuple(f"{name}.gz" for name in _IDX)),
    "cifar10": ("cifar10", ("train.zip", "test.zip")),  # there as JPEG: near the original; a download is exact, as PNG
    "tinyshakespeare": ("text", ("tinyshakespeare.txt",)),
    "adult": ("tabular", ("adult-train.csv",)),  # UCI Adult; not downloaded
    "adult-test": ("tabular", ("adult-test.csv",)),
    "heart-disease": ("tabular", ("heart-disease-cleveland.csv",)),  # Detrano et al. 1989, UCI; not downloaded
    "pima": ("tabular", ("pima-indians-diabetes.csv",)),  # Smith et al. 1988; not downloaded
    "moses": (  # Polykovskiy et al. 2020, arXiv:1811.12823; not downloaded
        "molecules/moses",
        ("train.csv.gz", "test.csv.gz", "test_scaffolds.csv.gz"),
    ),
    "esol": ("molecules", ("delaney-esol.csv",)),  # Delaney 2004; not downloaded
    "spoken-digits": ("spoken-digits", ("recordings.zip",)),  # Jackson et al.: {label}_{speaker}_{take}; not downloaded
    "rt-polarity": ("sentiment-rt-polarity", ("rt-polarity.neg", "rt-polarity.pos")),  # Pang & Lee 2005; not downloaded
    "multi30k": (
        "translation-multi30k",  # Elliott et al. 2016, arXiv:1605.00459: files PART.LANGUAGE.gz; not downloaded
        tuple(f"{part}.{name}.gz" for part in ("train", "val", "test_2016_flickr") for name in ("en", "de")),
    ),
    # Boulanger-Lewandowski et al. 2012, arXiv:1206.6392: their parts, brought into one key; not downloaded
    "jsb-chorales": ("music-jsb", ("jsb-chorales-quarter.json",)),
    "jsb-chorales-16th": ("music-jsb", ("jsb-chorales-16th.json",)),  # the same chorales in their own keys
    "etth1": ("timeseries", ("ETTh1.csv",)),  # Zhou et al. 2021, arXiv:2012.07436; not downloaded
}
# checksums of the unpacked content where a file is gzipped: mirrors differ in how they packed it
REMOTES = {
    "mnist": _idx(
        _MNIST,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist": _idx(
        _FASHION,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    "cifar10": (
        Remote(
            "cifar-10-binary.tar.gz",
            (_CIFAR,),
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    "tinyshakespeare": (
        Remote(
            "tinyshakespeare.txt",
            (_SHAKESPEARE,),
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
}
PACKAGED = {
    "demo-fashion": "t10k-images-idx3-ubyte.gz",  # its labels lie beside it
    "demo-text": "tinyshakespeare.txt.gz",
    "demo-molecules": "molecules.smi",
    "demo-tunes": "tunes.abc",
}
EXPORTED = ("bach-chorales",)  # from a package that is installed
NAMES = (*LAYOUT, *PACKAGED, *EXPORTED)


def resolve(name: str) -> Path | None:
    """Where the set of that name lies, downloading it if it must; None if no set has that name. A folder, or the file
    of a set that is one. Raises Problem, with where to put which files, when it can't be had."""
    if name in PACKAGED:
        return packaged(PACKAGED[name])
    if name in EXPORTED:
        from .music.corpus import exported

        return exported()
    if name not in LAYOUT:
        return None
    folder, files = LAYOUT[name]
    given = os.environ.get("REVERIE_DATA")
    kept = cache_folder() / "sets" / name
    for place in ([Path(given).expanduser() / folder] if given else []) + [kept]:
        if all((place / file).is_file() for file in files):
            return _of(place, files)
    either = f"set REVERIE_DATA to a folder with {folder}/{files[0]} in it"
    if given:
        either = f"into {Path(given).expanduser() / folder}, where REVERIE_DATA has it looked for"
    cure = f"Put {', '.join(files)} into {kept}, or {either}"
    if name not in REMOTES:
        raise Problem(f"{name}: not here, and not downloaded by itself. {cure}")
    fetch(name, REMOTES[name], kept, cure)
    if name == "cifar10":
        from .cifar import convert

        convert(kept / REMOTES[name][0].name, kept)
    return _of(kept, files)


def packaged(file: str) -> Path:
    """A file that travels in the package. Raises Problem if the installation lacks it."""
    path = Path(str(resources.files("reverie").joinpath("samples", file)))
    if not path.is_file():
        raise Problem(f"{path}: missing from this installation. Install reverie again.")
    return path


def _of(place: Path, files: tuple[str, ...]) -> Path:
    return place / files[0] if len(files) == 1 else place
