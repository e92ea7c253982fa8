"""When a chain of look-ups has seen enough: the stopping dial of `RetrievalChains`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Hop:
    """One query of a chain, and what came of it."""

    query: str
    found: tuple[str, ...] = ()
    """Passages that the chain had not seen before."""
    answer: str = ""
    """What the model read in all that the query found."""
    tokens: int = 0
    """Input and output of its calls."""


def two_without_news(hops: Sequence[Hop]) -> bool:
    """Stop after two hops in a row that found no new passage."""
    return len(hops) >= 2 and not any(hop.found for hop in hops[-2:])


@dataclass(frozen=True, slots=True)
class WorthAHop:
    """Stop once a further hop is expected to cost more than it gains.

    The chance that it finds something new is estimated from the chain itself by Laplace's rule,
    (news + 1) / (hops + 2), and its tokens by their mean so far. It looks no further than the next hop.
    """

    gain: float
    """How much a hop that finds something new raises P(right), 0 to 1, as measured for the class of steps."""
    price: float
    """Of a token, in solved steps, as the policies have it."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.gain <= 1.0 or not self.price >= 0.0:
            raise ConfigurationError(f"a gain is 0 to 1 and a price at least 0, not {self.gain} and {self.price}")

    def __call__(self, hops: Sequence[Hop]) -> bool:
        news = sum(bool(hop.found) for hop in hops)
        expected = self.gain * (news + 1) / (len(hops) + 2)
        return bool(hops) and expected < self.price * sum(hop.tokens for hop in hops) / len(hops)
