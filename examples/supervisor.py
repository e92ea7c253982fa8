"""A supervisor and its agents on one ledger: `with token_budget(...)` around the run is the whole change.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to.
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph_supervisor import create_supervisor
from pydantic import SecretStr

from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, token_budget
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def script(request: SampleRequest, index: int) -> str | Sample:
    """The supervisor hands over to the expert, who multiplies (wrongly, now and then), and then reports."""
    offered = {offer["function"]["name"] for offer in request.tools}
    seen = [message.content for message in request.messages]
    if "multiply" in offered and "42" not in seen:
        wrong = len(endpoint.requests) % 3 == 0
        return Sample("", "tool_calls", (ToolCall("multiply", f'{{"a": 6, "b": {8 if wrong else 7}}}', f"m{index}"),))
    if "multiply" in offered or any("is 42" in said for said in seen):
        return "6 * 7 is 42."
    return Sample("", "tool_calls", (ToolCall("transfer_to_expert", "{}", f"t{index}"),))


if __name__ == "__main__":
    with Loopback(ScriptedSampler(script)) as endpoint:
        model = ChatOpenAI(
            model="scripted", base_url=endpoint.url, api_key=SecretStr("any"), max_retries=0, max_completion_tokens=200
        )
        voting = AdaptiveReasoning(policy="parallel", max_samples=5)  # adaptive where it pays: in the expert
        expert = create_agent(model, [multiply], name="expert", middleware=[voting])
        team = create_supervisor([expert], model=model, prompt="Hand sums over to the expert.").compile()
        with token_budget(50_000) as budget:  # the cap: supervisor, hand-overs, expert, every sample
            state = team.invoke({"messages": [HumanMessage("What is 6 * 7?")]})
    for message in state["messages"]:
        print(f"{message.type:>6} {message.name or '':<20} {message.content or message.tool_calls}")
    print(f"{len(endpoint.requests)} calls of the model, {budget.spent.calls} of them on the ledger.")
    print(f"The run spent {budget.spent.tokens} of its {budget.limit.tokens} tokens.")
    raise SystemExit(budget.spent.calls != len(endpoint.requests))
