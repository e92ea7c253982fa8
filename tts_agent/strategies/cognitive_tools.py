"""Cognitive tools: the model may call itself to understand, recall, examine or backtrack, each in a call of its own.

A tool is a prompt; the isolated call sees the question and what the model handed over, and not the reasoning
that led there, so that it starts with a clear head. The model decides which tools it needs, and when. Source: Ebouky
et al., "Eliciting Reasoning in Language Models with Cognitive Tools", arXiv 2506.12115; the prompts are this
project's own. Needs an endpoint with tool calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, ToolCall
from tts_agent.sampling import SampleRequest
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import answered, aside, asked_too, concluded, cut_short, usable

TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "understand_question": "Break the question down: what is asked, what is given, and which concepts and methods "
        "apply. Do not solve it.",
        "recall_related": "Recall two or three similar questions with their full solutions that show how this one "
        "can be solved. Do not solve this one.",
        "examine_answer": "Check the reasoning below step by step: is each step justified, is anything overlooked, "
        "and does the result hold? Say what is wrong and where.",
        "backtracking": "The reasoning below ran into a dead end. Say which step went wrong first and from where to "
        "go on, and describe another way.",
    }
)
"""What each tool is asked to do, by its name; the model reads the same words as the tool's description."""

NOTHING = "Nothing came of it. Give your answer now."


@dataclass(frozen=True, slots=True)
class CognitiveTools:
    """One conversation in which the model may make up to `max_calls` calls to the tools before it answers.

    The tools are offered beside those of the step. A reply that calls none of them is the answer; what the model
    said on the way is not among the outcome's samples. When the calls are used up, or nothing came of them, the model
    is asked for its answer without them. Calls and results are shown to it as text, so that endpoints need not
    know the tools then.
    """

    name: ClassVar[str] = "cognitive_tools"
    needs: ClassVar[tuple[str, ...]] = ("tool calls",)
    source: ClassVar[str] = "arXiv 2506.12115"

    max_calls: int = 4
    tools: Mapping[str, str] = field(default_factory=lambda: TOOLS)

    def __post_init__(self) -> None:
        if self.max_calls < 1 or not self.tools:
            raise ConfigurationError("cognitive tools need at least one tool, and max_calls of at least 1")

    def run(self, step: Step) -> Flow[Outcome]:
        turns: tuple[Message, ...] = ()
        left = self.max_calls
        while True:
            request = self._offering(step, turns) if left > 0 else step.request(*turns)
            batch = yield from generate(request, 1, final=step.final)
            if not batch.samples:
                return concluded(self.name, cut_short(batch), step, usable(step, step.drawn))
            (reply,) = batch.samples
            calls = [call for call in reply.tool_calls if call.name in self.tools][:left] if left > 0 else []
            if not calls:
                return concluded(self.name, "done", step.with_drawn((reply,)), reply)
            thoughts = yield from together(*(self._think(step, call) for call in calls))
            left = left - len(calls) if any(thoughts) else 0
            turns += answered(reply, "\n\n".join(thought for thought in thoughts if thought) or NOTHING)

    def _offering(self, step: Step, turns: tuple[Message, ...]) -> SampleRequest:
        offers = tuple(_offer(name, task) for name, task in self.tools.items())
        return replace(step.request(*turns), tools=(*step.tools, *offers))

    def _think(self, step: Step, call: ToolCall) -> Flow[str]:
        """One isolated call: what came of it, or nothing."""
        task = f"{self.tools[call.name]}\n\n{_notes(call)}".strip()
        thinking = replace(step, messages=asked_too(step.messages, task))
        batch = yield from generate(aside(thinking), 1, final=step.final)
        thoughts = [sample.text.strip() for sample in batch.samples if sample.text.strip()]
        return f"{call.name}:\n{thoughts[0]}" if thoughts else ""


def _offer(name: str, task: str) -> dict[str, Any]:
    """A tool as endpoints want it described."""
    notes = {"type": "string", "description": "What to look at: your reasoning so far, if the tool is to judge it."}
    schema = {"type": "object", "properties": {"notes": notes}}
    return {"type": "function", "function": {"name": name, "description": task, "parameters": schema}}


def _notes(call: ToolCall) -> str:
    """What the model handed over; as it was written, where it is no JSON of the right form."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return call.arguments
    return str(arguments.get("notes", "")) if isinstance(arguments, dict) else call.arguments
