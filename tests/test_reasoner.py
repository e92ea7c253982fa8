"""The adaptive reasoner: estimate, decide, run, report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from tts_agent.budget import Amount, Budget, BudgetView
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.events import Decided, Drawn, Estimated, Event, Refused, Retried, Verified, to_dict
from tts_agent.exceptions import BudgetExhausted, ConfigurationError, RequestRejected, SamplerError
from tts_agent.messages import system, user
from tts_agent.probability import Beta
from tts_agent.reasoner import AdaptiveReasoner, Result, as_budget
from tts_agent.routing import Decision, Fixed, MarginalValue
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, Single
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import Fault, ScriptedSampler
from tts_agent.verifiers import FunctionVerifier

QUESTION = "What is 2 + 2?"  # five words
STEP = Step((user(QUESTION),), max_tokens=10)
VOTE = Fixed(SelfConsistency(FixedSize(3)))


def agreeing(**settings_: object) -> ScriptedSampler:
    return ScriptedSampler(["The answer is 4."] * 99, **settings_)  # type: ignore[arg-type]


@dataclass
class Estimator:
    """Says what it is told, and remembers what it saw."""

    before: Beta
    after: Beta
    saw: list[object]

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        self.saw += steps
        return [self.before]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        self.saw += [difficulty, first]
        return self.after


@dataclass(frozen=True)
class Probing:
    """Looks at one sample, then takes `strategy`."""

    strategy: SelfConsistency | Single | None
    seen: list[tuple[Step, BudgetView]]

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        self.seen.append((step, budget))
        return Decision(self.strategy if step.drawn else None, "because", 0.5, {"single": 0.25})


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


# ----------------------------------------------------------------------------------------- estimate, decide, run


async def test_a_plain_question_is_answered() -> None:
    result = await AdaptiveReasoner(agreeing()).arun(QUESTION)
    assert result.text == "The answer is 4."
    assert result.outcome.answer == "4"


async def test_everything_that_happened_is_told_in_order() -> None:
    estimator = Estimator(Beta(2.0, 2.0), Beta(6.0, 2.0), [])
    policy = Probing(SelfConsistency(FixedSize(3)), [])
    result = await AdaptiveReasoner(agreeing(), policy=policy, estimator=estimator).arun(STEP)
    assert kinds(result.events) == ["Estimated", "Drawn", "Estimated", "Decided", "Drawn"]
    first, probe, second, decided, rest = result.events
    assert isinstance(first, Estimated)
    assert (first.stage, first.mean) == (1, 0.5)
    assert first.low < first.mean < first.high
    assert isinstance(second, Estimated)
    assert (second.stage, second.mean) == (2, 0.75)
    assert decided == Decided("self_consistency", 0.5, "because", {"single": 0.25})
    assert isinstance(probe, Drawn)
    assert isinstance(rest, Drawn)
    assert (probe.asked, rest.asked) == (1, 2)
    assert result.difficulty == Beta(6.0, 2.0)
    assert result.decision.name == "self_consistency"


async def test_the_estimator_sees_text_before_and_signals_after_the_first_call_but_no_answer() -> None:
    estimator = Estimator(Beta(2.0, 2.0), Beta(6.0, 2.0), [])
    step = Step((system("Be brief."), user(QUESTION)), kind="sum", max_tokens=10, tools=({"name": "add"},))
    await AdaptiveReasoner(agreeing(name="tiny"), policy=Probing(Single(), []), estimator=estimator).arun(step)
    assert estimator.saw == [
        StepText(QUESTION, "sum", "tiny", tools=1, turns=2),
        Beta(2.0, 2.0),
        SampleSignals(output_tokens=4, finish_reason="stop"),
    ]


async def test_the_policy_sees_the_probe_the_belief_and_the_budget() -> None:
    policy = Probing(Single(), [])
    estimator = Estimator(Beta(2.0, 2.0), Beta(6.0, 2.0), [])
    await AdaptiveReasoner(agreeing(), policy=policy, estimator=estimator, budget=100).arun(STEP)
    (before, full), (after, less) = policy.seen
    assert (before.drawn, before.difficulty, full.remaining.tokens) == ((), Beta(2.0, 2.0), 100)
    assert (len(after.drawn), after.difficulty, less.remaining.tokens) == (1, Beta(6.0, 2.0), 91)


async def test_the_probe_is_part_of_the_vote_and_is_not_paid_twice() -> None:
    sampler = agreeing()
    result = await AdaptiveReasoner(sampler, policy=Probing(SelfConsistency(FixedSize(3)), [])).arun(STEP)
    assert [asked.n for asked in sampler.calls] == [1, 2]
    assert result.outcome.votes == {"4": 3}
    assert result.spent == Amount(3 * 9, 3)


async def test_a_policy_that_needs_no_probe_gets_none() -> None:
    sampler = agreeing()
    result = await AdaptiveReasoner(sampler, policy=VOTE).arun(STEP)
    assert [asked.n for asked in sampler.calls] == [3]
    assert kinds(result.events) == ["Decided", "Drawn"]
    assert result.difficulty is None


async def test_by_default_it_spends_where_that_pays() -> None:
    easy = replace(STEP, difficulty=Beta(99.0, 1.0))
    assert (await AdaptiveReasoner(agreeing(), policy=MarginalValue(price=1e-2)).arun(easy)).spent.calls == 1
    unsure = replace(STEP, difficulty=Beta(2.0, 2.0))
    assert (await AdaptiveReasoner(agreeing()).arun(unsure)).spent.calls > 1


async def test_verdicts_are_on_the_trace() -> None:
    best = Fixed(BestOfN(FunctionVerifier(lambda step, sample: True, name="sum"), FixedSize(2)))
    result = await AdaptiveReasoner(agreeing(), policy=best).arun(STEP)
    assert result.events[-1] == Verified("sum", (1.0, 1.0), 2)
    assert [to_dict(event)["event"] for event in result.events] == ["decided", "drawn", "verified"]


async def test_serial_tokens_are_those_of_the_longest_sample_of_each_round() -> None:
    sampler = ScriptedSampler(["one", "one two three", "one two"])
    result = await AdaptiveReasoner(sampler, policy=Probing(SelfConsistency(FixedSize(3)), [])).arun(STEP)
    assert result.serial_tokens == 1 + 3


async def test_a_policy_that_cannot_decide_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="second probe"):
        await AdaptiveReasoner(agreeing(), policy=Probing(None, [])).arun(STEP)


# ------------------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("question", ["", "  \n"])
async def test_an_empty_question_is_refused_before_anything_is_spent(question: str) -> None:
    sampler = agreeing()
    with pytest.raises(ConfigurationError, match="the question is empty"):
        await AdaptiveReasoner(sampler).arun(question)
    assert sampler.calls == []


@pytest.mark.parametrize("policy", [None, VOTE], ids=["probing", "fixed"])
async def test_a_budget_too_small_for_one_call_is_said_in_numbers(policy: Fixed | None) -> None:
    sampler = agreeing()
    with pytest.raises(BudgetExhausted, match="the next call needs at least 15 tokens and 14 of the budget are left"):
        await AdaptiveReasoner(sampler, policy=policy, budget=14).arun(STEP)
    assert sampler.calls == []


async def test_a_budget_that_ends_half_way_still_brings_an_answer() -> None:
    result = await AdaptiveReasoner(agreeing(), policy=VOTE, budget=30).arun(STEP)
    assert (result.outcome.stop, result.outcome.answer, len(result.outcome.samples)) == ("budget", "4", 2)
    assert isinstance(result.events[-1], Refused)


@pytest.mark.parametrize("policy", [None, VOTE], ids=["probing", "fixed"])
async def test_if_every_call_fails_the_last_failure_is_raised(policy: Fixed | None) -> None:
    busy = SamplerError("busy", billed=False, retryable=True, retry_after=0.0)
    errors = [busy, busy, RequestRejected("unknown model")]
    faults = {call: Fault(error=error) for call, error in enumerate(errors)}
    sampler = agreeing(faults=faults)
    with pytest.raises(RequestRejected, match="unknown model"):
        await AdaptiveReasoner(sampler, policy=policy).arun(STEP)
    assert len(sampler.calls) == 3


async def test_no_sample_and_no_failure_is_a_failure_too() -> None:
    sampler = agreeing(faults=lambda call: Fault(missing=9))
    with pytest.raises(SamplerError, match="the model returned no sample"):
        await AdaptiveReasoner(sampler).arun(STEP)


async def test_retries_are_on_the_trace() -> None:
    busy = SamplerError("busy", billed=False, retryable=True, retry_after=0.0)
    result = await AdaptiveReasoner(agreeing(faults={0: Fault(error=busy)}), policy=Fixed(Single())).arun(STEP)
    assert kinds(result.events) == ["Decided", "Drawn", "Retried", "Drawn"]
    assert isinstance(result.events[2], Retried)


async def test_retries_can_be_switched_off() -> None:
    busy = SamplerError("busy", billed=False, retryable=True, retry_after=0.0)
    with pytest.raises(SamplerError, match="busy"):
        await AdaptiveReasoner(agreeing(faults={0: Fault(error=busy)}), max_retries=0).arun(STEP)


@pytest.mark.parametrize(("retries", "least"), [(-1, 16), (2, 0)])
def test_senseless_settings_are_refused(retries: int, least: int) -> None:
    with pytest.raises(ConfigurationError, match="max_retries must be >= 0 and min_tokens >= 1"):
        AdaptiveReasoner(agreeing(), max_retries=retries, min_tokens=least)


async def test_an_interrupt_leaves_nothing_reserved() -> None:
    budget = CheckedBudget(1000)
    task = asyncio.ensure_future(AdaptiveReasoner(agreeing(latency=3600.0), budget=budget).arun(STEP))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (budget.held, budget.spent) == (Amount(), Amount(15, 1))


# -------------------------------------------------------------------------------------------- budgets and callers


async def test_steps_share_the_reasoners_budget_and_may_bring_their_own() -> None:
    shared, own = CheckedBudget(1000), CheckedBudget(1000)
    reasoner = AdaptiveReasoner(agreeing(), policy=VOTE, budget=shared)
    results = await asyncio.gather(*(reasoner.arun(STEP) for _ in range(4)))
    assert shared.spent == Amount(4 * 3 * 9, 12)
    assert all(result.spent == Amount(3 * 9, 3) for result in results)
    await reasoner.arun(STEP, budget=own)
    assert (own.spent.calls, shared.spent.calls) == (3, 12)


def test_a_budget_is_a_ledger_or_a_number_of_tokens_or_no_limit() -> None:
    ledger = Budget(5)
    assert as_budget(ledger) is ledger
    assert as_budget(7).limit.tokens == 7
    assert as_budget(None).view().remaining.tokens > 10**15
    with pytest.raises(ConfigurationError, match="buys nothing"):
        as_budget(0)


def test_synchronous_callers_get_the_same_answer() -> None:
    result = AdaptiveReasoner(agreeing(), policy=VOTE).run(STEP)
    assert isinstance(result, Result)
    assert result == asyncio.run(AdaptiveReasoner(agreeing(), policy=VOTE).arun(STEP))
    with pytest.raises(BudgetExhausted):
        AdaptiveReasoner(agreeing()).run(STEP, budget=3)


async def test_run_works_inside_a_running_loop() -> None:
    assert AdaptiveReasoner(agreeing(), policy=VOTE).run(QUESTION).text == "The answer is 4."


async def test_run_inside_a_loop_does_not_wait_for_a_call_that_the_loop_has_in_flight() -> None:
    reasoner = AdaptiveReasoner(agreeing(latency=0.2), policy=Fixed(Single()), budget=CheckedBudget(24))
    task = asyncio.ensure_future(reasoner.arun(STEP))
    await asyncio.sleep(0.05)
    with pytest.raises(ConfigurationError, match="await arun"):
        reasoner.run(STEP)
    assert (await task).text == "The answer is 4."
    assert reasoner.run(STEP).text == "The answer is 4."


async def test_run_in_a_thread_waits_for_calls_in_flight() -> None:
    reasoner = AdaptiveReasoner(agreeing(latency=0.2), policy=Fixed(Single()), budget=CheckedBudget(24))
    task = asyncio.ensure_future(reasoner.arun(STEP))
    await asyncio.sleep(0.05)
    assert (await asyncio.to_thread(reasoner.run, STEP)).text == (await task).text


async def test_a_verifier_may_itself_use_a_synchronous_reasoner() -> None:
    inner = AdaptiveReasoner(agreeing(), policy=Fixed(Single()))
    asks_again = FunctionVerifier(lambda step, sample: inner.run(QUESTION).text == sample.text)
    outer = AdaptiveReasoner(agreeing(), policy=Fixed(BestOfN(asks_again, FixedSize(2))))
    assert outer.run(STEP).outcome.accepted
    assert (await outer.arun(STEP)).outcome.accepted


async def test_what_the_sampler_reported_is_what_the_result_says() -> None:
    thinking = Sample("4", usage=Usage(5, 9, reasoning_tokens=8), logprob=-0.2)
    result = await AdaptiveReasoner(ScriptedSampler([thinking]), policy=Fixed(Single())).arun(STEP)
    assert result.sample == thinking
    assert result.spent == Amount(14, 1)


async def test_a_number_of_tokens_for_one_step_narrows_the_reasoners_own_budget() -> None:
    reasoner = AdaptiveReasoner(ScriptedSampler(["answer 7", "answer 7"]), policy=Fixed(Single()), budget=1_000)
    await reasoner.arun("2 + 5?", budget=500)
    assert 0 < reasoner.budget.spent.tokens <= 500
    with pytest.raises(BudgetExhausted):
        await reasoner.arun("2 + 5?", budget=1)


def test_every_result_is_shown_to_who_asked_for_them() -> None:
    seen: list[Result] = []
    reasoner = AdaptiveReasoner(agreeing(), policy=VOTE, on_result=seen.append)
    results = [reasoner.run(QUESTION), reasoner.run(STEP)]
    assert seen == results
    assert seen[1].step == STEP
