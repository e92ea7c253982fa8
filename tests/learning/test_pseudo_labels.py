"""Pseudo-labels: unbiased where signals taken for labels are not, with intervals that cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.pseudo_labels import Pattern, Signalled, pseudo_labels, signalled
from tts_agent.learning.record_file import DrawnSample, Record


def steps(random: np.random.Generator, share: float, count: int) -> list[tuple[Signalled, bool]]:
    """A verifier that is fooled by 30 % of the wrong answers, and samples that agree on the same mistakes."""
    made = []
    for right, popular, noise in random.random((count, 3)):
        truth = bool(right < share)
        fooled = popular < 0.3
        accepted = noise < 0.9 if truth else fooled
        agreed = noise < 0.8 if truth else popular < 0.4
        made.append((Signalled((bool(accepted), bool(agreed))), truth))
    return made


def simulated(seed: int, gold: int = 120, share: float = 0.5) -> tuple[list[Signalled], list[bool]]:
    """Unlabelled steps with this share of right ones, and gold ones of which users reported mostly failures."""
    random = np.random.default_rng(seed)
    known = [replace(step, right=truth) for step, truth in steps(random, 0.3, gold)]
    others = steps(random, share, 600)
    return [*known, *(step for step, _ in others)], [truth for _, truth in others]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_share_is_unbiased_and_its_interval_covers_where_the_verdict_alone_is_biased(share: float) -> None:
    found = [pseudo_labels(simulated(seed, share=share)[0]) for seed in range(100)]
    raw = np.mean([labels.raw for labels in found])
    assert raw == pytest.approx(share * 0.9 + (1 - share) * 0.3, abs=0.01)
    assert np.mean([labels.share for labels in found]) == pytest.approx(share, abs=0.03)
    assert np.mean([labels.low <= share <= labels.high for labels in found]) >= 0.9


def test_each_probability_means_what_it_says() -> None:
    said: dict[Pattern, list[tuple[float, bool]]] = {}
    for seed in range(40):
        data, truth = simulated(seed, gold=400)
        others = [step.pattern for step in data if step.right is None]
        for pattern, p, right in zip(others, pseudo_labels(data).right, truth, strict=True):
            said.setdefault(pattern, []).append((p, right))
    assert len(said) == 4
    for pairs in said.values():
        p, right = np.mean(pairs, axis=0)
        assert p == pytest.approx(right, abs=0.05)


@given(st.integers(11, 40), st.integers(0, 10), st.integers(0, 30))
def test_one_signal_gives_the_textbook_correction(right: int, wrong: int, accepted: int) -> None:
    gold = [Signalled((number < right,), True) for number in range(40)]
    gold += [Signalled((number < wrong,), False) for number in range(40)]
    others = [Signalled((number < accepted,)) for number in range(30)]
    ta, fa = (right + 0.5) / 41, (wrong + 0.5) / 41
    expected = min(max((accepted / 30 - fa) / (ta - fa), 0.0), 1.0)
    assert pseudo_labels([*gold, *others]).share == pytest.approx(expected, abs=1e-6)


def test_signals_that_say_nothing_give_an_interval_that_says_so() -> None:
    random = np.random.default_rng(0)
    gold = [Signalled((bool(random.random() < 0.5),), number % 2 == 0) for number in range(60)]
    labels = pseudo_labels([*gold, *(Signalled((bool(random.random() < 0.5),)) for _ in range(300))])
    assert labels.high - labels.low > 0.8


def test_records_are_read_by_verdict_and_first_agreement() -> None:
    sample = DrawnSample(0, 5, 5, "stop", None, True)
    record = Record(0.0, "sums", "", None, 0, 1, "vote", {}, 0.0, None, "done", 0, True, None, 50, (sample, sample))
    records = [
        record,
        replace(record, samples=(sample, replace(sample, vote=1)), accepted=None, correct=False),
        replace(record, samples=(sample,)),
        replace(record, samples=()),
        replace(record, kind="plans"),
    ]
    assert signalled(records, "sums") == [
        Signalled((True, True)),
        Signalled((None, False), False),
        Signalled((True, None)),
    ]


def test_too_small_a_gold_set_is_refused() -> None:
    gold = [Signalled((True,), True)] * 30 + [Signalled((False,), False)] * 4
    with pytest.raises(ConfigurationError, match="30 right and 4 wrong steps"):
        pseudo_labels([*gold, Signalled((True,))])
    with pytest.raises(ConfigurationError, match="nothing to label"):
        pseudo_labels(gold * 3)
