"""Arms by gain per token: the belief, the policy, and the cascade that follows it."""

import random
from itertools import product
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.arm_cascade import ArmCascade
from tts_agent.routing.arm_fitting import ArmFit, ArmRecords, scatter_of
from tts_agent.routing.arms import Arm, ArmModel, ArmPolicy, Belief, Draw, drawn, values
from tts_agent.sampling import Sample, SampleBatch, Usage

LOW, HIGH = Arm("low", {"reasoning_effort": "low"}, "letters"), Arm("high", {"reasoning_effort": "high"}, "letters")


def model(theta: float = 1.0, arms: tuple[Arm, ...] = (LOW, HIGH)) -> ArmModel:
    """Easy questions with short replies that either arm gets right; hard, long ones for the high arm."""
    return ArmModel(
        arms,
        weights=np.array([0.6, 0.4]),
        passes=np.array([[0.97, 0.98], [0.3, 0.8]]),
        costs=np.array([[50.0, 1000.0], [400.0, 2000.0]]),
        lengths=(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.9, 0.1], [0.1, 0.9]])),
        edges=(np.array([200.0]), np.array([900.0])),
        theta=theta,
    )


def test_a_short_reply_of_the_cheap_arm_is_kept_and_a_long_one_escalated() -> None:
    policy = ArmPolicy(model(), price=1.5e-4, max_draws=1)
    assert policy.decide([]).arm == 0
    short, long = policy.decide([Draw(0, 80.0, "A")]), policy.decide([Draw(0, 500.0, "A")])
    assert short.arm is None
    assert short.answer == 0
    assert long.arm == 1


def test_agreement_after_a_long_reply_is_worth_stopping_for_at_a_higher_price() -> None:
    policy = ArmPolicy(model(theta=20.0), price=2.5e-4)
    assert policy.decide([Draw(0, 500.0, "A"), Draw(0, 500.0, "A")]).arm is None
    assert policy.decide([Draw(0, 500.0, "A")]).values[0] < 0.6


def test_difficulty_alone_does_not_escalate_what_no_arm_can_solve() -> None:
    hopeless = ArmModel(
        (LOW, HIGH),
        np.array([0.5, 0.5]),
        np.array([[0.6, 0.9], [0.02, 0.03]]),
        np.array([[100.0, 300.0], [100.0, 3000.0]]),
        (np.array([[0.95, 0.05], [0.05, 0.95]]),) * 2,
        (np.array([200.0]), np.array([200.0])),
    )
    policy = ArmPolicy(hopeless, price=1e-4, max_draws=1)
    assert policy.decide([Draw(0, 100.0, "A")]).arm == 1
    assert policy.decide([Draw(0, 500.0, "A")]).arm is None


def test_when_arms_disagree_the_better_one_answers() -> None:
    policy = ArmPolicy(model(), price=1.0)
    decision = policy.decide([Draw(0, 500.0, "A"), Draw(1, 1000.0, "B")])
    assert decision.arm is None
    assert decision.answer == 1


def test_answers_that_nobody_can_compare_are_drawn_once_an_arm() -> None:
    apart = model(arms=(Arm("low"), Arm("high")))
    decision = ArmPolicy(apart, price=0.0).decide([Draw(0, 500.0, "A"), Draw(1, 900.0, "A")])
    assert decision.arm is None
    assert decision.values[1:] == (-np.inf, -np.inf)
    assert decision.answer == 1


def test_signals_known_before_a_call_change_where_to_start() -> None:
    told = ArmModel(
        (LOW, HIGH),
        np.array([0.5, 0.5]),
        np.array([[0.97, 0.98], [0.05, 0.9]]),
        np.array([[500.0, 1000.0], [500.0, 1000.0]]),
        (np.ones((2, 1)),) * 2,
        (np.zeros(0),) * 2,
        context=(np.array([[0.99, 0.01], [0.01, 0.99]]),),
    )
    policy = ArmPolicy(told, price=1e-4, max_draws=1)
    assert [policy.decide([], (value,)).arm for value in (0, 1)] == [0, 1]
    with pytest.raises(ConfigurationError, match="1 signals are known before a call, got 0"):
        policy.decide([])


drawings = st.lists(
    st.builds(Draw, st.integers(0, 1), st.sampled_from([50.0, 2000.0, None]), st.sampled_from(["A", "B", None])),
    min_size=1,
    max_size=4,
)


