"""Any Python function as a verifier."""

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.messages import ToolCall, user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import FunctionVerifier, Verdict

STEP = Step((user("What is 2 + 2?"),))


def test_a_bool_accepts_or_rejects() -> None:
    verifier = FunctionVerifier(lambda step, sample: sample.text == "4")
    assert judged(verifier, STEP, Sample("4"), Sample("5")) == [Verdict(1.0, accepted=True), Verdict(0.0)]


def test_a_number_is_a_score_and_accepts_from_a_threshold_on() -> None:
    verifier = FunctionVerifier(lambda step, sample: float(sample.text), accept_at=0.8)
    scores = judged(verifier, STEP, Sample("0.5"), Sample("0.8"))
    assert scores == [Verdict(0.5), Verdict(0.8, accepted=True)]


def test_a_verdict_is_taken_as_it_is() -> None:
    said = Verdict(0.3, wrong_at=2, feedback="Look again.")
    assert judged(FunctionVerifier(lambda step, sample: said), STEP, Sample("x"))[0] is said


def test_it_sees_the_step() -> None:
    verifier = FunctionVerifier(lambda step, sample: step.text == "What is 2 + 2?")
    assert judged(verifier, STEP, Sample("x"))[0].accepted


@pytest.mark.parametrize(
    "broken",
    [Sample("4", "length"), Sample(" "), Sample("", "tool_calls", (ToolCall("f", "{", valid=False),))],
    ids=["cut off", "empty", "unparseable"],
)
def test_what_is_not_a_whole_answer_is_not_shown_to_it(broken: Sample) -> None:
    def function(step: Step, sample: Sample) -> bool:
        raise AssertionError("it was shown")

    (verdict,) = judged(FunctionVerifier(function), STEP, broken)
    assert (verdict.score, verdict.accepted) == (0.0, False)
    assert verdict.feedback


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: FunctionVerifier(lambda step, sample: "4" in sample.text))
