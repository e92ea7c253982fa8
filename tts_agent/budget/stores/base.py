"""What a store has to do: keep a few short texts, and change them atomically."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tts_agent.exceptions import ConfigurationError

SHORTEST_LEASE = 1.0
"""Seconds. Leases are renewed three times in their life, and a busy process may be late."""


class Store(Protocol):
    """Keeps the accounts of one ledger where several processes reach them. All of it blocks, and is thread-safe.

    `str()` of it says which ledger it is, and where: for errors, so without a password.
    """

    lease_seconds: float
    """How long a process may go without renewing what it holds."""

    def read(self, names: Sequence[str]) -> list[str | None]:
        """The texts under these names, as they were at one instant; None where there is none.

        Raises:
            BudgetUnavailable: the store is out of reach or damaged.
        """
        ...

    def swap(self, names: Sequence[str], before: Sequence[str | None], after: Sequence[str]) -> bool:
        """Write all of `after` if the texts are still those `before`, else nothing; says which. Durable on return.

        Raises:
            BudgetUnavailable: the store is out of reach or damaged; what it did is not known.
        """
        ...


def checked(key: str, lease_seconds: float) -> None:
    """Refuse what no store can keep.

    Raises:
        ConfigurationError: the key is empty or the lease too short.
    """
    if not key:
        raise ConfigurationError("a ledger in a store needs a key that is not empty: it is its name")
    if not lease_seconds >= SHORTEST_LEASE:
        raise ConfigurationError(f"a lease of {lease_seconds} seconds cannot be kept: give {SHORTEST_LEASE} or more")
