"""Writing so that at any kill the last whole file is there."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reverie.errors import NoRoom, Problem

ESCAPED = "backslashreplace"  # bytes of a name that are no UTF-8, as \\udce9: JSON's own way, so that it comes back


def write(path: Path, save: Callable[[Path], object]) -> None:
    """`save(temporary)` fills a file beside `path`; it is synced and takes the name only when whole. Raises NoRoom."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        why = "the disk is full" if filled(error, temporary) else cause(error)
        temporary.unlink(missing_ok=True)
        raise NoRoom(f"{path}: {why}. What was there before is whole") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def filled(error: BaseException, half: Path) -> bool:
    """Did a file fill the disk? torch.save says so by a RuntimeError of the place where its stream broke off."""
    return isinstance(error, RuntimeError) and half.exists() and shutil.disk_usage(half).free < half.stat().st_blksize


def cause(error: BaseException) -> str:
    """Why a file could not be written, in a few words."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC or "No space left" in str(error):
        return "the disk is full"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder is not writable"
    if number in (errno.ENOTDIR, errno.EEXIST):
        return "a file stands where a folder should be"
    return f"it could not be written ({str(error).splitlines()[0] if str(error) else type(error).__name__})"


def write_text(path: Path, text: str) -> None:
    """As UTF-8; what of a file's name is none is escaped. Raises NoRoom."""
    write(path, lambda part: part.write_text(text, encoding="utf-8", errors=ESCAPED))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def clean(folder: Path) -> None:
    """Remove what killed processes left half written."""
    for part in folder.glob(".*.part*"):
        part.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process trains in a folder. Raises Problem where another does, or where it can't be written. Where
    nothing was written, the folder is as it was before."""
    if (said := str(folder).encode("utf-8", ESCAPED).decode()) != str(folder):  # safetensors opens no such file
        raise Problem(f"{said}: its name is not UTF-8, and no weights can be read there. Name another by --out")
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / ".lock", "a")  # noqa: SIM115 - held until the end
    except OSError as error:
        kind = NoRoom if error.errno == errno.ENOSPC else Problem
        raise kind(f"{folder}: {cause(error)}. Name another by --out") from error
    with file:
        hold(file, folder)
        try:
            yield
        finally:
            if [path.name for path in folder.glob("*")] == [".lock"]:  # refused before the run began
                (folder / ".lock").unlink()
                if made:
                    folder.rmdir()


def hold(file: Any, folder: Path) -> None:
    """Advisory, and freed by the system when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: no lock
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Problem(f"{folder}: another process is training there. Wait for it, or name another by --out") from None
