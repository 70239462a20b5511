"""All chance is a function of a key: (seed, update, shard) in training, (seed, item) in sampling."""

from hashlib import blake2b

import torch


def fold(*key: int | str) -> int:
    """A 56-bit seed from a key; other keys give independent seeds."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=7).digest(), "big")


def reseed(*key: int | str) -> None:
    """Make torch's global generators a function of the key."""
    seed = fold(*key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)


def generator(*key: int | str) -> torch.Generator:
    """A generator of one's own, on the CPU: the same numbers on every device."""
    return torch.Generator().manual_seed(fold(*key))
