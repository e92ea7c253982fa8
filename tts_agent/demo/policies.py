"""The policies that the demo compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tts_agent.embedded.defaults import MAX_SAMPLES, embedded_policy, settings
from tts_agent.routing import ClassProfile, Fixed, Policy
from tts_agent.stopping import AdaptiveConsistency, FixedSize
from tts_agent.strategies import SelfConsistency, Single


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy under its name in the table."""

    name: str
    policy: Policy
    estimates: bool = False
    """Whether the difficulty estimator is asked."""
    capped_at: str | None = None
    """The contender whose spending is this one's hard cap; None for the cap that all share."""


FRUGAL = 10.0
"""Multiple of the shipped price for somebody to whom tokens are dear."""
FRONTIER_PRICES = (30.0, 3.0, 0.3)
"""Further multiples, at which the frontier of the plot is drawn."""


def contenders(profiles: Mapping[str, ClassProfile] | None = None) -> list[Contender]:
    """The table's rows, in an order in which everyone's cap is known before it runs."""
    known = settings()
    ours, matched, frugal = (
        embedded_policy(price, profiles) for price in (known.price, known.price_matched, FRUGAL * known.price)
    )
    return [
        Contender("single", Fixed(Single())),
        Contender("sc_5", Fixed(SelfConsistency(FixedSize(5)))),
        Contender("sc_15", Fixed(SelfConsistency(FixedSize(MAX_SAMPLES)))),
        Contender("adaptive_consistency", Fixed(SelfConsistency(AdaptiveConsistency(0.95, MAX_SAMPLES)))),
        Contender("ours_no_estimator", ours),
        Contender("ours", ours, estimates=True),
        Contender("ours_at_sc_5", matched, estimates=True, capped_at="sc_5"),
        Contender("ours_frugal_no_estimator", frugal),
        Contender("ours_frugal", frugal, estimates=True),
    ]


def frontier(profiles: Mapping[str, ClassProfile] | None = None) -> list[Contender]:
    """Ours at other prices, for the plot."""
    price = settings().price
    return [
        Contender(f"ours_price_x{multiple:g}", embedded_policy(price * multiple, profiles), estimates=True)
        for multiple in FRONTIER_PRICES
    ]
