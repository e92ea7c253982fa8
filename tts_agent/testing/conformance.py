"""What every strategy and every verifier must stand: short replies, failures, budgets that end anywhere, interrupts.

    def test_my_strategy_keeps_the_contract() -> None:
        check_strategy(MyStrategy)

A check runs the plug-in some hundred times against a scripted model and raises AssertionError at the first promise
that is not kept. Plain functions: they need no test framework, and work inside a running event loop too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import isnan
from types import TracebackType
from typing import Any, Generic, TypeVar, get_args

from tts_agent.answers import vote
from tts_agent.budget import Amount, Budget
from tts_agent.driver import Driver
from tts_agent.effects import Effect, Flow
from tts_agent.exceptions import SamplerError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies import Strategy
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import Fault, Reply, ScriptedSampler
from tts_agent.verifiers import Verdict, Verifier

T = TypeVar("T")

MOST_EFFECTS = 1000
"""A flow that asks for more than this, about one step, is taken not to end."""


def check_strategy(make: Callable[[], Strategy], step: Step | None = None) -> None:
    """Check the contract of a strategy.

    Checked: an `Outcome` comes whatever the model, the budget and the samples drawn before are like; its winner is
    one of its samples; the ledger is never overdrawn, and nothing stays reserved; an interrupt closes the flow; the
    same replies lead to the same outcome, alone or beside other runs of the same object, for sync and async callers.
    *Not* checked: that its answers are any good.

    Args:
        make: makes the strategy, as configured for the test. It should need few samples (at most about 10).
        step: the step to answer, for strategies that need a special one; replies are short English sentences.

    Raises:
        AssertionError: a promise is not kept.
    """
    question = step or Step((user("What is 2 + 2?"),), max_tokens=8, seed=1)

    def trial(script: _Stream, drawn: tuple[Sample, ...]) -> _Trial[Outcome]:
        started = question.with_drawn(drawn)
        return _Trial(script, lambda: make().run(started), _outcome_check(started))

    for script in _SCRIPTS:
        drawn = _drawn(question, script, 3)
        for k in (0, 1, 3):
            trial(script, drawn[:k]).run_all()
    strategy = make()  # one object for many steps: it must not remember anything
    _check_repeatable(lambda: strategy.run(question))


def check_verifier(make: Callable[[], Verifier], step: Step | None = None) -> None:
    """Check the contract of a verifier: one verdict a sample, in order, whatever the samples and the budget are like.

    Args:
        make: makes the verifier. If it raises on samples it cannot judge, that is a failure of this check.
        step: the step that the samples answer.

    Raises:
        AssertionError: a promise is not kept.
    """
    question = step or Step((user("What is 2 + 2?"),), max_tokens=8, seed=1)
    samples = (
        *_drawn(question, _agreeing, 2),
        Sample("The answer is", "length"),
        Sample(""),
        Sample("withheld", "content_filter"),
    )

    def trial(script: _Stream, shown: tuple[Sample, ...]) -> _Trial[Sequence[Verdict]]:
        return _Trial(script, lambda: make().verify(question, shown), _verdicts_check(len(shown)))

    for k in range(len(samples) + 1):
        trial(_agreeing, samples[:k]).run_all()
    for script in _SCRIPTS[1:]:  # what a model that judges may say
        trial(script, samples[:2]).run_all()
    verifier = make()
    _check_repeatable(lambda: verifier.verify(question, samples))


# ------------------------------------------------------------------------------------------------------- replies


_Stream = Callable[[SampleRequest, int], Reply]


def _agreeing(request: SampleRequest, index: int) -> Reply:
    return "The answer is 4."


def _disputing(request: SampleRequest, index: int) -> Reply:
    return f"The answer is {index}."


def _messy(request: SampleRequest, index: int) -> Reply:
    return ("", "The answer is 4.", "so " * 20 * request.max_tokens, Sample("no", "content_filter"))[index % 4]


_SCRIPTS: tuple[_Stream, ...] = (_agreeing, _disputing, _messy)

_ERRORS = (
    SamplerError("dropped", billed=True),
    SamplerError("refused", billed=False),
    SamplerError("busy", billed=False, retryable=True, retry_after=0.0),
)


def _drawn(step: Step, script: _Stream, n: int) -> tuple[Sample, ...]:
    """Samples as a probe would have drawn them."""
    return _alone(ScriptedSampler(script).sample(replace(step.request(), offset=100), n)).samples


# ---------------------------------------------------------------------------------------------------- the trials


@dataclass(frozen=True, slots=True)
class _Trial(Generic[T]):
    """A flow, run under every circumstance."""

    script: _Stream
    start: Callable[[], Flow[T]]
    check: Callable[[T, int], None]
    """Checks the result; the number is how many samples the model gave."""

    def run_all(self) -> None:
        _alone(self._run_all())

    async def _run_all(self) -> None:
        effects, sampler, budget = await self._run({}, CheckedBudget())
        for call, asked in enumerate(sampler.calls):
            for missing in range(1, asked.n + 1):
                await self._run({call: Fault(missing=missing)}, CheckedBudget())
            for fault in (Fault(unaccounted=asked.n), Fault(overreport=1), *map(Fault, _ERRORS)):
                await self._run({call: fault}, CheckedBudget())
            for error in _ERRORS:
                from_here_on = range(call, MOST_EFFECTS)
                await self._run(dict.fromkeys(from_here_on, Fault(error)), CheckedBudget())
        for calls in range(1, budget.spent.calls + 1):
            await self._run({}, CheckedBudget(calls=calls))
        for tokens in _spread(1, budget.spent.tokens + 1):
            await self._run({}, CheckedBudget(tokens))
            await self._run({}, CheckedBudget().child(tokens))
        for effect in range(effects):
            await self._interrupt(effect)

    async def _run(self, faults: dict[int, Fault], budget: Budget) -> tuple[int, ScriptedSampler, Budget]:
        sampler = ScriptedSampler(self.script, faults=faults)
        flow = _Watched(self.start())
        result = await Driver(sampler, budget, min_tokens=1).run(flow)
        self.check(result, len(sampler.samples))
        _check_over(flow, budget)
        return flow.effects, sampler, budget

    async def _interrupt(self, at: int) -> None:
        """Cancel while effect number `at` is performed."""
        budget = CheckedBudget()

        def cancel(effect: int) -> None:
            task = asyncio.current_task()
            if effect == at and task is not None:
                task.cancel()

        flow = _Watched(self.start(), cancel)
        task = asyncio.ensure_future(Driver(ScriptedSampler(self.script), budget).run(flow))
        await asyncio.wait([task])
        assert task.cancelled(), f"an interrupt led to {task.exception() or task.result()!r}"
        _check_over(flow, budget)


class _Watched(Generator[Effect, Any, T]):
    """A flow, with its effects counted; `on_effect` is told the number of each before it is performed."""

    def __init__(self, flow: Flow[T], on_effect: Callable[[int], None] | None = None) -> None:
        self.flow = flow
        self.effects = 0
        self._on_effect = on_effect

    def send(self, value: Any) -> Effect:
        return self._seen(self.flow.send(value))

    def throw(self, typ: Any, val: object = None, tb: TracebackType | None = None, /) -> Effect:
        return self._seen(self.flow.throw(typ, val, tb) if isinstance(typ, type) else self.flow.throw(typ))

    def close(self) -> None:
        self.flow.close()

    def _seen(self, effect: Effect) -> Effect:
        """Count it, if that is what it is."""
        is_effect = isinstance(effect, get_args(Effect))
        assert is_effect, f"{effect!r} is no effect; was `yield from` meant?"
        self.effects += 1
        assert self.effects <= MOST_EFFECTS, "the flow asks for ever"
        if self._on_effect:
            self._on_effect(self.effects - 1)
        return effect


def _check_repeatable(start: Callable[[], Flow[T]]) -> None:
    """Alone, beside others on one ledger, and for a synchronous caller: always the same result."""

    async def run(budget: Budget) -> T:
        return await Driver(ScriptedSampler(_disputing), budget).run(start())

    async def beside_others() -> list[T]:
        budget = CheckedBudget()
        return await asyncio.gather(*(run(budget) for _ in range(3)))

    first = _alone(run(CheckedBudget()))
    for other in (*_alone(beside_others()), run_sync(run(CheckedBudget()))):
        assert other == first, f"the same replies led to {first} and then to {other}"


def _check_over(flow: _Watched[Any], budget: Budget) -> None:
    assert getattr(flow.flow, "gi_frame", None) is None, "the flow was not closed"
    assert budget.held == Amount(), f"{budget.held} stayed reserved"


def _outcome_check(step: Step) -> Callable[[Outcome, int], None]:
    def check(outcome: Outcome, received: int) -> None:
        assert isinstance(outcome, Outcome), f"a strategy returns an Outcome, not {outcome!r}"
        assert outcome.stop in get_args(StopReason), f"{outcome.stop!r} is no reason to stop"
        assert outcome.samples[: len(step.drawn)] == step.drawn, "samples drawn before are missing from the outcome"
        assert len(outcome.samples) <= len(step.drawn) + received, "the outcome has samples that nobody drew"
        if outcome.sample is None:
            assert not outcome.samples, "there are samples, and none of them is the winner"
            assert outcome.stop in ("budget", "failed"), f"no sample came, and the reason is {outcome.stop!r}"
        else:
            winners = [sample for sample in outcome.samples if sample is outcome.sample]
            assert winners, "the winner is not one of the samples, untouched"
            said = vote(outcome.sample, step.answer_key)
            assert outcome.answer == said, f"the answer is {outcome.answer!r}, the winner says {said!r}"
        assert sum(outcome.votes.values()) <= len(outcome.samples), "there are more votes than samples"
        assert outcome.p_correct is None or 0.0 <= outcome.p_correct <= 1.0, f"P(correct) is {outcome.p_correct}"
        assert outcome.stop != "accepted" or outcome.accepted, "it stopped as accepted, with a winner that is not"

    return check


def _verdicts_check(samples: int) -> Callable[[Sequence[Verdict], int], None]:
    def check(verdicts: Sequence[Verdict], received: int) -> None:
        assert len(verdicts) == samples, f"{len(verdicts)} verdicts on {samples} samples"
        for verdict in verdicts:
            assert isinstance(verdict, Verdict), f"a verifier returns Verdicts, not {verdict!r}"
            assert not isnan(verdict.score), "a score is not a number"
            assert verdict.wrong_at is None or verdict.wrong_at >= 1, f"steps count from 1, not {verdict.wrong_at}"

    return check


def _spread(first: int, last: int, most: int = 8) -> Iterator[int]:
    """At most about `most` numbers from first to last, both included."""
    yield from range(first, last, max(1, (last - first) // most))
    yield last


def _alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run in an event loop of its own, in a thread of its own: the caller's may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
