"""Effort and model arms in the lab."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.evaluation.arm_data import panel_ladder
from tts_agent.evaluation.arm_efforts import EFFORTS, FAMILY_LADDERS, effort_ladder
from tts_agent.evaluation.arm_knee import knee_of
from tts_agent.evaluation.arm_ladder import Curve, Ladder, Split
from tts_agent.evaluation.arm_replay import ArmReplay
from tts_agent.evaluation.arm_walk import Walk
from tts_agent.evaluation.arms import ArmLab, cost_at, mix_at
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample, bank_folder
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.arm_fitting import ArmFit, ArmRecords
from tts_agent.routing.arms import Arm, ArmPolicy, Draw


def ladder(questions: int = 300, samples: int = 8, seed: int = 0) -> Ladder:
    """Easy questions (short, both arms right), hard ones (long, the dear arm right), hopeless ones (longest)."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, questions, p=[0.6, 0.25, 0.15])
    shape = (questions, 2, samples)
    passes = np.array([[0.97, 0.97], [0.3, 0.85], [0.05, 0.05]])[kind][:, :, None]
    means = np.array([[5.0, 6.0], [6.5, 7.5], [7.5, 9.0]])[kind][:, :, None]
    correct = (rng.random(shape) < passes).astype(float)
    lengths = np.exp(rng.normal(means, 0.3, shape))
    answers = np.where(correct == 1.0, 0, rng.integers(1, 4, shape))
    context = np.zeros((questions, 0), np.int64)
    arms = (Arm("low", comparable="low"), Arm("high", comparable="high"))
    return Ladder("made up", arms, ArmRecords(correct, lengths, lengths, answers, context))


def test_gain_per_token_beats_mixing_and_routing_by_difficulty_where_some_questions_are_hopeless() -> None:
    result = ArmLab(ArmReplay(splits=3), resamples=100, halves=4)(ladder())
    ours = result.of("ours")
    assert result.best == "high"
    assert ours.cost < 0.6
    assert ours.to_mixing_high < 1.0
    assert ours.held_out_to_mixing < 0.75
    assert ours.cost < result.of("difficulty cascade").cost
    assert ours.cost < result.of("first-length cascade").cost
    with pytest.raises(KeyError):
        result.of("length router")  # there was no text


def test_the_lab_never_sees_held_out_correctness() -> None:
    """With outcomes that nothing predicts, no contender is cheaper than mixing on questions it was not chosen on."""
    real = ladder(200)
    rng = np.random.default_rng(12345)
    noise = rng.random(real.records.correct.shape) < np.array([0.6, 0.7])[None, :, None]
    records = replace(
        real.records,
        correct=noise.astype(float),
        lengths=rng.permutation(real.records.lengths, axis=0),
        costs=np.full(noise.shape, 100.0) * np.array([1.0, 4.0])[None, :, None],
        answers=np.full(noise.shape, -1),
    )
    unknown = tuple(replace(arm, comparable=None) for arm in real.arms)
    result = ArmLab(ArmReplay(splits=4), resamples=20, halves=10)(replace(real, records=records, arms=unknown))
    assert result.of("ours").held_out_to_mixing > 0.9


def test_the_walk_over_prices_is_the_production_policy() -> None:
    real = ladder(40, samples=4)
    model = ArmFit(classes=3)(real.arms, real.records)
    prices = np.array([0.0, 1e-5, 1e-4, 1e-3])
    found = (np.zeros((4, 40)), np.zeros((4, 40)))
    every = np.ones((40, 2, 4), bool)
    split = Split(np.zeros(40, int), every, every, np.tile(np.arange(4), (40, 2, 1)))
    for question in range(40):
        Walk(model, prices, 3)(real, question, split, (), found)
        for place, price in enumerate(prices):
            draws, taken = list[Draw](), list[tuple[int, int]]()
            policy = ArmPolicy(model, float(price), 3)
            while (arm := (decision := policy.decide(draws)).arm) is not None:
                sample = sum(draw.arm == arm for draw in draws)
                taken.append((arm, sample))
                length = float(real.records.lengths[question, arm, sample])
                draws.append(Draw(arm, length, int(real.records.answers[question, arm, sample])))
            assert decision.answer is not None
            assert found[0][place, question] == real.records.correct[question][taken[decision.answer]]
            cost = sum(real.records.costs[question][where] for where in taken)
            assert found[1][place, question] == pytest.approx(cost)


def test_text_that_predicts_the_gain_is_used_before_any_call() -> None:
    rng = np.random.default_rng(1)
    hard = rng.random(300) < 0.4
    correct = np.stack([~hard, np.ones(300, bool)], axis=1)[:, :, None].astype(float)
    costs = np.tile(np.array([500.0, 1000.0])[None, :, None], (300, 1, 1))
    records = ArmRecords(correct, costs, costs * np.nan, np.full(correct.shape, -1), np.zeros((300, 0), np.int64))
    features = np.stack([hard + rng.normal(0, 0.2, 300), rng.normal(size=300)], axis=1)
    lab = ArmLab(ArmReplay(splits=2), resamples=20, halves=4)
    blind = lab(Ladder("blind", (Arm("small"), Arm("big")), records)).of("ours")
    sighted = lab(Ladder("sighted", (Arm("small"), Arm("big")), records, features)).of("ours")
    assert sighted.cost < 0.8 < blind.cost


