"""An exact checker."""

from collections.abc import Sequence

from tests.verifiers.by_hand import judged
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import Checked, ExactChecker, Verdict


def check(question: str, text: str) -> Checked:
    total = sum(int(word) for word in question.split() if word.isdigit())
    return Checked(text.endswith(str(total)), None if text[-1:].isdigit() else 2)


def judgements(*texts: str) -> Sequence[Verdict]:
    return judged(ExactChecker(check), Step((user("2 + 2"),)), *map(Sample, texts))


def test_right_is_accepted_and_wrong_is_located_where_that_is_possible() -> None:
    assert judgements("It is 4", "It is 5", "It is four") == [
        Verdict(1.0, accepted=True),
        Verdict(0.0),
        Verdict(0.0, wrong_at=2),
    ]


def test_an_empty_reply_is_wrong_without_being_checked() -> None:
    assert judgements("  ") == [Verdict(0.0)]


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: ExactChecker(lambda question, text: Checked("4" in text)))
