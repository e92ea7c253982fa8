"""`tts-agent demo`: what cannot be measured is said before anything is run."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tts_agent.cli.app import app
from tts_agent.cli.demo import LEAST
from tts_agent.embedded.problems import demo_problems
from tts_agent.embedded.tasks import FAMILIES
from tts_agent.exceptions import ConfigurationError


@pytest.mark.parametrize("questions", [0, 4])
def test_fewer_questions_than_families_are_refused(questions: int) -> None:
    result = CliRunner().invoke(app, ["demo", "--questions", str(questions)])
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception) == f"--questions is {questions}: at least 5 are needed, one of each family"


def test_the_fewest_questions_have_one_of_each_family() -> None:
    assert {problem.family for problem in demo_problems(LEAST)} == set(FAMILIES)
