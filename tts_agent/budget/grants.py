"""Minima that are kept for sub-agents at work, so that none spends what another was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Path = tuple[str, ...]
"""The grants that a call is made under, the outermost first."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one child budget was promised, in tokens of an account above it, and has used. A value."""

    least: int
    """Tokens that it can count on."""
    within: str = ""
    """The grant that it comes out of; empty where it comes out of none."""
    spent: int = 0
    held: int = 0

    def lacks(self, *, idle: bool) -> int:
        """Tokens of its minimum that it has not used; `idle`: as if all that is in flight had come back unused."""
        return max(0, self.least - self.spent - (0 if idle else self.held))


def kept(grants: Mapping[str, Grant], path: Sequence[str], *, idle: bool) -> int:
    """Tokens that are kept for others than who calls under this path of grants."""
    inner: dict[str, list[str]] = {}
    for name, grant in grants.items():
        inner.setdefault(grant.within if grant.within in grants else "", []).append(name)

    def of(name: str) -> int:
        return max(grants[name].lacks(idle=idle), sum(map(of, inner.get(name, ()))))

    return sum(of(name) for level in ("", *path) for name in inner.get(level, ()) if name not in path)
