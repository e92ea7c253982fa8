"""Verifiers that know the reference answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tts_agent import answers
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning import grading
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import Verifier


def accepted(of: Callable[[Item], Verifier], reference: Any, reply: str, model: ScriptedSampler | None = None) -> bool:
    item = Item("q", (user("question"),), reference=reference)
    flow = of(item).verify(Step(item.messages), [Sample(reply)])
    (verdict,) = run_sync(Driver(model or ScriptedSampler([]), Budget()).run(flow))
    return verdict.accepted


@pytest.mark.parametrize(
    ("reference", "reply", "right"),
    [
        ("72", "So the answer is 72.", True),
        (72, "\\boxed{72.0}", True),
        ("9 * 8 = 72\n#### 72", "The answer is 72", True),
        ("72", "The answer is 27.", False),
        ("Paris", "paris.", True),
        ({"b": 1, "a": [2]}, '{"a": [2], "b": 1}', True),
        ({"b": 1}, '{"b": 2}', False),
        (True, "The answer is true.", True),
    ],
)
def test_exact_compares_answers_and_not_spellings(reference: Any, reply: str, right: bool) -> None:
    assert accepted(grading.exact(), reference, reply) is right


def test_exact_compares_what_the_key_reads() -> None:
    assert accepted(grading.exact(answers.number), "7", "That makes 3 + 4 = 7 apples in all")
    assert accepted(grading.exact(answers.choice), "B", "I would take (B)")
    with pytest.raises(ConfigurationError, match="no answer that could be compared"):
        accepted(grading.exact(answers.number), "seven", "7")


def test_math_accepts_what_is_equal() -> None:
    assert accepted(grading.math, "\\frac{1}{2}", "The answer is $0.5$.")
    assert not accepted(grading.math, "#### 1/2", "The answer is $0.4$.")


def test_patterns_and_schemas_are_given_or_are_the_reference() -> None:
    assert accepted(grading.regex(r"\d{4}"), None, "in 1969")
    assert accepted(grading.regex(), r"\bcat\b", "a cat")
    assert accepted(grading.schema({"type": "array"}), None, "[1]")
    assert not accepted(grading.schema(), '{"type": "array"}', "{}")


def test_code_is_run_against_the_tests_that_are_the_reference() -> None:
    assert accepted(grading.unit_tests, "assert double(2) == 4", "```python\ndef double(x):\n    return 2 * x\n```")
    assert not accepted(grading.unit_tests, "assert double(2) == 4", "```python\ndef double(x):\n    return x\n```")
    assert accepted(grading.programs, [["3", "6"]], "```python\nprint(2 * int(input()))\n```")


def test_a_judge_is_shown_the_reference() -> None:
    judge = ScriptedSampler(["It agrees.\nScore: 9"])
    assert accepted(grading.judge(), "blue", "The sky is blue.", judge)
    assert "The reference answer, which is right: blue" in str(judge.calls[0].request.messages)


def test_a_function_of_ones_own_sees_question_reply_and_reference() -> None:
    assert accepted(grading.checked_by(lambda *seen: seen == ("question", "reply", [1])), [1], "reply")


def test_items_that_cannot_be_graded_are_named_before_anything_is_spent() -> None:
    items = [Item("a", (user("a"),), reference="1"), Item("b", (user("b"),), place="q.jsonl:2")]
    with pytest.raises(ConfigurationError, match=r"q\.jsonl:2: question 'b' has no reference answer.*--answer"):
        Grading("exact", grading.exact()).check(items)
    with pytest.raises(ConfigurationError, match="pairs of an input"):
        Grading("programs", grading.programs).check([Item("a", (user("a"),), reference=[1])])
