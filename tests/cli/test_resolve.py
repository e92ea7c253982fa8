"""Names become objects, or one sentence that says why not."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from tts_agent.cli import catalogue, resolve
from tts_agent.difficulty import DifficultyEstimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing import ClassProfile
from tts_agent.strategies import BestOfN, JudgedVote, SelfConsistency
from tts_agent.verifiers import AgreementVerifier, Judge


def test_a_name_is_a_strategy_with_its_usual_settings() -> None:
    assert resolve.strategy("self_consistency") == SelfConsistency()
    assert resolve.strategy("best_of_n", "agreement") == BestOfN(AgreementVerifier())
    assert resolve.strategy("judged_vote", "judge") == JudgedVote(Judge())


@pytest.mark.parametrize(
    ("strategy", "verifier", "complaint"),
    [
        ("nothing", None, "there is no strategy 'nothing': `tts-agent strategies` lists what there is"),
        ("best_of_n", None, "the strategy 'best_of_n' needs a verifier: name one with --verifier"),
        ("best_of_n", "nothing", "there is no verifier 'nothing': `tts-agent verifiers` lists what there is"),
        ("best_of_n", "regex", "the verifier 'regex' needs settings that only Python can give: pattern"),
        ("single", "judge", "the strategy 'single' takes no verifier: leave --verifier out"),
        ("hybrid", "judge", "the strategy 'hybrid' needs settings that only Python can give: shape"),
    ],
)
def test_what_cannot_be_made_is_refused(strategy: str, verifier: str | None, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        resolve.strategy(strategy, verifier)
    assert str(refusal.value) == complaint


def announce(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    """As if these strategies were announced by other distributions."""
    found = EntryPoints(EntryPoint(name, value, "tts_agent.strategies") for name, value in entries)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: found)


def test_what_ships_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, ("self_consistency", "tts_agent.strategies:Single"))
    assert resolve.strategy("self_consistency") == SelfConsistency()


def test_two_plugins_of_one_name_are_not_guessed_between(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, ("twice", "tts_agent.strategies:Single"), ("twice", "tts_agent.strategies:PlanFirst"))
    with pytest.raises(ConfigurationError, match="uninstall all but one"):
        resolve.strategy("twice")


def test_an_estimator_brings_the_profiles_that_were_stored_with_it(tmp_path: Path) -> None:
    shipped = resolve.estimator("auto", resolve.EMBEDDED)
    assert isinstance(shipped, DifficultyEstimator)
    shipped.with_profiles({"sums": ClassProfile(fix_rate=0.25).to_json()}).save(tmp_path / "own")
    own = resolve.estimator(str(tmp_path / "own"), "any")
    assert resolve.stored_profiles(own) == {"sums": ClassProfile(fix_rate=0.25)}
    shipped.with_profiles({}).save(tmp_path / "own")
    assert resolve.stored_profiles(resolve.estimator(str(tmp_path / "own"), "any")) is None
    assert resolve.stored_profiles(None) is None


def test_an_estimator_that_is_neither_a_folder_nor_a_plugin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        resolve.estimator(str(tmp_path / "nowhere"), "any")


@pytest.mark.slow
def test_more_problems_than_there_are_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"there are only [\d,]+ different estimator problems of"):
        resolve.embedded_questions("embedded:20000")
