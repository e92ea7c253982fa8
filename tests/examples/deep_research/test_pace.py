"""What a step of the research is granted."""

from pathlib import Path

import pytest

from examples.deep_research.effort import Grant, Kind, Outlook
from examples.deep_research.pace import FINDS, LADDERS, Priced, read_profile, write_profile


def cost(priced: Priced, kind: Kind, grant: Grant | None) -> float:
    assert grant is not None
    return next(rung.cost for rung in priced.ladders[kind].rungs if rung.effort == grant.effort)


@pytest.mark.parametrize(("kind", "todo"), [("plan", 5), ("find", 1), ("find", 4), ("write", 0)])
def test_more_is_granted_where_more_is_left(priced: Priced, kind: Kind, todo: int) -> None:
    costs = [cost(priced, kind, priced.grant(kind, Outlook(left, todo))) for left in (0, 300, 900, 2000, 5000, 50_000)]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_less_is_granted_where_more_is_still_to_be_found(priced: Priced) -> None:
    costs = [cost(priced, "find", priced.grant("find", Outlook(3000, todo))) for todo in range(1, 6)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


def test_the_least_that_later_facts_need_is_out_of_reach(priced: Priced) -> None:
    grant = priced.grant("find", Outlook(3000, 4))
    assert grant is not None
    assert grant.tokens == 3000 - 3 * round(priced.ladders["find"].least)


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
