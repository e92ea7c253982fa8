"""What a step of the research is granted."""

from dataclasses import replace
from pathlib import Path

import pytest

from examples.deep_research.effort import CLASSES, Grant, Kind, Outlook
from examples.deep_research.pace import FINDS, LADDERS, Priced, read_profile, write_profile
from tts_agent import Budget


def cost(priced: Priced, kind: Kind, grant: Grant | None) -> float:
    assert grant is not None
    return next(rung.cost for rung in priced.ladders[kind].rungs if rung.effort == grant.effort)


def granted(priced: Priced, kind: Kind, left: int, todo: int, report: int = 0) -> Grant | None:
    """What a step is granted of a budget of so many tokens, at the price that its pace asks for."""
    outlook, budget = Outlook(left, todo, report=report), Budget(left, pace=priced.pace(0))
    budget.expect(priced.ahead(kind, outlook))
    return priced.grant(kind, replace(outlook, price=budget.view(CLASSES[kind]).price))


@pytest.mark.parametrize(("kind", "todo"), [("plan", 5), ("find", 1), ("find", 4), ("write", 0)])
def test_more_is_granted_where_more_is_left(priced: Priced, kind: Kind, todo: int) -> None:
    costs = [cost(priced, kind, granted(priced, kind, left, todo)) for left in (1, 300, 900, 2000, 5000, 50_000)]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_less_is_granted_where_more_is_still_to_be_found(priced: Priced) -> None:
    costs = [cost(priced, "find", granted(priced, "find", 3000, todo)) for todo in range(1, 6)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


def test_the_report_s_tokens_are_out_of_reach_where_there_is_room_for_a_report_of_all_that_is_to_be_found(
    priced: Priced,
) -> None:
    grants = [granted(priced, "find", 1000, todo, report=200) for todo in (2, 4)]
    assert [grant and grant.tokens for grant in grants] == [800, 1000]


def test_a_final_reserve_is_kept_where_it_leaves_enough_to_find_something_out(priced: Priced) -> None:
    assert [priced.reserve(tokens, 90) for tokens in (priced.least, 2000)] == [0, 90]


def test_a_fact_that_was_not_found_is_looked_for_once_more_with_more_or_given_up(priced: Priced) -> None:
    again = priced.grant("find", Outlook(3000, 2, FINDS[1]))
    assert again is not None
    assert FINDS.index(again.effort) > 1
    assert priced.grant("find", Outlook(3000, 2, FINDS[-1])) is None


def test_a_profile_is_read_as_it_was_written(priced: Priced, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    write_profile(path, {kind: priced.ladders[kind].rungs for kind in LADDERS})
    assert read_profile(path) == priced
    assert read_profile(path, scale=2.0).least == 2 * priced.least
