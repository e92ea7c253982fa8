"""Gains over votes at equal cost."""

from dataclasses import replace

import numpy as np

from benchmarks.against_votes import MOST, Remembering, steps_before, table
from tts_agent.embedded.defaults import embedded_step
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.portal import run_sync

QUESTIONS = 12


def measured(*strategies: tuple[float, float, float]) -> str:
    """Votes gain .02 and cost 100 tokens, 80 of them output, with every sample; strategies are given."""
    votes = [(0.5 + 0.02 * n, 20.0 + 80.0 * n, 80.0 * n) for n in range(1, MOST + 1)]
    rows = np.tile(np.array([*votes, *strategies]), (QUESTIONS, 1, 1))
    return table("chain", [f"strategy {at}" for at in range(len(strategies))], rows)


def test_a_strategy_is_compared_with_the_vote_of_the_same_cost_between_two_sizes() -> None:
    page = measured((0.6, 20.0 + 80.0 * 3.5, 80.0 * 2.5))
    assert "| strategy 0 | 0.600 | 300 | 200 | +0.030 (+0.030 to +0.030) | +0.050 (+0.050 to +0.050) |" in page


def test_what_costs_more_than_the_largest_vote_is_compared_with_that() -> None:
    assert "| strategy 0 | 0.900 | 9000 | 9000 | +0.100 (+0.100 to +0.100) |" in measured((0.9, 9000.0, 9000.0))


def test_some_sizes_of_vote_are_shown_and_have_no_gain() -> None:
    votes = [line for line in measured().splitlines() if line.startswith("| vote of")]
    assert [line.split()[3] for line in votes] == ["1", "3", "5", "9", "15"]
    assert all(line.endswith("|  |  |") for line in votes)


def test_the_steps_before_the_first_wrong_one_begin_the_next_attempt() -> None:
    assert steps_before("1+1=2 ; 2+2=5 ; answer 5", 2) == "1+1=2 ; "


def test_what_was_drawn_before_is_given_and_billed_as_if_it_were_drawn_again() -> None:
    sampler = EmbeddedSampler()
    request = embedded_step("Start with 47. Add 38. What is the result?", seed=1).request()
    remembering = Remembering(sampler)
    run_sync(remembering.sample(request, 2))
    for offset, n in ((0, 3), (1, 2)):
        asked = replace(request, offset=offset)
        given, drawn = (run_sync(each.sample(asked, n)) for each in (remembering, sampler))
        assert [sample.text for sample in given.samples] == [sample.text for sample in drawn.samples]
        assert given.usage == drawn.usage
