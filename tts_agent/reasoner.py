"""The adaptive reasoner: estimate, decide, run, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tts_agent.budget import Amount, AsyncBudget, Budget
from tts_agent.difficulty import Classifier, Estimator, SampleSignals, StepText
from tts_agent.driver import Driver
from tts_agent.effects import Flow, balance, call, generate, record
from tts_agent.events import Decided, Drawn, Estimated, Event, Refused
from tts_agent.exceptions import BudgetExhausted, ConfigurationError, SamplerError
from tts_agent.messages import user
from tts_agent.portal import in_event_loop, run_sync
from tts_agent.probability import Beta
from tts_agent.routing import Decision, MarginalValue, Policy
from tts_agent.sampling import Sample, Sampler
from tts_agent.step import Outcome, Step

Answer = tuple[Outcome, Decision, Step]
"""How a step came out, what was decided, and the step with the belief about pass@1 that it was decided with."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one step was answered, and what it cost."""

    outcome: Outcome
    decision: Decision
    step: Step
    """What was asked, with the belief and the first sample that the decision was made with."""
    spent: Amount
    """What the ledger was charged for this step."""
    events: tuple[Event, ...]
    """Everything that was decided, drawn and verified, in order."""

    @property
    def difficulty(self) -> Beta | None:
        """The belief about pass@1 that the decision was made with."""
        return self.step.difficulty

    @property
    def serial_tokens(self) -> int:
        """Output tokens one after the other, of each round of calls the longest sample: a measure of latency."""
        return sum(event.longest for event in self.events if isinstance(event, Drawn))

    @property
    def sample(self) -> Sample:
        """The winner."""
        assert self.outcome.sample is not None
        return self.outcome.sample

    @property
    def text(self) -> str:
        """The winner's text."""
        return self.sample.text


class AdaptiveReasoner:
    """Answers steps with as much compute as they are worth, under a budget that is a hard cap.

    Args:
        sampler: the door to the model.
        policy: chooses the strategy of each step; by default `MarginalValue()`.
        estimator: predicts pass@1; without one the policy starts from its prior. One that is a `Classifier` also
            says which class a step is of.
        budget: ledger (or number of tokens) shared by every step; by default unlimited. A step can be given
            a budget of its own instead.
        max_retries, min_tokens: see `Driver`.
        on_result: is shown every `Result`, for recording.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        policy: Policy | None = None,
        estimator: Estimator | None = None,
        budget: Budget | int | None = None,
        max_retries: int = 2,
        min_tokens: int = 16,
        on_result: Callable[[Result], None] | None = None,
    ) -> None:
        if max_retries < 0 or min_tokens < 1:
            raise ConfigurationError(
                f"max_retries must be >= 0 and min_tokens >= 1, got {max_retries} and {min_tokens}"
            )
        self.sampler = sampler
        self.policy: Policy = policy or MarginalValue()
        self.estimator = estimator
        self.budget = as_budget(budget)
        self._max_retries = max_retries
        self._min_tokens = min_tokens
        self._on_result = on_result

    async def arun(self, step: Step | str, *, budget: Budget | int | None = None) -> Result:
        """Answer a step (or a plain question).

        Args:
            budget: a ledger to put this step on instead of the reasoner's own, or a number of tokens that
                narrows the reasoner's own for this step.

        Raises:
            BudgetExhausted: not even one call fitted into the budget.
            SamplerError: every call failed; the last failure is raised.
            ConfigurationError: the step cannot be asked at all (empty question, ...).
        """
        return await self._arun(step, budget, may_wait=True)

    def run(self, step: Step | str, *, budget: Budget | int | None = None) -> Result:
        """`arun` for synchronous callers, inside a running event loop too.

        Raises:
            ConfigurationError: inside a running event loop, a call would have to wait for others on the same
                budget; they may be that loop's, which stands still meanwhile.
        """
        return run_sync(self._arun(step, budget, may_wait=not in_event_loop()))

    async def _arun(self, step: Step | str, budget: Budget | int | None, *, may_wait: bool) -> Result:
        if isinstance(step, str):
            step = Step((user(step),))
        if isinstance(budget, int):
            budget = self.budget.child(budget)
        ledger = self.budget if budget is None else budget
        driver = self.driver(ledger, may_wait=may_wait)
        answer = await driver.run(self.answer(step))
        result = answered(answer, driver.charged, driver.events, driver.last_failure)
        if ledger.paced:
            await AsyncBudget(ledger).off_loop(
                partial(ledger.finished, result.step.kind, driver.charged, result.decision.price)
            )
        if self._on_result:
            self._on_result(result)
        return result

    def driver(self, budget: Budget, *, may_wait: bool) -> Driver:
        """What performs the effects of `answer` on this ledger; for `may_wait` see `Driver`."""
        return Driver(
            self.sampler, budget, max_retries=self._max_retries, min_tokens=self._min_tokens, may_wait=may_wait
        )

    def answer(self, step: Step) -> Flow[Answer]:
        """The flow of one step: estimate, decide, run. For callers that perform it piece by piece."""
        estimator, text = self.estimator, StepText.of(step, self.sampler.name)
        perhaps: object = estimator
        if isinstance(perhaps, Classifier):
            kind = yield from call(partial(perhaps.kind, text))
            step, text = replace(step, kind=kind), replace(text, kind=kind)
        if estimator:
            (belief,) = yield from call(lambda: estimator.predict([text]))
            step = replace(step, difficulty=belief)
            yield from record(_estimated(1, belief))
        decision = self.policy.decide(step, (yield from balance(step.kind)))
        if decision.strategy is None:
            batch = yield from generate(step.request(), 1, final=step.final)
            if not batch.samples:
                return Outcome("single", "budget" if batch.exhausted else "failed"), decision, step
            step = step.with_drawn(batch.samples)
            if estimator and step.difficulty:
                first, prior = SampleSignals.of(batch.samples[0]), step.difficulty
                belief = yield from call(lambda: estimator.update(text, prior, first))
                step = replace(step, difficulty=belief)
                yield from record(_estimated(2, belief))
            decision = self.policy.decide(step, (yield from balance(step.kind, step.drawn[0].usage.total)))
        if decision.strategy is None:
            raise ConfigurationError("the policy asked for a second probe: it must choose a strategy after one")
        yield from record(Decided(decision.name, decision.price, decision.reason, dict(decision.values)))
        outcome = yield from decision.strategy.run(step)
        return outcome, decision, step


def as_budget(budget: Budget | int | None) -> Budget:
    """A ledger from a ledger, a number of tokens, or nothing (no limit)."""
    return budget if isinstance(budget, Budget) else Budget(budget)


def _estimated(stage: int, belief: Beta) -> Estimated:
    return Estimated(stage, belief.mean, *belief.interval())


def answered(answer: Answer, spent: Amount, events: Sequence[Event], last_failure: SamplerError | None) -> Result:
    """The result of a step that has an answer.

    Raises:
        BudgetExhausted, SamplerError: why it has none.
    """
    outcome, decision, step = answer
    if outcome.sample is not None:
        return Result(outcome, decision, step, spent, tuple(events))
    refusals = [event for event in events if isinstance(event, Refused)]
    if outcome.stop == "budget" and refusals:
        raise BudgetExhausted(refusals[-1].reason, least=refusals[-1].least)
    raise last_failure or SamplerError("the model returned no sample", billed=False)
