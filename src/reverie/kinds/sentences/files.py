"""Files of labelled sentences: where they lie and which class each stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds.texts import lines

TEXT = (".txt", ".text")


class Line(NamedTuple):
    """One item."""

    text: str
    label: str
    name: str  # what a person would call it
    part: str = ""  # train or test, where the folders say so


def by_file(folder: Path) -> dict[str, Path]:
    """A file a class: of one stem with the class as suffix, or named as the class. Empty where there are not two."""
    files = [folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    files = [file for file in files if file.is_file()]
    named = {file.stem: file for file in files if file.suffix.lower() in TEXT}
    if len(named) > 1 and len(named) == len(files):
        return named
    stems = {file.stem for file in files}
    suffixes = {file.suffix[1:]: file for file in files if file.suffix.lower() not in TEXT}
    alike = len(stems) == 1 and len(suffixes) == len(files) > 1 and all(suffixes)
    return suffixes if alike and all(map(_is_text, files)) else {}


def by_folder(folder: Path) -> dict[str, dict[str, Path]]:
    """Part ("" where there is one) -> class -> its folder, whose files are all texts. Empty where it is not so."""
    inner = _folders(folder)
    parts = {name.lower(): path for name, path in inner.items()}
    if set(parts) == {"train", "test"}:
        found = {part: _classes(path) for part, path in parts.items()}
        return found if all(found.values()) else {}
    classes = _classes(folder)
    return {"": classes} if classes else {}


def _folders(folder: Path) -> dict[str, Path]:
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return {name: folder / name for name in names if (folder / name).is_dir()}


def _classes(folder: Path) -> dict[str, Path]:
    found = {
        name: path for name, path in _folders(folder).items() if (names := os.listdir(path)) and all(map(_named, names))
    }
    return found if len(found) > 1 else {}


def _named(name: str) -> bool:
    return name.lower().endswith(TEXT)


def _is_text(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return bool(head) and b"\0" not in head


def read(where: str, notes: list[str]) -> list[Line]:
    """Every item with its class. Raises Problem."""
    folder, found = Path(where), []
    if not folder.is_dir():
        raise Problem(f"{where}: no folder. Give one with a text file a class, such as pos.txt and neg.txt")
    classes = by_file(folder)
    for label, file in classes.items():
        texts = lines(file, notes)
        found += [Line(text, label, f"{file.name} {i + 1}") for i, text in enumerate(texts) if text]
        if not any(texts):
            raise Problem(f"{file}: no text in it. Fill it, or remove it")
        empty = sum(not text for text in texts)
        if empty:
            notes.append(f"{empty:,} empty lines of {file.name} left out")
    for part, labels in ({} if classes else by_folder(folder)).items():
        for label, place in labels.items():
            for file in sorted(place.iterdir()):
                text = " ".join(lines(file, notes))
                if text:
                    found.append(Line(text, label, file.relative_to(folder).as_posix(), part))
                else:
                    notes.append(f"{file.relative_to(folder)}: empty, left out")
    if not found:
        raise Problem(f"{where}: no classes of texts. Put a text file a class there, such as pos.txt and neg.txt")
    return found
