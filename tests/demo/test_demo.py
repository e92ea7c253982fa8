"""The demo, small: real model, real graph, real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tts_agent.demo.tour import run_demo
from tts_agent.embedded import ESTIMATOR_FOLDER, EmbeddedSampler
from tts_agent.embedded.problems import demo_problems
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.sampling import Sampler
from tts_agent.testing.loopback import Loopback

BASELINES = {"single", "sc_5", "sc_15", "adaptive_consistency"}
OURS = {"ours_no_estimator", "ours", "ours_at_sc_5", "ours_frugal_no_estimator", "ours_frugal"}
POLICIES = BASELINES | OURS


def small_demo(out: Path, sampler: Sampler, *, questions: int = 5, budget: int = 500_000) -> dict[str, Any]:
    return run_demo(
        demo_problems(questions), sampler, None, budget=budget, seed=0, out=out, console=Console(quiet=True)
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    small_demo(out, EmbeddedSampler())
    return out


def test_the_summary_has_every_policy_with_every_number(first: Path) -> None:
    summary = json.loads((first / "summary.json").read_text(encoding="utf-8"))
    assert summary["questions"] == 5
    assert set(summary["policies"]) == POLICIES
    for numbers in summary["policies"].values():
        assert {"accuracy", "ci", "total_tokens", "serial_tokens", "calls", "overruns"} <= set(numbers)
        assert numbers["ci"][0] <= numbers["accuracy"] <= numbers["ci"][1]
        assert numbers["overruns"] == 0
        assert numbers["total_tokens"] <= numbers["cap"]
    assert {"strategies_chosen", "paired", "predictor"} <= set(summary)


def test_every_decision_is_kept(first: Path) -> None:
    decisions = json.loads((first / "decisions.json").read_text(encoding="utf-8"))
    assert set(decisions) >= POLICIES
    for row in decisions["ours"]:
        assert [event["event"] for event in row["events"]].count("decided") == 1


def test_the_frontier_is_a_picture(first: Path) -> None:
    assert (first / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_table(first: Path, tmp_path: Path) -> None:
    small_demo(tmp_path, EmbeddedSampler())
    assert (tmp_path / "summary.json").read_bytes() == (first / "summary.json").read_bytes()


def test_a_cap_that_is_too_small_is_held_and_the_rest_goes_unanswered(tmp_path: Path) -> None:
    summary = small_demo(tmp_path, EmbeddedSampler(), budget=1_000)
    assert all(numbers["total_tokens"] <= 1_000 for numbers in summary["policies"].values())
    assert summary["policies"]["ours_no_estimator"]["overruns"] == 0


def test_the_same_demo_runs_against_an_openai_compatible_endpoint(first: Path, tmp_path: Path) -> None:
    with Loopback(EmbeddedSampler(name="tiny")) as endpoint:
        summary = small_demo(tmp_path, OpenAISampler("tiny", base_url=endpoint.url))
    here = json.loads((first / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["policies"]) == POLICIES
    # The endpoint is sent the seeds, so the very same answers come back through it. Its prompts can only be
    # bounded by their bytes, so the policy whose cap binds may come out differently.
    for name in POLICIES - {"ours_at_sc_5"}:
        assert summary["policies"][name]["accuracy"] == here["policies"][name]["accuracy"]


def test_the_shipped_estimator_is_asked_before_and_after_the_first_call(tmp_path: Path) -> None:
    from tts_agent.difficulty.estimator import DifficultyEstimator

    estimator = DifficultyEstimator.load(ESTIMATOR_FOLDER)
    problems = demo_problems(5)
    run_demo(problems, EmbeddedSampler(), estimator, budget=500_000, seed=0, out=tmp_path, console=Console(quiet=True))
    rows = json.loads((tmp_path / "decisions.json").read_text(encoding="utf-8"))["ours"]
    assert all(len(row["predicted"]) == 2 for row in rows)
