"""Votes of whole responses, before any tool runs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from tests.nodes.middleware.agents import ASKED, Run, agent, decided, proposes, serving
from tests.nodes.models import ScriptedModel, message
from tts_agent import Result, SamplerError
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning
from tts_agent.sampling import Sample
from tts_agent.testing.loopback import Fault
from tts_agent.verifiers import FunctionVerifier, Verdict


def voting(n: int, **settings: Any) -> AdaptiveReasoning:
    return AdaptiveReasoning(policy="parallel", max_samples=n, **settings)


def test_the_majority_of_proposed_calls_runs_once(run: Run) -> None:
    ran: list[tuple[int, int]] = []

    @tool
    def multiply(a: int, b: int) -> int:
        """Multiply two numbers."""
        ran.append((a, b))
        return a * b

    proposed = [proposes('{"a": 6, "b": 8}'), proposes('{"a": 6, "b": 7}'), proposes('{"b":7,"a":6}')]
    with serving(proposed, "it is 42") as endpoint:
        state = run(agent(endpoint, voting(3), tools=[multiply]), ASKED)
    assert [turn.type for turn in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][-1].content == "it is 42"
    assert ran == [(6, 7)]
    assert decided(state, 1)["votes"] == [2, 1]
    assert len(endpoint.requests) == 6


def test_the_winner_is_the_model_s_own_message_with_its_own_usage() -> None:
    with serving(["it is 41", "it is 42", "it is 42"]) as endpoint:
        state = agent(endpoint, voting(3)).invoke(ASKED)
    answer = state["messages"][-1]
    assert answer.content == "it is 42"
    assert answer.usage_metadata["total_tokens"] == 5 + 3
    assert answer.response_metadata["model_name"] == "scripted"
    assert (decided(state)["samples"], decided(state)["tokens"], decided(state)["calls"]) == (3, 24, 3)


def test_neither_cut_off_nor_unparseable_samples_vote(run: Run) -> None:
    """The naive count of texts and names would choose the broken call."""
    cut, broken = Sample("it is 41", "length"), proposes('{"a": 6, "b": ')
    with serving([cut, broken, cut, broken, proposes('{"a": 6, "b": 7}'), broken, cut], "done") as endpoint:
        state = run(agent(endpoint, voting(7)), ASKED)
    (call,) = state["messages"][1].tool_calls
    assert call["args"] == {"a": 6, "b": 7}
    assert decided(state, 1)["votes"] == [1]


def test_calls_are_compared_without_ids() -> None:
    def proposed(id_: str, b: int) -> Sample:
        return Sample("", "tool_calls", (ToolCall("multiply", f'{{"a": 6, "b": {b}}}', id_),))

    with serving([proposed("1", 8), proposed("2", 7), proposed("3", 7)], "done") as endpoint:
        state = agent(endpoint, voting(3)).invoke(ASKED)
    assert state["messages"][1].tool_calls[0]["args"]["b"] == 7


def test_arguments_may_be_ignored() -> None:
    @tool
    def search(query: str, because: str) -> str:
        """Search."""
        return query

    said = [f'{{"query": "{query}", "because": "{number}"}}' for number, query in enumerate(["b", "a", "b", "a", "a"])]
    with serving([proposes(arguments, "search") for arguments in said], "done") as endpoint:
        state = agent(endpoint, voting(5, ignore_arguments=["because"]), tools=[search]).invoke(ASKED)
    assert decided(state, 1)["votes"] == [3, 2]
    assert state["messages"][1].tool_calls[0]["args"]["query"] == "a"


def test_the_order_of_calls_side_by_side_does_not_matter() -> None:
    def proposed(*numbers: int) -> Sample:
        calls = (ToolCall("multiply", f'{{"a": 1, "b": {b}}}', f"call {b}") for b in numbers)
        return Sample("", "tool_calls", tuple(calls))

    said = [proposed(1), proposed(2, 3), proposed(3, 2)]
    with serving(said, "done", "done") as endpoint:
        state = agent(endpoint, voting(3)).invoke(ASKED)
    assert sorted(turn.content for turn in state["messages"] if turn.type == "tool") == ["2", "3"]


def test_texts_vote_by_the_answer_key() -> None:
    with serving(["no", "It is B, I think", "surely (B)"]) as endpoint:
        state = agent(endpoint, voting(3, answer_key=lambda sample: "B" in sample.text)).invoke(ASKED)
    assert decided(state)["votes"] == [2, 1]
    assert "B" in state["messages"][-1].content


def test_a_failed_sample_does_not_discard_the_others(run: Run) -> None:
    faults = [Fault(status=400, message="no such thing"), None, Fault(drop=True), None]
    with serving("it is 42", faults=faults) as endpoint:
        state = run(agent(endpoint, voting(4)), ASKED)
    assert state["messages"][-1].content == "it is 42"
    assert decided(state)["votes"] == [4]
    assert len(endpoint.requests) == 6  # two more, in place of those that failed


def test_errors_are_the_model_s_own_and_never_answers() -> None:
    with serving("it is 42", faults=[Fault(status=401, message="wrong key")] * 3) as endpoint:
        with pytest.raises(Exception, match="wrong key") as bare:
            agent(endpoint).invoke(ASKED)
        with pytest.raises(Exception, match="wrong key") as ours:
            agent(endpoint, voting(2)).invoke(ASKED)
    assert type(ours.value) is type(bare.value)
    assert not isinstance(ours.value, SamplerError)


def test_a_verifier_sees_proposals_before_tools_run() -> None:
    ran: list[int] = []

    @tool
    def delete(number: int) -> str:
        """Delete an entry."""
        ran.append(number)
        return "deleted"

    seen: list[list[int]] = []

    def harmless(_: Any, sample: Sample) -> bool:
        seen.append(list(ran))
        return not sample.tool_calls or '"number": 3' in sample.tool_calls[0].arguments

    proposed = [proposes(f'{{"number": {number}}}', "delete") for number in (1, 2, 3)]
    with serving(proposed, "done") as endpoint:
        reasoning = voting(3, verifier=FunctionVerifier(harmless))
        state = agent(endpoint, reasoning, tools=[delete]).invoke(ASKED)
    assert ran == [3]
    assert seen[:3] == [[]] * 3
    assert decided(state, 1)["accepted"] is True


def test_refinement_shows_the_attempt_and_the_feedback_to_the_model_alone() -> None:
    def right(_: Any, sample: Sample) -> Verdict:
        return Verdict(float("42" in sample.text), accepted="42" in sample.text, feedback="Count again.")

    with serving(["it is 41", "it is 42"]) as endpoint:
        reasoning = AdaptiveReasoning(policy="sequential", verifier=FunctionVerifier(right))
        state = agent(endpoint, reasoning, system_prompt="Be exact.").invoke(ASKED)
    assert [turn.content for turn in state["messages"]] == ["What is 6 times 7?", "it is 42"]
    asked = [[(turn["role"], turn["content"]) for turn in request["messages"]] for request in endpoint.requests]
    question = [("system", "Be exact."), ("user", "What is 6 times 7?")]
    assert asked == [question, [*question, ("assistant", "it is 41"), ("user", "Count again.")]]


def test_auto_probes_first_and_goes_on_while_it_pays() -> None:
    results: list[Result] = []
    with serving([f"the answer is {number}" for number in (1, 2, 2, 2, 2, 2, 2, 2)]) as endpoint:
        state = agent(endpoint, AdaptiveReasoning(on_result=results.append)).invoke(ASKED)
    (result,) = results
    assert result.decision.name == "self_consistency"
    assert state["messages"][-1].content == "the answer is 2"
    first, second = endpoint.requests[:2]
    assert first["messages"] == second["messages"]


class Recorder(BaseCallbackHandler):
    """What tracing is told."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = []
        self.ended = 0
        self.chains: dict[Any, str] = {}
        self._lock = threading.Lock()

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **run: Any) -> None:
        with self._lock:
            self.models.append(run)

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        with self._lock:
            self.ended += 1

    def on_chain_start(self, serialized: dict[str, Any], inputs: Any, **run: Any) -> None:
        self.chains[run["run_id"]] = run.get("name", "")