def test_cost_at_an_accuracy_lies_on_the_line_between_two_settings() -> None:
    accuracy, costs = np.array([0.5, 0.7, 0.9]), np.array([1.0, 6.0, 9.0])
    assert cost_at(accuracy, costs, 0.8) == pytest.approx(7.0)
    assert cost_at(accuracy, costs, 0.4) == 1.0
    assert cost_at(accuracy, costs, 0.95) == float("inf")
    assert mix_at(accuracy, costs, 0.95).tolist() == [0.0, 0.0, 1.0]


@given(
    points=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), min_size=1, max_size=8),
    target=st.integers(0, 20),
)
def test_a_mixture_reaches_its_target_at_no_more_than_any_single_setting(
    points: list[tuple[int, int]], target: int
) -> None:
    accuracy, costs = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    mixture = mix_at(accuracy, costs, float(target))
    assert mixture.sum() == pytest.approx(1.0)
    reached = accuracy >= target
    if reached.any():
        assert mixture @ accuracy >= target - 1e-9
        assert mixture @ costs <= costs[reached].min() + 1e-9
    else:
        assert mixture @ accuracy == accuracy.max()


def test_fixed_arms_are_part_of_every_contender_but_ours_alone() -> None:
    fixed = Curve(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [4.0, 4.0]]))
    poor = Curve(np.array([[0.0, 0.0]]), np.array([[9.0, 9.0]]))
    curves = {"fixed": fixed, "ours": poor}
    small = ladder(2)
    result = ArmLab(resamples=10, halves=2).compare(small, curves)
    assert result.of("ours").to_mixing == pytest.approx(1.0)
    assert result.of("alone").cost == float("inf")


def sample(correct: bool, tokens: int | None = 10, source: str | None = None) -> RecordedSample:
    return RecordedSample("1" if correct else "2", correct, tokens, None, source)


def test_the_knee_is_where_the_price_says_and_the_turn_over_where_accuracy_ends() -> None:
    budgets = [
        ("long", [sample(True, 900), sample(False, 1100), sample(True, 1000), sample(False, 1000)]),
        ("short", [sample(False, 100), sample(False, 100), sample(True, 100), sample(False, 100)]),
        ("middle", [sample(True, 200), sample(True, 200), sample(True, 200), sample(False, 200)]),
    ]
    knee = knee_of(budgets, resamples=50)
    assert [rung.name for rung in knee.rungs] == ["short", "middle", "long"]
    assert [rung.gain for rung in knee.rungs] == [0.0, 0.5, -0.25]
    assert knee.turn_over.name == "middle"
    assert knee.at(0.1).name == "short"
    assert knee.fall[:2] == (0.25, 0.0)
    assert knee.rungs[0].top < 0.1 < knee.rungs[1].top
    with pytest.raises(ConfigurationError, match="same questions"):
        knee_of([("a", [sample(True)]), ("b", [])])
    with pytest.raises(ConfigurationError, match="tokens of every sample"):
        knee_of([("a", [sample(True, None)])])


def test_a_panel_becomes_a_ladder_of_the_models_that_all_answered() -> None:
    models = ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06")
    both = RecordedQuestion("q-1", "four", None, (sample(False, 10, models[0]), sample(True, 20, models[1])))
    one = RecordedQuestion("q-2", "four", None, (sample(True, 10, models[1]),))
    made = panel_ladder("zeroeval/x/gpt-4o", Bank("x", (both, one)), models)
    assert made.records.correct[:, :, 0].tolist() == [[0.0, 1.0]]
    assert made.records.costs[0, :, 0] == pytest.approx([0.06 * (10 + 0.25), 20 + 0.25])
    assert made.records.answers[0, 0, 0] != made.records.answers[0, 1, 0]
    with pytest.raises(ConfigurationError, match="no question that all of"):
        panel_ladder("x", Bank("x", (one,)), models)


@pytest.fixture
def banks() -> Path:
    folder = bank_folder()
    if folder is None or not (folder / "epoch_gpqa").is_dir():
        pytest.skip("the effort ladders are not on this machine: set TTS_AGENT_BANKS")
    return folder


def test_effort_ladders_match_questions_and_do_not_vote_where_answers_give_away_correctness(banks: Path) -> None:
    full = effort_ladder("gpqa/gpt-5.2-2025-12-11")
    assert full.records.correct.shape == (198, 4, 8)
    assert np.nanmean(full.records.correct, axis=(0, 2)) == pytest.approx([0.827, 0.879, 0.882, 0.914], abs=0.001)
    assert len({arm.comparable for arm in full.arms}) == 4  # letters are drawn anew for each run
    leaking = effort_ladder("gpqa/gpt-5-mini-2025-08-07")
    assert leaking.arms[0].comparable is None
    assert len(EFFORTS) == 12


def test_models_times_efforts_are_priced_in_dollars(banks: Path) -> None:
    family = effort_ladder(FAMILY_LADDERS[0])
    assert family.arms[0].options == {"model": "gpt-5-nano-2025-08-07", "reasoning_effort": "medium"}
    alone = effort_ladder("gpqa/gpt-5-2025-08-07")
    assert family.records.correct.shape[:2] == (198, 6)
    tokens = np.nanmean(alone.records.lengths[:, 1])
    assert np.nanmean(family.records.costs[:, 5]) == pytest.approx(1.25 * 250 + 10.0 * tokens)


def test_ours_is_not_dearer_than_mixing_on_a_real_ladder(banks: Path) -> None:
    result = ArmLab(ArmReplay(splits=2), resamples=20, halves=2)(effort_ladder("aime/gpt-5.2-2025-12-11"))
    assert result.best == "high"
    assert result.of("ours").to_mixing <= 1.0
