"""Verifiers that know the reference answer: for grading, where gold answers are allowed."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.learning.item import Item
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers import (
    FunctionVerifier,
    JsonSchemaVerifier,
    Judge,
    MathEquivalence,
    ProgramTests,
    RegexVerifier,
    UnitTests,
    Verdict,
    Verifier,
)
from tts_agent.verifiers.judge import RUBRIC

Check = Callable[[str, str, Any], bool | float | Verdict]
"""(question, reply, reference) -> whether the reply is right."""


@dataclass(frozen=True, slots=True)
class Grading:
    """How samples become labels: a sample passes when the verifier of its item accepts it.

    Such a verifier may know the reference answer. It is for labels and never for answering.
    """

    name: str
    """What the label store remembers it by: under another name, labels are other labels."""
    verifier: Callable[[Item], Verifier]
    """Raises `ConfigurationError` for an item that it cannot judge, such as one without a reference."""
    answer_key: AnswerKey = answers.auto
    """What counts as the same answer."""

    def check(self, items: Sequence[Item]) -> None:
        """See whether every item can be graded, before anything is spent.

        Raises:
            ConfigurationError: naming the place of the first one that cannot.
        """
        for item in items:
            try:
                self.verifier(item)
            except MissingExtraError:
                raise
            except ConfigurationError as error:
                raise ConfigurationError(f"{item.place}: {error}" if item.place else str(error)) from error


def exact(key: AnswerKey | None = None) -> Callable[[Item], Verifier]:
    """Accepts replies that say the reference answer.

    Args:
        key: what is compared; by default JSON with a reference that is an object or a list, else the answer that the
            reply marks (`answers.final_answer`), or all of it where it marks none.
    """

    def verifier(item: Item) -> Verifier:
        reference = _reference(item)
        said = key or (answers.json_value if isinstance(reference, dict | list) else _said)
        right = said(Sample(_end(reference)))
        if right is None:
            raise ConfigurationError(f"the reference {_text(reference)[:60]!r} has no answer that could be compared")
        return FunctionVerifier(lambda step, sample: said(sample) == right, name="exact")

    return verifier


def _said(sample: Sample) -> Hashable | None:
    marked = answers.final_answer(sample)
    return answers.normalize(sample.text) or None if marked is None else marked


def _end(reference: Any) -> str:
    """The reference; of a worked solution that ends in "#### 72" what stands there."""
    return _text(reference).rpartition("####")[2].strip()


def math(item: Item) -> Verifier:
    """Accepts replies that equal the reference as mathematics (extra `verify`)."""
    reference = _end(_reference(item))
    return MathEquivalence(lambda step: reference)


def regex(pattern: str | None = None) -> Callable[[Item], Verifier]:
    """Accepts replies in which a pattern is found: this one, or the item's reference."""
    return lambda item: RegexVerifier(_text(_reference(item)) if pattern is None else pattern)


def schema(schema: Mapping[str, Any] | None = None) -> Callable[[Item], Verifier]:
    """Accepts replies that are JSON and fit a schema: this one, or the item's reference."""
    return lambda item: JsonSchemaVerifier(_mapping(_reference(item)) if schema is None else schema)


def unit_tests(item: Item) -> Verifier:
    """Accepts replies whose code passes the Python tests that are the item's reference."""
    return UnitTests(_text(_reference(item)))


def programs(item: Item) -> Verifier:
    """Accepts replies whose program prints what it should: the reference lists pairs of input and output."""
    try:
        examples = [(str(given), str(expected)) for given, expected in _reference(item)]
    except (TypeError, ValueError):
        raise ConfigurationError("the reference must list pairs of an input and an expected output") from None
    return ProgramTests(examples)


def judge(rubric: str | None = None, settings: Judge | None = None) -> Callable[[Item], Verifier]:
    """Accepts replies that a model finds right; it is shown the reference answer where there is one."""

    def verifier(item: Item) -> Verifier:
        said = rubric or RUBRIC
        if item.reference is not None:
            said += f"\nThe reference answer, which is right: {_text(item.reference)}"
        return replace(settings or Judge(), rubric=said)

    return verifier


def checked_by(check: Check) -> Callable[[Item], Verifier]:
    """Accepts what a function of (question, reply, reference) accepts; see `FunctionVerifier` for what it returns."""

    def verifier(item: Item) -> Verifier:
        def judged(step: Step, sample: Sample) -> bool | float | Verdict:
            return check(item.text, sample.text, item.reference)

        return FunctionVerifier(judged, name="check")

    return verifier


def _reference(item: Item) -> Any:
    if item.reference is None:
        raise ConfigurationError(
            f"question {item.id!r} has no reference answer: name its column with --answer, "
            "or choose a verifier that needs none"
        )
    return item.reference


def _text(reference: Any) -> str:
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)


def _mapping(reference: Any) -> Mapping[str, Any]:
    value = reference
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise ConfigurationError("the reference is no JSON schema")
    return value
