"""Tables played at once decide as production's rules do one by one, and views never see held-out questions."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.beliefs import Beliefs, beta_of, fit_beliefs
from tts_agent.evaluation.confidence import FixedConfidence
from tts_agent.evaluation.contenders import Contender, RulePerReplay
from tts_agent.evaluation.empirical import Empirical
from tts_agent.evaluation.folds import folds
from tts_agent.evaluation.oracle import known_pass_rate
from tts_agent.evaluation.plans import confidences, planned, play_plan
from tts_agent.evaluation.play import play
from tts_agent.evaluation.priced import TOKEN_PRICES, Priced
from tts_agent.evaluation.routers import Allocation, length_router, random_router
from tts_agent.evaluation.sweeps import cross_fit
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.evaluation.views import BOTH, ESTIMATE, LENGTH, NOTHING, Bins, Signals, best_view, signals_of
from tts_agent.population import fit_population
from tts_agent.stopping import PriceRule, Prices
from tts_agent.stopping.fixed import FixedSize

EASY = simulated(40)
REPLAYS = trajectories(EASY, simulated(20, seed=1, name="other"), number=2)
FOLD = folds(REPLAYS.texts)

ALL: dict[str, Contender] = {
    "priced": Priced(),
    "priced by an estimator": Priced(views=(NOTHING, LENGTH, ESTIMATE, BOTH)),
    "shuffled": Priced(views=(ESTIMATE,), shuffled=True),
    "no class": Priced(by_class=False),
    "static": Allocation(by_mean=True),
    "predicted gain": Allocation(by_mean=False),
    "length": length_router,
    "random": random_router,
    "confidence": FixedConfidence(),
    "empirical": Empirical(),
    "oracle": known_pass_rate,
}


@pytest.mark.parametrize("name", ALL)
def test_every_sweep_starts_cheap_and_gets_dearer(name: str) -> None:
    sweep = cross_fit(name, ALL[name], REPLAYS, FOLD).sweep
    samples = sweep.samples.mean(axis=1)
    assert samples[0] < samples[-1]
    assert samples[0] < 2.5
    assert (sweep.samples <= 12.0).all()


@pytest.mark.parametrize("token_price", [1e-6, 1e-4, 1e-3])
def test_a_plan_decides_as_the_price_rule_does(token_price: float) -> None:
    population = fit_population(REPLAYS.recorded).pruned(0.01)
    price = token_price * 100.0
    (goes_on,) = planned(REPLAYS, population, [price], 12)
    which = np.zeros(REPLAYS.shape[:2], dtype=np.int64)
    fast = play_plan(REPLAYS, goes_on[None, :], which)

    class AtLeastOne:
        order_matters = False

        def still_needed(self, votes):  # type: ignore[no-untyped-def]
            return max(PriceRule(population, Prices(price), 12).still_needed(votes), 1 - votes.drawn)

    slow = play(REPLAYS, AtLeastOne())
    for part in ("correct", "drawn", "total_tokens", "serial_tokens"):
        np.testing.assert_array_equal(getattr(fast, part), getattr(slow, part))


def test_a_plan_stops_where_a_question_has_no_more_samples() -> None:
    short = tuple(replace(each, samples=each.samples[: 1 + number % 4]) for number, each in enumerate(EASY.questions))
    ragged = trajectories(replace(EASY, questions=short), number=2, max_samples=12)
    always = np.ones((1, len(ragged.table)), dtype=np.bool_)
    played = play_plan(ragged, always, np.zeros(ragged.shape[:2], dtype=np.int64))
    np.testing.assert_array_equal(played.drawn, np.repeat(ragged.lengths[:, None], 2, axis=1))
    np.testing.assert_array_equal(played.total_tokens, ragged.cost[:, :, -1])


def test_confidence_is_that_of_the_posterior() -> None:
    population = fit_population(REPLAYS.recorded).pruned(0.01)
    sure = confidences(REPLAYS, population, 12)
    for state, (_, counts) in enumerate(REPLAYS.table):
        if 0 < len(counts) <= 3:
            tally = REPLAYS.tally(state)
            assert sure[state] == pytest.approx(population.posterior(tally).of(tally.leader), abs=1e-9)


def test_beliefs_speak_of_training_questions_as_if_unseen() -> None:
    training = REPLAYS.subset(FOLD != 0)
    beliefs = fit_beliefs(training)
    one = training.subset(np.array([name == "simulated" for name in training.classes]))
    known = beliefs.classes["simulated"]
    np.testing.assert_array_equal(beliefs.before(one), np.stack([known.unseen[text] for text in one.texts]))
    # In the first ordering every first sample was a row of the training.
    after = beliefs.after(one)[:, 0]
    said = np.stack(
        [
            known.unseen_after[text, int(tokens), 1.0]
            for text, tokens in zip(one.texts, one.tokens[:, 0, 0], strict=True)
        ]
    )
    np.testing.assert_array_equal(after, said)


def test_an_unknown_class_gets_the_mean_of_all() -> None:
    beliefs = fit_beliefs(REPLAYS.subset(np.array([name == "other" for name in REPLAYS.classes])))
    said = beliefs.before(REPLAYS)[:40]
    assert np.ptp(said[:, 0]) == 0.0
    assert 0.0 < beta_of(said[0]).mean < 1.0


def test_without_the_extra_the_mean_of_the_class_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    said = fit_beliefs(REPLAYS, seed=1).before(REPLAYS)
    assert np.ptp(said[:40, 0]) == 0.0


def test_training_replays_are_fitted_once() -> None:
    again = trajectories(EASY, simulated(20, seed=1, name="other"), number=2)
    assert fit_beliefs(REPLAYS) is fit_beliefs(again)
    assert fit_beliefs(REPLAYS) is not fit_beliefs(replace(REPLAYS, tokens=REPLAYS.tokens + 1))
    assert isinstance(fit_beliefs(REPLAYS, shuffled=True), Beliefs)


def test_a_view_that_tells_nothing_is_not_chosen() -> None:
    pooled = fit_population(REPLAYS.recorded)
    own = REPLAYS.subset(np.arange(40))
    right = np.array([counts.right for counts in own.recorded], dtype=np.float64)
    telling: Signals = {"length": np.repeat(right[:, None], 2, axis=1)}
    noise: Signals = {"length": np.random.default_rng(0).random((40, 2))}
    assert best_view(own, telling, (NOTHING, LENGTH), pooled, 30.0) == LENGTH
    assert best_view(own, noise, (NOTHING, (("length", 8),)), pooled, 1.0) == NOTHING


def test_bins_of_two_signals_are_all_their_combinations() -> None:
    signals = signals_of(REPLAYS, fit_beliefs(REPLAYS))
    bins = Bins.of(BOTH, signals)
    place = bins.place(signals, REPLAYS.shape[:2])
    assert len(bins) == 9
    assert place.min() >= 0
    assert place.max() <= 8
    assert (Bins.of(NOTHING, signals).place(signals, REPLAYS.shape[:2]) == 0).all()


def test_the_oracle_is_cheaper_than_what_does_not_know() -> None:
    def cost(contender: Contender) -> float:
        sweep = cross_fit("", contender, REPLAYS, FOLD).sweep
        net = sweep.accuracy.mean(axis=1) - 2e-4 * sweep.total_tokens.mean(axis=1)
        return float(net.max())

    assert cost(known_pass_rate) > cost(Priced(views=(NOTHING,)))


def test_routers_use_all_samples_at_no_price_or_for_everybody() -> None:
    (none, *_, every) = random_router(REPLAYS)
    assert isinstance(every, RulePerReplay)
    assert (none.play(REPLAYS).drawn == 1).all()
    assert (every.play(REPLAYS).drawn == 12).all()
    assert length_router(REPLAYS)[-1].label == f"price={TOKEN_PRICES[-1]:.2g}"
    assert FixedSize(1).n == 1
