"""What a budget may be given as its limits."""

from __future__ import annotations

import math
from decimal import Decimal

from tts_agent.budget.amount import UNLIMITED, Amount
from tts_agent.budget.tariffs import NANOS
from tts_agent.exceptions import ConfigurationError


def limits_of(
    tokens: int | None,
    *,
    calls: int | None,
    money: float | Decimal | None,
    seconds: float | None,
    reserve_final: int,
) -> Amount:
    """The limits as an amount, None being no limit; `seconds` are a deadline and no part of it.

    Raises:
        ConfigurationError: one is not positive, or the reserve is not below the tokens.
    """
    for name, value in (("tokens", tokens), ("calls", calls), ("dollars", money), ("seconds", seconds)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigurationError(f"a budget of {value} {name} buys nothing: give a number above 0")
    nanos = UNLIMITED if money is None else int(Decimal(str(money)) * NANOS)
    limit = Amount(UNLIMITED if tokens is None else tokens, UNLIMITED if calls is None else calls, nanos)
    if not 0 <= reserve_final < limit.tokens:
        raise ConfigurationError(
            f"reserve_final is {reserve_final}: it must be at least 0 and below the {tokens} tokens"
        )
    return limit


def check_minimum(least: int, limit: Amount, key: str | None) -> None:
    """Whether a child budget with this limit and key can be promised a minimum.

    Raises:
        ConfigurationError: it cannot.
    """
    if not 0 < least <= limit.tokens or key is not None:
        raise ConfigurationError(
            f"least is {least}: a minimum is above 0 and within the child's limit, and is kept for a child without "
            "a key, which belongs to its process"
        )
