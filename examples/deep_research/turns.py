"""The model's turns, each through the package's node for LangGraph: any strategy, on the budget around the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool

from examples.deep_research import language, prompts
from examples.deep_research.checks import Reading, Writing, checked, find_key, plan_key, report_key
from examples.deep_research.effort import Effort, Grant
from examples.deep_research.language import IT, Hop, Note
from tts_agent.answers import AnswerKey
from tts_agent.budget import BudgetView
from tts_agent.difficulty import Estimator
from tts_agent.messages import system, user
from tts_agent.nodes import StepKinds, adaptive_node
from tts_agent.reasoner import Result
from tts_agent.routing import Decision
from tts_agent.sampling import Sampler, SampleRequest
from tts_agent.step import Step
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


KINDS = StepKinds()
"""Reads the class of a turn off the graph's node: plan, query writing, reading, check, synthesis."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policy of a turn whose strategy the conduct has chosen, at this price of a token."""

    strategy: Strategy
    price: float

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        return Decision(self.strategy, "worth the most at the price of a token", self.price)


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
    estimator: Estimator | None = None
    """Predicts the pass@1 of each turn, for the record: the conduct goes by what was measured."""
    on_result: Callable[[Result], None] | None = None
    """Is shown what was decided and drawn at each turn (`Recorder`)."""

    def plan(self, question: str, grant: Grant, seed: int) -> str:
        """A plan, votes counted."""
        reply = self._ask(
            prompts.PLAN,
            [HumanMessage(language.plan_prompt(question))],
            strategy=grant.effort.choose(),
            price=grant.price,
            max_tokens=self.limits.plan,
            seed=seed,
            key=plan_key(question),
        )
        return str(reply.text)

    def find(self, hop: Hop, messages: Sequence[BaseMessage], grant: Grant, seed: int) -> AIMessage:
        """The next turn of a search: a call of the tool, or what was found."""
        shown = [_cut(message) for message in messages]
        searches = searched(messages)
        ended = searches >= allowed(hop, messages, grant.effort)
        judge, effort = checked(reading(hop, shown).judge), grant.effort
        strategy = effort.produce(judge) if searches else effort.choose()
        return self._ask(
            prompts.FIND,
            [*shown, HumanMessage(language.ENOUGH)] if ended else shown,
            strategy=strategy,
            price=grant.price,
            max_tokens=self.limits.find,
            seed=seed,
            key=find_key,
            tools=() if ended else (self.search,),
        )

    def query(self, hop: Hop, messages: Sequence[BaseMessage], grant: Grant, seed: int) -> AIMessage:
        """The turn before any page was seen: a call of the tool, or several, each written in view of those before."""
        reply = self.find(hop, messages, grant, seed)
        calls, asked = list(reply.tool_calls), list(messages)
        while calls and searched(messages) + len(calls) < grant.effort.queries:
            asked += [AIMessage("", tool_calls=calls[-1:]), ToolMessage(language.PENDING, tool_call_id=calls[-1]["id"])]
            more = self.find(hop, asked, grant, seed).tool_calls
            if not more or {_query(more[0])} & set(map(_query, calls)):
                break
            calls.append(more[0])
        return reply.model_copy(update={"tool_calls": calls})

    def write(self, question: str, writing: Writing, grant: Grant, seed: int) -> str:
        """A report."""
        reply = self._ask(
            prompts.WRITE,
            [HumanMessage(language.write_prompt(question, writing.notes))],
            strategy=grant.effort.produce(checked(writing.judge)),
            price=grant.price,
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
        prompt: str,
        messages: Sequence[BaseMessage],
        *,
        strategy: Strategy,
        price: float,
        max_tokens: int,
        seed: int,
        key: AnswerKey,
        tools: Sequence[BaseTool] = (),
    ) -> AIMessage:
        node = adaptive_node(
            self.model,
            policy=Chosen(strategy, price),
            estimator=self.estimator,
            prompt=prompt,
            tools=tools,
            kind=KINDS,
            answer_key=key,
            max_tokens=max_tokens,
            temperature=self.temperature,
            seed=seed,
            on_result=self.on_result,
        )
        return node.invoke({"messages": list(messages)})["messages"][-1]


def reading(hop: Hop, messages: Sequence[BaseMessage]) -> Reading:
    """A search as far as it came."""
    calls = [call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    results = " ".join(str(message.text) for message in messages if isinstance(message, ToolMessage))
    return Reading(hop, tuple(map(_query, calls)), language.read_results(results))


def searched(messages: Sequence[BaseMessage]) -> int:
    """Searches that a search for a fact has made."""
    return sum(isinstance(message, ToolMessage) for message in messages)


def allowed(hop: Hop, messages: Sequence[BaseMessage], effort: Effort) -> int:
    """Searches that it may make: more where what was found may be out of date."""
    checks = effort.checks if effort.checks and reading(hop, messages).dated else 0
    return effort.searches + checks


def _query(call: ToolCall) -> str:
    return str(call["args"].get("query", ""))


def _cut(message: BaseMessage) -> BaseMessage:
    if isinstance(message, ToolMessage) and len(message.text) > LONGEST_RESULT:
        return message.model_copy(update={"content": f"{message.text[:LONGEST_RESULT]} (cut off)"})
    return message
