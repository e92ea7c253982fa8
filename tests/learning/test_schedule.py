"""Which question gets the next call."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tts_agent.learning.draws import Draw
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import Item
from tts_agent.learning.schedule import Schedule
from tts_agent.messages import user

ITEMS = [Item(str(n), (user(f"question {n}"),)) for n in range(5)]
ENOUGH = Enough(3, 12, 0.5)


def outcome(question: int, number: int) -> bool:
    return Random(f"{question} {number}").random() < question / 4


def played(order: Random, batch: int, fails: float = 0.0) -> dict[int, dict[int, bool | None]]:
    """All outcomes, with calls in flight that come back in any order, some of them with nothing."""
    schedule, found = Schedule(ITEMS, {}, ENOUGH, batch), {n: dict[int, bool | None]() for n in range(len(ITEMS))}
    in_flight: list[Draw] = []
    while schedule or in_flight:
        while schedule and (len(in_flight) < 3):
            in_flight.append(schedule.next())
        draw = in_flight.pop(order.randrange(len(in_flight)))
        if order.random() >= fails:
            drawn = {number: outcome(draw.question, number) for number in range(draw.number, draw.number + draw.n)}
            assert not drawn.keys() & found[draw.question].keys()
            found[draw.question].update(drawn)
            schedule.note(draw.question, dict(drawn))
        schedule.put_back(draw.question)
    assert schedule.finished == len(ITEMS)
    assert schedule.samples == sum(map(len, found.values()))
    return found


@given(st.randoms(use_true_random=False), st.integers(1, 5), st.sampled_from([0.0, 0.4]))
def test_order_failures_and_size_of_calls_change_nothing(order: Random, batch: int, fails: float) -> None:
    assert played(order, batch, fails) == played(Random(0), 1)


@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_a_schedule_that_is_resumed_asks_for_the_rest(order: Random, batch: int) -> None:
    whole = played(Random(0), 1)
    part = {n: {k: outcomes[k] for k in range(order.randrange(len(outcomes) + 1))} for n, outcomes in whole.items()}
    schedule = Schedule(ITEMS, part, ENOUGH, batch)
    while schedule:
        draw = schedule.next()
        drawn = {k: outcome(draw.question, k) for k in range(draw.number, draw.number + draw.n)}
        part[draw.question].update(drawn)
        schedule.note(draw.question, dict(drawn))
        schedule.put_back(draw.question)
    assert part == whole


def test_every_question_gets_its_first_sample_before_any_gets_a_second() -> None:
    schedule = Schedule(ITEMS, {0: {0: True}, 3: {0: False}}, ENOUGH, 1)
    assert [schedule.next().question for _ in range(5)] == [1, 2, 4, 0, 3]


def test_a_number_that_is_used_up_is_not_asked_for_again() -> None:
    schedule = Schedule(ITEMS[:1], {0: {0: True, 1: None}}, ENOUGH, 5)
    draw = schedule.next()
    assert (draw.number, draw.n) == (2, 2)
