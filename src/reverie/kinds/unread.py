"""What is said of data that no kind recognises."""

from __future__ import annotations

from pathlib import Path
from zipfile import is_zipfile

from reverie.errors import Problem
from reverie.kinds import KINDS, PREDICTED

_BOOK = "a workbook. Save its sheet as CSV"
_FILM = "a film, and none is read. Save its pictures"
_PAGES = "pages, in a form that is not read. Save them as plain text (.txt)"
_SOUND = "a sound, in a form that is not read. Convert it to WAV or FLAC"
_PHOTO = "a picture, in a form that is not read. Convert it to JPEG or PNG"
ELSEWHERE = {  # what many people have, and the way to what is read
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _BOOK),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm"), _FILM),
    **dict.fromkeys((".pdf", ".docx", ".doc", ".odt", ".rtf", ".epub", ".pptx"), _PAGES),
    **dict.fromkeys((".mp3", ".m4a", ".aac", ".wma", ".opus"), _SOUND),
    **dict.fromkeys((".heic", ".heif", ".avif", ".raw", ".cr2", ".nef", ".dng", ".psd"), _PHOTO),
}


def unread(where: str, path: Path, predict: str) -> Problem:
    """What it is, as far as its name says, and the way to what is read."""
    if path.is_dir() and not any(path.iterdir()):
        return Problem(f"{where}: an empty folder. Put pictures or texts into it.")
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        if cure := ELSEWHERE.get(file.suffix.lower()):
            return Problem(f"{file}: {cure}")
    if path.is_file() and path.suffix.lower() == ".zip":
        what = "a zip in which reverie reads nothing" if is_zipfile(path) else "not a whole zip"
        return Problem(f"{where}: {what}. Unpack it, or pack it again from the files themselves")
    kinds = " or ".join(PREDICTED if predict else KINDS)
    if predict:
        return Problem(
            f"{where}: nothing that --predict {predict} can be learnt from. Say what it is by --kind {kinds}"
        )
    return Problem(f"{where}: neither pictures, a table nor text that reverie reads. Say which by --kind {kinds}")
