"""An existing LangGraph agent made adaptive and capped: three lines change, marked below.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to.
"""

from __future__ import annotations

from typing import Any

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import SecretStr

from tts_agent.messages import ToolCall
from tts_agent.nodes import METADATA_KEY, adaptive_node, token_budget
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def build(model: ChatOpenAI) -> Any:
    """The existing agent: a model, its tools, and a loop between them."""
    bound = model.bind_tools([multiply])

    # def agent(state):                                                  <- 1: this node goes ...
    #     return {"messages": [bound.invoke(state["messages"])]}
    agent = adaptive_node(bound, max_tokens=200)  #                      <- 2: ... and this one comes

    graph = StateGraph(MessagesState).add_node("agent", agent).add_node("tools", ToolNode([multiply]))
    graph.add_edge(START, "agent").add_edge("tools", "agent").add_conditional_edges("agent", tools_condition)
    return graph.compile()


def script(request: SampleRequest, index: int) -> str | Sample:
    """What the endpoint says: now and then a wrong call; the right answer once it has seen the tool's result."""
    if request.messages[-1].role == "tool":
        return f"6 * 7 is {request.messages[-1].content}"
    wrong = len(endpoint.requests) % 4 == 1
    return Sample("", "tool_calls", (ToolCall("multiply", f'{{"a": 6, "b": {8 if wrong else 7}}}', f"call_{index}"),))


if __name__ == "__main__":
    with Loopback(ScriptedSampler(script)) as endpoint:
        agent = build(ChatOpenAI(model="scripted", base_url=endpoint.url, api_key=SecretStr("any")))
        with token_budget(10_000) as budget:  #                          <- 3: the whole run is capped
            state = agent.invoke({"messages": [("user", "What is 6 * 7?")]})
    for message in state["messages"]:
        print(f"{message.type:>6}: {message.content or message.tool_calls}")
        if decision := message.response_metadata.get(METADATA_KEY):
            print(f"        {decision['strategy']}, votes {decision['votes']}, {decision['tokens']} tokens")
    print(f"The run spent {budget.spent.tokens} of its {budget.limit.tokens} tokens.")
