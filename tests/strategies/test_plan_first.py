"""Plans first, then solutions."""

import random
from dataclasses import replace

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, assistant, user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.strategies import PlanFirst
from tts_agent.strategies.plan_first import PLAN, SOLVE
from tts_agent.testing.conformance import check_strategy


def plans(*texts: str) -> SampleBatch:
    return SampleBatch(tuple(map(Sample, texts)))


def test_every_plan_is_followed_and_the_answers_vote() -> None:
    step = replace(STEP, tools=({"name": "search"},), final=True)
    played = play(PlanFirst(3), [plans("Add.", "Count.", "Guess."), batch(4), batch(4), batch(5)], step)
    asked_for_plans, *solving = played.asked
    assert asked_for_plans.request.messages == (user(f"{STEP.text}\n\n{PLAN}"),)
    assert (asked_for_plans.n, asked_for_plans.request.tools) == (3, ())
    assert [ask.request.messages[1:] for ask in solving] == [
        (assistant(plan), user(SOLVE)) for plan in ("Add.", "Count.", "Guess.")
    ]
    assert all(ask.final for ask in played.asked)
    assert all(ask.request.tools == step.tools for ask in solving)
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.votes) == ("done", "4", {"4": 2, "5": 1})


def test_the_same_plan_is_followed_once_and_an_empty_one_never() -> None:
    played = play(PlanFirst(4, 2), [plans("Add.", " Add.", "", "Count."), batch(4, 4), batch(5, 5)])
    assert played.sizes == [4, 2, 2]


def test_a_plan_is_asked_for_in_a_turn_of_its_own_where_the_last_is_not_the_users_text() -> None:
    picture = Message("user", "What is this?", raw=object())
    played = play(PlanFirst(1), [NO_BUDGET, NO_BUDGET], replace(STEP, messages=(picture,)))
    assert played.asked[0].request.messages == (picture, user(PLAN))


def test_different_plans_do_what_repeated_samples_cannot() -> None:
    """A plan is good with probability g; whoever follows a good one is right, other answers scatter."""
    good, number, rng = 0.4, 3, random.Random(8)

    def model(ask: Generate) -> SampleBatch:
        if len(ask.request.messages) == 1:
            kinds = ("good" if rng.random() < good else "bad" for _ in range(ask.n))
            return plans(*(f"{kind} {rng.random()}" for kind in kinds))
        right = ask.request.messages[1].content.startswith("good")
        return plans(*("4" if right else str(rng.random()) for _ in range(ask.n)))

    share, tolerance = rate([simulate(PlanFirst(number, 2), model, PLAIN).outcome.answer == "4" for _ in range(800)])
    assert share == pytest.approx(1.0 - (1.0 - good) ** number, abs=tolerance)


def test_without_a_plan_as_many_solutions_are_drawn() -> None:
    played = play(PlanFirst(2, 2), [NO_LUCK, batch(4, 4)])
    assert played.asked[1].request == STEP.request()
    assert (played.sizes, played.outcome.stop, played.outcome.answer) == ([2, 4], "done", "4")


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_solutions_that_came_decide(reply: SampleBatch, stop: str) -> None:
    outcome = play(PlanFirst(2), [plans("Add.", "Count."), reply, batch(4)]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "4")
    assert play(PlanFirst(2), [reply, reply]).outcome == Outcome("plan_first", outcome.stop)


@pytest.mark.parametrize(("number", "solutions"), [(0, 1), (1, 0)])
def test_nothing_to_do_is_refused(number: int, solutions: int) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        PlanFirst(number, solutions)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: PlanFirst(2, 2))
