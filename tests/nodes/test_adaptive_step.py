"""A step as a graph of its own, alone and as a node of other graphs, synchronous and asynchronous."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import ScriptedModel, StreamingModel, message, openai_model
from tts_agent import Budget, ConfigurationError, Result, SamplerError, Step
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.events import Decided, Drawn, Estimated, Verified
from tts_agent.exceptions import RateLimited
from tts_agent.nodes import METADATA_KEY, BudgetExceededError, adaptive_node, create_adaptive_step
from tts_agent.nodes.adaptive_step import LOG
from tts_agent.probability import Beta
from tts_agent.routing import Fixed, MarginalValue, Policy
from tts_agent.sampling import Sample
from tts_agent.stopping import AdaptiveConsistency, FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import FunctionVerifier, Verdict

ASKED = {"messages": [HumanMessage("6*7?", id="q")]}
Run = Callable[..., dict[str, Any]]


def vote(n: int) -> Fixed:
    return Fixed(SelfConsistency(FixedSize(n)))


def says(*replies: str | AIMessage | Exception) -> ScriptedModel:
    """Says these in turn, over and over."""

    def script(number: int) -> AIMessage:
        reply = replies[number % len(replies)]
        if isinstance(reply, Exception):
            raise reply
        return message(reply) if isinstance(reply, str) else reply

    return ScriptedModel(script=script)


def step_graph(model: Any, **settings: Any) -> Any:
    return create_adaptive_step(model, **settings).compile()


def decided(state: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = state["messages"][-1].response_metadata[METADATA_KEY]
    return metadata


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Invokes a graph in one of the ways people do."""

    def sync(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        state: dict[str, Any] = graph.invoke(*arguments, **keywords)
        return state

    def asynchronous(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        state: dict[str, Any] = asyncio.run(graph.ainvoke(*arguments, **keywords))
        return state

    return sync if request.param == "sync" else asynchronous


def visited(graph: Any, **config: Any) -> list[str]:
    """The nodes that ran, in order; those of one superstep by name."""
    return [name for update in graph.stream(ASKED, config, stream_mode="updates") for name in update]


class Believes:
    """An estimator that always believes the same, and a little more after the first sample."""

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        return [Beta(3.0, 5.0) for _ in steps]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        return Beta(difficulty.a + 1.0, difficulty.b)


def is_42(_: Step, sample: Sample) -> Verdict:
    right = sample.text == "42"
    return Verdict(float(right), right, feedback=None if right else "too small")


CHECK = FunctionVerifier(is_42)


# ------------------------------------------------------------------------------------- the graph and its answer


def test_the_graph_shows_what_can_happen_to_a_step() -> None:
    drawing = step_graph(says("42")).get_graph()
    assert set(drawing.nodes) == {"__start__", "estimate", "route", "single", "sample", "refine", "commit", "__end__"}
    assert {(edge.source, edge.target) for edge in drawing.edges} == {
        ("__start__", "estimate"),
        ("estimate", "route"),
        *(("route", name) for name in ("single", "sample", "refine", "commit")),
        *((name, "route") for name in ("single", "sample", "refine")),
        ("commit", "__end__"),
    }


def test_one_call_goes_through_single() -> None:
    assert visited(step_graph(says("42"), policy=Fixed(Single()))) == ["estimate", "route", "single", "route", "commit"]


def test_a_vote_is_one_branch_a_sample() -> None:
    nodes = visited(step_graph(says("42"), policy=vote(3)))
    assert nodes == ["estimate", "route", "sample", "sample", "sample", "route", "commit"]


def test_a_revision_goes_through_refine() -> None:
    policy = Fixed(SequentialRefinement(CHECK))
    nodes = visited(step_graph(says("40", "41", "42"), policy=policy))
    assert nodes == ["estimate", "route", "single", "route", "refine", "route", "refine", "route", "commit"]


def test_feedback_reaches_the_model() -> None:
    model = says("41", "42")
    state = step_graph(model, policy=Fixed(SequentialRefinement(CHECK))).invoke(ASKED)
    assert [turn.content for turn in model.calls[1]["messages"]] == ["6*7?", "41", "too small"]
    assert state["messages"][-1].content == "42"
    assert decided(state)["accepted"] is True


@pytest.mark.parametrize(
    ("policy", "replies"),
    [
        (Fixed(Single()), ["41"]),
        (vote(5), ["41", "42", "41", "42", "42"]),
        (Fixed(SelfConsistency(AdaptiveConsistency(max_samples=9))), ["41", "42", "41", "42", "42", "42"]),
        (Fixed(BestOfN(CHECK, FixedSize(4))), ["41", "40", "42", "43"]),
        (Fixed(SequentialRefinement(CHECK)), ["40", "41", "42"]),
        (MarginalValue(verifiers={"default": CHECK}), ["41", "40", "42", "42", "42"]),
        (MarginalValue(price=1e-4), ["41", "40", "42", "42", "42", "42"]),
    ],
    ids=lambda value: getattr(getattr(value, "strategy", value), "name", None),
)
def test_it_answers_as_the_node_does(run: Run, policy: Policy, replies: list[str]) -> None:
    seen: list[Result] = []
    settings: dict[str, Any] = {"policy": policy, "estimator": Believes(), "on_result": seen.append}
    # One thread, so that the scripted replies come in the order of the samples.
    states = [
        run(step_graph(says(*replies), **settings), ASKED, {"max_concurrency": 1}),
        run(
            StateGraph(MessagesState)
            .add_node("agent", adaptive_node(says(*replies), **settings))
            .add_edge(START, "agent")
            .compile(),
            ASKED,
        ),
    ]
    (stepwise, whole), (graph, node) = seen, states
    assert sorted(stepwise.outcome.votes.values()) == sorted(whole.outcome.votes.values())
    assert {**decided(graph), "votes": 0} == {**decided(node), "votes": 0}
    assert (stepwise.decision, stepwise.difficulty) == (whole.decision, whole.difficulty)
    assert stepwise.spent == whole.spent
    for kind in (Estimated, Decided, Verified):
        ours, theirs = ([type(event) for event in one.events if isinstance(event, kind)] for one in (stepwise, whole))
        assert ours == theirs
    drawn = [sum(event.received for event in one.events if isinstance(event, Drawn)) for one in (stepwise, whole)]
    assert drawn[0] == drawn[1] == len(whole.outcome.samples)


def test_the_winner_is_the_model_s_own_message(run: Run) -> None:
    state = run(step_graph(says(message("42", id="lc_run--7")), policy=vote(3)), ASKED)
    asked, answer = state["messages"]
    assert asked == ASKED["messages"][0]
    assert (answer.content, answer.id, answer.usage_metadata) == ("42", "lc_run--7", message().usage_metadata)
    assert (decided(state)["samples"], decided(state)["tokens"]) == (3, 45)
    assert set(state) == {"messages"}


def test_the_decision_goes_out_on_the_custom_stream(run: Run) -> None:
    (event,) = step_graph(says("42"), policy=vote(3)).stream(ASKED, stream_mode="custom")
    assert event[METADATA_KEY]["samples"] == 3


def test_real_clients_and_their_tool_calls_vote(run: Run) -> None:
    call = {"name": "multiply", "args": {"a": 6, "b": 7}, "id": "1"}
    other = {"name": "multiply", "args": {"a": 6, "b": 8}, "id": "2"}
    model = says(message(tool_calls=[call]), message(tool_calls=[other]), message(tool_calls=[{**call, "id": "3"}]))
    state = run(step_graph(model, policy=vote(3)), ASKED)
    assert state["messages"][-1].tool_calls[0]["args"] == call["args"]


def test_samples_continue_one_random_stream() -> None:
    sampler = ScriptedSampler(lambda _, index: f"it is {index // 2}")
    policy = Fixed(SelfConsistency(AdaptiveConsistency(max_samples=6)))
    step_graph(sampler, policy=policy, seed=1).invoke(ASKED)
    offsets = sorted(call.request.offset for call in sampler.calls)
    assert offsets == list(range(len(offsets)))
    assert len(offsets) > 3


def test_synchronous_branches_run_at_once_as_far_as_the_config_allows() -> None:
    """Without `max_concurrency` LangGraph has a thread a processor, plus four: sixty-four samples come in waves."""
    together = threading.Barrier(64, timeout=20)

    def script(_: int) -> AIMessage:
        together.wait()
        return message("42")

    state = step_graph(ScriptedModel(script=script), policy=vote(64)).invoke(ASKED, {"max_concurrency": 64})
    assert decided(state)["samples"] == 64


# ---------------------------------------------------------------------------------------------- inside other graphs


def parent(step: Any, **compiled: Any) -> Any:
    builder = StateGraph(MessagesState).add_node("agent", step.compile()).add_edge(START, "agent")
    return builder.compile(**compiled)


def test_scratch_does_not_leak_from_turn_to_turn(run: Run) -> None:
    model = says("41", "42", "42")
    graph = parent(create_adaptive_step(model, policy=vote(3)), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    for turn in range(1, 4):
        state = run(graph, {"messages": [HumanMessage(f"question {turn}")]}, thread)
        assert len(state["messages"]) == 2 * turn
        assert decided(state)["samples"] == 3
    assert set(graph.get_state(thread).values) == {"messages"}


def test_the_log_is_cleared_under_a_checkpointer_of_its_own(run: Run) -> None:
    graph: Any = create_adaptive_step(says("42"), policy=vote(3)).compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    for _ in range(2):
        assert decided(run(graph, ASKED, thread))["samples"] == 3
        assert graph.get_state(thread).values[LOG] == []


def test_a_step_after_a_failed_one_starts_afresh(run: Run) -> None:
    model = ScriptedModel(script=lambda number: message("42") if number > 2 else bad())

    def bad() -> AIMessage:
        raise ValueError("no such thing")

    graph: Any = create_adaptive_step(model, policy=vote(3)).compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    with pytest.raises(SamplerError, match="no such thing"):
        run(graph, ASKED, thread)
    assert decided(run(graph, ASKED, thread))["samples"] == 3


def test_the_state_is_plain_data_all_along() -> None:
    model = says("40", message("41", tool_calls=[{"name": "f", "args": {}, "id": "1"}]), "42")
    policy = MarginalValue(verifiers={"default": CHECK})
    graph: Any = create_adaptive_step(model, policy=policy, estimator=Believes()).compile(checkpointer=InMemorySaver())
    logs: list[Any] = []
    for values in graph.stream(
        ASKED, {"configurable": {"thread_id": "1"}}, stream_mode="debug"
    ):  # every task's input and every write
        if values["type"] == "task_result":
            logs += [write[LOG] for write in [values["payload"]["result"]] if LOG in write]
    assert json.loads(json.dumps(logs)) == logs
    assert any("drawn" in entry for log in logs if log for entry in log)


def test_losing_samples_are_streamed_nowhere() -> None:
    """A list of messages in any channel would be: LangGraph looks for them when a node ends."""
    graph = parent(create_adaptive_step(StreamingModel(messages=iter(map(message, ["it is 42"] * 4))), policy=vote(4)))
    parts = list(graph.stream(ASKED, stream_mode="messages", subgraphs=True))
    assert [part.content for _, (part, _) in parts] == ["it is 42"]

    class Naive(MessagesState):
        samples: list[BaseMessage]

    model = StreamingModel(messages=iter(map(message, ["it is 42"] * 4)))

    def sample(_: Naive) -> dict[str, Any]:
        return {"samples": [model.invoke("6*7?", {"tags": ["nostream"]}) for _ in range(4)]}

    builder: Any = StateGraph(Naive)
    naive = builder.add_node("sample", sample).add_edge(START, "sample").compile()
    assert len(list(naive.stream(ASKED, stream_mode="messages"))) == 4


def test_a_run_that_was_killed_is_taken_up_where_it_stood(tmp_path: Any) -> None:
    """The samples that had come back are in the checkpoint; those that had not are drawn again."""
    drawn: list[int] = []

    def script(number: int) -> AIMessage:
        drawn.append(number)
        if number == 2:
            raise KeyboardInterrupt
        return message("42")

    thread: Any = {"configurable": {"thread_id": "1"}, "max_concurrency": 1}
    with SqliteSaver.from_conn_string(str(tmp_path / "checkpoints")) as saver:
        graph: Any = create_adaptive_step(ScriptedModel(script=script), policy=vote(4)).compile(checkpointer=saver)
        with pytest.raises(KeyboardInterrupt):
            graph.invoke(ASKED, thread, durability="sync")
    with SqliteSaver.from_conn_string(str(tmp_path / "checkpoints")) as saver:
        again = create_adaptive_step(ScriptedModel(script=lambda n: message("42")), policy=vote(4))
        graph = again.compile(checkpointer=saver)
        state = graph.invoke(None, thread)
    assert decided(state)["samples"] == 4
    assert decided(state)["votes"] == [4]


# ------------------------------------------------------------------------------------------ the ledger, and failures


def test_every_branch_is_on_the_one_ledger(run: Run) -> None:
    behind = ScriptedSampler(lambda _, index: f"the answer is {index % 2}")
    budget = Budget(10_000)
    with Loopback(behind) as endpoint:
        state = run(step_graph(openai_model(endpoint), policy=vote(8), budget=budget), ASKED)
    billed = sum(sample.usage.total for sample in behind.samples)
    assert billed == budget.spent.tokens == decided(state)["tokens"]
    assert budget.held.tokens == 0


def test_a_budget_that_ends_among_the_branches_leaves_a_shorter_vote(run: Run) -> None:
    budget = Budget(calls=3)
    state = run(step_graph(says("42"), policy=vote(8)), ASKED, {"configurable": {"tts_budget": budget}})
    assert state["messages"][-1].content == "42"
    assert (decided(state)["samples"], budget.spent.calls) == (3, 3)


def test_many_runs_at_once_stay_within_one_budget() -> None:
    behind = ScriptedSampler(lambda _, index: f"it is {index % 3}", latency=0.001)
    budget, graph = Budget(500), step_graph(behind, policy=vote(8), max_tokens=20)

    async def all_of_them() -> list[Any]:
        runs = (graph.ainvoke(ASKED, {"configurable": {"tts_budget": budget}}) for _ in range(20))
        return await asyncio.gather(*runs, return_exceptions=True)

    ends = asyncio.run(all_of_them())
    assert all(isinstance(end, dict | BudgetExceededError) for end in ends)
    assert sum(sample.usage.total for sample in behind.samples) == budget.spent.tokens <= 500


def test_no_room_for_a_single_call_is_the_graph_s_error(run: Run) -> None:
    graph = step_graph(says("42"), policy=vote(3), budget=Budget(5))
    with pytest.raises(BudgetExceededError, match="of the budget are left"):
        run(graph, ASKED)


def test_one_failed_branch_does_not_discard_the_others(run: Run) -> None:
    state = run(step_graph(says(ValueError("malformed"), "42", "42"), policy=vote(3)), ASKED)
    assert (decided(state)["samples"], decided(state)["votes"]) == (2, [2])


def test_a_failure_keeps_its_class_and_never_becomes_an_answer(run: Run) -> None:
    faults = [Fault(status=429, retry_after="0")] * 2
    with Loopback(ScriptedSampler(["42"] * 2), faults=faults) as endpoint:
        graph = step_graph(openai_model(endpoint), policy=vote(2), max_retries=0)
        with pytest.raises(RateLimited, match="this fault was asked for"):
            run(graph, ASKED)


def test_the_estimator_runs_off_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    class Slow(Believes):
        def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
            threads.append(threading.current_thread())
            return super().predict(steps)

    asyncio.run(step_graph(says("42"), estimator=Slow(), policy=vote(3)).ainvoke(ASKED))
    assert threads
    assert threading.main_thread() not in threads


def test_the_estimator_and_the_verifier_are_asked_once() -> None:
    judged: list[str] = []

    def judge(_: Step, sample: Sample) -> bool:
        judged.append(sample.text)
        return sample.text == "42"

    policy = Fixed(SequentialRefinement(FunctionVerifier(judge)))
    step_graph(says("40", "41", "42"), policy=policy, estimator=Believes()).invoke(ASKED)
    assert judged == ["40", "41", "42"]


# --------------------------------------------------------------------------------------------------- wrong settings


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"budget": 100}, "all nodes of the graph share"),
        ({"policy": Single()}, "policy"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": says("x").with_retry()}, "with_retry"),
    ],
)
def test_a_wrong_argument_is_one_clear_error_at_construction(arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        create_adaptive_step(**{"model": says("x"), **arguments})


def test_a_run_s_budget_must_be_one_that_can_be_shared(run: Run) -> None:
    with pytest.raises(ConfigurationError, match="which all nodes share"):
        run(step_graph(says("x")), ASKED, {"configurable": {"tts_budget": 100}})


def test_a_verdict_that_cannot_be_kept_is_an_error_that_says_so(run: Run) -> None:
    class Odd:
        name = "odd"

        def verify(self, step: Step, samples: Sequence[Sample]) -> Any:
            return FunctionVerifier(lambda _s, _x: Verdict(object())).verify(step, samples)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match="cannot be kept in the state"):
        run(step_graph(says("x"), policy=Fixed(BestOfN(Odd(), FixedSize(1)))), ASKED)
