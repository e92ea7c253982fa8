"""Programs that read and print, run on examples in a sandbox, as a verifier."""

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

Example = tuple[str, str]
"""What the program reads, and what it is to print."""


@dataclass(frozen=True, slots=True)
class ProgramTests:
    """Runs the program of a reply on each example, as competitive programming does.

    What it prints must be the same but for white space at the ends of lines and of the text. The score is the share of
    examples, and all must agree for it to be accepted.

    What is expected never enters the sandbox. The feedback quotes the first example that differs, unless
    `show_examples` is off.

    Raises:
        ConfigurationError: at construction, on a machine that cannot sandbox. Nothing is ever run without.
    """

    needs: ClassVar[tuple[str, ...]] = ("Linux",)
    source: ClassVar[str] = "arXiv 2203.07814"

    examples: Sequence[Example] | Callable[[Step], Sequence[Example]]
    sandbox: Sandbox = field(default_factory=Sandbox)
    show_examples: bool = True
    name: str = "program_tests"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from FunctionVerifier(self._judge).verify(step, samples))

    def _judge(self, step: Step, sample: Sample) -> Verdict:
        examples = self.examples(step) if callable(self.examples) else self.examples
        if not examples:
            return Verdict(0.0, feedback="There is no example to run the program on.")
        wrong = [said for example in examples if (said := self._wrong(code_of(sample.text), *example))]
        if not wrong:
            return Verdict(1.0, accepted=True)
        feedback = wrong[0] if self.show_examples else "The program does not do what it should on every example."
        return Verdict(1.0 - len(wrong) / len(examples), feedback=feedback)

    def _wrong(self, code: str, given: str, expected: str) -> str | None:
        run = self.sandbox.run_program(code, given)
        if run.failure is not None:
            return f"For the input {_short(given)} the program fails: {run.failure}"
        if _lines(run.stdout) == _lines(expected):
            return None
        return f"For the input {_short(given)} the program prints {_short(run.stdout)} instead of {_short(expected)}."


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:197] + "...")
