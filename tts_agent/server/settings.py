"""What the person who runs the endpoint decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_agent.exceptions import ConfigurationError
from tts_agent.server.controls import POLICIES


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and defaults of an endpoint.

    Raises:
        ConfigurationError: a value makes no sense.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys that clients must show one of; none lets everyone in."""
    policy: str = "single"
    """Of requests that name none."""
    max_samples: int = 16
    """Most samples of one vote; a request may ask for fewer."""
    key_budget: int | None = None
    """Most tokens that each key may ever spend."""
    task_budget: int | None = None
    """Most tokens of each task; a request may ask for fewer."""
    reserve_final: int = 0
    """Tokens of each task kept for its last answer."""
    store: str | None = None
    """Where budgets are kept: a redis:// URL or the path of a SQLite file; None for this process's memory."""
    timeout: float = 600.0
    """Seconds that one request may take."""
    max_body: int = 8 * 2**20
    """Bytes of one request."""
    max_requests: int = 512
    """Requests at work at one time; more are asked to come back."""

    def __post_init__(self) -> None:
        for name in ("max_samples", "key_budget", "task_budget", "timeout", "max_body", "max_requests"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name} is {value}: give a number above 0")
        if self.policy not in POLICIES:
            raise ConfigurationError(f"policy is {self.policy!r}: give one of {', '.join(POLICIES)}")
        if self.reserve_final < 0 or (self.task_budget is not None and self.reserve_final >= self.task_budget):
            raise ConfigurationError(f"reserve_final is {self.reserve_final}: it must be below the budget of a task")
        if not all(key.strip() for key in self.keys):
            raise ConfigurationError("a key of the endpoint is empty: give keys that nobody can guess")
