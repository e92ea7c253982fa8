"""Diverse verifier tree search: several narrow beam searches side by side, each in a subtree of its own.

A wide beam fills with descendants of one early favourite. Subtrees that cannot crowd each other out keep first thoughts
apart, which pays at larger budgets; the answers they come to are weighed by their scores. Source: Beeching, Tunstall
and Rush, "Scaling test-time compute with open models" (Hugging Face, 2024), where it is called DVTS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import Ballot, best_scored, concluded
from tts_agent.strategies.beam_search import BeamSearch, judged, standing
from tts_agent.strategies.thoughts import Path
from tts_agent.voting import weighted_majority


@dataclass(frozen=True, slots=True)
class DiverseTreeSearch:
    """Runs `subtrees` searches like `beam`, whose width is usually 1, and returns the best reply of the best answer.

    The best answer is an accepted one, else the one with the largest sum of scores over whole replies (scores below 0
    count as 0). Samples drawn before count as whole replies.
    """

    name: ClassVar[str] = "diverse_tree_search"
    needs: ClassVar[tuple[str, ...]] = ("n", "continuation")
    source: ClassVar[str] = "Beeching, Tunstall and Rush 2024"

    beam: BeamSearch
    subtrees: int = 4

    def __post_init__(self) -> None:
        if self.subtrees < 1:
            raise ConfigurationError(f"subtrees is {self.subtrees}: at least one is needed")

    def run(self, step: Step) -> Flow[Outcome]:
        paths = yield from judged(self.beam.verifier, step, [Path(sample, open=False) for sample in step.drawn])
        stop: StopReason = "accepted"
        if not any(path.verdict.accepted for path in paths):
            searches = yield from together(*(self.beam.search(step) for _ in range(self.subtrees)))
            found = [path for paths_found, _ in searches for path in paths_found]
            paths += found
            step = step.with_drawn(tuple(path.sample for path in found))
            stop = min((reason for _, reason in searches), key=_URGENCY.index)
        if not paths:
            return concluded(self.name, stop, step, None)
        best = _elected(step, paths)
        stop = "accepted" if best.verdict.accepted else stop
        return concluded(self.name, stop, step, best.sample, accepted=best.verdict.accepted)


_URGENCY: tuple[StopReason, ...] = ("accepted", "budget", "failed", "rounds", "settled")


def _elected(step: Step, paths: list[Path]) -> Ballot:
    cast = [
        Ballot(path.sample, answer, path.verdict)
        for path in paths
        if (answer := vote(path.sample, step.answer_key)) is not None
    ]
    accepted = [ballot for ballot in cast if ballot.verdict.accepted]
    if accepted or not cast:
        best = max(paths, key=standing)
        return Ballot(best.sample, vote(best.sample, step.answer_key), best.verdict)
    weights = [max(0.0, ballot.verdict.score) for ballot in cast]
    return best_scored(cast, weighted_majority([ballot.answer for ballot in cast], weights))
