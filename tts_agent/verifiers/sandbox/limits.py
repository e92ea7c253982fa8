"""How much of a machine a sandboxed program may use."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Limits:
    """For each process of a run: the program and, where there are tests, the tests."""

    seconds: float = 10.0
    """By the clock, for the whole run, starting up included (tens of milliseconds)."""
    cpu_seconds: int = 5
    memory_bytes: int = 512 << 20
    """Address space, the interpreter's own (about 30 MiB) included."""
    output_bytes: int = 1 << 20
    """Of standard output and standard error, each."""
    file_bytes: int = 8 << 20
    """In the private directory, together. A file deleted while it is open escapes the sum, of which there can be 32."""
    files: int = 64
    """In the private directory."""
    threads: int = 32

    def __post_init__(self) -> None:
        if self.seconds <= 0.0 or min(self.cpu_seconds, self.threads) < 1 or self.output_bytes < 0:
            raise ConfigurationError(f"seconds, cpu_seconds and threads must be above 0, output_bytes >= 0: {self}")
        if self.memory_bytes < 64 << 20:
            raise ConfigurationError(f"memory_bytes is {self.memory_bytes}: Python itself needs about 64 MiB")
        if min(self.file_bytes, self.files) < 0:
            raise ConfigurationError(f"file_bytes and files must be >= 0: {self}")
