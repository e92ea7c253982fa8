"""A strategy, a verifier and an estimator of a separate distribution, really installed, are found and work by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tts_agent.cli import resolve
from tts_agent.cli.catalogue import parts
from tts_agent.exceptions import ConfigurationError
from tts_agent.testing.conformance import check_strategy, check_verifier

SOURCE = Path(__file__).parent / "plugin"
QUESTION = "Start with 4. Add 3. What is the result?"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed: offline, by pip, from a copy of its source."""
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    quietly = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
    install = (sys.executable, "-m", "pip", "install", *quietly, "--target", str(target), str(source))
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))


def command(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tts_agent.cli", *arguments]
    path = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(line, capture_output=True, text=True, check=False, env=path)


def test_the_commands_list_it_with_its_distribution(site: Path) -> None:
    strategies = command(site, "strategies").stdout.splitlines()
    (line,) = [line for line in strategies if line.startswith("second_opinion ")]
    assert line.split(maxsplit=1)[1] == (
        "Asks once more where the verifier rejects the first reply. [needs n] folklore (second-opinion 1.2)"
    )
    verifiers = json.loads(command(site, "verifiers", "--json").stdout)
    assert verifiers[-1] == {
        "name": "brief",
        "what": "Replies of few words, and a second look at those that are not.",
        "needs": [],
        "settings": [],
        "source": None,
        "distribution": "second-opinion 1.2",
        "error": None,
    }


def test_one_that_cannot_be_loaded_is_one_line_and_no_crash(site: Path) -> None:
    done = command(site, "strategies")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("absent ")]
    assert "cannot be loaded: ModuleNotFoundError: No module named 'second_opinion_that_was_moved'" in line
    assert (done.returncode, done.stderr) == (0, "")


def test_solve_uses_all_three_by_their_names(site: Path) -> None:
    chosen = ("--strategy", "second_opinion", "--verifier", "brief", "--estimator", "coin")
    done = command(site, "solve", QUESTION, "--seed", "1", "--json", *chosen)
    said = json.loads(done.stdout)
    assert (said["answer"], said["strategy"], said["stop"]) == ("7", "second_opinion", "accepted")
    assert "estimated" in [event["event"] for event in said["events"]]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("absent", "the strategy 'absent' of second-opinion 1.2 cannot be loaded: ModuleNotFoundError"),
        ("failing", "the strategy 'failing' cannot be made: OSError('the disk is full')"),
        ("mistaken", "'mistaken' of second-opinion 1.2 is no strategy: it has no run()"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_broken_one_is_refused_in_one_sentence(name: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        resolve.strategy(name)
    assert complaint in str(refusal.value)


@pytest.mark.usefixtures("installed")
def test_it_passes_the_conformance_suite() -> None:
    strategy, verifier = resolve.strategy("second_opinion", "brief"), resolve.verifier("brief")
    check_strategy(lambda: strategy)
    check_verifier(lambda: verifier)


def test_without_it_there_is_no_such_name() -> None:
    assert "second_opinion" not in [part.name for part in parts("strategies")]
    with pytest.raises(ConfigurationError, match="no strategy 'second_opinion'"):
        resolve.strategy("second_opinion")
