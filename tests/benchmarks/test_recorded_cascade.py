"""The production cascade over recorded efforts."""

import json
from pathlib import Path

import pytest

from benchmarks.recorded_cascade import cascade_curve, settings_of
from tts_agent.evaluation.arm_efforts import effort_ladder

QUESTIONS, SAMPLES, LOW, HIGH = 20, 6, 100, 900
"""Tokens of a reply at low and at high effort."""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At medium effort even questions are always right and odd ones scatter; at high effort all are right."""

    def write(effort: str, tokens: int, answers: dict[int, list[str]]) -> None:
        rows = [
            {
                "id": f"q{number}",
                "question": None,
                "samples": [{"answer": said, "correct": said == "right", "tokens": tokens} for said in given],
            }
            for number, given in answers.items()
        ]
        text = "\n".join(map(json.dumps, rows)) + "\n"
        (tmp_path / f"gpqa__gpt-5.1__reffort-{effort}.jsonl").write_text(text, encoding="utf-8")

    scattered = [f"wrong {k}" for k in range(SAMPLES)]
    write("medium", LOW, {n: scattered if n % 2 else ["right"] * SAMPLES for n in range(QUESTIONS)})
    write("high", HIGH, {n: ["right"] * SAMPLES for n in range(QUESTIONS)})
    monkeypatch.setenv("TTS_AGENT_BANKS", str(tmp_path))


@pytest.mark.usefixtures("recorded")
def test_votes_that_agree_end_it_and_others_go_up_and_every_call_is_paid() -> None:
    ladder = effort_ladder("gpqa/gpt-5.1")
    curve = cascade_curve(ladder, splits=2)
    assert curve is not None
    prompt = 250
    for setting, correct, costs in zip(settings_of(ladder), curve.correct, curve.costs, strict=True):
        votes = setting.votes * (prompt + LOW)
        assert (correct == 1.0).all()
        assert costs[::2] == pytest.approx(votes)
        assert costs[1::2] == pytest.approx(votes + prompt + HIGH)
