"""A deep agent with sub-agents under one cap: it would spend several times as much, and ends with an answer in time.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to. It bills
a token for every four characters of the request, tools included, as providers roughly do.
"""

from __future__ import annotations

import json
from typing import Any

from deepagents import SubAgent, create_deep_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, token_budget
from tts_agent.sampling import Sample, SampleRequest, Usage
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

CAP = 250_000


@tool
def search(query: str) -> str:
    """Search the web."""
    return f"Three sources about {query} say that it is fine. " * 40


def script(request: SampleRequest, index: int) -> Sample:
    """A researcher who wants sixty reports: it delegates, and its sub-agents search, as long as they have tools."""
    offered = {offer["function"]["name"] for offer in request.tools}
    done = sum(message.role == "tool" for message in request.messages)
    prompt = (len(json.dumps([message.raw for message in request.messages])) + len(json.dumps(request.tools))) // 4
    if not offered or done >= (60 if "task" in offered else 5):
        return Sample(f"From {done} sources: it is fine.", usage=Usage(prompt, 12))
    if "task" in offered:
        work = {"description": f"look into aspect {done}", "subagent_type": "researcher"}
        call = ToolCall("task", json.dumps(work), f"call_{index}_{done}")
    else:
        call = ToolCall("search", json.dumps({"query": f"aspect {done}"}), f"call_{index}_{done}")
    return Sample("", "tool_calls", (call,), usage=Usage(prompt, 40))


def build(url: str) -> Any:
    """The agent. deepagents puts harmless middleware behind ours: hence `innermost=False`."""
    model = ChatOpenAI(
        model="scripted", base_url=url, api_key=SecretStr("any"), max_retries=0, max_completion_tokens=500
    )
    adaptive: Any = AdaptiveReasoning(policy="single", innermost=False)
    researcher: SubAgent = {
        "name": "researcher",
        "description": "Looks into one aspect.",
        "system_prompt": "Search, then report.",
        "tools": [search],
        "middleware": [adaptive],
    }
    return create_deep_agent(model, [search], subagents=[researcher], middleware=[adaptive])


def main() -> None:
    with Loopback(ScriptedSampler(script)) as endpoint, token_budget(CAP, reserve_final=50_000) as budget:
        state = build(endpoint.url).invoke({"messages": [HumanMessage("Is it fine?")]}, {"recursion_limit": 9_999})
    print(state["messages"][-1].content)
    print(f"{len(endpoint.requests)} calls of the model, {budget.spent.calls} of them on the ledger.")
    print(f"The run spent {budget.spent.tokens} of its {CAP} tokens.")
    assert budget.spent.calls == len(endpoint.requests)
    assert budget.spent.tokens <= CAP


if __name__ == "__main__":
    main()
