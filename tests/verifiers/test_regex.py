"""A regular expression as a verifier."""

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import RegexVerifier, Verdict

STEP = Step((user("Which year?"),))


def test_a_reply_with_the_pattern_is_accepted() -> None:
    found, missing = judged(RegexVerifier(r"\b\d{4}\b"), STEP, Sample("In 1969, I think."), Sample("Long ago."))
    assert found == Verdict(1.0, accepted=True)
    assert missing == Verdict(0.0, feedback=r"The reply does not match the pattern \b\d{4}\b")


def test_the_feedback_can_be_worded() -> None:
    (verdict,) = judged(RegexVerifier(r"\A\d+\Z", feedback="Only the number, please."), STEP, Sample("It is 4"))
    assert verdict == Verdict(0.0, feedback="Only the number, please.")


def test_a_reply_that_is_cut_off_is_rejected_whatever_it_says() -> None:
    assert not judged(RegexVerifier("1969"), STEP, Sample("1969 because", "length"))[0].accepted


def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no regular expression"):
        RegexVerifier("(")


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: RegexVerifier("4"))
