"""The pattern of open_deep_research under a cap: a research loop that nothing stops, and a report that must be written.

Such graphs call one configurable model that lives at module level, with `with_retry`, and swallow every error of the
research on the way to the report. So the cap is put around the run, and a part of it is kept for the node that writes:
`token_budget(..., reserve_final=..., final_nodes=("write_report",))`. The graph itself stays as it is.

Runs offline: in place of a provider there is an endpoint on this machine that says what a script tells it to.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph

from tts_agent.nodes import token_budget
from tts_agent.sampling import SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

CAP, RESERVED = 30_000, 12_000

configurable_model = init_chat_model(
    configurable_fields=("model", "model_provider", "max_tokens", "base_url", "api_key")
)


async def research(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    """Look into five aspects at once, over and over; whatever goes wrong is swallowed."""
    model = configurable_model.with_retry(stop_after_attempt=2).with_config(config)
    asked = [model.ainvoke(f"Report on aspect {aspect} of: {state['messages'][0].text}") for aspect in range(5)]
    reports = await asyncio.gather(*asked, return_exceptions=True)
    found = [report for report in reports if isinstance(report, AIMessage)]
    return {"messages": found or [AIMessage("(research ended)")]}


def whether_to_go_on(state: MessagesState) -> Literal["research", "write_report"]:
    """Nothing but an end of the research ends the research."""
    return "write_report" if state["messages"][-1].text == "(research ended)" else "research"


async def write_report(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    """Write up what was found."""
    model = configurable_model.with_config(config)
    notes = "\n".join(message.text for message in state["messages"][1:10])
    return {"messages": [await model.ainvoke(f"Write the report.\n{notes}")]}


builder = StateGraph(MessagesState).add_node("research", research).add_node("write_report", write_report)
builder.add_edge(START, "research").add_conditional_edges("research", whether_to_go_on).add_edge("write_report", END)
deep_researcher: Any = builder.compile()


def script(request: SampleRequest, index: int) -> str:
    """What the endpoint says: long notes, or the report."""
    if request.messages[0].content.startswith("Write"):
        return f"The report, from {len(request.messages[0].content.splitlines()) - 1} notes: it is fine."
    return "it is fine, as far as one can tell " * 25


async def main() -> None:
    with Loopback(ScriptedSampler(script)) as endpoint:
        provider = {"model": "scripted", "model_provider": "openai", "base_url": endpoint.url, "api_key": "any"}
        config: Any = {"configurable": {**provider, "max_tokens": 300}, "recursion_limit": 9_999}
        async with token_budget(CAP, reserve_final=RESERVED, final_nodes=("write_report",)) as budget:
            state = await deep_researcher.ainvoke({"messages": [HumanMessage("Is it fine?")]}, config)
    print(state["messages"][-1].content)
    print(f"{len(endpoint.requests)} calls of the model, {budget.spent.calls} of them on the ledger.")
    print(f"The run spent {budget.spent.tokens} of its {CAP} tokens, {RESERVED} of which were kept for the report.")
    assert budget.spent.calls == len(endpoint.requests)


if __name__ == "__main__":
    asyncio.run(main())
