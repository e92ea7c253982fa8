"""What is counted, and what a call asks for."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of everything the ledger counts. A further currency (money, seconds) is one more field."""

    tokens: int = 0
    """Input plus output tokens."""
    calls: int = 0
    """Completions drawn: n samples of one request are n calls."""

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.calls + other.calls)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.tokens - other.tokens, self.calls - other.calls)

    def within(self, other: Amount) -> bool:
        """Whether no part of this is larger than the same part of `other`."""
        return self.tokens <= other.tokens and self.calls <= other.calls

    def least(self, other: Amount) -> Amount:
        """The smaller of each part."""
        return Amount(min(self.tokens, other.tokens), min(self.calls, other.calls))


UNLIMITED = 2**62
"""Stands for "no limit" in an Amount, so that all arithmetic stays on integers."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that somebody would like to make, at its upper bound."""

    prompt_tokens: int
    """Upper bound on the prompt of one call."""
    n: int
    """Completions wanted. Each is reserved with its own prompt: who sends n calls pays n prompts."""
    max_tokens: int
    """Upper bound on the output of each completion wanted."""
    min_tokens: int = 1
    """The shortest completion worth having; less than that is refused."""
    final: bool = False
    """Whether this call may use the reserve that is kept for the final answer."""

    def __post_init__(self) -> None:
        if self.n < 1 or self.prompt_tokens < 0 or not 1 <= self.min_tokens <= self.max_tokens:
            raise ConfigurationError(f"no such call can be made: {self}")

    def cost(self, n: int, max_tokens: int) -> Amount:
        """Upper bound on what `n` completions of at most `max_tokens` each can cost."""
        return Amount(n * (self.prompt_tokens + max_tokens), n)

    def fit(self, available: Amount) -> tuple[int, int] | None:
        """The best `(n, max_tokens)` that `available` pays for: fewer samples first, then shorter ones.

        None when not even one completion of `min_tokens` fits.
        """
        each = self.prompt_tokens + self.max_tokens
        n = min(self.n, available.calls, available.tokens // each)
        if n >= 1:
            return n, self.max_tokens
        shorter = available.tokens - self.prompt_tokens
        if available.calls >= 1 and shorter >= self.min_tokens:
            return 1, shorter
        return None
