"""Several samples by one request: each votes with its own usage, and every token that was billed is counted once."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from pydantic import BaseModel

from tests.nodes.middleware.agents import ASKED, agent, client, decided, proposes, serving
from tests.nodes.models import ScriptedModel, message, openai_model
from tts_agent import Budget, SamplerError
from tts_agent.messages import user
from tts_agent.nodes import AdaptiveChatModel, AdaptiveReasoning, ChatModelSampler, adaptive_node, token_budget
from tts_agent.nodes.choices import several
from tts_agent.nodes.replies import usage_metadata
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest, Usage
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.loopback import Fault, Loopback

SAID = [
    Sample("it is 41", usage=Usage(5, 3)),
    Sample("it is 42, surely", usage=Usage(0, 4)),  # one prompt is billed
    Sample("it is 42, surely", usage=Usage(0, 4)),
]
REQUEST = SampleRequest((user("What is 6 times 7?"),), 50)


class Recorder(BaseCallbackHandler):
    """What a callback sees of the models below it."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.usages: list[list[int | None]] = []
        self.model_names: list[set[str]] = []

    def on_chat_model_start(self, *_: Any, **run: Any) -> None:
        assert "nostream" in run["tags"]
        self.names.append(run.get("name"))

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        messages: list[Any] = [chat.message for chat in response.generations[0] if isinstance(chat, ChatGeneration)]
        self.usages.append([each.usage_metadata and each.usage_metadata["total_tokens"] for each in messages])
        self.model_names.append({each.response_metadata["model_name"] for each in messages})


def voting(n: int, **settings: Any) -> AdaptiveReasoning:
    return AdaptiveReasoning(policy="parallel", max_samples=n, use_n=True, max_tokens=50, **settings)


