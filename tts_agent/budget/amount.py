"""What is counted, and what a call asks for."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.budget.tariffs import FEMTOS, NANOS, Tariff, nanos
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Usage


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of everything the ledger adds up. (Seconds pass by themselves: they are a deadline, not a sum.)"""

    tokens: int = 0
    """Input plus output tokens."""
    calls: int = 0
    """Completions drawn: n samples of one request are n calls."""
    money: int = 0
    """Nano-dollars. Counted for calls under a budget with a limit in money, else 0."""

    @property
    def dollars(self) -> float:
        """The money in US dollars, to read: the ledger counts in integers."""
        return self.money / NANOS

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.calls + other.calls, self.money + other.money)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.tokens - other.tokens, self.calls - other.calls, self.money - other.money)

    def within(self, other: Amount) -> bool:
        """Whether no part of this is larger than the same part of `other`."""
        return self.tokens <= other.tokens and self.calls <= other.calls and self.money <= other.money

    def least(self, other: Amount) -> Amount:
        """The smaller of each part."""
        return Amount(min(self.tokens, other.tokens), min(self.calls, other.calls), min(self.money, other.money))

    def most(self, other: Amount) -> Amount:
        """The larger of each part."""
        return Amount(max(self.tokens, other.tokens), max(self.calls, other.calls), max(self.money, other.money))


NOTHING = Amount()
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
    model: str = ""
    """Whose tokens they are: under a limit in money the budget looks up their price by this name."""
    tariff: Tariff | None = None
    """Their price, for who knows better. None: money is counted if the budget limits it, and looks it up."""

    def __post_init__(self) -> None:
        if self.n < 1 or self.prompt_tokens < 0 or not 1 <= self.min_tokens <= self.max_tokens:
            raise ConfigurationError(f"no such call can be made: {self}")

    def cost(self, n: int, max_tokens: int) -> Amount:
        """Upper bound on what `n` completions of at most `max_tokens` each can cost."""
        money = nanos(n * self.tariff.bound(self.prompt_tokens, max_tokens)) if self.tariff else 0
        return Amount(n * (self.prompt_tokens + max_tokens), n, money)

    def fit(self, available: Amount) -> tuple[int, int] | None:
        """The best `(n, max_tokens)` that `available` pays for: fewer samples first, then shorter ones.

        None when not even one completion of `min_tokens` fits.
        """
        if available.money < 0:  # even what costs nothing is within no overdrawn limit
            return None
        n = min(self.n, available.calls, available.tokens // (self.prompt_tokens + self.max_tokens))
        shorter = min(self.max_tokens, available.tokens - self.prompt_tokens)
        if self.tariff:
            purse = available.money * FEMTOS
            n = min(n, _times(purse, self.tariff.bound(self.prompt_tokens, self.max_tokens)))
            shorter = min(shorter, _times(purse - self.tariff.bound(self.prompt_tokens, 0), self.tariff.bound(0, 1)))
        if n >= 1:
            return n, self.max_tokens
        if available.calls >= 1 and shorter >= self.min_tokens:
            return 1, shorter
        return None

    def bill(self, used: int | Usage, n: int, max_tokens: int, *, calls: int, unknown: int = 0) -> Amount:
        """What a call that was granted as `(n, max_tokens)` cost.

        Args:
            used: what the provider reported. A bare number of tokens is split into input and output at the most
                that they can have cost.
            calls: completions that count as drawn.
            unknown: completions that nobody can account for: charged at their upper bound, on top of `used`.
        """
        usage = used if isinstance(used, Usage) else self._dearest(max(0, used), n, max_tokens)
        tokens = usage.total + unknown * (self.prompt_tokens + max_tokens)
        if self.tariff is None:
            return Amount(tokens, calls)
        femtos = self.tariff.cost(usage) + unknown * self.tariff.bound(self.prompt_tokens, max_tokens)
        return Amount(tokens, calls, nanos(femtos))

    def _dearest(self, tokens: int, n: int, max_tokens: int) -> Usage:
        """As much as was allowed, and whatever is beyond both bounds, on the dearer side."""
        prompts, outputs = n * self.prompt_tokens, n * max_tokens
        if self.tariff and self.tariff.input > self.tariff.output:
            return Usage(dear := max(min(tokens, prompts), tokens - outputs), tokens - dear)
        dear = max(min(tokens, outputs), tokens - prompts)
        return Usage(tokens - dear, dear)


def _times(purse: int, price: int) -> int:
    """How often a purse pays a price."""
    return purse // price if price else UNLIMITED * (purse >= 0)
