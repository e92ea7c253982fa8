"""The model's turns, each through the package's node for LangGraph: any strategy, on the budget around the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool

from examples.deep_research import language, prompts
from examples.deep_research.checks import Reading, Writing, checked, find_key, plan_key, report_key
from examples.deep_research.effort import Effort
from examples.deep_research.language import IT, Hop, Note
from tts_agent.answers import AnswerKey
from tts_agent.messages import system, user
from tts_agent.nodes import adaptive_node
from tts_agent.routing import Fixed
from tts_agent.sampling import Sampler, SampleRequest
from tts_agent.strategies import Strategy

LONGEST_RESULT = 1500
"""Characters of one result of a tool that a model is shown: no tool can fill a budget by itself."""


@dataclass(frozen=True)
class Limits:
    """Most output tokens of a turn."""

    plan: int = 48
    find: int = 24
    write: int = 112


LARGER = Limits(plan=1024, find=1024, write=2048)
"""For models with longer tokens, and thoughts of their own."""


@dataclass(frozen=True)
class Turns:
    """Asks the model.

    Args:
        model: the door to it.
        search: the tool that it may call.
    """

    model: Sampler
    search: BaseTool
    limits: Limits = Limits()
    temperature: float | None = None

    def plan(self, question: str, effort: Effort, seed: int) -> str:
        """A plan, votes counted."""
        reply = self._ask(
            "plan",
            prompts.PLAN,
            [HumanMessage(language.plan_prompt(question))],
            strategy=effort.choose(),
            max_tokens=self.limits.plan,
            seed=seed,
            key=plan_key(question),
        )
        return str(reply.text)

    def find(self, hop: Hop, messages: Sequence[BaseMessage], effort: Effort, seed: int) -> AIMessage:
        """The next turn of a search: a call of the tool, or what was found."""
        shown = [_cut(message) for message in messages]
        searches = sum(isinstance(message, ToolMessage) for message in messages)
        ended = searches >= effort.searches
        strategy = effort.produce(checked(reading(hop, shown).judge)) if searches else effort.choose()
        return self._ask(
            "find",
            prompts.FIND,
            [*shown, HumanMessage(language.ENOUGH)] if ended else shown,
            strategy=strategy,
            max_tokens=self.limits.find,
            seed=seed,
            key=find_key,
            tools=() if ended else (self.search,),
        )

    def write(self, question: str, writing: Writing, effort: Effort, seed: int) -> str:
        """A report."""
        reply = self._ask(
            "write",
            prompts.WRITE,
            [HumanMessage(language.write_prompt(question, writing.notes))],
            strategy=effort.produce(checked(writing.judge)),
            max_tokens=self.limits.write,
            seed=seed,
            key=report_key,
        )
        return str(reply.text)

    def report_bound(self, question: str, plan: Sequence[Hop]) -> int:
        """Tokens that a report on the whole plan may need, prompt and reply: it repeats what it is given."""
        subject = plan[0].subject if plan else ""
        notes = [Note(Hop(hop.relation, subject if hop.subject == IT else hop.subject), subject, 999) for hop in plan]
        asked = (system(prompts.WRITE), user(language.write_prompt(question, notes)))
        written = (user(language.report_text(subject, notes)),)
        return sum(self.model.token_bound(SampleRequest(said, max_tokens=1)) for said in (asked, written))

    def _ask(
        self,
        kind: str,
        prompt: str,
        messages: Sequence[BaseMessage],
        *,
        strategy: Strategy,
        max_tokens: int,
        seed: int,
        key: AnswerKey,
        tools: Sequence[BaseTool] = (),
    ) -> AIMessage:
        node = adaptive_node(
            self.model,
            policy=Fixed(strategy),
            prompt=prompt,
            tools=tools,
            kind=kind,
            answer_key=key,
            max_tokens=max_tokens,
            temperature=self.temperature,
            seed=seed,
        )
        return node.invoke({"messages": list(messages)})["messages"][-1]


def reading(hop: Hop, messages: Sequence[BaseMessage]) -> Reading:
    """A search as far as it came."""
    calls = [call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    results = " ".join(str(message.text) for message in messages if isinstance(message, ToolMessage))
    return Reading(hop, tuple(str(call["args"].get("query", "")) for call in calls), language.read_results(results))


def _cut(message: BaseMessage) -> BaseMessage:
    if isinstance(message, ToolMessage) and len(message.text) > LONGEST_RESULT:
        return message.model_copy(update={"content": f"{message.text[:LONGEST_RESULT]} (cut off)"})
    return message
