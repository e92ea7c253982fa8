"""Values through JSON and back."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tts_agent.budget import Amount, Budget
from tts_agent.events import Drawn, Refused
from tts_agent.exceptions import (
    ConfigurationError,
    EndpointUnreachable,
    RateLimited,
    RequestRejected,
    SamplerError,
)
from tts_agent.messages import Message, ToolCall, user
from tts_agent.nodes.json_values import from_json, to_json
from tts_agent.nodes.messages import from_langchain
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.verifiers import Verdict


def there_and_back(value: Any) -> Any:
    return from_json(json.loads(json.dumps(to_json(value))))


calls = st.builds(ToolCall, st.text(), st.text(), st.none() | st.text(), st.booleans())
samples = st.builds(
    Sample,
    st.text(),
    st.sampled_from(["stop", "length", "tool_calls"]),
    st.lists(calls, max_size=2).map(tuple),
    st.builds(Usage, st.integers(0), st.integers(0)),
    st.none() | st.floats(max_value=0.0, allow_nan=False, allow_infinity=False),
)
values = st.one_of(
    st.builds(Beta, st.floats(0.1, 1e6), st.floats(0.1, 1e6)),
    st.builds(Verdict, st.floats(0, 1), st.booleans(), st.none() | st.integers(1), st.none() | st.text()),
    st.builds(SampleBatch, st.lists(samples, max_size=3).map(tuple), st.builds(Usage, st.integers(0))),
    st.dictionaries(st.text(), st.lists(st.integers() | st.text())),
)


@given(values)
def test_a_value_comes_back_equal(value: Any) -> None:
    assert there_and_back(value) == value


@pytest.mark.parametrize(
    "value",
    [
        Budget(100, calls=3, reserve_final=7).view(),
        Amount(3, 1),
        Drawn(2, 1, 1, 5, Usage(3, 4), 7, 4, ("failed",)),
        Refused("no room"),
        [Verdict(0.5), Verdict(np.float64(1.0), accepted=True)],
        AIMessage("hi", id="7", tool_calls=[{"name": "f", "args": {"a": [1]}, "id": "1"}]),
        SampleRequest((user("a"),), 5, stop=("x",), options={"a": [{"b": None}]}, tools=({"required": ["x"]},)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_so_does_what_the_nodes_keep(value: Any) -> None:
    assert there_and_back(value) == value


@pytest.mark.parametrize("turn", [HumanMessage([{"type": "text", "text": "a"}]), ToolMessage("7", tool_call_id="1")])
def test_a_turn_keeps_the_message_it_came_from(turn: Any) -> None:
    back = there_and_back(from_langchain(turn))
    assert (back, back.raw) == (from_langchain(turn), turn)


def test_tools_and_options_keep_their_lists() -> None:
    request = SampleRequest((user("a"),), 5, tools=({"required": ["x"]},), options={"stop": ["y"]})
    back = there_and_back(request)
    assert (back.tools, back.options) == (request.tools, request.options)


def test_an_object_of_somebody_else_that_rode_along_stays_behind() -> None:
    assert there_and_back(Message("user", "a", raw=object())).raw is None


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow down", retry_after=2.0),
        EndpointUnreachable("nobody there"),
        RequestRejected("wrong key"),
        SamplerError("odd", billed=True, retryable=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_keeps_its_class_and_what_it_means(error: SamplerError) -> None:
    back = there_and_back(error)
    assert type(back) is type(error)
    assert (str(back), vars(back)) == (str(error), vars(error))


def test_what_cannot_come_back_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a set cannot be kept in the state"):
        to_json({"a": [set()]})
