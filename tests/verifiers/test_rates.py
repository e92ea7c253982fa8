"""How often a verifier is right."""

from __future__ import annotations

import random
from math import sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import AcceptRates, FunctionVerifier, Verdict, measured, read_rates, write_rates

YES, NO = Verdict(1.0, accepted=True), Verdict(0.0)


def test_verdicts_are_counted_by_truth() -> None:
    rates = AcceptRates.of([YES, YES, NO, YES, NO, NO], [True, True, True, False, False, False])
    assert rates == AcceptRates(right_accepted=2, right_rejected=1, wrong_accepted=1, wrong_rejected=2)
    assert (rates + rates).wrong_rejected == 4


def test_rates_are_beliefs_from_jeffreys_prior() -> None:
    rates = AcceptRates(right_accepted=9, right_rejected=0, wrong_accepted=0, wrong_rejected=4)
    assert rates.true_accept.mean == 0.95
    assert rates.false_accept.mean == 0.1
    assert AcceptRates().false_accept.mean == 0.5


def test_what_an_accepted_sample_is_worth_follows_bayes() -> None:
    rates = AcceptRates(right_accepted=90, right_rejected=10, wrong_accepted=20, wrong_rejected=80)
    true, false = 90.5 / 101, 20.5 / 101
    assert rates.p_right(0.3, accepted=True) == pytest.approx(0.3 * true / (0.3 * true + 0.7 * false))
    assert rates.p_right(0.3, accepted=False) == pytest.approx(
        0.3 * (1 - true) / (0.3 * (1 - true) + 0.7 * (1 - false))
    )


@given(*[st.integers(0, 50)] * 4, st.floats(0.01, 0.99))
def test_a_verdict_moves_belief_by_as_much_as_it_is_worth(a: int, b: int, c: int, d: int, p: float) -> None:
    rates = AcceptRates(a, b, c, d)
    accepted = p * rates.true_accept.mean + (1 - p) * rates.false_accept.mean
    expected = accepted * rates.p_right(p, accepted=True) + (1 - accepted) * rates.p_right(p, accepted=False)
    assert expected == pytest.approx(p)


def test_the_rates_of_a_noisy_verifier_are_found() -> None:
    chance, n = random.Random(1), 2000
    samples = [Sample(chance.choice(["right", "wrong"])) for _ in range(n)]

    def noisy(step: Step, sample: Sample) -> bool:
        return chance.random() < {"right": 0.8, "wrong": 0.1}[sample.text]

    flow = measured(
        FunctionVerifier(noisy), Step((user("?"),)), samples, [sample.text == "right" for sample in samples]
    )
    rates = run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(flow))
    assert rates.true_accept.mean == pytest.approx(0.8, abs=4 * sqrt(0.8 * 0.2 / (n / 2)))
    assert rates.false_accept.mean == pytest.approx(0.1, abs=4 * sqrt(0.1 * 0.9 / (n / 2)))


def test_they_read_as_a_sentence() -> None:
    told = str(AcceptRates(right_accepted=95, right_rejected=5, wrong_accepted=0, wrong_rejected=50))
    assert told == "accepts 95% [90%, 98%] of the right and 1% [0%, 4%] of the wrong (100 and 50 samples)"


def test_they_are_saved_and_read_again(tmp_path: Path) -> None:
    rates = {"unit_tests": {"code": AcceptRates(1, 2, 3, 4), "default": AcceptRates()}, "judge": {}}
    write_rates(tmp_path / "rates.json", rates)
    assert read_rates(tmp_path / "rates.json") == rates


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"a": {"b": {"right": 1}}}', '{"a": {"b": {"right_accepted": -1}}}']
)
def test_what_is_no_file_of_rates_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "rates.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        read_rates(tmp_path / "rates.json")


def test_labels_must_match_verdicts() -> None:
    with pytest.raises(ConfigurationError, match="1 verdicts cannot have 2 labels"):
        AcceptRates.of([YES], [True, False])
