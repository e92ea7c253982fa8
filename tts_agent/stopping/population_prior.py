"""Bayesian stopping with a prior over answer distributions (Huang, Ma and Zhou, arXiv 2602.05395)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.answer_population import AnswerPopulation
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class PopulationPrior:
    """Stop once P(the leader is the mode) >= `threshold`, with a prior learned from questions of the same class.

    The posterior is the paper's, aggregated at L = 3 (leader, runner-up, all others together). A population
    fitted with right answers makes it P(the leader is right), which the paper does not do. Ours are further
    the smoothing of the shapes, and the batches: the fewest votes that settle it if all go to the leader.
    Where a confident class settles at the first vote (P of a lone vote is the mean pass@1 of the population),
    it says so; `least_samples` forbids that. No monotone promise: in a mixture of shapes, another vote for the
    leader can make a class of split votes more likely, and its confidence fall.
    """

    order_matters: ClassVar[bool] = False

    population: AnswerPopulation
    threshold: float = 0.95
    max_samples: int = 40
    least_samples: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0 or not 1 <= self.least_samples <= self.max_samples:
            raise ConfigurationError(
                f"threshold must be between 0 and 1, and 1 <= least_samples <= max_samples, "
                f"got {self.threshold}, {self.least_samples} and {self.max_samples}"
            )

    def still_needed(self, votes: Tally) -> int:
        leader, second = votes.top()
        rest = votes.drawn - votes.invalid - leader - second
        left = max(0, self.max_samples - votes.drawn)
        for more in range(max(0, self.least_samples - votes.drawn), left):
            if leader + more and self.population.p_leader(leader + more, second, rest) >= self.threshold:
                return more
        return left
