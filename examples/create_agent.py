"""`create_agent` with one line more: proposed tool calls are voted on before any of them runs, under a cap.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to.
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tts_agent.messages import ToolCall
from tts_agent.nodes import METADATA_KEY, AdaptiveReasoning
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

REFUNDED: list[str] = []


@tool
def refund(order: str, euros: int) -> str:
    """Pay money back: once is enough."""
    REFUNDED.append(order)
    return f"refunded {euros} euros for order {order}"


def script(request: SampleRequest, index: int) -> str | Sample:
    """What the endpoint says: every third call would refund the wrong amount."""
    if request.messages[-1].role == "tool":
        return f"Done: {request.messages[-1].content}."
    euros = 400 if len(endpoint.requests) % 3 == 1 else 40
    call = ToolCall("refund", f'{{"order": "A7", "euros": {euros}}}', f"call_{index}")
    return Sample("", "tool_calls", (call,))


if __name__ == "__main__":
    with Loopback(ScriptedSampler(script)) as endpoint:
        agent = create_agent(
            ChatOpenAI(model="scripted", base_url=endpoint.url, api_key=SecretStr("any")),
            [refund],
            middleware=[
                AdaptiveReasoning(policy="parallel", max_samples=5, max_tokens=200, budget=20_000)
            ],  # this line
        )
        state = agent.invoke({"messages": [HumanMessage("Order A7 arrived broken, please pay me back my 40 euros.")]})
    for message in state["messages"]:
        print(f"{message.type:>6}: {message.content or message.tool_calls}")
        if decision := message.response_metadata.get(METADATA_KEY):
            print(f"        {decision['strategy']}, votes {decision['votes']}, {decision['tokens']} tokens")
    assert REFUNDED == ["A7"]  # five proposals, one effect
