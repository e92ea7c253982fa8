"""The conformance suites find what is wrong with a plug-in. (That ours pass is tested beside each of them.)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tts_agent.answers import vote
from tts_agent.budget import Amount, Ask, Reservation
from tts_agent.effects import Flow, call, generate, record, together
from tts_agent.events import Refused
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step
from tts_agent.strategies import Single
from tts_agent.strategies.base import draw
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_strategy, check_verifier
from tts_agent.verifiers import Verdict


@dataclass(frozen=True)
class Plugin:
    """A strategy that is one function."""

    function: Callable[[Step], Flow[Outcome]]
    name: str = "plugin"

    def run(self, step: Step) -> Flow[Outcome]:
        return self.function(step)


def trusting(step: Step) -> Flow[Outcome]:
    batch = yield from generate(step.request(), 2)
    return Outcome("plugin", "done", batch.samples[0], vote(batch.samples[0], step.answer_key), batch.samples)


def forgetful(step: Step) -> Flow[Outcome]:
    batch = yield from generate(step.request(), 1)
    if not batch.samples:
        return Outcome("plugin", "failed")
    return Outcome("plugin", "done", batch.samples[0], vote(batch.samples[0], step.answer_key), batch.samples)


def retouching(step: Step) -> Flow[Outcome]:
    outcome = yield from Single().run(step)
    if outcome.sample is None:
        return outcome
    return Outcome("plugin", "done", Sample(outcome.sample.text.upper()), outcome.answer, outcome.samples)


def stubborn(step: Step) -> Flow[Outcome]:
    while not step.drawn:
        step, _ = yield from draw(step, 1)
    return (yield from Single().run(step))


def boastful(step: Step) -> Flow[Outcome]:
    outcome = yield from Single().run(step)
    return Outcome("plugin", outcome.stop, outcome.sample, outcome.answer, outcome.samples, p_correct=1.5)


def muddled(step: Step) -> Flow[Outcome]:
    yield generate(step.request(), 1)  # type: ignore[misc]  # `from` is missing, which is what this is about
    return Outcome("plugin", "failed")


def interrupt_proof(step: Step) -> Flow[Outcome]:
    try:
        return (yield from Single().run(step))
    except GeneratorExit:
        yield from record(Refused("not now"))
        return Outcome("plugin", "failed")


SEEN: list[Step] = []


def remembering(step: Step) -> Flow[Outcome]:
    SEEN.append(step)
    outcome = yield from Single().run(step)
    return Outcome(f"run {len(SEEN)}", outcome.stop, outcome.sample, outcome.answer, outcome.samples)


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (trusting, "tuple index out of range"),
        (forgetful, "samples drawn before are missing"),
        (retouching, "the winner is not one of the samples"),
        (stubborn, "asks for ever"),
        (boastful, "is 1.5"),
        (muddled, "was `yield from` meant"),
        (interrupt_proof, "an interrupt led to"),
        (remembering, "the same replies led to"),
    ],
)
def test_a_strategy_that_breaks_a_promise_is_found(function: Callable[[Step], Flow[Outcome]], complaint: str) -> None:
    with pytest.raises((AssertionError, IndexError), match=complaint):
        check_strategy(lambda: Plugin(function))


@dataclass(frozen=True)
class Judge:
    """A verifier that is one function."""

    function: Callable[[Step, Sequence[Sample]], Flow[Sequence[Verdict]]]
    name: str = "judge"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return self.function(step, samples)


def asking(step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
    """Right: it copes with judgements that do not come."""
    batches = yield from together(*(generate(step.request(), 2) for _ in samples))
    return [Verdict(len(batch.samples) / 2) for batch in batches]


def counting_on_the_model(step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
    batch = yield from generate(step.request(), len(samples))
    return [Verdict(float(len(sample.text))) for sample in batch.samples]


def dividing(step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
    return (yield from call(lambda: [Verdict(1 / len(sample.text)) for sample in samples]))


def not_a_number(step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
    return (yield from call(lambda: [Verdict(float("nan")) for _ in samples]))


def test_a_verifier_that_asks_a_model_and_copes_passes() -> None:
    check_verifier(lambda: Judge(asking))


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (counting_on_the_model, "verdicts on 1 samples"),
        (dividing, "division by zero"),
        (not_a_number, "not a number"),
    ],
)
def test_a_verifier_that_breaks_a_promise_is_found(function: Any, complaint: str) -> None:
    with pytest.raises((AssertionError, ZeroDivisionError), match=complaint):
        check_verifier(lambda: Judge(function))


async def test_a_check_runs_inside_a_running_loop() -> None:
    check_strategy(Single)


def test_a_checked_budget_notices_a_ledger_that_is_overdrawn() -> None:
    budget = CheckedBudget(10)
    with pytest.raises(AssertionError, match="spent and held of"):
        budget.at_least(Amount(11))
    budget = CheckedBudget(10)
    grant = budget.reserve(Ask(0, 1, 10))
    assert isinstance(grant, Reservation)
    grant.release()
    grant._open = True
    with pytest.raises(AssertionError, match="more was given back than was held"):
        grant.release()


def test_a_checked_budget_forgives_what_a_provider_reported_too_much() -> None:
    budget = CheckedBudget(10)
    grant = budget.child(10).reserve(Ask(0, 1, 10))
    assert isinstance(grant, Reservation)
    grant.settle(15)
    assert (budget.overruns, budget.spent) == (1, Amount(15, 1))
