"""Programs are run and tested behind walls, and the verdict is out of their reach."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.verifiers.sandbox.solutions import FORGERS, RIGHT, SQUARES
from tts_agent.exceptions import ConfigurationError
from tts_agent.verifiers.sandbox import Limits, Sandbox, processes
from tts_agent.verifiers.sandbox import TestRun as Tested

pytestmark = pytest.mark.usefixtures("needs_sandbox")

GENEROUS = Limits(seconds=60.0)


def outcome(solution: str, tests: str, limits: Limits = GENEROUS) -> Tested:
    return Sandbox(limits).run_tests(textwrap.dedent(solution), textwrap.dedent(tests))


# ------------------------------------------------------------------------------------------- what is to get through


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_solution_passes(name: str) -> None:
    solution, tests = RIGHT[name]
    run = outcome(solution, tests)
    assert run.failure is None
    assert run.passed == run.total > 0


TESTS_IN_MANY_FORMS = """
import unittest
from solution import square

def helper(x):
    return x * x

def test_one():
    assert square(1) == helper(1)

class TestSquare(unittest.TestCase):
    def setUp(self):
        self.three = 3

    def test_three(self):
        self.assertEqual(square(self.three), 9)

    def test_text(self):
        with self.assertRaises(TypeError):
            square("x")

class TestPlain:
    def test_zero(self):
        assert square(0) == 0

for n in range(5):
    assert square(n) == n * n

def check(candidate):
    assert candidate(2) == 4

check(square)
"""


def test_tests_are_asserts_calls_functions_methods_and_unittest_cases() -> None:
    assert outcome("def square(x): return x ** 2", TESTS_IN_MANY_FORMS) == Tested(6, 6)


def test_every_test_counts_and_the_first_that_failed_is_the_reason() -> None:
    run = outcome("def square(x): return x + x", TESTS_IN_MANY_FORMS)
    assert (run.passed, run.total) == (2, 6)
    assert run.failure == "for n in range(5):\n    assert square(n) == n * n: square(1) returned 2"


@pytest.mark.parametrize(
    ("solution", "tests", "reason"),
    [
        ("def f(x: return x", "assert f(1)", r"loading the solution: SyntaxError: .*<solution>, line 1"),
        ("import nothing_of_the_kind", "assert f(1)", "loading the solution: ModuleNotFoundError"),
        ("def g(x): return x", "assert f(1)", "assert f(1): NameError: name 'f' is not defined"),
        ("def f(x):\n  y = x\n  return y / 0", "assert f(1)", "ZeroDivisionError: division by zero in line 3"),
        ("def f(x): return x", "assert f(1) == 2, 'one more'", "f(1) returned 1; one more"),
        ("def f(x): return x", "assert f(1", "the tests cannot be read"),
        ("def f(x): return x", "import nothing_of_the_kind", "the tests could not be set up: ModuleNotFoundError"),
        ("def f(x): return x", "x = f(1)", "the tests hold no assert and no test function"),
        ("def f(x): return object()", "assert f(1) == 1", "f(1) returned <object>"),
        ("def f(x): return [f]", "assert f(1) == [1]", "f(1) returned [<function f at"),
    ],
)
def test_a_failure_says_what_is_wrong(solution: str, tests: str, reason: str) -> None:
    run = outcome(solution, tests)
    assert run.passed < max(run.total, 1)
    assert run.failure
    assert all(part in run.failure for part in reason.split(".*")), run.failure


# ------------------------------------------------------------------------------------------- forging the verdict


@pytest.mark.parametrize("name", FORGERS)
def test_a_verdict_cannot_be_forged(name: str) -> None:
    run = outcome(FORGERS[name], SQUARES, Limits(seconds=20.0, cpu_seconds=2))
    assert run.failure
    assert run.passed <= 1  # 9 is a right answer to one of them


def test_a_solution_that_is_right_sometimes_gets_what_it_earned() -> None:
    assert outcome("def f(x): return 9", SQUARES).passed == 1
    assert outcome("def f(x): return x * x", SQUARES) == Tested(4, 4)


def test_functions_of_the_tests_can_be_called_and_not_looked_into() -> None:
    spy = """
    def f(check):
        assert check(1) == 2
        return check.__globals__["EXPECTED"]
    """
    run = outcome(spy, "EXPECTED = 7\nassert f(lambda x: x + 1) == EXPECTED")
    assert run.failure
    assert "PermissionError" in run.failure


def test_tests_that_misbehave_are_contained_like_solutions() -> None:
    run = outcome("def f(): return 1", "import socket\ndef test():\n    socket.socket()\n    assert f() == 1")
    assert run == Tested(0, 1, "test: PermissionError: [Errno 1] Operation not permitted")
    assert "the tests ended early" in str(
        outcome("def f(): return 1", "import os\nos._exit(0)\nassert f() == 1").failure
    )


# ------------------------------------------------------------------------------------------------------ programs


def test_a_program_reads_its_input_and_prints() -> None:
    run = Sandbox(GENEROUS).run_program("import sys\nfor line in sys.stdin: print(int(line) * 2)", "1\n2\n" * 50_000)
    assert run.failure is None
    assert run.stdout == "2\n4\n" * 50_000


def test_a_program_may_end_itself_with_success() -> None:
    run = Sandbox(GENEROUS).run_program("print('done')\nraise SystemExit(0)")
    assert (run.stdout, run.failure) == ("done\n", None)


def test_a_program_runs_as_main() -> None:
    run = Sandbox(GENEROUS).run_program("if __name__ == '__main__': print(input())", "é\n")
    assert run.stdout == "é\n"


def test_folders_can_be_opened_to_it(tmp_path: Path) -> None:
    (tmp_path / "own_library.py").write_text("answer = 42", encoding="utf-8")
    program = "import own_library; print(own_library.answer); open(own_library.__file__, 'a')"
    run = Sandbox(GENEROUS, import_from=(str(tmp_path),)).run_program(program)
    assert run.stdout == "42\n"
    assert "Permission denied" in str(run.failure)


def test_processor_time_is_limited_by_the_kernel() -> None:
    run = Sandbox(Limits(seconds=100.0, cpu_seconds=1)).run_program("while True: pass")
    assert run.failure == "it used more than 1 s of processor time"


# --------------------------------------------------------------------------------------------------- the machine


def test_runs_in_many_threads_at_once_do_not_mix() -> None:
    box = Sandbox(GENEROUS)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda n: box.run_tests(f"def f(): return {n}", f"assert f() == {n}"), range(8)))
    assert runs == [Tested(1, 1)] * 8
    assert threading.active_count() < 20


def test_a_machine_whose_calls_are_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "seccomp_filter", lambda: None)
    with pytest.raises(ConfigurationError, match="needs Linux on x86-64 or AArch64"):
        Sandbox(GENEROUS).run_program("print('ESCAPED')")


WITHOUT = """
import ctypes, struct, sys
libc = ctypes.CDLL(None)
code = [(0x20, 0, 0, 0), (0x15, 0, 1, {number}), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7FFF0000)]
if {number} == {prctl}:  # only the option that installs a filter
    code[1:3] = [(0x15, 0, 3, {number}), (0x20, 0, 0, 16), (0x15, 0, 1, 22), (6, 0, 0, 0x50000 | 22)]
    code[1] = (0x15, 0, 3, {number})
