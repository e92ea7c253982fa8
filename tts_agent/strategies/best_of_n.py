"""Best-of-n: draw, verify, keep what the verifier likes best; stop when it accepts one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import concluded, cut_short, draw, verified
from tts_agent.verifiers import Verdict, Verifier
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class BestOfN:
    """Returns an accepted sample, else the best scored; ties go to the most votes, then to the first drawn."""

    name: ClassVar[str] = "best_of_n"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2110.14168"

    verifier: Verifier
    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))

    def run(self, step: Step) -> Flow[Outcome]:
        verdicts = yield from verified(self.verifier, step, step.drawn)
        stop: StopReason = "settled"
        while True:
            if any(verdict.accepted for verdict in verdicts):
                stop = "accepted"
                break
            needed = self.rule.still_needed(step.tally())
            if needed < 1:
                break
            step, batch = yield from draw(step, needed)
            if not batch.samples:
                stop = cut_short(batch)
                break
            verdicts += yield from verified(self.verifier, step, batch.samples)
        if not step.drawn:
            return Outcome(self.name, stop)
        winner, verdict = _best(step, verdicts)
        return concluded(self.name, stop, step, winner, p_correct=verdict.probability, accepted=verdict.accepted)


def _best(step: Step, verdicts: Sequence[Verdict]) -> tuple[Sample, Verdict]:
    """Accepted before better scored before more votes before earlier."""
    votes = Tally(tuple(vote(sample, step.answer_key) for sample in step.drawn))
    ranked = sorted(
        zip(step.drawn, verdicts, votes.votes, strict=True),
        key=lambda row: (row[1].accepted, row[1].score, votes.counts.get(row[2], 0)),
        reverse=True,
    )
    return ranked[0][0], ranked[0][1]
