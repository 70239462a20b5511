"""Bach's chorales as the installed music21 package has them."""

from __future__ import annotations

import os
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

from reverie.cache_folder import cache_folder
from reverie.errors import NoRoom, Problem

NAME = "bach-chorales"
VOICES = 4


def exported() -> Path:
    """The folder of the scores of four voices, copied once from the package. Raises Problem without it, NoRoom."""
    folder = cache_folder() / "sets" / NAME
    if folder.is_dir():
        return folder
    found = find_spec("music21")
    if found is None or not found.origin:
        raise Problem(f"{NAME}: comes with music21, which is not installed. pip install 'reverie[music]'")
    scores = sorted((Path(found.origin).parent / "corpus" / "bach").glob("bwv*.mxl"))
    part = folder.with_name(f".{NAME}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        for score in scores:
            if voices(score) == VOICES:
                shutil.copyfile(score, part / score.name)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if folder.is_dir():  # another process was quicker
            return folder
        raise NoRoom(f"{folder}: can't be written ({error.strerror}). Make room") from None
    return folder


def voices(score: Path) -> int:
    """Parts of a compressed MusicXML file."""
    with zipfile.ZipFile(score) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml") and not name.startswith("META-INF")]
        return archive.read(names[0]).count(b"<score-part ") if names else 0
