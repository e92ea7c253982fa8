"""All replays of verified sampling and refinement together."""

import json
from pathlib import Path
from random import Random

import pytest

from tts_agent.evaluation.turns_report import replay_turns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chance = Random(1)

    def write(name: str, field: str, rows: list[list[bool]]) -> None:
        lines = [
            json.dumps({"id": str(n), field: [{"correct": right, "tokens": 20} for right in turns]})
            for n, turns in enumerate(rows)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))

    def agent() -> list[bool]:
        turns = [chance.random() < 0.4]
        while len(turns) < 4 and not turns[-1]:
            turns.append(chance.random() < 0.2)
        return turns

    write("agent", "turns", [agent() for _ in range(60)])
    write("once", "turns", [[chance.random() < 0.4] for _ in range(20)])
    write("thinking", "ladder", [[chance.random() < 0.6 for _ in range(4)] for _ in range(60)])
    return tmp_path


def test_every_bank_gets_its_claims_and_what_cannot_be_decided_is_named(folder: Path) -> None:
    report = replay_turns(folder, verified=(), repeats=1)
    assert report.left_out == ("once",)
    assert [replay.name for replay in report.refined] == ["agent"]
    assert [replay.name for replay in report.blind] == ["thinking"]
    assert [(line.bank, line.holds) for line in report.lines] == [
        ("agent", report.refined[0].error <= 0.03),
        ("agent", report.refined[0].lost <= 0.1),
        ("thinking", report.blind[0].passed),
    ]
    assert all(any(character.isdigit() for character in line.measured) for line in report.lines)
