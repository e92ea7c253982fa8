"""The table of first-sample signals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.conftest import Recorded
from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.banks import BankError, bank_folder
from tts_agent.evaluation.signals import bank_beliefs
from tts_agent.evaluation.signals_table import exact_token_banks, median_auroc, signal_result
from tts_agent.evaluation.signals_vectors import load_vectors, question_vectors


def test_tokens_that_say_nothing_are_not_believed() -> None:
    bank = simulated(60)
    result = signal_result(bank, question_vectors(bank))
    assert result.after is not None
    assert result.after < 0.65
    assert result.nll_after < result.nll_class + 0.03
    assert result.follows in (True, False)
    assert result.to_json()["name"] == "simulated"


def test_a_run_without_failures_has_no_auroc() -> None:
    bank = simulated(20)
    perfect = tuple(replace(q, samples=tuple(replace(s, correct=True) for s in q.samples)) for q in bank.questions)
    result = signal_result(replace(bank, questions=perfect), question_vectors(bank))
    assert (result.after, result.text, result.shorter, result.follows) == (None, None, None, None)
    assert median_auroc([result]) is None


def test_runs_with_exact_tokens_are_those_the_readme_names(tmp_path: Path) -> None:
    with pytest.raises(BankError, match="has no README"):
        exact_token_banks(tmp_path)
    (tmp_path / "README.md").write_text("| file | tokens |\n|---|---|\n| a__b | exact |\n| c__d | chars/4 |\n")
    with pytest.raises(BankError, match="a__b"):
        exact_token_banks(tmp_path)
    for name in ("a__b", "math500_100__r1-distill-llama-8b__t0.8"):
        (tmp_path / f"{name}.jsonl.gz").touch()
    assert [path.name.split("__")[0] for path in exact_token_banks(tmp_path)] == ["a", "math500_100"]


@pytest.mark.parametrize(
    ("name", "least", "shorter_is_better"),
    [
        ("aime__claude-opus-4-6__rtokens-64000", 0.9, True),
        ("aime__gemini-3-pro-preview", 0.55, False),  # its counts leave reasoning out
        ("gpqa__kimi-k2.6", 0.75, True),
    ],
)
def test_recorded_tokens_are_followed_in_their_own_direction(
    recorded: Recorded, name: str, least: float, shorter_is_better: bool
) -> None:
    bank = recorded(name)
    folder = bank_folder()
    assert folder is not None
    given = load_vectors(folder / "epoch_gpqa" / "gpqa_minilm_embeddings.npz")
    vectors = question_vectors(bank, given=given)
    beliefs = bank_beliefs(bank, vectors)
    result = signal_result(bank, vectors, beliefs=beliefs, shuffled=beliefs)  # the control is not looked at here
    assert result.after is not None
    assert result.shorter is not None
    assert result.after > least
    assert (result.shorter > 0.5) == shorter_is_better
    assert result.follows