@given(draws=drawings, theta=st.sampled_from([0.3, 1.0, 8.0]))
@settings(max_examples=60)
def test_probabilities_add_up_to_at_most_one_and_no_draw_has_negative_worth_when_free(
    draws: list[Draw], theta: float
) -> None:
    learned = model(theta)
    belief, first = Belief.after(learned, draws)
    right = belief.candidates().sum(axis=1) / belief.classes.sum()
    assert len(first) == len(right)
    assert (right >= 0.0).all()
    assert right.sum() <= 1.0 + 1e-9  # at most one of distinct answers is right
    free = values(belief, drawn(learned, draws), np.array([0.0]), max_draws=9)[:, 0]
    assert (free[1:] >= free[0] - 1e-9).all()


@given(draws=drawings, prices=st.tuples(st.floats(0.0, 1e-3), st.floats(0.0, 1e-3)))
@settings(max_examples=40)
def test_values_fall_as_tokens_get_dearer(draws: list[Draw], prices: tuple[float, float]) -> None:
    belief, _ = Belief.after(model(), draws)
    table = values(belief, drawn(model(), draws), np.array(sorted(prices)))
    assert (table[:, 0] >= table[:, 1] - 1e-12).all()


def test_the_belief_equals_enumeration_of_two_draws() -> None:
    """P(answers agree) and P(right | agree), by summing over classes, right and wrong."""
    learned = model(theta=3.0)
    p = learned.passes[:, 0]
    agree_wrong = (1.0 - p) ** 2 / 4.0
    joint = learned.weights * (p**2 + agree_wrong)
    belief, _ = Belief.after(learned, [Draw(0, None, "A"), Draw(0, None, "A")])
    assert belief.classes == pytest.approx(joint)
    assert belief.candidates().sum() == pytest.approx((learned.weights * p**2).sum())


def test_on_questions_from_its_own_model_the_cascade_is_right_as_often_and_worth_as_much_as_it_says() -> None:
    rng, learned, price, trials = random.Random(6), model(theta=3.0), 2e-4, 1500
    cascade = ArmCascade(ArmPolicy(learned, price, max_draws=2))
    right, promised, worth = list[bool](), list[float](), list[float]()
    for _ in range(trials):
        kind, wrong = rng.choices((0, 1), learned.weights.tolist())[0], list[str]()

        def reply(ask: Generate, kind: int = kind, wrong: list[str] = wrong) -> SampleBatch:
            arm = 0 if ask.request.options["reasoning_effort"] == "low" else 1
            edge = int(learned.edges[arm][0])
            tokens = edge - 1 if rng.random() < learned.lengths[arm][kind, 0] else edge + 1
            if rng.random() < learned.passes[kind, arm]:
                return SampleBatch((Sample("right", usage=Usage(0, tokens), raw=arm),))
            again = wrong and rng.random() < len(wrong) / (len(wrong) + learned.theta)
            wrong.append(rng.choice(wrong) if again else f"wrong {len(wrong)}")  # Ewens, by its urn
            return SampleBatch((Sample(wrong[-1], usage=Usage(0, tokens), raw=arm),))

        outcome = simulate(cascade, reply, PLAIN).outcome
        cost = sum(float(learned.costs[kind, sample.raw]) for sample in outcome.samples)
        right.append(outcome.answer == "right")
        promised.append(outcome.p_correct or 0.0)
        worth.append(right[-1] - price * cost)
    share, tolerance = rate(right)
    assert share == pytest.approx(fmean(promised), abs=tolerance)
    expected = max(cascade.policy.decide(()).values)
    assert fmean(worth) > expected - 4.0 * stdev(worth) / trials**0.5  # it looks two draws ahead and then again
    assert expected > (learned.weights @ (learned.passes - price * learned.costs)).max()


@pytest.mark.parametrize(("price", "draws"), [(-1.0, 3), (float("nan"), 3), (0.1, 0)])
def test_senseless_settings_are_refused(price: float, draws: int) -> None:
    with pytest.raises(ConfigurationError, match="price must be >= 0"):
        ArmPolicy(model(), price, draws)


def test_a_model_whose_parts_do_not_fit_is_refused() -> None:
    good = model()
    with pytest.raises(ConfigurationError, match="shape"):
        ArmModel((LOW,), good.weights, good.passes, good.costs, good.lengths, good.edges)
    with pytest.raises(ConfigurationError, match="within"):
        ArmModel(good.arms, good.weights, good.passes + 1.0, good.costs, good.lengths, good.edges)
    with pytest.raises(ConfigurationError, match="theta"):
        model(theta=0.0)


