"""What runs in a sandboxed process: it is told what to do, locks itself up, and only then runs what nobody trusts."""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

from tts_agent.verifiers.sandbox.harness import run_tests
from tts_agent.verifiers.sandbox.lock import Unlockable, lock
from tts_agent.verifiers.sandbox.peer import Gone, Peer

LOCKED = b"locked\n"
"""The first line of a process that is locked up."""


def main(status: int) -> None:
    """The whole life of the process.

    Standard input brings the length of the settings, the settings and, for a program, its input. The first line
    written to `status` is `LOCKED`, or else what this machine lacks for that; nothing untrusted ran before.
    """
    work = json.loads(_read(int(_read(10))))
    del sys.path[0]  # it led here, and is nothing the program should read
    try:
        lock(
            directory=work["directory"],
            readable=work["import_from"],
            limits=work["limits"],
            seccomp=bytes.fromhex(work["seccomp"]),
            parent=work["parent"],
        )
    except (Unlockable, OSError, ValueError) as error:
        os.write(status, str(error).encode())
        os._exit(1)
    sys.path += work["import_from"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tts_agent"]:
        del sys.modules[name]
    os.write(status, LOCKED)
    if work["role"] == "program":
        _run(work["source"], "__main__")
        return
    with os.fdopen(work["incoming"], "rb") as lines:
        if work["role"] == "solution":
            _serve(work["source"], Peer(lines, work["outgoing"], only_calls=False))
        else:
            run_tests(work["source"], Peer(lines, work["outgoing"], only_calls=True), status)


def _read(n: int) -> bytes:
    """Exactly n bytes of standard input; what follows is left there."""
    read = b""
    while len(read) < n:
        read += os.read(0, n - len(read))
    return read


def _run(source: str, name: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, "<solution>", "exec"), vars(module))  # here, behind both walls, and nowhere else
    return module


def _serve(source: str, peer: Peer) -> None:
    """Do what the tests ask. Object 0 loads the solution, and names what it defines."""

    def load() -> dict[str, Any]:
        module = _run(source, "solution")
        return {name: value for name, value in vars(module).items() if not name.startswith("__")}

    peer.export(load)
    try:
        peer.serve_for_ever()
    except Gone:
        return
