"""The slow path: a bank replayed through the reasoner, the driver and the ledger that users run.

The fast path (`play`) is measured against this one; policies that are more than a stopping rule run here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS, ReplaySampler
from tts_agent.portal import run_sync
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Policy


@dataclass(frozen=True, slots=True)
class Answered:
    """How production answered one recorded question."""

    question: RecordedQuestion
    answer: str | None
    correct: bool
    """Whether that answer is right; False when there is none."""
    drawn: int
    total_tokens: int
    """What the ledger was charged."""
    serial_tokens: int

    @classmethod
    def of(cls, question: RecordedQuestion, result: Result) -> Answered:
        """What a result comes to."""
        answer, recorded = result.outcome.answer, result.sample.raw
        assert isinstance(recorded, RecordedSample)
        return cls(
            question,
            None if answer is None else str(answer),
            answer is not None and recorded.correct,
            len(result.outcome.samples),
            result.spent.tokens,
            result.serial_tokens,
        )


def answer_bank(
    bank: Bank,
    policy: Policy,
    *,
    ordering: int = 0,
    seed: int = 0,
    max_samples: int | None = None,
    prompt_tokens: int = PROMPT_TOKENS,
    estimator: Estimator | None = None,
    budget: Budget | int | None = None,
    kind: str | None = None,
) -> list[Answered]:
    """Answer every question of a bank in turn with `AdaptiveReasoner`, in one of its orderings.

    Args:
        kind: class of the steps, by default the bank's name.

    Raises:
        BudgetExhausted: the budget ended before the bank did.
    """
    sampler = ReplaySampler(bank, ordering=ordering, seed=seed, prompt_tokens=prompt_tokens, max_samples=max_samples)
    reasoner = AdaptiveReasoner(sampler, policy=policy, estimator=estimator, budget=budget, min_tokens=1)

    async def run() -> list[Answered]:
        answered = []
        for question in bank.questions:
            answered.append(Answered.of(question, await reasoner.arun(sampler.step(question, kind))))
            await asyncio.sleep(0)
        return answered

    return run_sync(run())