def records(questions: int = 400, samples: int = 4, seed: int = 0) -> ArmRecords:
    """Drawn from `model()`; wrong answers are one of four."""
    rng, truth = np.random.default_rng(seed), model()
    kind = (rng.random(questions) < truth.weights[1]).astype(int)
    shape = (questions, 2, samples)
    correct = (rng.random(shape) < truth.passes[kind][:, :, None]).astype(float)
    lengths = np.exp(rng.normal(np.where(kind == 1, 6.5, 4.5)[:, None, None], 0.5, shape))
    answers = np.where(correct == 1.0, 0, rng.integers(1, 5, shape))
    return ArmRecords(correct, lengths + 50.0, lengths, answers, np.zeros((questions, 0), np.int64))


def test_fitting_finds_the_classes_that_the_records_came_from() -> None:
    learned = ArmFit(classes=2)((LOW, HIGH), records())
    order = np.argsort(-learned.passes[:, 0])
    assert learned.passes[order] == pytest.approx(model().passes, abs=0.07)
    assert learned.weights[order] == pytest.approx(model().weights, abs=0.07)
    assert learned.costs[order[1], 0] > 3.0 * learned.costs[order[0], 0]
    assert learned.theta == pytest.approx(3.0, rel=0.3)
    assert all(table.sum(axis=1) == pytest.approx(1.0) for table in learned.lengths)


def test_scatter_is_not_measured_where_answers_do_not_compare() -> None:
    assert scatter_of((Arm("low"), Arm("high")), records()) == pytest.approx(1.0)


def test_unknown_lengths_and_missing_samples_are_no_obstacle() -> None:
    full = records(60)
    holes = np.where(np.arange(60)[:, None, None] % 3 == 0, np.nan, full.correct)
    holes[:, 0] = full.correct[:, 0]
    patchy = ArmRecords(
        holes, np.where(np.isnan(holes), np.nan, full.costs), full.lengths * np.nan, full.answers, full.context
    )
    learned = ArmFit(classes=3)((LOW, HIGH), patchy)
    assert [len(edges) for edges in learned.edges] == [0, 0]
    assert learned.bin(Draw(0, 10.0)) is None
    assert ArmPolicy(learned, 1e-5).decide([Draw(0, 10.0, 3)]).answer == 0


def test_records_that_do_not_fit_together_are_refused() -> None:
    good = records(5)
    with pytest.raises(ConfigurationError, match="questions, arms, samples"):
        ArmRecords(good.correct, good.costs[:, :1], good.lengths, good.answers, good.context)
    with pytest.raises(ConfigurationError, match="at least one recorded sample"):
        ArmRecords(good.correct * np.nan, good.costs, good.lengths, good.answers, good.context)


def says(answer: str, tokens: int) -> SampleBatch:
    return SampleBatch((Sample(f"The answer is {answer}.", usage=Usage(10, tokens)),))


def test_the_cascade_asks_each_arm_with_its_own_options() -> None:
    played = play(ArmCascade(ArmPolicy(model(), 1.5e-4, max_draws=1)), [says("3", 800), says("4", 2000)])
    assert [effect.request.options for effect in played.asked] == [LOW.options, HIGH.options]
    assert played.outcome.answer == "4"
    assert played.outcome.stop == "settled"
    assert played.outcome.p_correct == pytest.approx(0.8, abs=0.15)
    assert len(played.events) == 2


def test_the_cascade_stops_at_a_short_first_reply() -> None:
    played = play(ArmCascade(ArmPolicy(model(), 1.5e-4, max_draws=1)), [says("4", 50)])
    assert played.sizes == [1]
    assert played.outcome.sample == says("4", 50).samples[0]


@pytest.mark.parametrize(("empty", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_cascade_keeps_what_it_has_when_a_call_brings_nothing(empty: SampleBatch, stop: str) -> None:
    cascade = ArmCascade(ArmPolicy(model(), 1.5e-4, max_draws=1))
    nothing = play(cascade, [empty])
    assert (nothing.outcome.sample, nothing.outcome.stop) == (None, stop)
    some = play(cascade, [says("3", 800), empty])
    assert (some.outcome.answer, some.outcome.stop) == ("3", stop)


def test_it_always_makes_the_first_call_and_never_draws_an_arm_too_often() -> None:
    for price, most in product((0.0, 1e-4, 10.0), (1, 2)):
        policy, draws = ArmPolicy(model(), price, most), list[Draw]()
        while (arm := policy.decide(draws).arm) is not None:
            draws.append(Draw(arm, 500.0, len(draws)))
        assert draws
        assert max(drawn(policy.model, draws)) <= most
    assert STEP.drawn == ()
