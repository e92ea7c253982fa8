"""Scores from a real HTTP server on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.events import Retried
from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import ScoringEndpoint, Verdict

STEP = Step((user("What is 2 + 2?"),))
Answer = Callable[[str, Any], tuple[int, Any]]


@contextmanager
def served(answer: Answer, retry_after: str | None = None) -> Iterator[str]:
    """An endpoint that answers a path and a body with a status and JSON; errors with a Retry-After."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, reply = answer(self.path, body)
            content = json.dumps(reply).encode()
            self.send_response(status)
            if status >= 400 and retry_after is not None:
                self.send_header("Retry-After", retry_after)
            if status == 302:
                self.send_header("Location", reply)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:  # what a redirect that is followed asks for
            answer(self.path, None)
            self.send_error(404)

        def log_request(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def driver() -> Driver:
    return Driver(ScriptedSampler([]), CheckedBudget())


def verdicts(verifier: ScoringEndpoint, *texts: str) -> Sequence[Verdict]:
    return run_sync(driver().run(verifier.verify(STEP, [Sample(text) for text in texts])))


def by_api(path: str, body: Any) -> tuple[int, Any]:
    """0.9 for a reply that says 4, else 0.2, in the format of each API; entries in reverse."""
    texts = body["text_2"] if path == "/score" else body["input"]
    good = [0.9 if text.endswith("4") else 0.2 for text in texts]
    form = {"/score": "score", "/classify": "probs", "/pooling": "data"}[path]
    values: list[Any] = good if path == "/score" else [[1 - p, p] for p in good]
    return 200, {"data": [{"index": at, form: value} for at, value in enumerate(values)][::-1]}


@pytest.mark.parametrize("api", ["score", "classify", "pooling"])
def test_each_api_is_read(api: Any) -> None:
    with served(by_api) as url:
        good, bad, same, empty = verdicts(ScoringEndpoint(url, "rm", api), "4", "5", "4", "")
    assert good == same == Verdict(0.9, accepted=True)
    assert bad == Verdict(0.2)
    assert empty.score == 0.0


def test_logits_become_probabilities() -> None:
    with served(lambda path, body: (200, {"data": [{"index": 0, "score": 0.0}]})) as url:
        assert verdicts(ScoringEndpoint(url, "rm", logit=True), "4") == [Verdict(0.5, accepted=True)]


def test_what_may_pass_is_tried_again_and_is_on_the_trace() -> None:
    statuses = iter([503, 200])
    with served(lambda path, body: (next(statuses), by_api(path, body)[1])) as url:
        run = driver()
        flow = ScoringEndpoint(url, "rm").verify(STEP, [Sample("4")])
        assert run_sync(run.run(flow)) == [Verdict(0.9, accepted=True)]
    assert run.events == [Retried("the scoring endpoint answered with status 503", 0.5)]


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_to_wait_is_given_that_long(status: int) -> None:
    statuses = iter([status, 200])
    with served(lambda path, body: (next(statuses), by_api(path, body)[1]), retry_after="0.01") as url:
        run = driver()
        flow = ScoringEndpoint(url, "rm").verify(STEP, [Sample("4")])
        assert run_sync(run.run(flow)) == [Verdict(0.9, accepted=True)]
    assert run.events == [Retried(f"the scoring endpoint answered with status {status}", 0.01)]


@pytest.mark.parametrize(("asked", "seconds"), [("3600", None), ("30", 20.0)])
def test_nobody_waits_for_more_than_a_minute_or_than_the_budget_has(asked: str, seconds: float | None) -> None:
    calls: list[str] = []

    def busy(path: str, body: Any) -> tuple[int, Any]:
        calls.append(path)
        return 429, {}

    run = Driver(ScriptedSampler([]), Budget(seconds=seconds))
    with served(busy, retry_after=asked) as url, pytest.raises(RateLimited) as error:
        run_sync(run.run(ScoringEndpoint(url, "rm").verify(STEP, [Sample("4")])))
    assert (calls, error.value.retry_after) == (["/score"], float(asked))


def test_a_refusal_is_not_tried_again_and_tells_no_key() -> None:
    asked: list[str] = []

    def refuse(path: str, body: Any) -> tuple[int, Any]:
        asked.append(path)
        return 401, {"error": "key-123"}

    with served(refuse) as url, pytest.raises(RequestRejected) as refusal:
        verdicts(ScoringEndpoint(url, "rm", api_key="key-123"), "4")
    assert asked == ["/score"]
    assert "key-123" not in str(refusal.value)
    assert "key-123" not in repr(ScoringEndpoint(url, "rm", api_key="key-123"))


def test_a_redirect_is_not_followed_for_it_would_take_the_key_along() -> None:
    asked: list[str] = []

    def elsewhere(path: str, body: Any) -> tuple[int, Any]:
        asked.append(path)
        return 302, "/elsewhere"

    with served(elsewhere) as url, pytest.raises(RequestRejected, match="302"):
        verdicts(ScoringEndpoint(url, "rm", api_key="key-123"), "4")
    assert asked == ["/score"]


@pytest.mark.parametrize(
    "reply", [[], {}, {"data": []}, {"data": [{"index": 0, "score": None}]}, {"data": [{"index": 0, "score": "nan"}]}]
)
def test_an_answer_of_another_kind_is_an_error_and_no_score(reply: Any) -> None:
    with served(lambda path, body: (200, reply)) as url, pytest.raises(SamplerError, match="none of its /score API"):
        verdicts(ScoringEndpoint(url, "rm"), "4")


def test_nobody_there_is_an_error_after_the_tries() -> None:
    with served(by_api) as url:
        pass
    with pytest.raises(EndpointUnreachable):
        verdicts(ScoringEndpoint(url, "rm", retries=0), "4")


@pytest.mark.parametrize("setting", [{"url": "localhost"}, {"api": "rank"}, {"timeout": 0.0}, {"retries": -1}])
def test_what_makes_no_sense_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ScoringEndpoint(**({"url": "http://localhost", "model": "rm"} | setting))


def test_it_keeps_the_contract() -> None:
    with served(by_api) as url:
        check_verifier(lambda: ScoringEndpoint(url, "rm"))
