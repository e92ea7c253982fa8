"""Votes, and how likely the leader is to be right."""

import math
from collections import Counter
from collections.abc import Hashable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.voting import Tally, effective_size, posterior, weighted_majority

BELIEFS = st.builds(Beta, st.floats(0.2, 20.0), st.floats(0.2, 20.0))
THETAS = st.floats(0.05, 20.0)
VOTES = st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=12).map(tuple)


def test_the_earliest_answer_leads_on_a_tie() -> None:
    tally = Tally(("b", "a", None, "a", "b", "c"))
    assert tally.leader == "b"
    assert tally.counts == {"b": 2, "a": 2, "c": 1}
    assert (tally.top(), tally.drawn, tally.invalid) == ((2, 2), 6, 1)


def test_a_tally_of_nothing_has_no_leader() -> None:
    for tally in (Tally(), Tally((None, None))):
        assert tally.leader is None
        assert tally.top() == (0, 0)


def test_adding_votes_leaves_the_first_tally_alone() -> None:
    first = Tally(("a",))
    assert first.counts == {"a": 1}
    assert first.add(["b", "b"]).leader == "b"
    assert first.leader == "a"


def test_the_weighted_majority_is_the_largest_sum() -> None:
    assert weighted_majority(["a", "b", "b", None], [1.0, 0.4, 0.4, 9.0]) == "a"
    assert weighted_majority(["a", "b", "b"], [1.0, 0.6, 0.6]) == "b"
    assert weighted_majority([None], [1.0]) is None
    assert weighted_majority([], []) is None
    with pytest.raises(ConfigurationError, match="2 votes cannot have 1 weights"):
        weighted_majority(["a", "b"], [1.0])


@given(votes=VOTES, prior=BELIEFS, theta=THETAS)
def test_the_posterior_sums_to_one(votes: tuple[Hashable | None, ...], prior: Beta, theta: float) -> None:
    found = posterior(Tally(votes), prior, theta)
    assert found.unseen + sum(found.correct.values()) == pytest.approx(1.0)
    assert min([found.unseen, *found.correct.values()]) >= 0.0


@given(votes=VOTES, prior=BELIEFS, theta=THETAS, seed=st.randoms(use_true_random=False))
def test_names_and_order_of_answers_do_not_matter(
    votes: tuple[Hashable | None, ...], prior: Beta, theta: float, seed: object
) -> None:
    found = posterior(Tally(votes), prior, theta)
    names = {"a": 4, "b": "z", "c": (1, 2), "d": "a"}
    renamed = [None if vote is None else names[str(vote)] for vote in votes]
    again = posterior(Tally(tuple(reversed(renamed))), prior, theta)
    assert again.unseen == pytest.approx(found.unseen)
    for answer, probability in found.correct.items():
        assert again.of(names[str(answer)]) == pytest.approx(probability)


def rising(x: float, n: int) -> float:
    """x (x + 1) ... (x + n - 1)."""
    return math.prod(x + i for i in range(n))


def partition_chance(sizes: list[int], theta: float) -> float:
    """Ewens: the probability that wrong votes fall into just these groups."""
    wrong = sum(sizes)
    return theta ** len(sizes) * math.prod(math.factorial(size - 1) for size in sizes) / rising(theta, wrong)


def beta_moment(prior: Beta, right: int, wrong: int) -> float:
    """E[p^right (1 - p)^wrong]."""
    return rising(prior.a, right) * rising(prior.b, wrong) / rising(prior.concentration, right + wrong)


@given(votes=VOTES, prior=BELIEFS, theta=THETAS)
def test_it_is_bayes_rule_by_products(votes: tuple[Hashable | None, ...], prior: Beta, theta: float) -> None:
    counts, invalid = Counter(vote for vote in votes if vote is not None), votes.count(None)
    n = sum(counts.values())
    joint: dict[Hashable | None, float] = {
        answer: beta_moment(prior, count, n - count + invalid)
        * partition_chance([size for other, size in counts.items() if other != answer], theta)
        for answer, count in counts.items()
    }
    joint[None] = beta_moment(prior, 0, n + invalid) * partition_chance(list(counts.values()), theta)
    total = sum(joint.values())
    found = posterior(Tally(votes), prior, theta)
    assert found.unseen == pytest.approx(joint[None] / total, abs=1e-9)
    for answer in counts:
        assert found.of(answer) == pytest.approx(joint[answer] / total, abs=1e-9)


def partitions(n: int) -> Iterator[list[int]]:
    """Every way to share n labelled votes among groups, as the sizes of the groups (with repetitions)."""
    if n == 0:
        yield []
        return
    for sizes in partitions(n - 1):
        yield [*sizes, 1]
        for i in range(len(sizes)):
            yield [*sizes[:i], sizes[i] + 1, *sizes[i + 1 :]]


