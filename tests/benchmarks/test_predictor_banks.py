"""Banks of predictor cards."""

import json
from pathlib import Path

import pytest

from benchmarks.predictor_banks import panel_bank


def test_a_panel_shows_no_lengths_for_they_are_of_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [{"answer": None, "correct": n == 0, "tokens": 50 + n, "logprob": -0.1, "src": f"m{n}"} for n in range(3)]
    rows = [{"id": f"q{n}", "question": f"Question {n}?", "samples": samples} for n in range(9)]
    (tmp_path / "set__panel.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    monkeypatch.setenv("TTS_AGENT_BANKS", str(tmp_path))
    bank = panel_bank("set__panel", 5, seed=0)
    assert len(bank.questions) == 5
    every = [sample for question in bank.questions for sample in question.samples]
    assert all(sample.tokens is None and sample.logprob is None for sample in every)
    assert sum(sample.correct for sample in every) == 5
