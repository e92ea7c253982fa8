"""Weighted best-of-n: the scores of samples with the same answer are added up.

It stands between the vote, which ignores scores, and best-of-n, which believes the highest: a verifier that is wrong
about one sample does not decide alone. Sources: Li et al., arXiv 2206.02336; better than plain best-of-n in Snell et
al., arXiv 2408.03314. With `LogProbability` as the verifier it is confidence-improved self-consistency (Taubenfeld et
al., arXiv 2502.06233).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import ballots, best_scored, concluded, draw_under, usable
from tts_agent.verifiers import Verifier
from tts_agent.voting import weighted_majority


@dataclass(frozen=True, slots=True)
class WeightedBestOfN:
    """Returns the best scored sample of the answer with the largest sum of scores; scores below 0 count as 0."""

    name: ClassVar[str] = "weighted_best_of_n"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2206.02336, 2408.03314"

    verifier: Verifier
    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        cast = yield from ballots(self.verifier, step)
        if not cast:
            return concluded(self.name, stop, step, usable(step, step.drawn))
        weights = [max(0.0, ballot.verdict.score) for ballot in cast]
        winner = best_scored(cast, weighted_majority([ballot.answer for ballot in cast], weights))
        return concluded(self.name, stop, step, winner.sample, accepted=winner.verdict.accepted)
