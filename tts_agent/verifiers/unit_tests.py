"""Unit tests in a sandbox as a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.code_block import code_of
from tts_agent.verifiers.function import FunctionVerifier
from tts_agent.verifiers.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class UnitTests:
    """Runs the code of a reply against tests; the score is the share that passed, and all must for it to be accepted.

    The code is the last Python block of the reply, or all of it. It is run in a sandbox, and the tests in a second
    one, so it sees no expected value and cannot forge the result (see docs/verifiers.md for the limits of that).
    The feedback is the first test that failed, as it is written, with what the code returned: leave it out
    (`show_tests`) where the model should not learn the tests.

    Raises:
        ConfigurationError: at construction, on a machine that cannot sandbox. Nothing is ever run without.
    """

    needs: ClassVar[tuple[str, ...]] = ("Linux",)
    source: ClassVar[str] = "arXiv 2107.03374"

    tests: str | Callable[[Step], str]
    """Python: asserts and calls at the top, functions `test*()`, classes with such methods, `unittest` cases. They use
    what the code defines by name. A function finds the tests of a step."""
    sandbox: Sandbox = field(default_factory=Sandbox)
    show_tests: bool = True
    name: str = "unit_tests"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from FunctionVerifier(self._judge).verify(step, samples))

    def _judge(self, step: Step, sample: Sample) -> Verdict:
        run = self.sandbox.run_tests(
            code_of(sample.text), self.tests if isinstance(self.tests, str) else self.tests(step)
        )
        if run.failure is None:
            return Verdict(1.0, accepted=True)
        feedback = f"A test fails: {run.failure}" if self.show_tests else "The code does not pass its tests."
        return Verdict(run.passed / max(1, run.total), feedback=feedback)
