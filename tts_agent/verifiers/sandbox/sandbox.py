"""Running Python that nobody trusts, and testing it so that it cannot forge the verdict."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.verifiers.sandbox.limits import Limits
from tts_agent.verifiers.sandbox.processes import Process, watch


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A program that was run."""

    stdout: str
    failure: str | None = None
    """What went wrong; None where it ended by itself, with success."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """A solution that was tested."""

    __test__ = False  # pytest takes every name in Test* for a test

    passed: int
    total: int
    failure: str | None = None
    """The first test that failed, and why; None where all passed."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Each run has processes of its own, behind Landlock and seccomp: no network, no other processes, no file but
    the standard library and a private directory, no environment, and `limits` on the rest.

    Raises:
        ConfigurationError: at construction, where the machine offers no such walls. Nothing is ever run without.
    """

    limits: Limits = field(default_factory=Limits)
    import_from: tuple[str, ...] = ()
    """Folders, beyond the standard library, that programs may read and import from."""

    def __post_init__(self) -> None:
        if missing := [folder for folder in self.import_from if not os.path.isdir(folder)]:
            raise ConfigurationError(f"import_from names no folder: {missing[0]}")
        _require_walls()

    def run_program(self, source: str, stdin: str = "") -> ProgramRun:
        """Run a program on some input."""
        with Process("program", source, self.limits, self.import_from, stdin=stdin) as program:
            broken = watch([program], lambda: not program.running)
            if broken is None:
                program.drain()
            program.require_locked()
            return ProgramRun(program.stdout, broken or program.end)

    def run_tests(self, source: str, tests: str) -> TestRun:
        """Run tests against a solution, which they use by its names, or by `import solution`.

        Solution and tests are two processes. What a test expects is never in the solution's, and what the solution
        gives back arrives as plain values, so all that it can do about the verdict is to compute the right ones.
        """
        to_solution, from_tests = os.pipe()
        to_tests, from_solution = os.pipe()
        ends = (to_solution, from_solution), (to_tests, from_tests)
        with ExitStack() as stack:
            try:
                solution, checker = (
                    stack.enter_context(Process(role, code, self.limits, self.import_from, line=end))
                    for role, code, end in zip(("solution", "tests"), (source, tests), ends, strict=True)
                )
            finally:
                for descriptor in (*ends[0], *ends[1]):
                    os.close(descriptor)  # theirs now: each must notice when the other ends
            broken = watch([solution, checker], lambda: not checker.running)
            if broken is None:
                checker.drain()
            for process in (solution, checker):
                process.require_locked()
            return _verdict(checker.report(), broken or solution.end or checker.end)


def _verdict(lines: list[dict[str, Any]], ended: str | None) -> TestRun:
    """From what the tests' process reported, and how the first of both ended that did so badly."""
    total = next((line["tests"] for line in lines if isinstance(line.get("tests"), int)), 0)
    passed = sum(line.get("passed") is True for line in lines)
    failed = next((line for line in lines if line.get("passed") is False), None)
    complete = any(line.get("end") is True for line in lines)
    if complete and failed is None and 0 < total == passed:
        return TestRun(passed, total)
    if failed is not None:
        why = failed.get("why")
        why = ended or "it ended before the tests did" if why == "it ended" else why
        reason = f"{_shortened(str(failed.get('test')))}: {_shortened(str(why), 600)}"
    elif trouble := next((str(line["broken"]) for line in lines if "broken" in line), None):
        reason = _shortened(trouble, 600)
    elif complete:
        reason = "the tests hold no assert and no test function"
    else:
        reason = ended or "the tests ended early"
    return TestRun(min(passed, max(0, total - 1)), total, reason)


def _shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


@cache
def _require_walls() -> None:
    """Run an empty program, once.

    Raises:
        ConfigurationError: it could not be sandboxed.
    """
    with Process("program", "", Limits(seconds=60.0), ()) as program:
        watch([program], lambda: not program.running)
        program.drain()
        program.require_locked()
        if program.end:
            raise ConfigurationError(f"the sandbox does not work here: {program.end}")
