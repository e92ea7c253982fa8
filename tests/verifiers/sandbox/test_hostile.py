"""Programs that attack the machine are contained, and each fails for its own reason."""

from __future__ import annotations

import os
import re
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.verifiers.sandbox.hostile import CALL, PROGRAMS
from tts_agent.verifiers.sandbox import Limits, ProgramRun, Sandbox, sandbox

pytestmark = pytest.mark.usefixtures("needs_sandbox")

ENOUGH = Limits(seconds=60.0, cpu_seconds=1, memory_bytes=256 << 20, output_bytes=1 << 16, file_bytes=2 << 20)
HANGING = replace(ENOUGH, seconds=1.5)
"""For programs that are to be ended by the clock."""


def state_of_this_process() -> tuple[object, ...]:
    return (
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        os.sched_getscheduler(0),
        resource.getrlimit(resource.RLIMIT_CPU),
        [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGIO)],
        os.getcwd(),
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ProgramRun]]:
    """What came of every program: all at once, next to a secret nobody shall touch and a process nobody shall harm."""
    outside, private = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("private")
    secret = outside / "secret"
    secret.write_text("the secret", encoding="utf-8")
    secret.chmod(0o600)
    before, known = state_of_this_process(), (secret.stat().st_mode, secret.stat().st_mtime_ns, secret.stat().st_nlink)
    words = {"SECRET": secret, "OUTSIDE": outside, "PARENT": os.getpid(), "SOURCE": sandbox.__file__}

    def run(name: str) -> ProgramRun:
        source, reason = PROGRAMS[name]
        for word, value in words.items():
            source = source.replace(word, str(value))
        return Sandbox(HANGING if "ran for more" in reason else ENOUGH).run_program(source + "\nprint('ESCAPED')")

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as pool:
        patch.setattr("tempfile.tempdir", str(private))
        patch.setenv("SANDBOX_TEST_SECRET", "1")
        yield dict(zip(PROGRAMS, pool.map(run, PROGRAMS), strict=True))
    assert [entry.name for entry in outside.iterdir()] == ["secret"]
    assert secret.read_text(encoding="utf-8") == "the secret"
    assert (secret.stat().st_mode, secret.stat().st_mtime_ns, secret.stat().st_nlink) == known
    assert state_of_this_process() == before
    assert not list(private.iterdir()), "their directories are gone"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # and so are they


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_contained(name: str, runs: dict[str, ProgramRun]) -> None:
    source, reason = PROGRAMS[name]
    if CALL in source and os.uname().machine != "x86_64":
        pytest.skip("the numbers of its system calls are those of x86-64")
    run = runs[name]
    assert "ESCAPED" not in run.stdout
    assert run.failure is not None
    assert re.search(reason, run.failure), run.failure
    assert len(run.stdout) <= ENOUGH.output_bytes


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) >= 60
