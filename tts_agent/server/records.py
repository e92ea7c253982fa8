"""What the endpoint remembers of its work: the latest decisions, and metrics for Prometheus."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MOST_DECISIONS = 1000
"""The latest that can be asked for."""
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Bounds of the histogram's buckets: models take longer than web pages."""


class Records:
    """In this process's memory, without any text of requests or replies but the answers that were voted for."""

    def __init__(self) -> None:
        self.at_work = 0
        """Requests being served."""
        self._decisions: OrderedDict[str, tuple[str, Mapping[str, Any]]] = OrderedDict()
        self._registry = CollectorRegistry()
        own = self._registry
        self._requests = Counter("tts_requests", "Requests, by HTTP status.", ["status"], registry=own)
        self._seconds = Histogram(
            "tts_request_seconds", "From a request's head to its end.", registry=own, buckets=SECONDS
        )
        self._tokens = Counter("tts_tokens", "Tokens charged for answers.", ["strategy"], registry=own)
        Gauge("tts_requests_at_work", "Requests being served.", registry=own).set_function(lambda: self.at_work)

    def served(self, status: int, seconds: float) -> None:
        """A request came to an end, so long after it began."""
        self._requests.labels(status).inc()
        self._seconds.observe(seconds)

    def decided(self, identity: str, owner: str, decision: Mapping[str, Any]) -> None:
        """A decision was made for this owner, who alone may read it."""
        self._decisions[identity] = owner, decision
        self._tokens.labels(decision["strategy"]).inc(decision["charged_tokens"])
        while len(self._decisions) > MOST_DECISIONS:
            self._decisions.popitem(last=False)

    def decision(self, identity: str, owner: str) -> Mapping[str, Any] | None:
        """A decision of this owner."""
        found = self._decisions.get(identity)
        return found[1] if found and found[0] == owner else None

    def decisions(self, owner: str) -> list[Mapping[str, Any]]:
        """All of this owner that are kept, the latest first."""
        return [decision for whose, decision in reversed(self._decisions.values()) if whose == owner]

    def exposition(self) -> bytes:
        """The metrics of this process, in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
