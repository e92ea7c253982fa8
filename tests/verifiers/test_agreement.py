"""Self-consistency as a verifier."""

from collections.abc import Sequence

import pytest

from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import AgreementVerifier, Verdict

STEP = Step((user("What is 2 + 2?"),))


def judged(step: Step, samples: Sequence[Sample], verifier: AgreementVerifier | None = None) -> Sequence[Verdict]:
    flow = (verifier or AgreementVerifier()).verify(step, samples)
    return run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(flow))


def answers(*said: str) -> tuple[Sample, ...]:
    return tuple(Sample(f"The answer is {one}.") for one in said)


def test_the_score_is_the_share_of_votes() -> None:
    verdicts = judged(STEP, answers("4", "4", "5", "4"))
    assert [verdict.score for verdict in verdicts] == [0.75, 0.75, 0.25, 0.75]
    assert [verdict.accepted for verdict in verdicts] == [True, True, False, True]


def test_samples_drawn_before_vote_too_and_once() -> None:
    samples = answers("4", "4", "5")
    assert judged(STEP.with_drawn(samples), samples[2:])[0].score == pytest.approx(1 / 3)
    assert judged(STEP.with_drawn(samples[:2]), samples[2:])[0].score == pytest.approx(1 / 3)


def test_few_votes_accept_nothing() -> None:
    assert not any(verdict.accepted for verdict in judged(STEP, answers("4", "4")))
    assert judged(STEP, answers("4"), AgreementVerifier(fewest=1))[0].accepted


def test_what_cannot_vote_scores_nothing_and_does_not_count() -> None:
    broken = Sample("The answer is", "length")
    verdicts = judged(STEP, (*answers("4", "4", "4"), broken))
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, 1.0, 0.0]
    assert judged(STEP, [broken]) == [Verdict(0.0)]


@pytest.mark.parametrize("wrong", [{"accept_at": 0.0}, {"accept_at": 1.1}, {"fewest": 0}])
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        AgreementVerifier(**wrong)  # type: ignore[arg-type]


def test_it_keeps_the_contract() -> None:
    check_verifier(AgreementVerifier)
