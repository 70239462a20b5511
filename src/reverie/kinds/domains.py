"""Items of several domains, unpaired: photographs and paintings, horses and zebras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reverie.core import Batch, Items


class Domains:
    """Sets by the name of their domain. As long as the longest of them: what a pass through them is."""

    def __init__(self, domains: Mapping[str, Items]):
        self.domains = dict(domains)

    def __len__(self) -> int:
        return max(map(len, self.domains.values()))

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        return Batch({}, domains={name: one.take(self.there(name, index), vary) for name, one in self.domains.items()})

    def raw(self, index: Tensor) -> dict[str, Any]:
        return {name: one.raw(self.there(name, index)) for name, one in self.domains.items()}

    def there(self, name: str, index: Tensor) -> Tensor:
        """Of index (B,), what that domain has."""
        return index[index < len(self.domains[name])]
