"""The same research by an agent of deepagents that delegates: `python -m examples.deep_research.deep_agent`.

The agent has a sub-agent look each fact up, and every one of its sub-agents may do the same. One cap holds for all of
them, votes on tool calls included. Offline: the model at the edge of the network follows a script.
"""

from __future__ import annotations

import json
from typing import Any

from deepagents import SubAgent, create_deep_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from examples.deep_research import language, scripted
from examples.deep_research.corpus import write_pages
from examples.deep_research.index import Index
from examples.deep_research.language import IT, Hop, Note
from examples.deep_research.questions import ask_many
from examples.deep_research.world import make_world
from tts_agent.budget import Amount
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, token_budget
from tts_agent.routing import Pace
from tts_agent.sampling import Sample, SampleRequest, Usage
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

CAP = 200_000
RESERVE = 20_000
"""For the report. A prompt of deepagents has some thousands of tokens, tools included."""

ONE_FACT = 4
"""Steps of the shortest research: delegate, search, read, and the report."""
LEAST = 6_000
"""Tokens that a step can do with, about: its calls are held at their upper bounds, with prompts of that size."""


def script(request: SampleRequest, index: int) -> Sample:
    """Delegate one fact after the other, then report; a sub-agent searches."""
    prompt = (len(json.dumps([message.raw for message in request.messages])) + len(json.dumps(request.tools))) // 4
    asked = next(message.content for message in request.messages if message.role == "user")
    said = scripted.reply(request, index) if asked.startswith("find : ") else _delegate(asked, request)
    return Sample(said.text, said.finish_reason, said.tool_calls, Usage(prompt, 40))


def _delegate(question: str, request: SampleRequest) -> Sample:
    """The next fact to a sub-agent; a report where there is no further one, or no tool."""
    plan, notes = scripted.plan(question), list[Note]()
    for hop, message in zip(plan, (each for each in request.messages if each.role == "tool"), strict=False):
        found = language.read_found(message.content)
        if found is None:
            break
        notes.append(Note(_named(hop, notes), *found))
    if len(notes) == len(plan):
        return Sample(language.report_text(notes[-1].value, notes))
    hop = _named(plan[len(notes)], notes)
    answered = sum(message.role == "tool" for message in request.messages)
    if not request.tools or answered > len(notes):
        return Sample(language.report_text(None, notes, hop))
    work = {"description": language.find_prompt(hop), "subagent_type": "researcher"}
    return Sample("", "tool_calls", (ToolCall("task", json.dumps(work), f"call_{answered}"),))


def _named(hop: Hop, notes: list[Note]) -> Hop:
    return Hop(hop.relation, notes[-1].value if hop.subject == IT and notes else hop.subject)


def search_tool(index: Index) -> BaseTool:
    """The search of the index."""

    @tool
    def search(query: str) -> str:
        """Full-text search: the pages that fit best, each with its number."""
        return language.results_text(index.search(query))

    return search


def build(url: str, search: BaseTool) -> Any:
    """The agent. deepagents puts harmless middleware behind ours: hence `innermost=False`."""
    model = ChatOpenAI(
        model="scripted", base_url=url, api_key=SecretStr("any"), max_retries=0, max_completion_tokens=300
    )
    votes: Any = AdaptiveReasoning(policy="parallel", max_samples=3, innermost=False)
    single: Any = AdaptiveReasoning(policy="single", innermost=False)
    researcher: SubAgent = {
        "name": "researcher",
        "description": "Looks one fact up.",
        "system_prompt": "Search, then reply with one line: found VALUE [PAGE].",
        "tools": [search],
        "middleware": [votes],
    }
    return create_deep_agent(model, [search], subagents=[researcher], middleware=[single])


def run(question: str, search: BaseTool, cap: int = CAP, reserve: int = RESERVE) -> tuple[str, Amount, int]:
    """The report, what was spent, and the number of requests that arrived at the endpoint.

    Raises:
        BudgetExhausted: the cap is too small for one fact, before the first call. `least` is one that would do.
    """
    pace = Pace(steps=ONE_FACT - 1, least=LEAST)  # the report has the reserve
    with Loopback(ScriptedSampler(script)) as endpoint, token_budget(cap, reserve_final=reserve, pace=pace) as budget:
        agent = build(endpoint.url, search)
        state = agent.invoke({"messages": [HumanMessage(question)]}, {"recursion_limit": 9_999})
    return str(state["messages"][-1].text), budget.spent, len(endpoint.requests)


def main() -> None:
    """Ask about the world."""
    world = make_world(7)
    pages = write_pages(world, 7)
    question = ask_many(world, pages, 3, 7)[2]
    report, spent, requests = run(question.text, search_tool(Index(pages)))
    print(question.text)
    print(report)
    print(f"{spent.tokens} of {CAP} tokens, {spent.calls} samples by {requests} requests")


if __name__ == "__main__":
    main()
