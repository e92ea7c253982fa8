"""Distributions of a continuous score."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.scores import NormalBelief, NormalScores, RecordedScores, Scores

VALUES = st.floats(-5.0, 5.0)
NORMALS = st.builds(NormalScores, VALUES, st.floats(0.01, 3.0))
RECORDS = st.builds(RecordedScores.of, st.lists(VALUES, min_size=1, max_size=12))
BELIEFS = st.builds(NormalBelief, VALUES, st.floats(0.1, 9.0), st.floats(0.6, 9.0), st.floats(0.01, 5.0))
ANY: st.SearchStrategy[Scores] = NORMALS | RECORDS | BELIEFS


@given(scores=ANY, best=st.floats(-9.0, 9.0), more=st.floats(0.0, 5.0))
def test_the_better_the_best_the_less_is_to_be_gained(scores: Scores, best: float, more: float) -> None:
    here, further = scores.excess(best), scores.excess(best + more)
    assert 0.0 <= further <= here + 1e-9
    assert here - further <= more + 1e-9  # the gain falls by at most what the best rose
    assert here >= scores.mean - best - 1e-9


@given(scores=ANY)
def test_far_below_everything_a_draw_gains_the_whole_distance(scores: Scores) -> None:
    if not isinstance(scores, NormalBelief):  # Student's tails are too heavy for this
        assert scores.excess(-200.0) == pytest.approx(scores.mean + 200.0, rel=1e-9)


def test_excess_of_recorded_scores_is_their_average_improvement() -> None:
    scores = RecordedScores.of((0.9, 0.1, 0.5, 0.5))
    assert scores.mean == pytest.approx(0.5)
    assert scores.excess(0.5) == pytest.approx(0.4 / 4)
    assert scores.excess(0.0) == pytest.approx(0.5)
    assert scores.excess(0.95) == 0.0


@pytest.mark.parametrize(
    ("scores", "draw"),
    [
        (NormalScores(0.3, 0.2), lambda chance: chance.gauss(0.3, 0.2)),
        # Student's t with 8 degrees of freedom: a normal whose precision is Gamma(4, rate 0.8)
        (
            NormalBelief(0.4, 2.0, 4.0, 0.8),
            lambda chance: chance.gauss(0.4, (1.5 / chance.gammavariate(4.0, 1 / 0.8)) ** 0.5),
        ),
    ],
)
@pytest.mark.parametrize("best", [0.1, 0.4, 0.9])
def test_excess_is_what_a_simulation_gains(scores: Scores, draw: object, best: float) -> None:
    assert callable(draw)
    chance = Random(4)
    gained = sum(max(0.0, draw(chance) - best) for _ in range(100_000)) / 100_000
    assert scores.excess(best) == pytest.approx(gained, abs=0.006)


@given(belief=BELIEFS, seen=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_learning_at_once_or_one_by_one_is_the_same(belief: NormalBelief, seen: list[float]) -> None:
    step_by_step = belief
    for score in seen:
        step_by_step = step_by_step.after((score,))
    at_once = belief.after(seen)
    assert at_once.mean == pytest.approx(step_by_step.mean)
    assert at_once.scale == pytest.approx(step_by_step.scale)
    assert (at_once.weight, at_once.shape) == pytest.approx((step_by_step.weight, step_by_step.shape))
    assert belief.after(()) is belief


def test_many_scores_outweigh_the_belief() -> None:
    chance = Random(8)
    seen = [chance.gauss(0.7, 0.1) for _ in range(2000)]
    learned, true = NormalBelief(0.0).after(seen), NormalScores(0.7, 0.1)
    assert learned.mean == pytest.approx(0.7, abs=0.01)
    for best in (0.5, 0.7, 0.9):
        assert learned.excess(best) == pytest.approx(true.excess(best), abs=0.005)


def test_a_belief_is_fitted_to_the_scores_of_several_steps() -> None:
    chance = Random(2)
    groups = []
    for _ in range(300):
        centre = chance.gauss(0.5, 0.2)
        groups.append([chance.gauss(centre, 0.1) for _ in range(6)])
    belief = NormalBelief.fit(groups, shape=3.0)
    assert belief.mean == pytest.approx(0.5, abs=0.04)
    assert belief.scale / belief.shape == pytest.approx(0.01, rel=0.1)
    assert NormalBelief.fit([[0.4]]).mean == pytest.approx(0.4)
    with pytest.raises(ConfigurationError, match="at least one score"):
        NormalBelief.fit([[]])


def test_senseless_distributions_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="deviation above 0"):
        NormalScores(0.5, 0.0)
    with pytest.raises(ConfigurationError, match="at least one is needed"):
        RecordedScores(())
    with pytest.raises(ConfigurationError, match="rising order"):
        RecordedScores((0.5, 0.4))
    with pytest.raises(ConfigurationError, match="shape above 1/2"):
        NormalBelief(0.5, shape=0.5)
