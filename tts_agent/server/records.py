"""What the endpoint remembers of its work: the latest decisions, and counts for Prometheus."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

MOST_DECISIONS = 1000
"""The latest that can be asked for."""


class Records:
    """In this process's memory, without any text of requests or replies but the answers that were voted for."""

    def __init__(self) -> None:
        self.at_work = 0
        """Requests being served."""
        self._decisions: OrderedDict[str, tuple[str, Mapping[str, Any]]] = OrderedDict()
        self._requests: Counter[int] = Counter()
        self._tokens: Counter[str] = Counter()

    def served(self, status: int) -> None:
        """A request came to an end."""
        self._requests[status] += 1

    def decided(self, identity: str, owner: str, decision: Mapping[str, Any]) -> None:
        """A decision was made for this owner, who alone may read it."""
        self._decisions[identity] = owner, decision
        self._tokens[str(decision["strategy"])] += int(decision["charged_tokens"])
        while len(self._decisions) > MOST_DECISIONS:
            self._decisions.popitem(last=False)

    def decision(self, identity: str, owner: str) -> Mapping[str, Any] | None:
        """A decision of this owner."""
        found = self._decisions.get(identity)
        return found[1] if found and found[0] == owner else None

    def exposition(self) -> str:
        """The counts, in Prometheus' text format 0.0.4."""
        lines = ["# HELP tts_requests_total Requests, by HTTP status.", "# TYPE tts_requests_total counter"]
        lines += [f'tts_requests_total{{status="{status}"}} {n}' for status, n in sorted(self._requests.items())]
        lines += ["# HELP tts_tokens_total Tokens charged for answers.", "# TYPE tts_tokens_total counter"]
        lines += [f'tts_tokens_total{{strategy="{name}"}} {n}' for name, n in sorted(self._tokens.items())]
        lines += ["# HELP tts_requests_at_work Requests being served.", "# TYPE tts_requests_at_work gauge"]
        return "\n".join([*lines, f"tts_requests_at_work {self.at_work}", ""])
