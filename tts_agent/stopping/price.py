"""Stop by price: draw while the expected gain in P(correct) is worth the tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.prices import Prices
from tts_agent.voting import Tally

if TYPE_CHECKING:  # they need numpy, which loads when a table is first asked for
    from tts_agent.population import Population
    from tts_agent.stopping.price_table import Advice


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Optimal stopping of a vote at given prices, under a population of questions (`stopping.price_table`).

    A one-step look-ahead stops too early (one sample cannot overturn 2-0); the table sees all steps to the
    horizon. Prices are rounded for planning, and tables are shared by steps of one population: some
    milliseconds to build one, a dictionary look-up afterwards.
    """

    order_matters: ClassVar[bool] = False

    population: Population
    """Which questions this may be one of, not counting the votes themselves."""
    prices: Prices
    max_samples: int = 16

    def __post_init__(self) -> None:
        if self.max_samples < 1:
            raise ConfigurationError(f"max_samples is {self.max_samples}: at least one sample is needed")

    def still_needed(self, votes: Tally) -> int:
        return min(self.advice(votes).batch, max(0, self.max_samples - votes.drawn))

    def value(self, votes: Tally) -> float:
        """Expected P(correct) of the final answer less the price of the samples still drawn."""
        return self.advice(votes).value

    def gain(self, votes: Tally) -> float:
        """What drawing on is worth beyond stopping now, >= 0."""
        advice = self.advice(votes)
        return advice.value - max(advice.p_correct, self.prices.rounded().escape)

    def advice(self, votes: Tally) -> Advice:
        """The best plan from here. Samples that could not vote tell about the question and use up the horizon."""
        from tts_agent.stopping.price_table import price_table, settled

        prices = self.prices.rounded()
        if votes.drawn >= self.max_samples:
            return settled(self.population.posterior(votes).of(votes.leader), prices)
        return price_table(self.population, self.max_samples, prices).advice(votes)
