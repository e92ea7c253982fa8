"""A ledger in Redis: many machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from weakref import finalize

from tts_agent.budget.stores.base import checked
from tts_agent.exceptions import BudgetUnavailable, ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from redis import Redis

ANSWER_SECONDS = 2.0
"""How long Redis may take to connect, and to answer."""

SWAP = """
for i = 1, #ARGV, 3 do
    if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = 1, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
return 1
"""
"""Arguments: name, text before ('' for none), text after, and so on."""


class RedisStore:
    """Keeps a ledger in the hash `tts-agent:<key>` of the Redis (5 or newer) at `url`. Needs the extra `redis`.

    It is as durable as that Redis is: one that forgets (no append-only file, eviction, a failover to a replica that
    lags behind) forgets what was spent. A process that has the ledger open and finds it gone refuses further calls.

    Raises:
        ConfigurationError: the key is empty, the lease too short or the URL none.
        MissingExtraError: the `redis` package is not installed.
    """

    def __init__(self, url: str, key: str, *, lease_seconds: float = 30.0) -> None:
        checked(key, lease_seconds)
        self.lease_seconds = lease_seconds
        self._key = key
        self._client = _client(url)
        finalize(self, _close, self._client, os.getpid())
        settings = self._client.get_connection_kwargs()
        self._password = settings.get("password")
        self._where = settings.get("path") or f"{settings.get('host')}:{settings.get('port')}/{settings.get('db', 0)}"

    def __str__(self) -> str:
        return f"{self._key!r} in Redis at {self._where}"

    def read(self, names: Sequence[str]) -> list[str | None]:
        """See `Store`."""
        with self._errors():
            texts = self._client.hmget(f"tts-agent:{self._key}", list(names))
            return cast("list[str | None]", texts)  # not bytes: the client decodes

    def swap(self, names: Sequence[str], before: Sequence[str | None], after: Sequence[str]) -> bool:
        """See `Store`."""
        texts = [text for row in zip(names, before, after, strict=True) for text in (row[0], row[1] or "", row[2])]
        with self._errors():
            return bool(self._client.eval(SWAP, 1, f"tts-agent:{self._key}", *texts))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from redis import RedisError

        try:
            yield
        except RedisError as error:
            reason = str(error).replace(self._password, "***") if self._password else str(error)
            # `from None`: no text but this one, which has no password in it.
            raise BudgetUnavailable(f"the ledger {self} cannot be used: {reason}") from None


def _client(url: str) -> Redis:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise MissingExtraError("RedisStore", "redis") from error
    try:
        return Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # A swap that is repeated because its answer was lost would find its own change and count as a lost race.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        # Without the reason, which may quote a part of the password.
        raise ConfigurationError("a RedisStore needs a url like redis://user:password@host:6379/0") from None


def _close(client: Redis, process: int) -> None:
    if process == os.getpid():  # a forked child must not close its parent's
        client.close()
