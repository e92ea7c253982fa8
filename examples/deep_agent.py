"""A deep agent with sub-agents under one cap: it would spend several times as much, and ends with an answer in time.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to. It bills
a token for every four characters of the request, tools included, as providers roughly do.
"""

from __future__ import annotations

import json
import sys

from deepagents import create_deep_agent
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
    """A researcher who never has enough: it delegates, and its sub-agents search, as long as they have tools."""
    offered = {offer["function"]["name"] for offer in request.tools}
    done = sum(message.role == "tool" for message in request.messages)
    if "task" in offered:
        work = {"description": f"look into aspect {done}", "subagent_type": "researcher"}
        call = ToolCall("task", json.dumps(work), f"call_{index}_{done}")
    else:
        call = ToolCall("search", json.dumps({"query": f"aspect {done}"}), f"call_{index}_{done}")
    prompt = (len(json.dumps([message.raw for message in request.messages])) + len(json.dumps(request.tools))) // 4
    if not offered:
        return Sample(f"From {done} reports: it is fine.", usage=Usage(prompt, 12))
    if "task" not in offered and done >= 5:
        return Sample("It is fine, five searches say.", usage=Usage(prompt, 12))
    return Sample("", "tool_calls", (call,), usage=Usage(prompt, 40))


if __name__ == "__main__":
    with Loopback(ScriptedSampler(script)) as endpoint:
        model = ChatOpenAI(
            model="scripted", base_url=endpoint.url, api_key=SecretStr("any"), max_retries=0, max_tokens=500
        )
        researcher = {
            "name": "researcher",
            "description": "Looks into one aspect.",
            "system_prompt": "Search, then report.",
            "tools": [search],
            "middleware": [AdaptiveReasoning(policy="single", innermost=False)],
        }
        agent = create_deep_agent(
            model,
            [search],
            subagents=[researcher],
            middleware=[AdaptiveReasoning(policy="single", innermost=False)],
        )
        with token_budget(CAP, reserve_final=50_000) as budget:
            state = agent.invoke({"messages": [HumanMessage("Is it fine?")]}, {"recursion_limit": 9_999})
    print(state["messages"][-1].content)
    print(f"{len(endpoint.requests)} calls of the model, {budget.spent.calls} of them on the ledger.")
    print(f"The run spent {budget.spent.tokens} of its {CAP} tokens.")
    sys.exit(budget.spent.calls != len(endpoint.requests) or budget.spent.tokens > CAP)
