"""CIFAR-10's binary version (Krizhevsky 2009) as the two zips that the image kind reads: a folder a class, PNG, so that
every pixel stays as it was published."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from reverie.errors import NoRoom, Problem

RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes
PARTS = {"train.zip": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test.zip": ("test_batch.bin",)}


def convert(archive: Path, folder: Path) -> None:
    """cifar-10-binary.tar.gz -> train.zip and test.zip in `folder`; the archive is removed when both are there.
    Raises Problem if it is not what it should be, NoRoom if the zips can't be written."""
    try:
        names, records = _read(archive)
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise Problem(f"{archive}: not CIFAR-10's binary archive ({error}). Remove it and try again.") from None
    try:
        for file, part in records.items():
            _zip(folder / file, part, names)
        archive.unlink()
    except OSError as error:
        what = f"{error.filename or folder}: can't be written ({error.strerror})"
        raise NoRoom(f"{what}. Make room, or set REVERIE_CACHE to another folder.") from None


def _read(archive: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the classes, and (N, 3073) uint8 of each zip. Raises ValueError where the archive is another."""
    wanted = ["batches.meta.txt", *(name for names in PARTS.values() for name in names)]
    with tarfile.open(archive) as tar:  # read, never unpacked: no path of its own reaches the disk
        members = {Path(m.name).name: m for m in tar if m.isfile()}
        files = {name: tar.extractfile(members[name]) for name in wanted if name in members}
        content = {name: file.read() for name, file in files.items() if file}
    missing = [name for name in wanted if not content.get(name)]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    classes = content["batches.meta.txt"].decode("ascii").split()
    records = {}
    for out, parts in PARTS.items():
        data = b"".join(content[part] for part in parts)
        records[out] = np.frombuffer(data[: len(data) // RECORD * RECORD], np.uint8).reshape(-1, RECORD)
        if len(data) % RECORD or records[out][:, 0].max() >= len(classes):
            raise ValueError(f"{len(data)} bytes of {out} are no records of a label and 32x32 pixels")
    return classes, records


def _zip(file: Path, records: np.ndarray, names: list[str]) -> None:
    """Pictures in the order of their class, each numbered in the order of the file."""
    from PIL import Image

    handle, draft = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    os.close(handle)
    try:
        pictures = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        with zipfile.ZipFile(draft, "w") as archive:
            for i in np.argsort(records[:, 0], kind="stable"):
                png = io.BytesIO()
                Image.fromarray(np.ascontiguousarray(pictures[i])).save(png, "PNG", compress_level=1)
                archive.writestr(f"{names[records[i, 0]]}/{i:05d}.png", png.getvalue())
        os.chmod(draft, 0o644)
        os.replace(draft, file)
    finally:
        Path(draft).unlink(missing_ok=True)
