"""Starting sandboxed processes, watching them from outside, and ending them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.verifiers.sandbox.inside import LOCKED
from tts_agent.verifiers.sandbox.limits import Limits
from tts_agent.verifiers.sandbox.syscalls import seccomp_filter

_ROOT = str(Path(__file__).resolve().parents[3])
_BOOT = "import sys; sys.path.insert(0, {root!r}); from tts_agent.verifiers.sandbox.inside import main; main({status})"
_PAUSE = 0.02
"""Seconds between looks at what no limit of the kernel counts: threads and files."""
_REPORT_BYTES = 1 << 20


class Process:
    """One sandboxed process, with a private directory that goes when it goes. A context manager.

    Args:
        role: "program", "solution" or "tests".
        source: the Python to run.
        limits: what it may use.
        import_from: folders it may read, on its `sys.path`.
        stdin: what a program reads.
        line: the two descriptors of the line to another process, to read from and to write to.

    Raises:
        ConfigurationError: sandboxing needs Linux on x86-64 or AArch64.
    """

    def __init__(
        self,
        role: str,
        source: str,
        limits: Limits,
        import_from: Sequence[str],
        *,
        stdin: str = "",
        line: tuple[int, int] | None = None,
    ) -> None:
        seccomp = seccomp_filter() if sys.platform == "linux" else None
        if seccomp is None:
            raise ConfigurationError("the sandbox needs Linux on x86-64 or AArch64: elsewhere nothing is run")
        self.limits = limits
        self.broken: str | None = None
        """The limit it broke, once it did."""
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        self.directory = os.path.realpath(self._directory.name)
        incoming, outgoing = line or (-1, -1)
        work = {
            "role": role,
            "source": source,
            "directory": self.directory,
            "import_from": list(import_from),
            "limits": _limits_of_the_kernel(limits),
            "seccomp": seccomp.hex(),
            "parent": os.getpid(),
            "incoming": incoming,
            "outgoing": outgoing,
        }
        settings = json.dumps(work).encode()
        report, status = os.pipe()
        try:
            with tempfile.TemporaryFile() as told:
                told.write(b"%10d" % len(settings) + settings + stdin.encode(errors="surrogatepass"))
                told.seek(0)
                self._popen = subprocess.Popen(
                    [*_python(), "-c", _BOOT.format(root=_ROOT, status=status)],
                    stdin=told,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(status, *(line or ())),
                    cwd=self.directory,
                    env=_environment(self.directory),
                    start_new_session=True,
                )
        except BaseException:
            os.close(report)
            self._directory.cleanup()
            raise
        finally:
            os.close(status)
        streams = {"stdout": self._popen.stdout, "stderr": self._popen.stderr}
        self._pipes = {name: stream.fileno() for name, stream in streams.items() if stream} | {"report": report}
        self._received = {name: bytearray() for name in self._pipes}

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It has one process and could not start others, so ending that one ends everything."""
        self._popen.kill()
        self._popen.communicate()
        os.close(self._pipes["report"])
        self._directory.cleanup()

    # --------------------------------------------------------------------------------------------- what it says

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self._received["stdout"].decode(errors="replace")

    @property
    def last_error(self) -> str:
        """The last line of what it wrote to standard error: of a traceback, the exception."""
        lines = self._received["stderr"].decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""

    def require_locked(self) -> None:
        """
        Raises:
            ConfigurationError: this machine cannot sandbox it; nothing was run.
        """
        said = self._received["report"][:1000]
        if said and not LOCKED.startswith(said[: len(LOCKED)]):
            lacks = said.decode(errors="replace")
            raise ConfigurationError(f"this machine cannot sandbox programs, nothing was run. Missing: {lacks}")

    def report(self) -> list[dict[str, Any]]:
        """What it wrote to its report, complete lines only; empty where they are not JSON."""
        lines = bytes(self._received["report"][len(LOCKED) :]).split(b"\n")[:-1]
        with suppress(ValueError, RecursionError):
            return [line for line in map(json.loads, lines) if isinstance(line, dict)]
        return []

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._popen.poll() is None

    @property
    def end(self) -> str | None:
        """Why it ended, if it was not by itself and with success."""
        code = self._popen.poll()
        if self.broken or not code:
            return self.broken
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"it used more than {self.limits.cpu_seconds} s of processor time"
        if code < 0:
            return f"it crashed ({next((known.name for known in signal.Signals if known == -code), -code)})"
        return self.last_error or f"it ended with exit status {code}"

    # ----------------------------------------------------------------------------------------------- from outside

    def receive(self, pipe: str) -> bool:
        """Read what is there; False once there will be no more."""
        data = os.read(self._pipes[pipe], 1 << 16)
        received = self._received[pipe]
        most = _REPORT_BYTES if pipe == "report" else self.limits.output_bytes
        if len(received) + len(data) > most:
            self.broken = self.broken or f"it wrote more than {most} bytes to {pipe}"
        received += data[: max(0, most - len(received))]
        return bool(data)

    def drain(self) -> None:
        """Read what was still in its pipes when it ended."""
        for pipe in self._pipes:
            while not self.broken and self.receive(pipe):
                pass

    def look(self) -> None:
        """Look at what no limit of the kernel counts."""
        if self.broken or not self.running:
            return
        if _threads(self._popen.pid) > self.limits.threads:
            self.broken = f"it started more than {self.limits.threads} threads"
        with os.scandir(self.directory) as entries, suppress(FileNotFoundError):
            sizes = [entry.stat(follow_symlinks=False).st_blocks * 512 for entry in entries]
            if len(sizes) > self.limits.files:
                self.broken = f"it made more than {self.limits.files} files"
            elif sum(sizes) > self.limits.file_bytes:
                self.broken = f"it wrote more than {self.limits.file_bytes} bytes of files"

    def pipes(self) -> Mapping[str, int]:
        """Its pipes, by name."""
        return self._pipes


def watch(processes: Sequence[Process], over: Callable[[], bool]) -> str | None:
    """Read from the processes until `over()`, a broken limit or the end of the time.

    Returns:
        The limit that was broken; None where none was.
    """
    deadline = time.monotonic() + max(process.limits.seconds for process in processes)
    with selectors.DefaultSelector() as selector:
        for process in processes:
            for name, descriptor in process.pipes().items():
                selector.register(descriptor, selectors.EVENT_READ, (process, name))
        looked = 0.0
        while not over():
            for key, _ in selector.select(_PAUSE):
                process, name = key.data
                if not process.receive(name):
                    selector.unregister(key.fd)
            if (now := time.monotonic()) - looked > _PAUSE:
                looked = now
                for process in processes:
                    process.look()
            if not selector.get_map():
                time.sleep(_PAUSE)  # it closed everything; only its end is left to wait for
            if broken := next((process.broken for process in processes if process.broken), None):
                return broken
            if now > deadline:
                return f"it ran for more than {max(process.limits.seconds for process in processes):g} s"
    return None


def _python() -> list[str]:
    """Isolated (-I), without site-packages (-S), writing no byte code (-B)."""
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8"]


def _environment(directory: str) -> dict[str, str]:
    """Nothing of ours. Numerical libraries start a thread a core unless they are told not to."""
    return {"HOME": directory, "TMPDIR": directory, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _limits_of_the_kernel(limits: Limits) -> dict[str, int]:
    return {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": 32,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }


def _threads(pid: int) -> int:
    with suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("Threads:")), 0)
    return 0
