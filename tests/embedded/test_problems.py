"""Held-out sets are fixed, mixed and held out."""

from collections import Counter

import pytest

from tts_agent.embedded.problems import LEVELS, demo_problems, problems
from tts_agent.embedded.tasks import FAMILIES, Split, split_of


def test_a_set_is_fixed_and_longer_ones_begin_alike() -> None:
    assert demo_problems(40) == demo_problems(100)[:40]
    assert demo_problems(40) != demo_problems(40, seed=1)


@pytest.mark.parametrize("split", Split)
def test_a_set_is_of_its_split_without_repeats_and_balanced(split: Split) -> None:
    drawn = problems(split, 100)
    assert {split_of(problem.question) for problem in drawn} == {split}
    assert len({problem.question for problem in drawn}) == len(drawn)
    assert Counter(problem.family for problem in drawn) == dict.fromkeys(FAMILIES, 20)


def test_only_chosen_levels_are_drawn() -> None:
    assert all(problem.level in LEVELS[problem.family] for problem in demo_problems(200))
    assert list(LEVELS) == list(FAMILIES)


def test_the_demonstration_is_large_enough() -> None:
    assert len(demo_problems(400)) == 400