@pytest.mark.parametrize("n", range(7))
def test_the_model_accounts_for_everything_that_can_be_drawn(n: int) -> None:
    prior, theta = Beta(2.0, 1.5), 0.7
    total = 0.0
    for sizes in partitions(n):
        total += beta_moment(prior, 0, n) * partition_chance(sizes, theta)
        for i, right in enumerate(sizes):
            total += beta_moment(prior, right, n - right) * partition_chance(sizes[:i] + sizes[i + 1 :], theta)
    assert total == pytest.approx(1.0)


def test_it_agrees_with_numeric_integration_over_pass_at_1() -> None:
    prior, theta, grid = Beta(3.0, 2.0), 1.0, 20_000
    likelihood = {"a": 0.0, "b": 0.0, None: 0.0}
    for i in range(grid):
        p = (i + 0.5) / grid
        density = p ** (prior.a - 1.0) * (1.0 - p) ** (prior.b - 1.0)
        likelihood["a"] += density * p**3 * (1.0 - p) * partition_chance([1], theta)
        likelihood["b"] += density * p * (1.0 - p) ** 3 * partition_chance([3], theta)
        likelihood[None] += density * (1.0 - p) ** 4 * partition_chance([3, 1], theta)
    found = posterior(Tally(("a", "b", "a", "a")), prior, theta)
    total = sum(likelihood.values())
    assert found.of("a") == pytest.approx(likelihood["a"] / total, abs=1e-6)
    assert found.of("b") == pytest.approx(likelihood["b"] / total, abs=1e-6)
    assert found.unseen == pytest.approx(likelihood[None] / total, abs=1e-6)


@given(leader=st.integers(1, 30), others=st.integers(0, 5), prior=BELIEFS, theta=THETAS)
def test_another_vote_for_the_leader_raises_its_probability_where_right_answers_repeat_more_than_wrong_ones(
    leader: int, others: int, prior: Beta, theta: float
) -> None:
    rest = tuple(f"other {i}" for i in range(others))
    before = posterior(Tally(("a",) * leader + rest), prior, theta).of("a")
    after = posterior(Tally(("a",) * (leader + 1) + rest), prior, theta).of("a")
    n = leader + others
    if prior.a * (theta + n - 1) + leader * theta >= prior.b * leader:  # a vote that is likelier if "a" is right
        assert after >= before - 1e-9


@given(prior=BELIEFS, theta=THETAS)
def test_one_vote_is_worth_what_was_believed_before(prior: Beta, theta: float) -> None:
    assert posterior(Tally(("a",)), prior, theta).of("a") == pytest.approx(prior.mean)


@given(votes=VOTES, prior=BELIEFS, theta=THETAS)
@settings(max_examples=50)
def test_a_sample_that_cannot_vote_speaks_against_everybody(
    votes: tuple[Hashable | None, ...], prior: Beta, theta: float
) -> None:
    before, after = posterior(Tally(votes), prior, theta), posterior(Tally((*votes, None)), prior, theta)
    assert after.unseen >= before.unseen - 1e-9


def test_a_thousand_votes_in_two_hundred_groups_are_no_problem() -> None:
    votes: tuple[Hashable, ...] = tuple(f"answer {i % 200}" for i in range(1000))
    for theta in (1e-3, 1.0, 1e3):
        found = posterior(Tally(votes), Beta(0.01, 50.0), theta)
        assert found.unseen + sum(found.correct.values()) == pytest.approx(1.0)
        assert all(math.isfinite(probability) for probability in found.correct.values())


def test_a_thousand_votes_for_one_answer_settle_it_unless_wrong_answers_agree() -> None:
    votes = Tally(("a",) * 1000)
    assert posterior(votes, Beta(1.0, 1.0), 5.0).of("a") > 0.99
    assert posterior(votes, Beta(1.0, 50.0), 1e-6).of("a") < 0.1


def test_an_answer_nobody_gave_is_not_correct() -> None:
    assert posterior(Tally(("a",)), Beta(1.0, 1.0), 1.0).of("b") == 0.0
    assert posterior(Tally(), Beta(1.0, 1.0), 1.0).of(None) == 0.0


@pytest.mark.parametrize("theta", [0.0, -1.0, math.nan])
def test_a_concentration_that_is_not_positive_is_refused(theta: float) -> None:
    with pytest.raises(ConfigurationError, match="concentration of wrong answers must be above 0"):
        posterior(Tally(), Beta(1.0, 1.0), theta)


def test_correlated_samples_are_worth_fewer() -> None:
    assert effective_size(10, 0.0) == 10.0
    assert effective_size(10, 1.0) == 1.0
    assert effective_size(1, 0.7) == 1.0
    assert effective_size(0, 0.7) == 0.0
    assert effective_size(10, 0.1) == pytest.approx(10 / 1.9)
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        effective_size(3, 1.5)
