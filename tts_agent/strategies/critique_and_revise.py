"""Critique-then-revise: the model criticizes its attempt in one call and revises it in the next, with the critique.

That helps where finding a mistake is easier than avoiding it. It is still the model's own word: where it does not
know better, it breaks right answers as readily (Huang et al., arXiv 2310.01798). Measure it, and prefer a real
verifier (`SequentialRefinement`). Sources: Saunders et al., arXiv 2206.05802; Madaan et al., arXiv 2303.17651.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import answered, aside, concluded, cut_short, first_attempt, shown, usable

CRITICIZE = (
    "Look for mistakes in this answer, step by step, as a strict reviewer would. Do not solve the task again. "
    "List the mistakes; if there are none, end with the line: No mistakes."
)
REVISE = "A reviewer says:\n{critique}\n\nCorrect what is wrong and give the full answer again."


def finds_none(critique: str) -> bool:
    """Whether the last line of a critique says that there are no mistakes."""
    last = critique.strip().rpartition("\n")[2]
    return re.fullmatch(r"\W*no mistakes\W*", last, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class CritiqueAndRevise:
    """Up to `rounds` critiques, each followed by a revision, until a critique finds nothing.

    A critique is no answer and not among the outcome's samples; its tokens are on the ledger. A revision without
    an answer is dropped, and an empty attempt is not criticized.
    """

    name: ClassVar[str] = "critique_and_revise"
    source: ClassVar[str] = "arXiv 2206.05802, 2303.17651"

    rounds: int = 1
    criticize: str = CRITICIZE
    revise: str = REVISE
    """{critique} is what the critic wrote."""
    satisfied: Callable[[str], bool] = finds_none
    """Whether a critique says that nothing is wrong."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ConfigurationError(f"rounds is {self.rounds}: at least one critique is needed")

    def run(self, step: Step) -> Flow[Outcome]:
        step, batch = yield from first_attempt(step)
        attempt = usable(step, step.drawn)
        if attempt is None:
            return concluded(self.name, cut_short(batch), step, None)
        if not shown(attempt):
            return concluded(self.name, "done", step, attempt)
        stop: StopReason = "rounds"
        for _ in range(self.rounds):
            batch = yield from generate(aside(step, *answered(attempt, self.criticize)), 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            critique = batch.samples[0].text.strip()
            if self.satisfied(critique):
                stop = "settled"
                break
            request = step.request(*answered(attempt, self.revise.format(critique=critique)))
            batch = yield from generate(request, 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            step = step.with_drawn(batch.samples)
            attempt = batch.samples[0] if vote(batch.samples[0], step.answer_key) is not None else attempt
        return concluded(self.name, stop, step, attempt)
