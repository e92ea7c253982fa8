"""Weighted vote: every vote counts as its verifier's score says, as a log-likelihood ratio.

If the verifier says that a sample is right with probability s, the vote for its answer weighs

    ln(s / (1 - s)) + ln m,     m: wrong answers that a wrong sample might as well have given

the ratio of how likely the vote is if its answer is right to how likely it is if another one is. These are the
optimal weights of independent votes (Nitzan and Paroush, International Economic Review 23, 1982). With equal scores it
is the plain majority; a vote scored below 1 / (m + 1) counts against its answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import Ballot, ballots, best_scored, concluded, draw_under, usable
from tts_agent.verifiers import Verdict, Verifier


@dataclass(frozen=True, slots=True)
class WeightedVote:
    """Draws what the rule needs and returns the best scored sample of the answer that the weighted votes favour.

    The scores must be calibrated probabilities. For scores that only rank there is `WeightedBestOfN`.
    """

    name: ClassVar[str] = "weighted_vote"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "Nitzan and Paroush 1982"

    verifier: Verifier
    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))
    wrong_answers: float = 1.0
    """m: 1 for yes or no, 3 for a choice of four, more for numbers."""
    certainty: float = 0.99
    """No score counts as higher than this or as lower than its complement: no single vote is the whole vote."""

    def __post_init__(self) -> None:
        if not (self.wrong_answers >= 1.0 and 0.5 < self.certainty < 1.0):
            raise ConfigurationError(f"wrong_answers must be at least 1, certainty between .5 and 1: {self}")

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        cast = yield from ballots(self.verifier, step)
        if not cast:
            return concluded(self.name, stop, step, usable(step, step.drawn))
        p_correct = self._p_correct(cast)
        winner = best_scored(cast, max(p_correct, key=p_correct.__getitem__))
        return concluded(
            self.name,
            stop,
            step,
            winner.sample,
            p_correct=p_correct[winner.answer],
            accepted=winner.verdict.accepted,
        )

    def _p_correct(self, cast: Sequence[Ballot]) -> dict[Hashable, float]:
        """P(correct) of each answer among m + 1 that are equally likely beforehand, some of which have no vote."""
        weights: dict[Hashable, float] = {}
        for ballot in cast:
            weights[ballot.answer] = weights.get(ballot.answer, 0.0) + self._weight(ballot.verdict)
        unseen = max(0.0, self.wrong_answers + 1.0 - len(weights))
        top = max(0.0, *weights.values())
        total = unseen * exp(-top) + sum(exp(weight - top) for weight in weights.values())
        return {answer: exp(weight - top) / total for answer, weight in weights.items()}

    def _weight(self, verdict: Verdict) -> float:
        s = min(max(verdict.score, 1.0 - self.certainty), self.certainty)
        return log(s / (1.0 - s)) + log(self.wrong_answers)
