"""DeepConf: samples the model was least confident of do not vote, the others vote by their confidence.

Source: Fu et al., "Deep Think with Confidence", arXiv 2508.15260, in its offline form, with the mean confidence of
the whole trace. *Not* here: the confidence of a trace's worst group of tokens, and cutting traces off while they run;
both need the log-probability of every token as it is drawn, and samples carry their mean only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import ballots, best_scored, concluded, draw_under, usable
from tts_agent.verifiers import Verifier
from tts_agent.verifiers.log_probability import LogProbability
from tts_agent.voting import weighted_majority


@dataclass(frozen=True, slots=True)
class DeepConf:
    """Of the samples that can vote, the most confident share `keep` does, each by its confidence.

    Where the endpoint gives no log-probabilities all are equally confident: nothing is filtered, and it is the
    plain vote. Equally confident samples stay or go together.
    """

    name: ClassVar[str] = "deepconf"
    needs: ClassVar[tuple[str, ...]] = ("n", "log-probabilities")
    source: ClassVar[str] = "arXiv 2508.15260"

    rule: StoppingRule = field(default_factory=lambda: FixedSize(8))
    keep: float = 0.5
    """Above 0, at most 1. The paper uses .1 where samples are many, and .9 to be careful."""
    confidence: Verifier = field(default_factory=LogProbability)
    """Its scores are the confidence, 0 or above."""

    def __post_init__(self) -> None:
        if not 0.0 < self.keep <= 1.0:
            raise ConfigurationError(f"keep is {self.keep}: it must be above 0 and at most 1")

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        cast = yield from ballots(self.confidence, step)
        if not cast:
            return concluded(self.name, stop, step, usable(step, step.drawn))
        ranked = sorted((ballot.verdict.score for ballot in cast), reverse=True)
        least = ranked[ceil(self.keep * len(ranked)) - 1]
        kept = [ballot for ballot in cast if ballot.verdict.score >= least]
        weights = [max(0.0, ballot.verdict.score) for ballot in kept]
        winner = best_scored(kept, weighted_majority([ballot.answer for ballot in kept], weights))
        return concluded(self.name, stop, step, winner.sample)
