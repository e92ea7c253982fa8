"""Clients of other projects, unchanged but for their base URL, on `tts-agent serve` before a model that calls tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.served import serving
from tests.clients.environments import interpreter
from tests.clients.upstream import ANSWER, script
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

PROGRAMS = Path(__file__).parent / "programs"
ADA = {"name": "Ada", "age": 36}
OURS = Path(sys.executable)
Endpoint = tuple[str, Loopback]


@pytest.fixture(scope="module", params=["single", "parallel"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """The endpoint's base URL, and the upstream. Votes are of three samples, one of which is wrong."""
    policy = request.param
    sampler = ScriptedSampler(script(wrong=policy == "parallel"))
    with Loopback(sampler) as upstream:
        options = ("--upstream", upstream.url, "--policy", policy, "--max-samples", "3")
        with serving(*options) as (url, _):
            yield f"{url}/v1", upstream


def run(program: str, environment: str | None, endpoint: Endpoint) -> dict[str, Any]:
    """What a program says, run in its environment (None: ours)."""
    python = OURS if environment is None else interpreter(environment)
    if python is None:
        pytest.skip(f"the environment {environment} is not set up: make clients")
    url, upstream = endpoint
    upstream.requests.clear()
    settings = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI")}
    settings |= {"ENDPOINT": url, "PYTHONPATH": str(PROGRAMS), "OPENAI_API_KEY": "any", "NO_PROXY": "127.0.0.1"}
    settings |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "CREWAI_TRACING_ENABLED": "false"}
    done = subprocess.run(
        [python, PROGRAMS / program], env=settings, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def check(said: dict[str, Any], endpoint: Endpoint, runs: int) -> None:
    """Every run called the tool once, with the arguments of the majority, and the upstream saw the tool."""
    calls = said.pop("calls")
    assert calls == [[20, 22]] * runs
    assert any(offer["function"]["name"] == "add" for body in endpoint[1].requests for offer in body.get("tools", []))
    assert all("42" in str(answer) for answer in said.values()), said


@pytest.mark.parametrize("environment", [None, "openai_2"])
def test_openai(endpoint: Endpoint, environment: str | None) -> None:
    said = run("openai_sdk.py", environment, endpoint)
    assert said.pop("version").startswith("2." if environment else "3.")
    assert said.pop("several") == 2
    assert said.pop("exhausted") == {"status": 402, "code": "budget_exhausted"}
    assert said.pop("streamed") == {"text": ANSWER, "billed": True}
    assert said.pop("parsed") == said.pop("responses_parsed") == ADA
    check(said, endpoint, runs=2)


def test_langchain(endpoint: Endpoint) -> None:
    said = run("langchain_openai_agent.py", None, endpoint)
    assert said.pop("structured") == ADA
    check(said, endpoint, runs=2)


def test_curl(endpoint: Endpoint) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": "What is 20 plus 22?"}], "stream": True}
    command = ["curl", "-sS", "-N", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(
        [*command, f"{endpoint[0]}/chat/completions"], capture_output=True, text=True, timeout=60, check=True
    )
    events = [line.removeprefix("data: ") for line in done.stdout.splitlines() if line]
    assert events[-1] == "[DONE]"
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == ANSWER


@pytest.mark.slow
def test_openai_agents(endpoint: Endpoint) -> None:
    check(run("openai_agents_sdk.py", "openai_agents", endpoint), endpoint, runs=4)


@pytest.mark.slow
def test_pydantic_ai(endpoint: Endpoint) -> None:
    said = run("pydantic_ai_agent.py", "pydantic_ai", endpoint)
    assert said.pop("chat typed") == said.pop("responses typed") == ADA
    check(said, endpoint, runs=4)


@pytest.mark.slow
def test_smolagents(endpoint: Endpoint) -> None:
    check(run("smolagents_agent.py", "smolagents", endpoint), endpoint, runs=2)


@pytest.mark.slow
def test_llama_index(endpoint: Endpoint) -> None:
    check(run("llama_index_agent.py", "llama_index", endpoint), endpoint, runs=2)


@pytest.mark.slow
def test_ag2(endpoint: Endpoint) -> None:
    check(run("ag2_agent.py", "ag2", endpoint), endpoint, runs=3)


@pytest.mark.slow
def test_crewai(endpoint: Endpoint) -> None:
    check(run("crewai_crew.py", "crewai", endpoint), endpoint, runs=1)
