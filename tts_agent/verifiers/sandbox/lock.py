"""Locks the calling process up for good: Landlock for files, seccomp for everything else, limits for amounts.

Called inside the child, after Python has started and before it has seen a line of what it is to run. None of it can
be undone, by root neither. Both walls need no privilege: they hold in containers and for ordinary users alike.

Source: landlock(7), seccomp(2), setrlimit(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _SET_NO_NEW_PRIVS = 1, 4, 22, 38  # of prctl
_SIGKILL = 9

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_TRUNCATE = 1 << 14
_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""Version of Landlock -> everything it can forbid about files; versions after the fifth know as much."""
_TCP = 3  # bind and connect: behind the filter that allows no sockets, a second wall
_ABSTRACT_SOCKETS_AND_SIGNALS = 3

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/gnu/store")
_READABLE = ("/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/zero", "/dev/null")


class Unlockable(Exception):
    """The kernel cannot lock a process up. The message says what it lacks."""


def lock(*, directory: str, readable: Iterable[str], limits: dict[str, int], seccomp: bytes, parent: int) -> None:
    """Lock this process, which must have one thread.

    Afterwards it reads the interpreter's library, shared libraries and `readable`, writes files in `directory`,
    and makes the system calls that `seccomp` allows. It dies with `parent`.

    Raises:
        Unlockable: one of the walls could not be put up. The process must not go on.
    """
    system = ctypes.CDLL(None, use_errno=True)
    for name, most in limits.items():
        kind = getattr(resource, name)
        resource.setrlimit(kind, (most, most + 1 if name == "RLIMIT_CPU" else most))  # first SIGXCPU, then SIGKILL
    for option, value in ((_SET_PDEATHSIG, _SIGKILL), (_SET_DUMPABLE, 0), (_SET_NO_NEW_PRIVS, 1)):
        _succeed(system.prctl(option, value, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        raise Unlockable("the process that started this one")
    _restrict_files(system, directory, [*readable, *sys.path, *_LIBRARIES, os.path.join(sys.base_prefix, "lib")])
    _drop_capabilities(system)
    _filter_calls(system, seccomp)


def _restrict_files(system: ctypes.CDLL, directory: str, readable: Iterable[str]) -> None:
    version = system.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        raise Unlockable("Landlock, which cuts a program off the file system (Linux 5.13 or newer, switched on)")
    rights = _FILE_RIGHTS[min(version, 5)]
    attributes = struct.pack("=QQQ", rights, _TCP, _ABSTRACT_SOCKETS_AND_SIGNALS)
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # an old kernel does not know the later fields
    ruleset = system.syscall(_CREATE_RULESET, attributes, size, 0)
    _succeed(ruleset, "landlock_create_ruleset")
    write = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_FILE | _MAKE_FILE | (_TRUNCATE & rights)
    _allow(system, ruleset, directory, write)
    _allow(system, ruleset, "/dev/null", _WRITE_FILE)
    for path in {*readable, *_READABLE}:
        _allow(system, ruleset, path, _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0))
    _succeed(system.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(system: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    _succeed(system.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, beneath), 0), "landlock_add_rule")
    os.close(beneath)


def _drop_capabilities(system: ctypes.CDLL) -> None:
    """Root keeps its files and loses its powers."""
    _succeed(system.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)), "capset")


def _filter_calls(system: ctypes.CDLL, seccomp: bytes) -> None:
    code = ctypes.create_string_buffer(seccomp, len(seccomp))
    program = struct.pack("@HP", len(seccomp) // 8, ctypes.addressof(code))
    if system.prctl(_SET_SECCOMP, 2, program, 0, 0) != 0:
        raise Unlockable("seccomp filters, which cut a program off the network and other processes")


def _succeed(result: int, what: str) -> None:
    if result < 0:
        raise Unlockable(f"{what} ({os.strerror(ctypes.get_errno())})")
