"""Routing by marginal value."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.routing import ClassProfile, Decision, MarginalValue
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step
from tts_agent.stopping import PriceRule, Prices, UntilAccepted
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single
from tts_agent.verifiers import AcceptRates, FunctionVerifier
from tts_agent.voting import Tally

STEP = Step((user("What is 2 + 2?"),), kind="sum")
PROBE = Sample("The answer is 4.", usage=Usage(20, 80))
VERIFIER = FunctionVerifier(lambda step, sample: True)
CHECKED = {"sum": VERIFIER}


def decided(policy: MarginalValue, belief: Beta | None = None, probe: Sample = PROBE) -> Decision:
    return policy.decide(replace(STEP, difficulty=belief).with_drawn((probe,)), Budget().view())


def test_it_looks_at_one_call_first() -> None:
    decision = MarginalValue().decide(STEP, Budget().view())
    assert decision.strategy is None
    assert decision.name == "probe"


def test_an_easy_step_is_left_alone_and_an_uncertain_one_gets_votes() -> None:
    policy = MarginalValue(price=3e-4, max_samples=6)
    easy, unsure = decided(policy, Beta.of(0.975, 32.0)), decided(policy, Beta.of(0.6, 4.0))
    assert isinstance(easy.strategy, Single)
    assert easy.reason == "no further call is worth its price"
    assert isinstance(unsure.strategy, SelfConsistency)
    assert unsure.reason.startswith("self_consistency is worth +0.")


def test_a_verifier_that_is_fooled_is_worth_as_much_less() -> None:
    rates = {"sum": AcceptRates(right_accepted=20, wrong_accepted=7, wrong_rejected=12)}
    policy = MarginalValue(price=1e-4, verifiers=CHECKED, max_samples=2)
    exact, fooled = decided(policy, Beta(1.0, 1.0)), decided(replace(policy, rates=rates), Beta(1.0, 1.0))
    second_try = 1 / 3 - 0.01  # right with probability 1/3 once the first was wrong, for 100 tokens
    assert exact.values["best_of_n"] == pytest.approx(0.5 + 0.5 * second_try)
    assert fooled.values["best_of_n"] == pytest.approx(0.5 + 0.5 * (1 - 7.5 / 20) * second_try)
    assert decided(replace(policy, rates={"other": rates["sum"]}), Beta(1.0, 1.0)).values == exact.values


def test_tokens_that_cost_more_than_an_answer_are_not_spent() -> None:
    policy = MarginalValue(price=0.1, verifiers=CHECKED, profiles={"sum": ClassProfile(1.0, 0.9)}, max_samples=6)
    assert isinstance(decided(policy, Beta(1.0, 1.0)).strategy, Single)


def test_a_verifier_makes_trying_again_worth_more_than_voting() -> None:
    policy = MarginalValue(verifiers=CHECKED, max_samples=6)
    decision = decided(policy, Beta.of(0.3, 2.0))
    assert isinstance(decision.strategy, BestOfN)
    assert decision.values["best_of_n"] > decision.values["self_consistency"]
    unchecked = policy.decide(replace(STEP, kind="story").with_drawn((PROBE,)), Budget().view())
    assert set(unchecked.values) == {"single", "self_consistency"}


def test_refinement_competes_only_where_it_was_seen_to_fix_something() -> None:
    unseen = decided(MarginalValue(verifiers=CHECKED, max_samples=6), Beta.of(0.1, 8.0))
    assert "sequential_refinement" not in unseen.values
    seen = MarginalValue(verifiers=CHECKED, profiles={"sum": ClassProfile(fix_rate=0.8)}, max_samples=6, max_rounds=3)
    decision = decided(seen, Beta.of(0.1, 8.0))
    assert isinstance(decision.strategy, SequentialRefinement)
    assert decision.strategy.max_rounds == 3


def test_nothing_is_spent_beyond_where_more_was_measured_to_hurt() -> None:
    turned = {"sum": ClassProfile(fix_rate=0.8, most_samples=3, most_rounds=2)}
    policy = MarginalValue(verifiers=CHECKED, profiles=turned, max_samples=6, max_rounds=4)
    decision = decided(policy, Beta.of(0.1, 8.0))
    assert isinstance(decision.strategy, SequentialRefinement)
    assert decision.strategy.max_rounds == 2
    capped = replace(policy, profiles={"sum": ClassProfile(most_samples=3)})
    as_if = replace(policy, profiles={}, max_samples=3)
    assert decided(capped, Beta.of(0.3, 2.0)) == decided(as_if, Beta.of(0.3, 2.0))
    alone = replace(policy, profiles={"sum": ClassProfile(fix_rate=0.8, most_samples=1, most_rounds=0)})
    assert isinstance(decided(alone, Beta.of(0.3, 2.0)).strategy, Single)


@given(
    mean=st.integers(1, 39).map(lambda n: n / 40),
    size=st.sampled_from([0.5, 2.0, 8.0]),
    price=st.sampled_from([1e-5, 1e-3]),
)
@settings(max_examples=25)
def test_it_takes_the_highest_value_and_says_so(mean: float, size: float, price: float) -> None:
    policy = MarginalValue(
        price=price, verifiers=CHECKED, profiles={"sum": ClassProfile(1.0, 0.3)}, max_samples=4, max_rounds=2
    )
    decision = decided(policy, Beta.of(mean, size))
    assert decision.values[decision.name] == max(decision.values.values())
    assert decision.price == price
    assert decision.values["single"] == pytest.approx(mean)
    assert decision.values["self_consistency"] >= mean - 1e-6
    assert decision.values["best_of_n"] >= mean - 1e-6


def test_values_are_those_of_the_rules_that_will_run() -> None:
    belief = Beta.of(0.4, 2.0).rounded()
    policy = MarginalValue(price=1e-4, verifiers=CHECKED, profiles={"sum": ClassProfile(3.0)}, max_samples=5)
    values = decided(policy, belief).values
    step = STEP.with_drawn((PROBE,))
    assert values["self_consistency"] == pytest.approx(
        PriceRule(Population.of(belief, 3.0), Prices(0.01), 5).value(step.tally())
    )
    whole = UntilAccepted(belief, 0.01, 5).value()
    assert values["best_of_n"] - 0.01 == pytest.approx(whole)  # the first try is already paid for


@given(a=st.floats(0.1, 20.0), b=st.floats(0.1, 20.0), price=st.sampled_from([1e-5, 3e-4, 3e-3]))
@settings(max_examples=25)
def test_a_vote_is_worth_more_than_one_call_exactly_where_it_would_draw(a: float, b: float, price: float) -> None:
    belief = Beta(a, b)  # the table's is rounded; one call's is not
    values = decided(MarginalValue(price=price, max_samples=4), belief).values
    draws = (
        PriceRule(Population.of(belief.rounded(), ClassProfile().theta), Prices(100 * price), 4).still_needed(
            Tally(("4",))
        )
        > 0
    )
    assert (values["self_consistency"] > values["single"]) == draws
    assert values["single"] == belief.mean


@pytest.mark.parametrize("belief", [None, Beta(3.0, 2.0)])
def test_the_vote_reports_by_the_belief_that_chose_it(belief: Beta | None) -> None:
    policy = MarginalValue(price=1e-5, prior=Beta(1.5, 2.5), max_samples=4)
    strategy = decided(policy, belief).strategy
    assert isinstance(strategy, SelfConsistency)
    assert strategy.population is Population.of((belief or policy.prior).rounded(), ClassProfile().theta)


def test_without_an_estimate_it_starts_from_its_prior() -> None:
    assert decided(MarginalValue(prior=Beta.of(0.3, 2.0), max_samples=4)).values["single"] == pytest.approx(0.3)


def test_waiting_has_a_price_of_its_own() -> None:
    patient = decided(MarginalValue(price=1e-5, max_samples=4), Beta.of(0.6, 2.0))
    hurried = decided(MarginalValue(price=1e-5, serial_price=1e-4, max_samples=4), Beta.of(0.6, 2.0))
    assert hurried.values["self_consistency"] < patient.values["self_consistency"]


def test_a_first_reply_that_was_cut_off_is_no_answer_to_stop_at() -> None:
    policy = MarginalValue(price=2e-5, verifiers=CHECKED, max_samples=6)
    cut = replace(PROBE, finish_reason="length")
    decision = decided(policy, Beta.of(0.9, 32.0), cut)
    assert decision.values["single"] == 0.0
    assert not isinstance(decision.strategy, Single)
    story = policy.decide(
        replace(STEP, kind="story", difficulty=Beta.of(0.9, 32.0)).with_drawn((cut,)), Budget().view()
    )
    assert isinstance(story.strategy, SelfConsistency)


@pytest.mark.parametrize(("price", "samples", "rounds"), [(-1e-5, 4, 4), (1e-5, 0, 4), (1e-5, 4, 0)])
def test_senseless_settings_are_refused(price: float, samples: int, rounds: int) -> None:
    with pytest.raises(ConfigurationError, match="prices must be >= 0, max_samples and max_rounds at least 1"):
        MarginalValue(price=price, max_samples=samples, max_rounds=rounds)
