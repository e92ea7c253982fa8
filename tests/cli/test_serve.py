"""`tts-agent serve` as processes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.budget.servers import RedisServer, redis_server
from tests.cli.served import serving
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "2 + 2?"}], "max_tokens": 100}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def ask(url: str, task: str = "t") -> httpx.Response:
    headers = {"X-TTS-Task": task}
    return httpx.post(f"{url}/v1/chat/completions", json=ASK, headers=headers, timeout=120)


def model() -> ScriptedSampler:
    return ScriptedSampler(lambda _request, _index: "It is 4.")


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_finishes_what_it_began() -> None:
    with (
        Loopback(model(), faults=[Fault(delay=2)] * 8) as upstream,
        serving("--upstream", upstream.url) as (url, process),
    ):
        with ThreadPoolExecutor(8) as clients:
            replies = [clients.submit(ask, url) for _ in range(8)]
            while len(upstream.requests) < 8:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert [reply.result().status_code for reply in replies] == [200] * 8
        process.wait(30)


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_says_so_before_it_takes_no_more() -> None:
    with serving("--embedded", "--notice", "5") as (url, process):
        assert httpx.get(f"{url}/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        while httpx.get(f"{url}/readyz").status_code == 200:
            time.sleep(0.01)
        assert httpx.get(f"{url}/v1/models").status_code == 200
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.slow
def test_two_servers_on_one_store_never_spend_more_than_the_task_has(redis: RedisServer) -> None:
    limit = 3_000
    sampler = model()
    options = ("--budget-store", redis.url, "--task-budget", str(limit))
    with (
        Loopback(sampler) as upstream,
        serving("--upstream", upstream.url, *options) as (one, _),
        serving("--upstream", upstream.url, *options) as (two, _),
        ThreadPoolExecutor(64) as clients,
    ):
        replies = list(clients.map(lambda number: ask((one, two)[number % 2]), range(500)))
    assert {reply.status_code for reply in replies} == {200, 402}
    assert sum(sample.usage.total for sample in sampler.samples) <= limit
    spent = sum(reply.json()["usage"]["total_tokens"] for reply in replies if reply.status_code == 200)
    assert spent == sum(sample.usage.total for sample in sampler.samples)


@pytest.mark.slow
def test_a_server_that_is_killed_forgets_nothing_that_it_spent(redis: RedisServer) -> None:
    options = ("--budget-store", redis.url, "--task-budget", "700")
    with Loopback(model(), faults=[Fault(delay=20)]) as upstream:
        with serving("--upstream", upstream.url, *options) as (url, process), ThreadPoolExecutor(1) as clients:
            lost = clients.submit(ask, url)
            while not upstream.requests:
                time.sleep(0.01)
            process.kill()
            assert isinstance(lost.exception(), httpx.TransportError)
        with serving("--upstream", upstream.url, *options) as (url, _):
            assert ask(url).status_code == 402  # once the lease of the dead has run out, what it held is spent
