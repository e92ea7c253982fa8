"""Flows that are performed piece by piece: each piece begins anew and is sent what the log says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tts_agent.budget import Amount
from tts_agent.effects import Balance, Call, Effect, Flow, Generate, call, first_of, generate, record, together
from tts_agent.events import Decided
from tts_agent.exceptions import SamplerError
from tts_agent.messages import user
from tts_agent.nodes.json_values import to_json
from tts_agent.nodes.step_log import Entry, Pause, Replay, begun, extended
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage


def request(text: str) -> SampleRequest:
    return SampleRequest((user(text),), max_tokens=5)


def said(batch: SampleBatch) -> list[str]:
    return [sample.text for sample in batch.samples]


def piece(log: list[Entry], flow: Flow[Any], until: type[Effect] = Generate) -> tuple[Replay, Any, int]:
    """Run a flow up to its next request; how many functions were called besides."""
    replay, calls = Replay(log), 0
    running = replay.run(flow, until=until)
    try:
        effect = next(running)
        while True:
            assert isinstance(effect, Call)
            calls += 1
            effect = running.send(effect.function())
    except StopIteration as end:
        return replay, end.value, calls


def to_the_end(make: Callable[[], Flow[Any]], answer: Callable[[str, int], str]) -> tuple[Any, list[str], int]:
    """Perform a flow in pieces, each sample by itself, with the log through JSON in between."""
    log, asked, calls = [begun("default", "m")], list[str](), 0
    while True:
        replay, end, called = piece(log, make())
        log, calls = extended(log, replay.new), calls + called
        if not isinstance(end, Pause):
            assert replay.charged.tokens == 3 * len(asked)
            return end, asked, calls
        assert isinstance(end.effect, Generate)
        log = extended(log, [{"asked": end.effect.n}])
        for index in range(end.offset, end.offset + end.effect.n):
            question = end.effect.request.messages[0].content
            asked.append(f"{question}{index}")
            batch = SampleBatch((Sample(answer(question, index)),), Usage(1, 2))
            log = extended(log, [{"drawn": to_json(batch), "events": [], "charged": to_json(Amount(3, 1))}])
        log = json.loads(json.dumps(log))


def echo(question: str, index: int) -> str:
    return f"{question}{index}!"


def test_what_the_log_knows_is_not_asked_again() -> None:
    def flow() -> Flow[Any]:
        first = yield from generate(request("a"), 2)
        number = yield from call(lambda: 7)
        second = yield from generate(request("a"), 1)
        third = yield from generate(request("b"), 1)
        return said(first), number, said(second), said(third)

    result, asked, calls = to_the_end(flow, echo)
    assert result == (["a0!", "a1!"], 7, ["a2!"], ["b0!"])
    assert asked == ["a0", "a1", "a2", "b0"]  # a second request goes on where the first one ended
    assert calls == 1


def judge(text: str) -> Flow[list[str]]:
    batch = yield from generate(request(text), 1)
    yield from call(lambda: None)
    return said(batch)


def test_concurrent_flows_run_one_after_the_other() -> None:
    def flow() -> Flow[Any]:
        return (yield from together(judge("a"), judge("b"), judge("c")))

    result, asked, calls = to_the_end(flow, echo)
    assert (result, asked, calls) == ((["a0!"], ["b0!"], ["c0!"]), ["a0", "b0", "c0"], 3)


def test_flows_that_race_end_when_there_is_enough() -> None:
    def flow() -> Flow[Any]:
        return (yield from first_of(*map(judge, "abc"), enough=lambda results: ["b0!"] in results))

    result, asked, _ = to_the_end(flow, echo)
    assert (result, asked) == ((["a0!"], ["b0!"]), ["a0", "b0"])


def test_it_stops_before_the_kind_of_effect_it_is_told() -> None:
    def flow() -> Flow[Any]:
        yield from call(lambda: 1)
        yield Balance()
        raise AssertionError("not reached")

    replay, end, calls = piece([], flow(), until=Balance)
    assert isinstance(end, Pause)
    assert end.effect == Balance()
    assert (replay.new, calls) == ([{"replied": 1}], 1)


def test_the_trace_is_whole_in_every_piece() -> None:
    decision = Decided("single", 0.0, "because", {})

    def flow() -> Flow[Any]:
        yield from record(decision)
        return (yield from generate(request("a"), 1))

    for log in ([], [{"asked": 1}]):
        replay, _, _ = piece([begun("default", "m"), *log], flow())
        assert replay.events == [decision]


def test_failures_of_branches_are_joined_and_the_last_is_remembered() -> None:
    def drawn(*failures: SamplerError, samples: tuple[Sample, ...] = ()) -> Entry:
        batch = SampleBatch(samples, Usage(1, 1), unaccounted=len(failures), failures=failures)
        return {"drawn": to_json(batch), "events": [], "charged": to_json(Amount(5, 1))}

    def flow() -> Flow[Any]:
        return (yield from generate(request("a"), 3))

    log = [{"asked": 3}, drawn(SamplerError("one")), drawn(samples=(Sample("a"),)), drawn(SamplerError("two"))]
    replay, batch, _ = piece(log, flow())
    assert said(batch) == ["a"]
    assert (batch.unaccounted, batch.usage, replay.charged) == (2, Usage(3, 3), Amount(15, 3))
    assert [str(failure) for failure in batch.failures] == ["one", "two"]
    assert str(replay.last_failure) == "two"


@pytest.mark.parametrize(
    ("old", "new", "together"),
    [
        ([{"asked": 1}], [{"replied": 2}], [{"asked": 1}, {"replied": 2}]),
        ([{"asked": 1}], [], [{"asked": 1}]),
        ([{"asked": 1}], None, []),
        ([{"asked": 1}], [begun("k", "m"), {"replied": 2}], [begun("k", "m"), {"replied": 2}]),
    ],
)
def test_the_log_grows_until_a_step_begins_or_ends(
    old: list[Entry], new: list[Entry] | None, together: list[Entry]
) -> None:
    assert extended(old, new) == together
