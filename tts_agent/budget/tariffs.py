"""What a model's tokens cost: prices in US dollars per million tokens, and sums of them in whole nano-dollars.

Integers, rounded up, so that no rounding ever adds up to more than a limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Usage

NANOS: Final = 1_000_000_000
"""Nano-dollars in a dollar."""

_DATED = re.compile(r"(?P<model>.+?)-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)")
"""`gpt-4o-2024-08-06`, `claude-haiku-4-5-20251001`: a snapshot of a model costs what the model costs."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices of one model, in US dollars per million tokens.

    A cap on money holds for the prices given here. So where a provider may charge more than its list price (it
    writes prompts to a cache at a surcharge, long prompts cost more, a region or a tier does), give the most that
    a token can cost.

    Raises:
        ConfigurationError: a price is negative, infinite or no number.
    """

    input: float
    output: float
    """Reasoning tokens are output."""
    cached_input: float | None = None
    """Of prompt tokens the provider read from its cache; None: the same as `input`."""

    def __post_init__(self) -> None:
        for price in (self.input, self.output, self.cached_input or 0.0):
            if not (math.isfinite(price) and price >= 0.0):
                raise ConfigurationError(f"a price of {price} dollars per million tokens: give a number from 0 up")

    @property
    def dearest(self) -> int:
        """The most that one token can cost, in femto-dollars."""
        return max(_femtos(self.input), _femtos(self.output))

    def bound(self, input_tokens: int, output_tokens: int) -> int:
        """Cost in femto-dollars (a millionth of a nano-dollar) when nothing is read from a cache."""
        return input_tokens * _femtos(self.input) + output_tokens * _femtos(self.output)

    def cost(self, usage: Usage) -> int:
        """Cost in femto-dollars."""
        cached = min(usage.cached_input_tokens, usage.input_tokens) if self.cached_input is not None else 0
        at_discount = cached * _femtos(self.cached_input or 0.0)
        return self.bound(usage.input_tokens - cached, usage.output_tokens) + at_discount


FEMTOS: Final = 1_000_000
"""Femto-dollars in a nano-dollar."""


@cache
def _femtos(price: float) -> int:
    """Dollars per million tokens as femto-dollars per token, rounded up where a price is finer than that."""
    return math.ceil(round(price * NANOS, 3))


def nanos(femtos: int) -> int:
    """Whole nano-dollars, rounded up."""
    return -(-femtos // FEMTOS)


def find(model: str, tariffs: Mapping[str, Tariff]) -> Tariff | None:
    """The tariff under a model's name, or under its name without the date of a snapshot.

    Nothing else is taken for the same model: `gpt-5-pro` begins like `gpt-5` and costs ten times as much.
    """
    found = tariffs.get(model)
    if found is None and (dated := _DATED.fullmatch(model)):
        found = tariffs.get(dated["model"])
    return found


def priced(model: str, own: Mapping[str, Tariff]) -> Tariff:
    """The tariff of a model: the user's own, else the list's.

    Raises:
        ConfigurationError: nobody gave a price for it.
    """
    tariff = find(model, own) or find(model, LIST_PRICES)
    if tariff is None:
        raise ConfigurationError(
            f"the budget limits money and no price is known for the model {model!r}: "
            "give Budget(tariffs={name: Tariff(input, output)})"
        )
    return tariff


LIST_PRICES: Final[Mapping[str, Tariff]] = {
    # Standard tier, read in November 2026 from provider's own pages and documents that quote them:
    # platform.claude.com/docs (model overviews), docs.github.com (models and pricing), and the documentation of
    # client libraries that quote developers.openai.com/api/docs/pricing. Models whose price depends on the length
    # of the prompt are left out.
    "claude-haiku-4-5": Tariff(1.00, 5.00, 0.10),
    "claude-opus-4-5": Tariff(5.00, 25.00, 0.50),
    "claude-opus-4-6": Tariff(5.00, 25.00, 0.50),
    "claude-opus-4-7": Tariff(5.00, 25.00, 0.50),
    "claude-opus-5": Tariff(5.00, 25.00, 0.50),
    "claude-opus-5-5": Tariff(4.00, 20.00, 0.20),
    "claude-sonnet-5": Tariff(2.00, 10.00, 0.20),
    "claude-sonnet-5-5": Tariff(2.00, 10.00, 0.20),
    "gpt-4.1": Tariff(2.00, 8.00, 0.50),
    "gpt-4.1-mini": Tariff(0.40, 1.60, 0.10),
    "gpt-4.1-nano": Tariff(0.10, 0.40, 0.025),
    "gpt-4o": Tariff(2.50, 10.00, 1.25),
    "gpt-4o-mini": Tariff(0.15, 0.60, 0.075),
    "gpt-5": Tariff(1.25, 10.00, 0.125),
    "gpt-5-mini": Tariff(0.25, 2.00, 0.025),
    "gpt-5.2": Tariff(1.75, 14.00, 0.175),
}
"""List prices change. They are a start; `Budget(tariffs={...})` overrides and extends them."""
