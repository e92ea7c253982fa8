"""Running a contender over the problems: one agent, one ledger, one record a problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tts_agent.budget import Budget
from tts_agent.demo.agent import ask, build_agent
from tts_agent.demo.policies import Contender
from tts_agent.difficulty import Estimator
from tts_agent.embedded.tasks import Problem, is_correct
from tts_agent.events import Estimated, to_dict
from tts_agent.exceptions import BudgetExhausted
from tts_agent.reasoner import Result
from tts_agent.sampling import Sampler

UNLIMITED = 10**9
"""Tokens: a cap that no run reaches."""


@dataclass(frozen=True, slots=True)
class Row:
    """How one contender answered one problem."""

    family: str
    level: int
    question: str
    correct: bool
    strategy: str
    """What was chosen; "none" when the budget had no room for a single call."""
    tokens: int
    """Charged, input and output; every sample pays its own prompt."""
    output_tokens: int
    serial_tokens: int
    calls: int
    samples_right: float = 0.0
    """Share of everything drawn that was right; for a fixed vote an estimate of pass@1."""
    answer: str | None = None
    stop: str = "budget"
    p_correct: float | None = None
    predicted: tuple[float, ...] = ()
    """Predicted pass@1 before and, where the policy looked, after the first call."""
    events: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All rows of a contender, and what its ledger says."""

    name: str
    rows: tuple[Row, ...]
    limit: int
    """The hard cap, tokens."""
    spent: int
    overruns: int
    """How often the ledger was charged more than a call was allowed, or ended above its limit."""

    @property
    def accuracy(self) -> float:
        """Share of the rows that are right."""
        return sum(row.correct for row in self.rows) / len(self.rows)


def run_contender(
    contender: Contender,
    problems: Sequence[Problem],
    sampler: Sampler,
    estimator: Estimator | None,
    *,
    limit: int,
    seed: int,
    progress: Callable[[Budget], None] = lambda ledger: None,
) -> Run:
    """Answer every problem in order under one hard cap; `progress` is called after each."""
    ledger = Budget(limit)
    seen: list[Result] = []
    agent = build_agent(
        sampler,
        contender.policy,
        estimator if contender.estimates else None,
        seed=seed,
        on_result=seen.append,
    )
    rows = []
    for problem in problems:
        seen.clear()
        try:
            ask(agent, problem.question, ledger)
        except BudgetExhausted:
            rows.append(Row(problem.family, problem.level, problem.question, False, "none", 0, 0, 0, 0))
        else:
            rows.append(_row(problem, seen[-1]))
        progress(ledger)
    overruns = ledger.overruns + (ledger.spent.tokens > limit)
    return Run(contender.name, tuple(rows), limit, ledger.spent.tokens, overruns)


def _row(problem: Problem, result: Result) -> Row:
    outcome = result.outcome
    return Row(
        family=problem.family,
        level=problem.level,
        question=problem.question,
        correct=is_correct(problem.question, result.text),
        strategy=outcome.strategy,
        tokens=result.spent.tokens,
        output_tokens=sum(sample.usage.output_tokens for sample in outcome.samples),
        serial_tokens=result.serial_tokens,
        calls=result.spent.calls,
        samples_right=sum(is_correct(problem.question, sample.text) for sample in outcome.samples)
        / len(outcome.samples),
        answer=None if outcome.answer is None else str(outcome.answer),
        stop=outcome.stop,
        p_correct=outcome.p_correct,
        predicted=tuple(event.mean for event in result.events if isinstance(event, Estimated)),
        events=tuple(to_dict(event) for event in result.events),
    )
