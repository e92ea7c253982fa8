"""The page at `/`, in a real browser, and what it is fed with."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from tts_agent.server import Embedded
from tts_agent.testing.scripted import ScriptedSampler

Serve = Callable[..., str]
ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "2 + 2?"}]}
NAME = "<img src=x onerror=alert(1)>"
needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


def used(serve: Serve, **settings: Any) -> str:
    """A server that has answered a single call and a vote."""
    url = serve(Embedded(ScriptedSampler(lambda _request, _index: "It is 4")), **settings)
    headers = {"Authorization": "Bearer one", "X-TTS-Task": NAME, "X-TTS-Budget": "9000"}
    for policy in ("single", "parallel"):
        body = {**ASK, "tts": {"policy": policy, "max_samples": 3}}
        assert httpx.post(f"{url}/chat/completions", json=body, headers=headers, verify=False).status_code == 200
    return url


def overview(url: str, key: str = "one") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    shown: dict[str, Any] = httpx.get(f"{url}/tts/overview", headers=headers, verify=False).json()
    return shown


def test_spend_decisions_and_frontier_are_those_of_what_was_asked(serve: Serve) -> None:
    shown = overview(used(serve))
    spent = sum(one["charged_tokens"] for one in shown["decisions"])
    assert shown["spend"] == [
        {"task": NAME, "spent": spent, "held": 0, "limit": 9000},
        {"task": None, "spent": spent, "held": 0, "limit": None},
    ]
    assert [one["strategy"] for one in shown["decisions"]] == ["self_consistency", "single"]
    single, vote = shown["frontier"]
    assert (single["strategy"], single["p_correct"], vote["samples"], vote["answers"]) == ("single", None, 3, 1)
    assert 0.5 < vote["p_correct"] < 1
    assert vote["tokens"] == 3 * single["tokens"]


def test_nobody_sees_what_others_do(serve: Serve) -> None:
    url = used(serve, keys=("one", "two"))
    assert overview(url)["decisions"]
    assert overview(url, "two") == {"spend": [], "frontier": [], "decisions": []}
    assert "error" in overview(url, "three")


def test_the_page_refers_to_nothing_elsewhere() -> None:
    text = files("tts_agent.server").joinpath("page.html").read_text("utf-8")
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]  # a name, which is not loaded
    assert not re.search(r"\bsrc=|\bhref=|@import|url\(|innerHTML", text)


def browse(url: str, folder: Path, *options: str) -> str:
    """The page as a browser has it after a while."""
    own = f"--user-data-dir={folder / 'browser'}"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", own, "--virtual-time-budget=3000", *options]
    page = url.removesuffix("v1")
    return subprocess.run([*command, page], capture_output=True, text=True, timeout=120, check=True).stdout


@needs_browser
def test_a_browser_shows_it_and_runs_nothing_that_a_task_is_named(serve: Serve, tmp_path: Path) -> None:
    shown = browse(used(serve), tmp_path, "--dump-dom")
    assert ">live<" in shown
    assert shown.count("<circle") == 1
    assert "self_consistency" in shown
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


@needs_browser
def test_where_keys_are_set_it_asks_for_one(serve: Serve, tmp_path: Path) -> None:
    shown = browse(used(serve, keys=("one",)), tmp_path, "--dump-dom")
    assert ">asks for a key<" in shown
    assert '<form id="ask">' in shown
    assert "self_consistency" not in shown
