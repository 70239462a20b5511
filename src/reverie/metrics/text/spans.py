"""Runs of characters that stand word for word in other text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

RUN = 32  # characters: what is so long and the same is hardly so by chance
BASE = np.uint64(0x9E3779B97F4A7C15)  # of the hash: odd, so that no character is lost


class Known:
    """Every run of 32 characters of some texts, as sorted 64-bit hashes: 8 bytes a character."""

    def __init__(self, texts: Iterable[str]):
        texts = list(texts)
        self.characters = sum(map(len, texts))
        joined = "\0".join(texts)  # runs within one text only
        codes = points(joined)
        hashes = runs(codes)
        end = np.flatnonzero(codes == 0)
        inside = np.ones(len(hashes), dtype=bool)
        for back in range(RUN):
            inside[(end - back)[(end - back >= 0) & (end - back < len(hashes))]] = False
        self.hashes = np.unique(hashes[inside])

    def shares(self, texts: Sequence[str]) -> list[float]:
        """Of each text, the share of its characters that lie in some known run."""
        return [float(self.covered(text).mean()) if text else 0.0 for text in texts]

    def covered(self, text: str) -> np.ndarray:
        wanted = runs(points(text))
        place = np.searchsorted(self.hashes, wanted).clip(max=max(0, len(self.hashes) - 1))
        found = self.hashes[place] == wanted if len(self.hashes) else np.zeros(len(wanted), bool)
        marks = np.zeros(len(text) + 1, np.int64)
        starts = np.flatnonzero(found)
        np.add.at(marks, starts, 1)
        np.add.at(marks, starts + RUN, -1)
        return marks.cumsum()[: len(text)] > 0


def points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32)


def runs(codes: np.ndarray) -> np.ndarray:
    """(n,) characters -> (n - 31,) hashes of each run, by Horner's rule modulo 2^64."""
    count = len(codes) - RUN + 1
    if count < 1:
        return np.empty(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for k in range(RUN):
        hashes = hashes * BASE + codes[k : k + count].astype(np.uint64) + np.uint64(1)
    return hashes
