"""How many branches a fan-out is worth: as many as still bring more than their tokens cost.

Multi-agent research spends several times the tokens of a single agent (Anthropic 2025, "How we built our multi-agent
research system": about 15 times a chat's), which pays where branches find different things and not elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class FanOut:
    """How many branches to start."""

    branches: int
    """1 is no fan-out: whoever asks goes on alone. 0 where not even that fits."""
    gain: float
    """P(right) that these many add to a single one."""
    tokens: float
    """Tokens that they are expected to take beyond a single one's."""
    reason: str
    """One sentence for people."""


def fan_out(most: int, *, tokens: float, success: float | Sequence[float], budget: BudgetView, price: float) -> FanOut:
    """The number of branches, up to `most`, with the highest P(right) less the price of their tokens.

    Args:
        most: branches there is work for.
        tokens: what one branch is expected to take, of the budget's tokens; above 0.
        success: P(right) as measured with 1, 2, ... branches; or that of a single one, where each finds what is needed
            with this probability and independently: k of them then miss with probability (1 - p)^k, an upper bound.
        budget: its price of a token holds where it is higher, and no more branches are started than fit what is left.
        price: of a token, in units of one right answer.

    Raises:
        ConfigurationError: there is nothing to branch, or a number is out of its range.
    """
    rates = _rates(most, success)
    if not (tokens > 0.0 and price >= 0.0):
        raise ConfigurationError(f"tokens must be above 0 and the price at least 0: got {tokens} and {price}")
    fit = int(min(most, budget.remaining.tokens // tokens))
    if fit < 1:
        return FanOut(0, 0.0, 0.0, f"not even one branch of {tokens:.0f} tokens fits what is left of the budget")
    paid = max(price, budget.price)
    best = max(range(1, fit + 1), key=lambda k: (rates[k - 1] - paid * tokens * k, -k))
    gain, more = rates[best - 1] - rates[0], (best - 1) * tokens
    if best > 1:
        reason = f"{best} branches add {gain:.3f} to P(right), for tokens that are worth {paid * more:.3f}"
    elif fit == 1:
        reason = "one branch is all there is work or room for"
    else:
        add = rates[1] - rates[0]
        reason = f"a second branch would add {add:.3f} to P(right), for tokens that are worth {paid * tokens:.3f}"
    return FanOut(best, gain, more, reason)


def _rates(most: int, success: float | Sequence[float]) -> Sequence[float]:
    if most < 1:
        raise ConfigurationError(f"most is {most}: there must be work for at least one branch")
    rates = success if isinstance(success, Sequence) else [1.0 - (1.0 - success) ** k for k in range(1, most + 1)]
    if len(rates) < most or not all(0.0 <= rate <= 1.0 for rate in rates):
        raise ConfigurationError(
            f"success is {success!r}: give probabilities, one for each number of branches to {most}"
        )
    return rates
