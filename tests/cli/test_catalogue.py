"""What there is by name: every strategy and verifier that is exported, described by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module

import pytest
from typer.testing import CliRunner

from tts_agent.cli.app import app
from tts_agent.cli.catalogue import METHODS, Group, parts, settings

KNOWN_NEEDS = {
    "n",
    "log-probabilities",
    "continuation",
    "cancellation",
    "tool calls",
    "model",
    "endpoint",
    "GPU",
    "Linux",
    "extra verify",
    "extra reward",
}
"""Explained in docs/plugins.md."""
GROUPS: tuple[Group, ...] = ("strategies", "verifiers")


def exported(group: Group) -> Iterator[type]:
    """What can be constructed and has the method of the group."""
    package = import_module(f"tts_agent.{group}")
    for name in package.__all__:
        value = getattr(package, name)
        if isinstance(value, type) and hasattr(value, METHODS[group]) and not getattr(value, "_is_protocol", False):
            yield value


@pytest.mark.parametrize("group", GROUPS)
def test_every_export_is_listed_on_one_line_with_name_and_description(group: Group) -> None:
    lines = CliRunner().invoke(app, [group]).stdout.splitlines()
    listed = {part.value: part for part in parts(group) if part.distribution is None}
    assert set(listed) == set(exported(group))
    for part in listed.values():
        (line,) = [line for line in lines if line.split()[0] == part.name]
        assert part.what.endswith((".", "!")), f"{part.name} has no sentence that says what it is"
        assert part.what in line
        assert part.source in line
        assert all(need in line for need in part.needs)


@pytest.mark.parametrize("group", GROUPS)
def test_a_part_is_listed_under_the_name_that_it_gives_itself(group: Group) -> None:
    for part in parts(group):
        given = any(settings(part.value, group).values())
        own = getattr(part.value if given or group == "strategies" else part.value(), "name", None)
        assert not isinstance(own, str) or own == part.name


@pytest.mark.parametrize("group", GROUPS)
def test_needs_are_of_a_few_kinds(group: Group) -> None:
    assert {need for part in parts(group) for need in part.needs} <= KNOWN_NEEDS


def test_every_strategy_but_one_call_says_whose_idea_it_is() -> None:
    assert [part.name for part in parts("strategies") if not part.source] == ["single"]


def test_json_says_the_same_to_programs() -> None:
    entries = {entry["name"]: entry for entry in json.loads(CliRunner().invoke(app, ["strategies", "--json"]).stdout)}
    assert entries["best_of_n"] == {
        "name": "best_of_n",
        "what": "Best-of-n: draw, verify, keep what the verifier likes best; stop when it accepts one.",
        "needs": ["n"],
        "settings": ["verifier"],
        "source": "arXiv 2110.14168",
        "distribution": None,
        "error": None,
    }


@pytest.mark.parametrize("group", GROUPS)
def test_help_shows_an_example_and_a_wrong_flag_is_a_usage_error(group: Group) -> None:
    assert f"tts-agent {group} --json" in CliRunner().invoke(app, [group, "--help"], env={"COLUMNS": "200"}).stdout
    assert CliRunner().invoke(app, [group, "--jsn"]).exit_code == 2
