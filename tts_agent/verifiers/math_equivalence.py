"""Mathematical equality as a verifier, on the `math-verify` package."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from tts_agent.answers import final_answer, normalize
from tts_agent.effects import Flow, call
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.sandbox import Limits, Sandbox

_PACKAGES = ("math_verify", "latex2sympy2_extended", "antlr4", "sympy", "mpmath")

_PROGRAM = """
import json, sys
from math_verify import parse, verify
reference, *replies = json.load(sys.stdin)
gold = parse(reference, parsing_timeout=SECONDS)
print(json.dumps(bool(gold)), flush=True)
for reply in replies:
    try:
        equal = verify(gold, parse(reply, parsing_timeout=SECONDS), timeout_seconds=SECONDS)
    except Exception:
        equal = False
    print(json.dumps(bool(equal)), flush=True)
"""


@dataclass(frozen=True, slots=True)
class MathEquivalence:
    r"""Accepts a reply whose answer equals the reference as mathematics: 1/2, 0.5 and `\frac{2}{4}`; sets, intervals,
    matrices, equations as `math-verify` reads them.

    Reading an expression means evaluating it, and simplifying one can take for ever; so both happen in a sandbox, and a
    reply that takes too long is rejected by itself. Answers that are spelled alike are accepted without that. A look in
    the sandbox costs about a second of processor time for loading the algebra, once for all samples shown together.

    Raises:
        ConfigurationError: at construction, on a machine that cannot sandbox; while verifying, when the reference is no
            expression.
        MissingExtraError: at construction, without the extra `verify`.
    """

    needs: ClassVar[tuple[str, ...]] = ("extra verify", "Linux")
    source: ClassVar[str] = "math-verify"

    reference: Callable[[Step], str | None]
    r"""What the answer of a step must equal, in LaTeX (`$\frac{1}{2}$`, `\boxed{...}`) or as a plain expression; None
    where nobody knows, which accepts nothing."""
    seconds: int = 5
    """For reading and for comparing one reply."""
    sandbox: Sandbox = field(init=False, repr=False, compare=False)
    name: str = "math_equivalence"

    def __post_init__(self) -> None:
        if missing := [package for package in _PACKAGES if find_spec(package) is None]:
            raise MissingExtraError(f"comparing expressions ({missing[0]})", "verify")
        limits = Limits(seconds=30.0 + 2 * self.seconds, cpu_seconds=10 + 2 * self.seconds, memory_bytes=1 << 30)
        object.__setattr__(self, "sandbox", Sandbox(limits, import_from=_folders()))

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from call(lambda: self._judge(step, samples)))

    def _judge(self, step: Step, samples: Sequence[Sample]) -> Sequence[Verdict]:
        reference = self.reference(step)
        if reference is None:
            return [Verdict(0.0) for _ in samples]
        alike = [sample.valid and _spelling(sample.text) == _spelling(reference) for sample in samples]
        asked = [index for index, sample in enumerate(samples) if sample.valid and not alike[index]]
        equal = self._compare(reference, [samples[index].text for index in asked])
        right = {index for index, yes in enumerate(alike) if yes} | {
            index for index, yes in zip(asked, equal, strict=True) if yes
        }
        return [Verdict(float(index in right), accepted=index in right) for index in range(len(samples))]

    def _compare(self, reference: str, replies: Sequence[str]) -> list[bool]:
        """Whether each reply equals the reference. One that ends the program is not equal, and the rest goes on.

        Raises:
            ConfigurationError: the reference cannot be read, or the packages cannot be loaded.
        """
        equal: list[bool] = []
        while len(equal) < len(replies):
            told = json.dumps([reference, *replies[len(equal) :]])
            run = self.sandbox.run_program(_PROGRAM.replace("SECONDS", str(self.seconds)), told)
            readable, *said = [line == "true" for line in run.stdout.splitlines()] or [False]
            if not readable:
                raise ConfigurationError(
                    f"the reference {reference!r} cannot be compared with: {run.failure or 'no value'}"
                )
            equal += said if run.failure is None else [*said, False]
        return equal[: len(replies)]


def _spelling(text: str) -> object:
    said = final_answer(Sample(text))
    return normalize(text) if said is None else said


def _folders() -> tuple[str, ...]:
    """Where the packages are installed."""
    origins = (find_spec(package) for package in _PACKAGES)
    return tuple({str(Path(spec.origin).parents[1]) for spec in origins if spec and spec.origin})
