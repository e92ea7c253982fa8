"""The ledgers of keys and tasks: a task's is inside its key's, and a request's own cap is inside both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from hashlib import blake2b

from tts_agent.budget import Budget
from tts_agent.budget.stores import RedisStore, SqliteStore, Store
from tts_agent.exceptions import BudgetUnavailable, ConfigurationError
from tts_agent.server.controls import Controls
from tts_agent.server.refusal import Refusal
from tts_agent.server.settings import Settings

MOST_TASKS = 100_000
"""Ledgers kept open. None is ever dropped, because a dropped one would forget what was spent."""


class Ledgers:
    """Opens each ledger once. Keys are known by a hash of theirs alone, in memory and in the store.

    Raises:
        ConfigurationError: the store cannot be used.
        BudgetUnavailable: it is out of reach.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[tuple[str, str | None], Budget] = {}
        self._turn = asyncio.Lock()
        self._probe = self._store("check")

    @property
    def open(self) -> tuple[Budget, ...]:
        """Every ledger that is open."""
        return tuple(self._open.values())

    def of_owner(self, owner: str) -> Iterator[tuple[str | None, Budget]]:
        """The ledgers of this owner by task, the latest first; None is all that the owner spends."""
        return ((task, ledger) for (whose, task), ledger in reversed(tuple(self._open.items())) if whose == owner)

    async def of(self, owner: str, controls: Controls) -> Budget:
        """The ledger that a request of this owner is on; its own cap and time are inside it.

        Raises:
            Refusal: 400, the task was begun with another budget; 503, there are too many tasks.
            BudgetUnavailable: the store is out of reach.
        """
        limits = [limit for limit in (controls.budget, self._settings.task_budget) if limit is not None]
        limit = min(limits, default=None)
        if controls.task is None:
            return (await self._opened(owner, None, lambda: self._key(owner))).child(
                limit, seconds=self._settings.timeout
            )
        parent = await self._opened(owner, None, lambda: self._key(owner))
        ledger = await self._opened(owner, controls.task, lambda: self._task(parent, str(controls.task), limit))
        if limit is not None and ledger.limit.tokens != limit:
            message = f"the task {controls.task!r} was begun with a budget of {ledger.limit.tokens} tokens, not {limit}"
            raise Refusal(400, message, code="other_budget", param="tts.budget")
        return ledger.child(seconds=self._settings.timeout)

    async def reachable(self) -> bool:
        """Whether the store answers."""
        if self._probe is None:
            return True
        try:
            await asyncio.to_thread(self._probe.read, ["check"])
        except BudgetUnavailable:
            return False
        return True

    async def _opened(self, owner: str, task: str | None, opening: Callable[[], Budget]) -> Budget:
        async with self._turn:
            if (owner, task) not in self._open:
                if len(self._open) >= MOST_TASKS:
                    raise Refusal(503, "there are too many tasks on this server", code="too_many_tasks")
                self._open[owner, task] = await asyncio.to_thread(opening)
            return self._open[owner, task]

    def _key(self, owner: str) -> Budget:
        return Budget(self._settings.key_budget, store=self._store(owner))

    def _task(self, parent: Budget, task: str, limit: int | None) -> Budget:
        reserve = self._settings.reserve_final if limit and self._settings.reserve_final < limit else 0
        name = blake2b(task.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return parent.child(limit, reserve_final=reserve, key=name if parent.stored else None)

    def _store(self, owner: str) -> Store | None:
        where = self._settings.store
        if where is None:
            return None
        if where.startswith(("redis://", "rediss://", "unix://")):
            return RedisStore(where, f"server-{owner}")
        if "://" in where:
            raise ConfigurationError("the budget store is neither a redis:// URL nor the path of a SQLite file")
        return SqliteStore(where, f"server-{owner}")


def owner_of(key: str | None) -> str:
    """Who a key stands for, without the key."""
    return "anyone" if key is None else blake2b(key.encode(), digest_size=16).hexdigest()
