"""Mathematical equality as a verifier."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import MathEquivalence, Verdict, math_equivalence

pytestmark = pytest.mark.usefixtures("needs_sandbox")

STEP = Step((user("How much is half?"),))

EQUAL = ["0.5", r"So it is $\frac{2}{4}$.", r"\boxed{\frac12}", "The answer is 2/4.", r"$2^{-1}$", r"\boxed{50\%}"]
UNEQUAL = ["1/3", r"\boxed{2}", "I do not know.", r"\boxed{x}", ""]


def accepted(reference: str | None, *replies: str, seconds: int = 5) -> list[bool]:
    verifier = MathEquivalence(lambda step: reference, seconds=seconds)
    return [verdict.accepted for verdict in judged(verifier, STEP, *map(Sample, replies))]


def test_what_is_equal_is_accepted_however_it_is_written() -> None:
    assert accepted(r"$\frac{1}{2}$", *EQUAL, *UNEQUAL) == [True] * len(EQUAL) + [False] * len(UNEQUAL)


def test_sets_intervals_and_expressions_are_compared_too() -> None:
    assert accepted(r"$\{1, 2\}$", r"$\{2, 1\}$", r"$\{1, 3\}$") == [True, False]
    assert accepted(r"$(x+1)^2$", r"$x^2 + 2x + 1$", r"$x^2 + 1$") == [True, False]


def test_a_reply_without_end_is_rejected_alone() -> None:
    hangs = r"$9^{9^{9^{9^{9}}}}$ or $\prod_{i=1}^{10^9} \sum_{j=1}^{10^9} \frac{i}{j}$"
    assert accepted("$2$", "$1+1$", hangs, r"$\sqrt{4}$", seconds=1) == [True, False, True]


def test_a_reply_that_ends_the_program_is_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fragile = math_equivalence._PROGRAM.replace("    try:", "    if 'crash' in reply: sys.exit(1)\n    try:")
    monkeypatch.setattr(math_equivalence, "_PROGRAM", fragile)
    assert accepted("$2$", "$1+1$", "crash", r"$\sqrt{4}$", "crash") == [True, False, True, False]


def test_no_reference_accepts_nothing() -> None:
    assert accepted(None, "2") == [False]


def test_a_reference_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be compared with"):
        accepted("no idea", "2")


def test_the_same_spelling_needs_no_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MathEquivalence, "_compare", lambda *_: [])
    assert accepted("42", "The answer is 42.", r"\boxed{42.0}", "42") == [True] * 3


def test_it_works_in_many_threads() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda n: accepted(f"${n}$", f"${n} + 0$", "$-1$"), range(3))) == [[True, False]] * 3


def test_without_the_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_equivalence, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="verify"):
        MathEquivalence(lambda step: "1")


def test_cut_off_replies_are_rejected() -> None:
    assert judged(MathEquivalence(lambda step: "4"), STEP, Sample("The answer is 4", "length")) == [Verdict(0.0)]


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: MathEquivalence(lambda step: "4"))
