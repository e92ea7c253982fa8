"""A regular expression as a verifier."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.function import FunctionVerifier


@dataclass(frozen=True, slots=True)
class RegexVerifier:
    r"""Accepts a reply in which the pattern is found; `\A` and `\Z` tie it to the whole text.

    The time a pattern takes is not limited: nested repetition, as in `(a+)+`, can take for ever on an unlucky text.

    Raises:
        ConfigurationError: at construction, when the pattern is no regular expression.
    """

    pattern: str
    feedback: str | None = None
    """What to tell the model of a reply without it; None quotes the pattern."""
    name: str = "regex"

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigurationError(f"the pattern {self.pattern!r} is no regular expression: {error}") from None

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from FunctionVerifier(self._judge).verify(step, samples))

    def _judge(self, step: Step, sample: Sample) -> Verdict:
        if re.search(self.pattern, sample.text):
            return Verdict(1.0, accepted=True)
        return Verdict(0.0, feedback=self.feedback or f"The reply does not match the pattern {self.pattern}")
