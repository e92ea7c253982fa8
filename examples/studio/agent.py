"""An adaptive step to look at in LangGraph Studio: run `langgraph dev` here (package `langgraph-cli[inmem]`).

The tiny model that comes with the package answers, so it needs no key. Ask it, for example: "Sort these numbers from
small to large: 47, 12, 93, 38."
"""

from __future__ import annotations

from langgraph.graph import START, MessagesState, StateGraph

from tts_agent.embedded import EmbeddedSampler
from tts_agent.nodes import create_adaptive_step
from tts_agent.routing import MarginalValue

step = create_adaptive_step(
    EmbeddedSampler(), policy=MarginalValue(max_samples=8), max_tokens=100, prompt=lambda state: state["messages"][-1:]
)
graph = StateGraph(MessagesState).add_node("agent", step.compile()).add_edge(START, "agent").compile()