@pytest.fixture(params=[False, True], ids=["async", "threads"])
def blocking(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def asked(graph: Any, blocking: bool, *arguments: Any) -> Any:
    return graph.invoke(*arguments) if blocking else asyncio.run(graph.ainvoke(*arguments))


def bodies(endpoint: Loopback) -> list[int | None]:
    """The `n` of each request."""
    return [body.get("n") for body in endpoint.requests]


def test_an_agent_s_votes_are_drawn_by_one_request_and_counted_once(blocking: bool) -> None:
    recorder, counter = Recorder(), UsageMetadataCallbackHandler()
    budget = Budget(10_000)
    with serving(SAID) as endpoint:
        graph = agent(endpoint, voting(3, budget=budget), name="calculator")
        state = asked(graph, blocking, ASKED, {"callbacks": [recorder, counter]})
    assert bodies(endpoint) == [3]
    answer = state["messages"][-1]
    assert (answer.content, answer.name, answer.response_metadata["model_name"]) == (
        "it is 42, surely",
        "calculator",
        "scripted",
    )
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (5, 4)
    assert decided(state)["votes"] == [2, 1]
    assert decided(state)["tokens"] == counter.usage_metadata["scripted"]["total_tokens"] == 16
    assert (budget.spent.tokens, budget.spent.calls, budget.view().remaining.tokens) == (16, 3, 10_000 - 16)
    assert recorder.names == ["tts.sample[0:3]"]
    assert recorder.usages == [[16, None, None]]  # whoever adds up, and whoever looks at the first, sees the bill
    assert recorder.model_names == [{"scripted"}]


def test_the_naive_use_of_n_counts_the_bill_of_the_request_once_a_choice() -> None:
    """For comparison."""
    counter = UsageMetadataCallbackHandler()
    with serving(SAID) as endpoint:
        result = client(endpoint, n=3).generate([[*ASKED["messages"]]], callbacks=[counter])
    messages: list[Any] = [chat.message for chat in result.generations[0] if isinstance(chat, ChatGeneration)]
    assert sum(each.usage_metadata["total_tokens"] for each in messages) == 3 * 16
    assert counter.usage_metadata == {}


def test_tools_run_once_for_the_majority_s_call(blocking: bool) -> None:
    proposed = [proposes('{"a": 6, "b": 8}'), proposes('{"a": 6, "b": 7}'), proposes('{"b":7,"a":6}')]
    with serving(proposed, "it is 42") as endpoint:
        state = asked(agent(endpoint, voting(3)), blocking, ASKED)
    assert [turn.type for turn in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][2].content == "42"
    assert bodies(endpoint) == [3, 3]


@pytest.mark.parametrize(("n", "sent"), [("ignored", [3, None, None]), ("refused", [3, None, None, None])])
def test_where_n_does_not_work_single_calls_bring_the_rest_and_it_is_remembered(
    blocking: bool, n: Any, sent: list[int | None]
) -> None:
    budget = Budget(10_000)
    with serving("it is 42", n=n) as endpoint:
        graph = agent(endpoint, voting(3, budget=budget))
        states = [asked(graph, blocking, ASKED) for _ in range(2)]
    assert bodies(endpoint) == [*sent, None, None, None]
    assert [decided(state)["votes"] for state in states] == [[3], [3]]
    assert budget.spent.tokens == 6 * (5 + 3)
    assert budget.spent.calls == 6


def test_a_request_that_is_wrong_for_another_reason_says_nothing_about_n() -> None:
    with serving("it is 42", faults=[Fault(status=400)] * 4) as endpoint:
        graph = agent(endpoint, voting(3))
        with pytest.raises(Exception, match="400"):
            graph.invoke(ASKED)
        graph.invoke(ASKED)
    assert bodies(endpoint) == [3, None, None, None, 3]


async def test_a_failed_request_is_one_failure_and_costs_what_a_failure_does() -> None:
    with serving("it is 42", faults=[Fault(status=500), Fault(status=429)]) as endpoint:
        sampler = ChatModelSampler(client(endpoint), use_n=True)
        raised = []
        for _ in range(2):
            with pytest.raises(SamplerError) as error:
                await sampler.sample(REQUEST, 3)
            raised.append(error.value)
        batch = await sampler.sample(REQUEST, 3)
    assert [(error.billed, error.retryable) for error in raised] == [(True, True), (False, True)]
    assert (bodies(endpoint), len(batch.samples)) == ([3, 3, 3], 3)


async def test_all_choices_are_unaccounted_where_the_bill_is(blocking: bool) -> None:
    with serving(SAID, faults=[Fault(null_usage=True)]) as endpoint:
        batch = await ChatModelSampler(client(endpoint), use_n=True, blocking=blocking).sample(REQUEST, 3)
    assert (len(batch.samples), batch.usage, batch.unaccounted) == (3, Usage(), 3)


@pytest.mark.parametrize(
    ("settings", "request_"),
    [
        ({}, SampleRequest(REQUEST.messages, 50, seed=7)),
        ({"model_kwargs": {"response_format": {"type": "text"}}}, REQUEST),
    ],
    ids=["seeds", "a form"],
)
async def test_samples_that_differ_in_more_than_chance_are_asked_for_one_by_one(
    settings: dict[str, Any], request_: SampleRequest
) -> None:
    with serving("it is 42") as endpoint:
        batch = await ChatModelSampler(openai_model(endpoint, **settings), use_n=True).sample(request_, 2)
    assert (bodies(endpoint), len(batch.samples)) == ([None, None], 2)


async def test_a_model_without_the_field_is_called_once_a_sample() -> None:
    model = ScriptedModel(script=lambda _: message("it is 42"))
    batch = await ChatModelSampler(model, use_n=True).sample(REQUEST, 3)
    assert (len(model.calls), len(batch.samples)) == (3, 3)


async def test_a_model_whose_client_knows_no_n_is_called_once_a_sample() -> None:
    """As OpenAI's Responses API, whose client refuses the parameter before anything is sent."""
    with serving("it is 42") as endpoint, pytest.raises(TypeError, match="unexpected keyword argument 'n'") as raised:
        await client(endpoint, use_responses_api=True, n=2).ainvoke("What is 6 times 7?")
    assert endpoint.requests == []

    class WithoutN(ScriptedModel):
        n: int | None = None

        def _generate(self, *arguments: Any, **keywords: Any) -> ChatResult:
            if self.n:
                raise raised.value
            return super()._generate(*arguments, **keywords)

    model = WithoutN(script=lambda _: message("it is 42"))
    batch = await ChatModelSampler(model, use_n=True).sample(REQUEST, 3)
    assert (len(model.calls), len(batch.samples), batch.failures) == (3, 3, ())


def test_structured_output_of_an_agent_is_checked_reply_by_reply() -> None:
    class Answer(BaseModel):
        value: int

    with serving(proposes('{"value": 42}', "Answer")) as endpoint:
        state = agent(endpoint, voting(3), tools=[], response_format=ToolStrategy(Answer)).invoke(ASKED)
    assert state["structured_response"] == Answer(value=42)
    assert bodies(endpoint) == [None, None, None]


def test_a_call_of_the_only_sample_asks_for_one() -> None:
    with serving("it is 42") as endpoint:
        agent(endpoint, AdaptiveReasoning(policy="single", use_n=True)).invoke(ASKED)
    assert bodies(endpoint) == [None]


def test_a_chat_model_reports_the_bill_and_hands_out_the_winner_s_share(blocking: bool) -> None:
    counter = UsageMetadataCallbackHandler()
    with serving(SAID) as endpoint:
        model = AdaptiveChatModel(client(endpoint), policy=Fixed(SelfConsistency(FixedSize(3))), use_n=True)
        reply = asked(model, blocking, "What is 6 times 7?", {"callbacks": [counter]})
    assert bodies(endpoint) == [3]
    assert (reply.content, reply.usage_metadata["total_tokens"]) == ("it is 42, surely", 5 + 4)
    assert counter.usage_metadata["scripted"]["total_tokens"] == 16


def test_a_node_of_a_graph_takes_a_sampler_that_uses_n(blocking: bool) -> None:
    counter = UsageMetadataCallbackHandler()
    with serving(SAID) as endpoint:
        sampler = ChatModelSampler(client(endpoint), use_n=True)
        node = adaptive_node(sampler, policy=Fixed(SelfConsistency(FixedSize(3))), max_tokens=50)
        with token_budget(1000) as budget:
            update = asked(node, blocking, ASKED, {"callbacks": [counter]})
    assert bodies(endpoint) == [3]
    assert update["messages"][0].content == "it is 42, surely"
    assert budget.spent.tokens == counter.usage_metadata["scripted"]["total_tokens"] == 16


@given(
    st.builds(Usage, st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 100)),
    st.lists(st.text(max_size=40), min_size=1, max_size=9),
)
def test_shares_of_the_output_add_up_to_the_bill(bill: Usage, said: list[str]) -> None:
    repeated = usage_metadata(bill)
    chats = [ChatGeneration(message=AIMessage(text, usage_metadata=repeated)) for text in said]
    came = several(LLMResult(generations=[[*chats]], llm_output={"token_usage": {}, "model_name": "any"}))
    usages: list[Any] = [reply.usage_metadata for reply in came.replies]
    assert came.bill == bill
    assert sum(usage["output_tokens"] for usage in usages) == bill.output_tokens
    assert {usage["input_tokens"] for usage in usages} == {bill.input_tokens}
    assert [reply.content for reply in came.replies] == said


def test_where_each_reply_reports_its_own_usage_the_bill_is_their_sum() -> None:
    chats = [ChatGeneration(message=message("it is 42", prompt=5, output=output)) for output in (1, 2, 3)]
    came = several(LLMResult(generations=[[*chats]]))
    assert came.bill == Usage(15, 6)
    assert [reply.usage_metadata["output_tokens"] for reply in came.replies if reply.usage_metadata] == [1, 2, 3]
