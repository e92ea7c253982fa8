"""The first k of n calls."""

from __future__ import annotations

import asyncio
import random
from math import exp

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, batch, play, rate, says
from tests.strategies.virtual_time import run_virtually
from tts_agent.budget import Amount, Budget
from tts_agent.driver import Driver
from tts_agent.events import Drawn
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.strategies import FirstFinish
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_strategy
from tts_agent.testing.scripted import Fault, ScriptedSampler

PROMPT, REPLY, LIMIT = 5, 4, 8  # words of the question and of a reply, most of a reply


async def race(
    answers: list[object], seconds: list[float], budget: Budget, strategy: FirstFinish
) -> tuple[Outcome, float]:
    """The outcome of calls that take so long, and how long it took."""
    sampler = ScriptedSampler(
        lambda request, index: f"The answer is {answers[index]}.", faults=lambda call: Fault(latency=seconds[call])
    )
    clock = asyncio.get_running_loop().time
    begun = clock()
    outcome = await Driver(sampler, budget, min_tokens=1).run(strategy.run(STEP))
    return outcome, clock() - begun


def racing(answers: list[object], seconds: list[float], budget: Budget, strategy: FirstFinish) -> tuple[Outcome, float]:
    return run_virtually(race(answers, seconds, budget, strategy))


def test_the_first_to_finish_decide_and_nobody_waits_for_the_others() -> None:
    outcome, seconds = racing([5, 4, 6, 4], [30.0, 10.0, 40.0, 20.0], Budget(), FirstFinish(4, 2))
    assert (outcome.stop, outcome.answer, seconds) == ("done", "4", 20.0)
    assert outcome.votes == {"4": 2}


def test_cancelled_calls_are_on_the_ledger_in_full() -> None:
    budget = CheckedBudget(1000)
    racing([4, 4, 4], [1.0, 2.0, 3.0], budget, FirstFinish(3, 1))
    assert budget.spent == Amount((PROMPT + REPLY) + 2 * (PROMPT + LIMIT), 3)
    assert budget.held == Amount()


@pytest.mark.parametrize("k", [1, 3, 6])
def test_the_wait_is_the_kth_smallest_of_n_latencies(k: int) -> None:
    """Of n exponential latencies of mean 1: 1/n + 1/(n-1) + ... (k terms), its variance the squares of these."""
    n, trials, rng = 6, 80, random.Random(k)

    async def wait() -> float:
        seconds = [rng.expovariate(1.0) for _ in range(n)]
        return (await race([4] * n, seconds, Budget(), FirstFinish(n, k)))[1]

    async def waits() -> list[float]:
        return [await wait() for _ in range(trials)]

    terms = [1.0 / (n - i) for i in range(k)]
    error = (sum(term**2 for term in terms) / trials) ** 0.5
    assert sum(run_virtually(waits())) / trials == pytest.approx(sum(terms), abs=4.0 * error)


def test_where_right_answers_are_shorter_the_first_is_right_more_often() -> None:
    """Right answers take an exponential time of mean 1, wrong ones of mean 3; half of the calls are right."""
    p, n, trials, rng = 0.5, 4, 300, random.Random(2)

    async def right() -> bool:
        hits = [rng.random() < p for _ in range(n)]
        seconds = [rng.expovariate(1.0 if hit else 1.0 / 3.0) for hit in hits]
        outcome, _ = await race([4 if hit else 5 for hit in hits], seconds, Budget(), FirstFinish(n, 1))
        return outcome.answer == "4"

    async def all_of_them() -> list[bool]:
        return [await right() for _ in range(trials)]

    width = 0.001
    times = (width * (i + 0.5) for i in range(20_000))
    exact = sum(width * n * p * exp(-t) * (p * exp(-t) + (1 - p) * exp(-t / 3.0)) ** (n - 1) for t in times)
    share, tolerance = rate(run_virtually(all_of_them()))
    assert exact > 0.65
    assert share == pytest.approx(exact, abs=tolerance)


def test_a_reply_that_was_cut_off_has_not_finished() -> None:
    cut = SampleBatch((Sample("The answer", "length"),))
    played = play(FirstFinish(3, 1), [cut, batch(4)])
    assert (played.outcome.answer, len(played.asked)) == ("4", 2)
    outcome = play(FirstFinish(2, 1), [cut, cut]).outcome
    assert (outcome.stop, outcome.answer, outcome.sample) == ("done", None, cut.samples[0])


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_where_fewer_come_those_decide(reply: SampleBatch, stop: str) -> None:
    outcome = play(FirstFinish(3, 2), [reply, batch(4), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "4")
    assert play(FirstFinish(2), [reply, reply]).outcome == Outcome("first_finish", outcome.stop)


def test_samples_drawn_before_finished_first() -> None:
    assert play(FirstFinish(3, 1), step=STEP.with_drawn((says(5),))).asked == []
    played = play(FirstFinish(3, 2), [batch(4)], STEP.with_drawn((says(5),)))
    assert (played.outcome.answer, played.outcome.votes) == ("5", {"5": 1, "4": 1})


def test_calls_that_a_short_budget_cannot_hold_together_wait_for_each_other() -> None:
    budget = CheckedBudget(2 * (PROMPT + LIMIT))
    outcome, seconds = racing([4, 5, 6], [5.0, 9.0, 1.0], budget, FirstFinish(3, 2))
    assert (outcome.stop, len(outcome.samples)) == ("done", 2)
    assert seconds == 9.0


def test_the_trace_shows_what_was_cancelled() -> None:
    async def run() -> list[Drawn]:
        sampler = ScriptedSampler(["4"] * 3, faults={1: Fault(latency=9.0), 2: Fault(latency=9.0)})
        driver = Driver(sampler, Budget())
        await driver.run(FirstFinish(3, 1).run(STEP))
        return [event for event in driver.events if isinstance(event, Drawn)]

    drawn = run_virtually(run())
    bound = PROMPT + LIMIT
    assert [(event.received, event.charged) for event in drawn] == [(1, PROMPT + 1), (0, bound), (0, bound)]


@pytest.mark.parametrize(("n", "k"), [(0, 0), (2, 0), (2, 3)])
def test_more_than_all_and_less_than_one_is_refused(n: int, k: int) -> None:
    with pytest.raises(ConfigurationError, match="first k of n"):
        FirstFinish(n, k)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: FirstFinish(4, 2))
