"""The report says everything once as JSON and once for people, wins and losses alike."""

from __future__ import annotations

import json
from math import inf, isnan, nan
from pathlib import Path

import pytest

from tests.evaluation.synthetic import question, simulated
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.contenders import BASELINES, TUNED_AC, self_consistency
from tts_agent.evaluation.curves import TARGETS
from tts_agent.evaluation.lab import evaluate
from tts_agent.evaluation.pictures import plot_frontier, plot_summary
from tts_agent.evaluation.report import Report, gains, geometric_mean
from tts_agent.evaluation.trajectories import trajectories

SURE = Bank("sure", tuple(question(["right"] * 6, name=f"q{n}") for n in range(10)))
RESULTS = [
    evaluate(trajectories(bank, number=3), name=bank.name, bank=bank, contenders={"one more": self_consistency})
    for bank in (simulated(40), SURE)
]
REPORT = Report(
    tuple(RESULTS),
    evaluate(trajectories(simulated(40), SURE, number=3), name="stream", contenders={"one more": self_consistency}),
    "tts-agent replay simulated sure",
)


def test_json_has_every_bank_policy_and_point_and_no_number_that_json_lacks() -> None:
    said = json.loads(json.dumps(REPORT.to_dict(), allow_nan=False))
    assert [bank["name"] for bank in said["banks"]] == ["simulated", "sure"]
    for bank in (*said["banks"], said["stream"]):
        assert set(bank) >= {"name", "questions", "policies", "ece", "headroom", "predictor"}
        assert set(bank["policies"]) == {*BASELINES, "one more"}
        for policy in bank["policies"].values():
            for point in policy["points"]:
                assert set(point) >= {"accuracy", "samples", "total_tokens", "serial_tokens", "ci"}
            assert [each["target"] for each in policy["matched"]] == list(TARGETS)


def test_the_page_has_the_command_and_a_row_for_every_policy_of_every_bank() -> None:
    page = REPORT.to_markdown()
    assert "`tts-agent replay simulated sure`" in page
    for bank in ("simulated", "sure"):
        for policy in {*BASELINES, "one more"} - {TUNED_AC}:
            assert f"| {bank} | {policy} |" in page
    assert "nan" not in page
    assert "inf" not in page.replace("infinite", "")
    assert "stream.png" not in REPORT.to_markdown(pictures=False)
    widths = [line.count("|") for line in page.splitlines() if line.startswith("| policy")]
    assert widths


def test_a_bank_without_a_gain_is_in_no_mean() -> None:
    assert [gains(result) for result in RESULTS] == [True, False]
    assert geometric_mean([0.5, 2.0, nan]) == pytest.approx(1.0)
    assert geometric_mean([0.5, inf]) == inf
    assert isnan(geometric_mean([]))


def test_pictures_are_drawn_for_banks_with_and_without_a_gain(tmp_path: Path) -> None:
    for result in RESULTS:
        plot_frontier(result, tmp_path / f"{result.name}.png")
    plot_summary(REPORT.banks, REPORT.stream, tmp_path / "summary.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 3