def test_every_call_is_traced_below_the_model_node(run: Run) -> None:
    recorder, counter = Recorder(), UsageMetadataCallbackHandler()
    with serving("it is 42") as endpoint:
        config = {"callbacks": [recorder, counter], "tags": ["mine"]}
        state = run(agent(endpoint, voting(4)), ASKED, config)
    assert len(recorder.models) == recorder.ended == len(endpoint.requests) == 4
    assert sorted(call["name"] for call in recorder.models) == [f"tts.sample[{index}]" for index in range(4)]
    for call in recorder.models:
        assert {"nostream", "mine"} <= set(call["tags"])
        assert recorder.chains[call["parent_run_id"]] == "model"
    assert counter.usage_metadata["scripted"]["total_tokens"] == decided(state)["tokens"] == 32


def test_naive_threads_lose_tracing_and_usage() -> None:
    """For comparison: a pool that does not copy contexts."""

    class Naive(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            with ThreadPoolExecutor() as pool:
                responses = list(pool.map(lambda _: handler(request), range(4)))
            return responses[0]

    recorder = Recorder()
    with serving("it is 42") as endpoint:
        agent(endpoint, Naive()).invoke(ASKED, {"callbacks": [recorder]})
    assert (len(endpoint.requests), recorder.models) == (4, [])


def test_samples_of_synchronous_agents_are_drawn_at_once() -> None:
    together = threading.Barrier(8, timeout=20)

    def script(_: int) -> AIMessage:
        together.wait()
        return message("it is 42")

    graph: Any = create_agent(ScriptedModel(script=script), middleware=[voting(8)])
    state = graph.invoke(ASKED)
    assert decided(state)["samples"] == 8
