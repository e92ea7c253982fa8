"""Mixtures over kinds of questions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.population.by_hand import MIXED, chance, kinds, sequences
from tts_agent.exceptions import ConfigurationError
from tts_agent.population import Components, Population, VoteCounts, fit_population
from tts_agent.probability import Beta
from tts_agent.voting import Tally, posterior

BETAS = st.builds(Beta, st.floats(0.2, 12.0), st.floats(0.2, 12.0))
VOTES = st.lists(st.sampled_from(["a", "a", "b", "c", "d", "e"]), max_size=40)


@given(belief=BETAS, theta=st.floats(0.05, 30.0), votes=VOTES)
def test_a_beta_gives_the_closed_form_posterior(belief: Beta, theta: float, votes: list[str]) -> None:
    tally = Tally(tuple(votes))
    exact, ours = posterior(tally, belief, theta), Population.of(belief, theta).posterior(tally)
    assert ours.unseen == pytest.approx(exact.unseen, abs=1e-6)
    assert ours.correct == pytest.approx(exact.correct, abs=1e-6)
    assert Population.of(belief, theta).mean == pytest.approx(belief.mean, abs=1e-9)


def test_the_posterior_is_that_of_enumeration() -> None:
    for votes in sequences(4):
        # Relabel so that nothing tells which answer is right; then every answer, or none seen, may be.
        names = tuple(None if vote == -1 else f"answer {vote}" for vote in votes)
        ours = MIXED.posterior(Tally(names))
        weights = {}
        for right in [*dict.fromkeys(name for name in names if name), "unseen"]:
            order = {name: i + 1 for i, name in enumerate(dict.fromkeys(n for n in names if n and n != right))}
            seen = tuple(-1 if name is None else 0 if name == right else order[name] for name in names)
            weights[right] = sum(w * chance(seen, p, errors, phi) for w, p, errors, phi in kinds(MIXED))
        total = sum(weights.values())
        assert ours.unseen == pytest.approx(weights.pop("unseen") / total)
        assert ours.correct == pytest.approx({name: weight / total for name, weight in weights.items()})


@given(votes=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=60))
def test_the_posterior_sums_to_one(votes: list[str | None]) -> None:
    belief = MIXED.posterior(Tally(tuple(votes)))
    assert belief.unseen + sum(belief.correct.values()) == pytest.approx(1.0)


def test_a_thousand_votes_for_two_hundred_answers() -> None:
    votes = tuple(f"answer {i % 200 if i % 3 else 0}" for i in range(1000))
    belief = MIXED.posterior(Tally(votes))
    assert belief.unseen + sum(belief.correct.values()) == pytest.approx(1.0)
    assert belief.of("answer 0") > 0.99


def test_evidence_moves_the_odds_by_its_likelihood_ratio() -> None:
    tally = Tally(("a", "b", "a"))
    plain, told = MIXED.posterior(tally), MIXED.posterior(tally, {"b": np.log(8.0)})
    odds = told.of("b") / told.of("a") / (plain.of("b") / plain.of("a"))
    assert odds == pytest.approx(8.0)
    assert told.unseen + sum(told.correct.values()) == pytest.approx(1.0)


@given(votes=VOTES, low=st.floats(0.0, 0.5), more=st.floats(0.0, 0.5))
@settings(max_examples=40)
def test_correlated_votes_weigh_less(votes: list[str], low: float, more: float) -> None:
    unanimous = Tally(("a",) * len(votes))
    believed = [MIXED.posterior(unanimous, correlation=c).of("a") for c in (0.0, low, low + more)]
    assert believed == sorted(believed, reverse=True) or not votes
    alike = MIXED.posterior(Tally(tuple(votes)), correlation=low)
    assert alike.unseen + sum(alike.correct.values()) == pytest.approx(1.0)


def test_perfectly_correlated_votes_are_one_vote() -> None:
    assert MIXED.posterior(Tally(("a",) * 9), correlation=1.0).of("a") < MIXED.posterior(Tally(("a", "a"))).of("a")


# ------------------------------------------------------------------------------------------------------------ fitting


def drawn(population: Population, questions: int, samples: int) -> list[VoteCounts]:
    rng = np.random.default_rng(5)
    c, counts = population.components, []
    for kind in rng.choice(len(c), questions, p=population.weights):
        right = invalid = 0
        wrong: list[int] = []
        for _ in range(samples):
            if rng.random() < c.pass_rate[kind]:
                right += 1
            elif rng.random() < c.invalid_rate[kind]:
                invalid += 1
            else:
                theta, d = c.concentration[kind], c.discount[kind]
                masses = np.array([*(count - d for count in wrong), theta + len(wrong) * d])
                choice = rng.choice(len(masses), p=masses / masses.sum()) if wrong else 0
                wrong = [*wrong, 1] if choice == len(wrong) else [n + (i == choice) for i, n in enumerate(wrong)]
        counts.append(VoteCounts(right, tuple(wrong), invalid))
    return counts


def test_a_fitted_population_believes_what_the_true_one_does() -> None:
    fitted = fit_population(drawn(MIXED, 600, 24))
    assert fitted.mean == pytest.approx(MIXED.mean, abs=0.03)
    for votes in (("a", "a"), ("a", "b"), ("a", None, None), ("a", "a", "b"), ("a", "b", "c", "d")):
        ours, true = fitted.posterior(Tally(votes)), MIXED.posterior(Tally(votes))
        assert ours.of("a") == pytest.approx(true.of("a"), abs=0.08)


def test_few_questions_are_drawn_to_the_prior() -> None:
    all_wrong = [VoteCounts(0, (8,))] * 4
    prior = Population(Components.grid(), np.full(len(Components.grid()), 1.0))
    weak, strong = (fit_population(all_wrong, prior, strength=strength) for strength in (1.0, 400.0))
    assert weak.mean < strong.mean
    assert strong.mean == pytest.approx(prior.mean, abs=0.02)


def test_questions_count_by_their_weight() -> None:
    questions = [VoteCounts(12, ()), VoteCounts(0, (12,))]
    mostly_right, mostly_wrong = (fit_population(questions, weights=weights) for weights in ([9.0, 1.0], [1.0, 9.0]))
    assert mostly_right.mean > 0.8
    assert mostly_wrong.mean < 0.2


@pytest.mark.parametrize("weights", [[], [1.0, 2.0], [-1.0]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="at least one question"):
        fit_population([VoteCounts(1, ())], weights=weights)


# ----------------------------------------------------------------------------------------------------- with estimates


@given(mean=st.floats(0.35, 0.85), size=st.floats(0.5, 60.0))
@settings(max_examples=40)
def test_an_estimate_sets_the_mean_and_never_widens(mean: float, size: float) -> None:
    belief = Beta.of(mean, size)
    told = MIXED.given(belief)
    p = told.components.pass_rate
    assert told.mean == pytest.approx(mean, abs=3e-3)
    assert told.weights @ (p - told.mean) ** 2 <= max(mean * (1 - mean) / (size + 1), 0.04) + 5e-3


def test_an_estimate_that_knows_only_the_class_changes_nothing() -> None:
    told = MIXED.given(Beta.of(MIXED.mean, 0.5))
    assert told.weights == pytest.approx(MIXED.weights, abs=2e-3)


def test_a_wrong_tail_is_not_blown_up() -> None:
    """A class of easy steps with a few hopeless ones: a slightly lower estimate is no reason to despair."""
    pass_rate = np.array([0.05, 0.9, 0.94, 0.97])
    same = np.ones(4)
    easy = Population(Components(pass_rate, same, 0 * same, 0.1 * same), np.array([0.02, 0.3, 0.4, 0.28]))
    told = easy.given(Beta.of(0.9, 40.0))
    assert told.mean == pytest.approx(0.9, abs=3e-3)
    assert told.posterior(Tally(("a",))).of("a") > 0.9


def test_one_estimate_gives_one_object() -> None:
    assert MIXED.given(Beta(2.0, 1.0)) is MIXED.given(Beta(2.0, 1.0))


def test_pruning_drops_what_hardly_occurs() -> None:
    fitted = fit_population(drawn(MIXED, 100, 12))
    pruned = fitted.pruned(0.02)
    assert len(pruned.weights) < len(fitted.weights)
    assert pruned.posterior(Tally(("a", "b"))).of("a") == pytest.approx(
        fitted.posterior(Tally(("a", "b"))).of("a"), abs=0.02
    )


# ------------------------------------------------------------------------------------------------------------ on disk


def test_it_is_read_as_it_was_written() -> None:
    again = Population.from_json(json.loads(json.dumps(MIXED.to_json())))
    assert again.posterior(Tally(("a", "b"))).correct == pytest.approx(MIXED.posterior(Tally(("a", "b"))).correct)


@pytest.mark.parametrize(
    "broken",
    [{}, {"weights": [1.0]}, MIXED.to_json() | {"weights": [1.0]}, MIXED.to_json() | {"pass_rate": ["a", "b", "c"]}],
)
def test_what_is_no_population_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="population"):
        Population.from_json(broken)


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [float("nan"), 1.0, 1.0]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="weight"):
        Population(MIXED.components, np.array(weights))


def test_a_concentration_must_be_positive() -> None:
    with pytest.raises(ConfigurationError, match="theta is 0"):
        Population.of(Beta(1.0, 1.0), 0.0)
