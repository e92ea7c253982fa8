"""The seccomp filter, interpreted: what it says of each call on each machine."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tts_agent.verifiers.sandbox.syscalls import allowed_calls, seccomp_filter

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the filter as the kernel would."""
    code = seccomp_filter(machine)
    assert code is not None
    program = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *padded)
    at = accumulator = 0
    while True:
        operation, if_true, if_false, value = program[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x54:
                accumulator &= value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x06:
                return int(value)


@pytest.mark.parametrize(
    ("machine", "numbers"), [("x86_64", (0, 41, 56, 435, 257, 72, 302)), ("aarch64", (63, 198, 220, 435, 56, 25, 261))]
)
def test_what_it_says(machine: str, numbers: tuple[int, ...]) -> None:
    read, socket, clone, clone3, openat, fcntl, prlimit = numbers
    assert verdict(machine, read) == ALLOW
    assert verdict(machine, read, 1, 2, 3) == ALLOW
    assert verdict(machine, socket, 2, 1, 0) == EPERM
    assert verdict(machine, clone3) == ENOSYS
    assert verdict(machine, clone, 0x3D0F00) == ALLOW  # a thread, as libc makes it
    assert verdict(machine, clone, 17) == EPERM  # fork
    assert verdict(machine, clone, 0x10000000 | 0x3D0F00) == EPERM  # with a user namespace
    assert verdict(machine, openat, 0, 0, 0o2000000) == ALLOW
    assert verdict(machine, openat, 0, 0, 0o1101) == ALLOW  # write, create, truncate
    assert verdict(machine, openat, 0, 0, 0o1000) == EPERM  # truncate without writing
    assert verdict(machine, fcntl, 0, 1) == ALLOW
    assert verdict(machine, fcntl, 0, 8, 1) == EPERM  # the owner of a descriptor
    assert verdict(machine, prlimit, 0) == ALLOW
    assert verdict(machine, prlimit, 1) == EPERM
    assert verdict(machine, 10_000) == EPERM
    assert verdict(machine, 0x40000000 + read) == EPERM  # the x32 spelling of a call


def test_calls_of_another_architecture_end_the_process() -> None:
    assert verdict("x86_64", 0, architecture=0x40000003) == KILL
    assert verdict("aarch64", 63, architecture=ARCHITECTURES["x86_64"]) == KILL


def test_machines_that_are_not_known_have_no_filter() -> None:
    assert seccomp_filter("riscv64") is None
    assert seccomp_filter("ARM64") == seccomp_filter("aarch64")


@pytest.mark.parametrize("column", [0, 1])
def test_what_must_never_be_allowed_is_not_in_the_list(column: int) -> None:
    names = set(allowed_calls(column))
    assert not names & {"socket", "connect", "bind", "fork", "vfork", "execve", "execveat", "kill", "tgkill", "ptrace"}
    assert not names & {
        "memfd_create",
        "io_uring_setup",
        "bpf",
        "mount",
        "unshare",
        "setns",
        "chmod",
        "fchmodat",
        "link",
    }
    assert len(set(allowed_calls(column).values())) == len(names)


@pytest.mark.parametrize(
    ("column", "header"),
    [
        (0, Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")),
        (0, Path("/usr/include/asm/unistd_64.h")),
        (1, Path("/usr/include/asm-generic/unistd.h")),
    ],
)
def test_the_numbers_are_those_of_the_kernel(column: int, header: Path) -> None:
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", header.read_text(encoding="utf-8"))
    numbers = {name: int(number) for name, number in defined}
    numbers.setdefault("newfstatat", numbers.get("fstatat", -1))
    ours = allowed_calls(column)
    assert {name: numbers[name] for name in ours if name in numbers} == {n: ours[n] for n in ours if n in numbers}
    assert len(ours.keys() & numbers.keys()) >= len(ours) - 3  # old headers lack the newest calls
