"""Parallel samples with voting."""

import random
from collections.abc import Callable
from dataclasses import replace
from math import comb

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent import answers
from tts_agent.effects import Generate
from tts_agent.messages import ToolCall
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import AdaptiveConsistency, FixedSize, PriceRule, Prices, StoppingRule, Window
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.conformance import check_strategy
from tts_agent.voting import Tally, posterior


def test_it_draws_in_parallel_and_the_majority_wins() -> None:
    played = play(SelfConsistency(FixedSize(3)), [batch(5, 4, 4)])
    assert played.sizes == [3]
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.sample) == ("settled", "4", says(4))
    assert outcome.votes == {"4": 2, "5": 1}
    assert outcome.samples == batch(5, 4, 4).samples
    assert outcome.sample is outcome.samples[1]


def test_it_starts_from_what_was_drawn_before() -> None:
    played = play(SelfConsistency(FixedSize(3)), [batch(4, 4)], STEP.with_drawn((says(5),)))
    assert played.sizes == [2]
    assert len(played.outcome.samples) == 3
    assert play(SelfConsistency(FixedSize(1)), step=STEP.with_drawn((says(5),))).asked == []


def test_it_asks_the_rule_again_after_each_batch() -> None:
    played = play(SelfConsistency(AdaptiveConsistency()), [batch(4, 4, 4, 5), batch(4, 4, 4)])
    assert played.sizes == [4, 3]
    assert play(SelfConsistency(Window(2, 8)), [batch(4, 5), batch(4, 4)]).sizes == [2, 2]


def test_two_answers_are_voted_on_with_the_accuracy_of_a_binomial_majority() -> None:
    p, n, rng = 0.6, 7, random.Random(2)

    def model(ask: Generate) -> SampleBatch:
        return SampleBatch(tuple(Sample("4" if rng.random() < p else "5") for _ in range(ask.n)))

    plays = [simulate(SelfConsistency(FixedSize(n)), model, PLAIN) for _ in range(800)]
    share, tolerance = rate([played.outcome.answer == "4" for played in plays])
    exact = sum(comb(n, k) * p**k * (1.0 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))
    assert share == pytest.approx(exact, abs=tolerance)
    assert all(played.sizes == [n] for played in plays)


def test_a_short_batch_is_made_up_for() -> None:
    played = play(SelfConsistency(FixedSize(4)), [batch(4), batch(5, 4), batch(4)])
    assert played.sizes == [4, 3, 1]


def test_what_came_before_the_budget_ended_still_votes() -> None:
    outcome = play(SelfConsistency(FixedSize(4)), [batch(5, 4, 4), NO_BUDGET]).outcome
    assert (outcome.stop, outcome.answer) == ("budget", "4")
    outcome = play(SelfConsistency(FixedSize(4)), [batch(5), NO_LUCK]).outcome
    assert (outcome.stop, outcome.answer) == ("failed", "5")


def test_nothing_drawn_is_an_outcome() -> None:
    outcome = play(SelfConsistency(FixedSize(4)), [NO_BUDGET]).outcome
    assert outcome == Outcome("self_consistency", "budget", p_correct=0.0)


def test_samples_that_cannot_vote_win_only_alone() -> None:
    cut = Sample("The answer", "length")
    mixed = SampleBatch((cut, cut, says(4)))
    assert play(SelfConsistency(FixedSize(3)), [mixed]).outcome.answer == "4"
    outcome = play(SelfConsistency(FixedSize(1)), [SampleBatch((cut,))]).outcome
    assert (outcome.sample, outcome.answer, outcome.votes, outcome.p_correct) == (cut, None, {}, 0.0)


@pytest.mark.parametrize("prior", [Beta(1.0, 1.0), Beta(0.3, 0.2)])
@pytest.mark.parametrize("belief", [None, Beta(2.0, 6.0)])
def test_it_reports_the_probability_that_the_winner_is_right(belief: Beta | None, prior: Beta) -> None:
    vote = SelfConsistency(FixedSize(3), theta=2.0, prior=prior)
    outcome = play(vote, [batch(4, 5, 4)], replace(STEP, difficulty=belief)).outcome
    expected = posterior(Tally(("4", "5", "4")), belief or prior, 2.0).of("4")
    assert outcome.p_correct == pytest.approx(expected)


def test_a_population_replaces_belief_and_concentration() -> None:
    population = Population.of(Beta(0.3, 0.2), 2.0)
    vote = SelfConsistency(FixedSize(3), population=population)
    outcome = play(vote, [batch(4, 5, 4)], replace(STEP, difficulty=Beta(9.0, 1.0))).outcome
    assert outcome.p_correct == pytest.approx(posterior(Tally(("4", "5", "4")), Beta(0.3, 0.2), 2.0).of("4"))


def test_json_votes_by_its_value_and_not_by_its_spelling() -> None:
    replies = ('{"city": "Rome", "year": 1}', '```json\n{"year":1,"city":"Rome"}\n```', '{"city": "Oslo"}', "Rome")
    step = replace(STEP, answer_key=answers.json_value)
    outcome = play(SelfConsistency(FixedSize(4)), [SampleBatch(tuple(map(Sample, replies)))], step).outcome
    assert outcome.sample is outcome.samples[0]
    assert outcome.votes == {'{"city":"Rome","year":1}': 2, '{"city":"Oslo"}': 1}


def test_tool_calls_vote_by_name_and_arguments() -> None:
    def calls(arguments: str, valid: bool = True) -> Sample:
        return Sample("", "tool_calls", (ToolCall("search", arguments, id=arguments, valid=valid),))

    search = [calls('{"q": "x", "n": 1}'), calls('{"n":1,"q":"x"}')]
    replies = SampleBatch((calls('{"q": "x", "n": 2}'), calls('{"q": ', valid=False), *search))
    outcome = play(SelfConsistency(FixedSize(4)), [replies]).outcome
    assert (outcome.sample, sorted(outcome.votes.values())) == (search[0], [1, 2])
    step = replace(STEP, answer_key=answers.tool_calls(ignore={"n"}))
    outcome = play(SelfConsistency(FixedSize(4)), [replies], step).outcome
    assert list(outcome.votes.values()) == [3]


def test_the_reserve_for_the_final_answer_is_asked_for_on_final_steps() -> None:
    played = play(SelfConsistency(FixedSize(2)), [batch(4, 4)], replace(STEP, final=True))
    assert all(ask.final for ask in played.asked)


@pytest.mark.parametrize(
    "rule",
    [
        lambda: FixedSize(4),
        lambda: Window(2, 4),
        lambda: AdaptiveConsistency(max_samples=5),
        lambda: PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(0.01), 4),
    ],
    ids=["fixed", "window", "adaptive consistency", "price"],
)
def test_it_keeps_the_contract_under_every_rule(rule: Callable[[], StoppingRule]) -> None:
    check_strategy(lambda: SelfConsistency(rule()))
