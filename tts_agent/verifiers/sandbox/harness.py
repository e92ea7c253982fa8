"""Running tests against a solution in another process, one after the other, and reporting each."""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from tts_agent.verifiers.sandbox.peer import Gone, Peer

Say = Callable[..., None]


def run_tests(source: str, peer: Peer, status: int) -> None:
    """Run the tests, and write to `status` what became of them: lines of JSON.

    `tests` says how many there are, `test` with `passed` and `why` what became of one, `broken` that they cannot be
    run, and `end` that all were.
    """

    def say(**line: Any) -> None:
        os.write(status, json.dumps(line).encode() + b"\n")

    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError) as error:
        say(broken=f"the tests cannot be read: {error}")
        return
    named = [found for statement in body for found in _named_tests(statement)]
    say(tests=sum(map(_is_test, body)) + len(named))
    for label, raised in _outcomes(body, named, peer, say):
        say(test=label, passed=raised is None, why=_why(raised, peer))
        if peer.gone:
            return
    say(end=True)


def _outcomes(
    body: list[ast.stmt], named: list[tuple[str, ...]], peer: Peer, say: Say
) -> Iterator[tuple[str, BaseException | None]]:
    """Each test with what it raised: first the statements that are one, then functions and methods."""
    tests, solution = ModuleType("tests"), ModuleType("solution")
    sys.modules |= {"tests": tests, "solution": solution}
    try:
        vars(solution).update(peer.request(0, "__call__", (), {}, "loading it"))
    except BaseException as error:  # noqa: BLE001 - whatever it raised, it cannot be tested
        yield "loading the solution", error
        return
    names = [name for name in vars(solution) if not name.startswith("__") and not hasattr(builtins, name)]
    vars(solution)["__all__"] = names  # else its `def abs(x): return 0` would answer for the tests' own abs
    vars(tests).update({name: vars(solution)[name] for name in names})
    for statement in body:
        raised = _raised(exec, compile(ast.Module([statement], []), "<tests>", "exec"), vars(tests))
        if _is_test(statement):
            yield ast.unparse(statement), raised
        elif raised is not None:
            say(broken=f"the tests could not be set up: {_why(raised, peer)}")
            return
    for path in named:
        yield ".".join(path), _raised(_run_named, vars(tests), *path)


def _is_test(statement: ast.stmt) -> bool:
    """Whether it is a test by itself: an assert, a call, or a block other than `if` with an assert in it."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    blocks = ast.For | ast.While | ast.With | ast.Try
    return isinstance(statement, ast.Assert) or (
        isinstance(statement, blocks) and any(isinstance(node, ast.Assert) for node in ast.walk(statement))
    )


def _named_tests(statement: ast.stmt) -> list[tuple[str, ...]]:
    """The test functions and methods that a statement defines."""
    if isinstance(statement, ast.ClassDef) and (statement.name.startswith("Test") or statement.bases):
        return [(statement.name, *path) for inner in statement.body for path in _named_tests(inner)]
    if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
        return [(statement.name,)]
    return []


def _run_named(names: dict[str, Any], name: str, method: str | None = None) -> None:
    """Call a test function, or a method of a test class, `unittest`'s with its set-up and tear-down."""
    if method is None:
        names[name]()
    elif hasattr(names[name], "setUpClass"):
        names[name].setUpClass()
        names[name](method).debug()
    else:
        getattr(names[name](), method)()


def _raised(function: Callable[..., Any], *arguments: Any) -> BaseException | None:
    try:
        function(*arguments)
    except BaseException as error:  # noqa: BLE001 - SystemExit too is a test that failed
        return error
    return None


def _why(error: BaseException | None, peer: Peer) -> str:
    if error is None:
        return ""
    if isinstance(error, Gone):
        return str(error)
    if isinstance(error, AssertionError) and peer.last_call:
        return f"{peer.last_call}; {error}" if str(error) else peer.last_call
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return " ".join([told, *getattr(error, "__notes__", [])])
