"""A vote with a judge for close calls: a clear majority is never overruled.

A judge errs, and the more samples it sees, the surer it finds one that pleases it (Stroebl et al., arXiv 2411.17501).
Where the samples agree, they are the better judge; only where the vote is close is there something to decide, and
only then is the judge asked and paid. The rule is this project's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import concluded, draw_under, majority, verified
from tts_agent.verifiers import Verifier


@dataclass(frozen=True, slots=True)
class JudgedVote:
    """The majority where it leads by `margin`; else the judge chooses among the answers that are that close.

    The judge sees the first sample of each of them; on equal scores the answer with more votes wins.
    """

    name: ClassVar[str] = "judged_vote"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "this project, after arXiv 2411.17501"

    judge: Verifier
    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))
    margin: float = 0.34
    """Votes of the leader less those of another answer, as a share of all votes, from which on there is nothing to
    decide between them. Above 0; above 1 the judge always decides."""

    def __post_init__(self) -> None:
        if not self.margin > 0.0:
            raise ConfigurationError(f"margin is {self.margin}: it must be above 0")

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        counts = step.tally().counts
        most, total = max(counts.values(), default=0), sum(counts.values())
        close = [answer for answer, votes in counts.items() if most - votes < self.margin * total]
        if len(close) < 2:
            return concluded(self.name, stop, step, majority(step))
        votes = step.tally().votes
        contenders = [step.drawn[votes.index(answer)] for answer in close]
        verdicts = yield from verified(self.judge, step, contenders)
        winner, verdict = max(zip(contenders, verdicts, strict=True), key=lambda judged: judged[1].score)
        return concluded(self.name, stop, step, winner, accepted=verdict.accepted)
