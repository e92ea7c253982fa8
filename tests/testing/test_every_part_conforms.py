"""No exported strategy or verifier is left out of the conformance suites: each one's tests run them on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tts_agent.cli.catalogue import Group, parts

TESTS = Path(__file__).parents[1]


def checked(group: Group, check: str) -> Iterator[str]:
    """The names that appear in tests which call the check, decorators included."""
    for file in (TESTS / group).glob("test_*.py"):
        for test in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
                if check in names:
                    yield from names


@pytest.mark.parametrize(("group", "check"), [("strategies", "check_strategy"), ("verifiers", "check_verifier")])
def test_every_export_has_a_test_that_it_keeps_the_contract(group: Group, check: str) -> None:
    shipped = {part.value.__name__ for part in parts(group) if part.distribution is None}
    assert shipped - set(checked(group, check)) == set()
