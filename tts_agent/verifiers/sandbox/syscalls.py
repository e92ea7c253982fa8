"""Which system calls a sandboxed Python may make, and the seccomp filter that lets no other through.

A list of what is allowed, because a list of what is forbidden is out of date with every kernel. What is missing is
missing on purpose: sockets, new processes, `execve`, signals to anybody, `ptrace` and its relatives, namespaces,
mounts, `io_uring`, shared memory, `memfd_create` and `fallocate` (no limit on sizes holds for them), links, whatever
changes owner, mode, times or attributes of a file (Landlock mediates none of these), and whatever changes priority,
affinity or limits of another process.

Source: seccomp(2), and Documentation/userspace-api/seccomp_filter.rst of the kernel.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_CALLS = """
    read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69, pwritev 296 70,
    lseek 8 62, close 3 57, close_range 436 436, fstat 5 80, newfstatat 262 79, statx 332 291, stat 4 -, lstat 6 -,
    access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78, getcwd 79 17, chdir 80 49,
    fchdir 81 50, getdents 78 -, getdents64 217 61, unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38,
    renameat2 316 276, ftruncate 77 46, fsync 74 82, fdatasync 75 83, flock 73 32, dup 32 23,
    dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72,
    epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, eventfd2 290 19,
    sendfile 40 71, copy_file_range 326 285, getsockname 51 204, recvfrom 45 207,
    mmap 9 222, munmap 11 215, mprotect 10 226, mremap 25 216, madvise 28 233, brk 12 214, msync 26 227,
    rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigsuspend 130 133,
    rt_sigtimedwait 128 137, sigaltstack 131 132, alarm 37 -, pause 34 -, getitimer 36 102, setitimer 38 103,
    nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114, gettimeofday 96 169,
    time 201 -, times 100 153, restart_syscall 219 128,
    getpid 39 172, getppid 110 173, gettid 186 178, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
    getresuid 118 148, getresgid 120 150, getgroups 115 158, getpgid 121 155, getpgrp 111 -, getsid 124 156,
    getrusage 98 165, getrlimit 97 -, getcpu 309 168, sysinfo 99 179, uname 63 160, umask 95 166, getrandom 318 278,
    futex 202 98, set_robust_list 273 99, set_tid_address 218 96, rseq 334 293, arch_prctl 158 -, sched_yield 24 124,
    sched_getaffinity 204 123, exit 60 93, exit_group 231 94
"""
"""Name, number on x86-64, number on AArch64; "-" where the machine has no such call."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A call that is allowed if the low 32 bits of one argument, masked, have one of these values."""

    numbers: tuple[int | None, int | None]
    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF


_READ_WRITE_OR_TRUNCATE_TO_WRITE = (0, 1, 2, 0o1001, 0o1002)  # not O_RDONLY | O_TRUNC, which old Landlocks let pass
_DUPLICATE_FLAGS_OR_LOCKS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # not F_SETOWN and F_SETSIG, which send signals
_CLOSE_ON_EXEC_BLOCKING_OR_TERMINAL_SIZE = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_NEW_THREAD = 0x10000
_NEW_NAMESPACE = 0x7E020080

_RULES = (
    Rule((2, None), 1, _READ_WRITE_OR_TRUNCATE_TO_WRITE, mask=0o1003),  # open
    Rule((257, 56), 2, _READ_WRITE_OR_TRUNCATE_TO_WRITE, mask=0o1003),  # openat
    Rule((72, 25), 1, _DUPLICATE_FLAGS_OR_LOCKS),  # fcntl
    Rule((16, 29), 1, _CLOSE_ON_EXEC_BLOCKING_OR_TERMINAL_SIZE),  # ioctl
    Rule((56, 220), 0, (_NEW_THREAD,), mask=_NEW_THREAD | _NEW_NAMESPACE),  # clone: threads, no processes
    Rule((302, 261), 0, (0,)),  # prlimit64: of the caller itself
    Rule((53, 199), 0, (1,)),  # socketpair: AF_UNIX, which every asyncio loop needs
    Rule((44, 206), 5, (0,)),  # sendto: to the other end of such a pair, never to an address
)

_CLONE3 = (435, 435)  # its flags are out of a filter's sight; ENOSYS makes libc use clone

_MACHINES = {"x86_64": (0, 0xC000003E), "amd64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
"""Machine -> its column above, and what the kernel calls its architecture (AUDIT_ARCH)."""

_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38


def seccomp_filter(machine: str | None = None) -> bytes | None:
    """The filter as an array of `struct sock_filter`; None where the machine's calls are not known.

    A call that is not allowed fails with EPERM. One of another architecture (32-bit calls of a 64-bit process)
    kills the process.
    """
    if (known := _MACHINES.get((machine or platform.machine()).lower())) is None:
        return None
    column, architecture = known
    code = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    for number in sorted(allowed_calls(column).values()):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for rule in _RULES:
        if (guarded := rule.numbers[column]) is not None:
            code += _guard(guarded, rule)
    code += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | _ENOSYS), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def allowed_calls(column: int) -> Mapping[str, int]:
    """Name and number of every call that is allowed whatever its arguments."""
    rows = (entry.split() for entry in _CALLS.split(","))
    return {name: int(numbers[column]) for name, *numbers in rows if numbers[column] != "-"}


def _guard(number: int, rule: Rule) -> list[tuple[int, int, int, int]]:
    """Only entered with the call's number loaded, and left with it loaded unless the call is decided."""
    body = [(_LOAD, 0, 0, 16 + 8 * rule.argument), (_AND, 0, 0, rule.mask)]
    for value in rule.values:
        body += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    body += [(_RETURN, 0, 0, _ERRNO | _EPERM)]
    return [(_EQUAL, 0, len(body), number), *body]
