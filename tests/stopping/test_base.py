"""What every stopping rule keeps to, whoever invented it."""

import random
from collections.abc import Callable, Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.probability import Beta
from tts_agent.stopping import (
    AdaptiveConsistency,
    AnswerPopulation,
    DirichletConsistency,
    ExtendingWindow,
    FixedSize,
    ModeCertification,
    PopulationPrior,
    StoppingRule,
    Supermajority,
    UntilAccepted,
    Window,
)
from tts_agent.voting import Tally

MOST = 24
POPULATION = AnswerPopulation.fit(["aaaaaaaa", "aaaaaaab", "aaaaabbc", "aaabbcde", "aaaabbbb", "abcdefgh"])
RULES: list[StoppingRule] = [
    FixedSize(5),
    AdaptiveConsistency(0.95, MOST),
    DirichletConsistency(0.95, MOST),
    Window(5, MOST),
    ExtendingWindow(6, 4, 0.95, MOST),
    Supermajority(0.75, 2, MOST),
    ModeCertification(0.1, MOST),
    ModeCertification(0.1, MOST, answers=5),
    PopulationPrior(POPULATION, 0.95, MOST),
    UntilAccepted(Beta(1.0, 3.0), 0.1, MOST, batch=4),
]
VOTES = st.lists(st.sampled_from(["a", "a", "a", "b", "b", "c", "d", None]), max_size=MOST + 4)
rule_of_the_field = pytest.mark.parametrize(
    "rule", RULES, ids=[f"{index} {type(rule).__name__}" for index, rule in enumerate(RULES)]
)


def drawn(rule: StoppingRule, stream: list[Hashable | None]) -> Tally:
    """The tally at which a rule stops on a stream."""
    tally = Tally()
    while needed := rule.still_needed(tally):
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    return tally


@rule_of_the_field
@settings(max_examples=50)
@given(votes=VOTES)
def test_a_rule_never_asks_beyond_its_maximum(rule: StoppingRule, votes: list[Hashable | None]) -> None:
    needed = rule.still_needed(Tally(tuple(votes)))
    assert needed >= 0
    assert len(votes) + needed <= max(MOST, len(votes))


@rule_of_the_field
@settings(max_examples=25)
@given(stream=st.lists(st.sampled_from(["a", "a", "b", "c", None]), min_size=MOST, max_size=MOST))
def test_a_rule_answers_the_same_twice_and_comes_to_an_end(rule: StoppingRule, stream: list[Hashable | None]) -> None:
    tally = drawn(rule, stream)
    assert tally == drawn(rule, stream)
    assert 1 <= tally.drawn <= MOST


@rule_of_the_field
def test_more_unanimous_votes_never_make_a_rule_ask_for_more(rule: StoppingRule) -> None:
    asked = [rule.still_needed(Tally(("a",) * n)) for n in range(MOST + 2)]
    totals = [n + more for n, more in enumerate(asked)]
    if not isinstance(rule, UntilAccepted | Window | Supermajority | ExtendingWindow):
        assert asked == sorted(asked, reverse=True)
    stopped = asked.index(0)
    assert all(more == 0 for more in asked[stopped:])
    assert totals[:stopped] == sorted(totals[:stopped])


@rule_of_the_field
@settings(max_examples=50)
@given(votes=VOTES, seed=st.randoms(use_true_random=False))
def test_order_matters_only_to_rules_that_say_so(
    rule: StoppingRule, votes: list[Hashable | None], seed: random.Random
) -> None:
    if not getattr(rule, "order_matters", True):
        shuffled = list(votes)
        seed.shuffle(shuffled)
        assert rule.still_needed(Tally(tuple(shuffled))) == rule.still_needed(Tally(tuple(votes)))


@pytest.mark.parametrize(
    "rule",
    [
        lambda knob: AdaptiveConsistency(0.5 + knob / 2, MOST),
        lambda knob: DirichletConsistency(0.5 + knob / 2, MOST),
        lambda knob: ExtendingWindow(4, 4, 0.5 + knob / 2, MOST),
        lambda knob: Supermajority(0.5 + knob / 2, 2, MOST),
        lambda knob: ModeCertification(1.0 - knob, MOST),
        lambda knob: PopulationPrior(POPULATION, knob, MOST),
    ],
    ids=["beta", "dirichlet", "extending window", "supermajority", "mode certification", "population prior"],
)
@settings(max_examples=50)
@given(votes=VOTES, knobs=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)))
def test_a_stricter_rule_never_asks_for_less(
    rule: Callable[[float], StoppingRule], votes: list[Hashable | None], knobs: tuple[float, float]
) -> None:
    tally = Tally(tuple(votes))
    assert rule(min(knobs)).still_needed(tally) <= rule(max(knobs)).still_needed(tally)