raw = b"".join(struct.pack("=HBBI", *line) for line in code)
buffer = ctypes.create_string_buffer(raw, len(raw))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("@HP", len(raw) // 8, ctypes.addressof(buffer)), 0, 0) == 0
from tts_agent.exceptions import ConfigurationError
from tts_agent.verifiers.sandbox import Sandbox
try:
    Sandbox()
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
@pytest.mark.parametrize(("number", "missing"), [(444, "Landlock"), (157, "seccomp filters")])
def test_a_kernel_without_one_of_the_walls_is_refused(number: int, missing: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(number=number, prctl=157)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout
    assert said.startswith(f"this machine cannot sandbox programs, nothing was run. Missing: {missing}")


def test_a_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
import threading, time, os
from tts_agent.verifiers.sandbox import Limits, Sandbox
box = Sandbox(Limits(seconds=100.0))
program = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(100)"
import tempfile; tempfile.tempdir = {str(tmp_path)!r}
box.run_program(program)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[3]) as starter:
        while not (written := [path for path in tmp_path.glob("*/pid") if path.read_text(encoding="utf-8")]):
            time.sleep(0.02)
        program = int(written[0].read_text(encoding="utf-8"))
        starter.send_signal(signal.SIGKILL)
    while is_running(program):
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return " Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": 0.0}, {"cpu_seconds": 0}, {"memory_bytes": 1000}, {"threads": 0}, {"files": -1}, {"output_bytes": -1}],
)
def test_limits_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="import_from names no folder"):
        Sandbox(import_from=(str(tmp_path / "none"),))


def test_runs_leave_no_descriptor_behind() -> None:
    box, before = Sandbox(GENEROUS), len(os.listdir("/proc/self/fd"))
    box.run_program("print(1)")
    box.run_tests("def f(): return 1", "assert f() == 1")
    assert len(os.listdir("/proc/self/fd")) == before
