"""Files from the network, each checked before it bears its name."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import sys
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reverie.errors import NoRoom, Problem

BLOCK = 1 << 20
SECONDS = 30  # without a byte: then the next mirror


@dataclass(frozen=True)
class Remote:
    """One file, where it may be had, and the checksum by which it is known."""

    name: str
    urls: tuple[str, ...]  # tried in turn
    sha256: str
    gzip: bool = False  # the checksum is of what it unpacks to: mirrors pack differently


class _Failed(Exception):
    """One mirror could not give the file."""


def fetch(what: str, remotes: Sequence[Remote], folder: Path, cure: str) -> None:
    """Brings each file that `folder` lacks there. Raises Problem with `cure` when no mirror gives one, NoRoom when it
    can't be written; a file that is there is whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for remote in remotes:
            if not (folder / remote.name).is_file():
                _fetch_one(what, remote, folder, cure)
    except OSError as error:
        what = f"{error.filename or folder}: can't be written ({error.strerror})"
        raise NoRoom(f"{what}. Make room, or set REVERIE_CACHE to another folder.") from None


def _fetch_one(what: str, remote: Remote, folder: Path, cure: str) -> None:
    reason = "no address is known"
    for url in remote.urls:
        handle, draft = tempfile.mkstemp(prefix=f".{remote.name}-", dir=folder)
        os.close(handle)
        try:
            _download(f"{what}: {remote.name}", url, Path(draft))
            found = checksum(Path(draft), remote.gzip)
            if found == remote.sha256:
                os.chmod(draft, 0o644)
                os.replace(draft, folder / remote.name)
                return
            reason = f"{url}: another checksum than the published one, {found[:12]}… for {remote.sha256[:12]}…"
        except _Failed as error:
            reason = f"{url}: {error}"
        finally:
            Path(draft).unlink(missing_ok=True)
    raise Problem(f"{what}: {remote.name} could not be downloaded ({reason}). {cure}.")


def _download(label: str, url: str, file: Path) -> None:
    """Raises _Failed on the network's faults, OSError on the disk's."""
    request = urllib.request.Request(url, headers={"User-Agent": "reverie"})
    try:
        answer = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise _Failed(f"the server says {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(f"no connection: {getattr(error, 'reason', error)}") from None
    with answer, open(file, "wb") as out:
        _copy(label, answer, out)


def _copy(label: str, answer: http.client.HTTPResponse, out: BinaryIO) -> None:
    whole = int(answer.headers.get("Content-Length") or 0)
    got = 0
    shown = sys.stderr.isatty()
    while True:
        try:
            block = answer.read(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _Failed(f"cut off after {got} bytes: {error}") from None
        if not block:
            break
        out.write(block)
        got += len(block)
        if shown:
            print(f"\r{label} {got / 1e6:.1f} of {whole / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)
    print(f"\r{label} {got / 1e6:.1f} MB" if shown else f"{label} {got / 1e6:.1f} MB", file=sys.stderr)
    if whole and got != whole:
        raise _Failed(f"cut off after {got} of {whole} bytes")


def checksum(file: Path, unpack: bool) -> str:
    """SHA-256 of a file, or of what it unpacks to; a file that does not unpack matches none."""
    digest = hashlib.sha256()
    with open(file, "rb") as raw, gzip.open(raw) if unpack else raw as content:
        try:
            while block := content.read(BLOCK):
                digest.update(block)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            digest.update(b"broken")
    return digest.hexdigest()
