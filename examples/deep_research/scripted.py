"""The research done by rule, in place of a model at the edge of the network: for tests, and where no model is at hand.

It reads the same prompts as any model and proposes real tool calls: `ScriptedSampler(reply)`.
"""

from __future__ import annotations

import json
import re

from examples.deep_research import language
from examples.deep_research.checks import ALWAYS, told
from examples.deep_research.language import IT, UNKNOWN, Hop, Note
from examples.deep_research.world import RELATIONS
from tts_agent.messages import Message, ToolCall
from tts_agent.sampling import Sample, SampleRequest

_NAMES = {word: relation.name for relation in RELATIONS.values() for word in (relation.name, relation.synonym)}
_ASKED = re.compile(r"(?:who|what) is the (.+) of ((?:the \w+ \w+)|(?:(?!the ).+?)) \?")
_NOTED = re.compile(r"write : (.+ \?) notes : (.*) \.")


def reply(request: SampleRequest, index: int = 0) -> Sample:
    """What is said to a prompt of `language`."""
    said = next(message.content for message in request.messages if message.role == "user")
    kind, _, asked = said.partition(" : ")
    if kind == "find":
        return _next_turn(asked, request.messages, may_search=bool(request.tools))
    return Sample(language.plan_text(plan(asked)) if kind == "plan" else _report(said))


def plan(question: str) -> list[Hop]:
    """The hops of a question, from what it names to what it asks for."""
    said = _ASKED.fullmatch(question)
    if not said:
        return []
    relations = [_NAMES[word] for word in reversed(said[1].split(" of the "))]
    return [Hop(relation, IT if place else said[2]) for place, relation in enumerate(relations)]


def _next_turn(asked: str, messages: tuple[Message, ...], *, may_search: bool) -> Sample:
    """Search for one way to say it after the other, until one is found that always held."""
    relation, _, subject = asked.partition(" of ")
    hop = Hop(relation, subject)
    results = [message.content for message in messages if message.role == "tool"]
    found = max(told(language.read_results(" ".join(results)), hop), key=lambda each: each.year, default=None)
    ways = [word for _, word in RELATIONS[relation].sentences]
    if may_search and len(results) < len(ways) and not (found and found.year == ALWAYS):
        query = f"{subject} {ways[len(results)]}"
        return Sample("", "tool_calls", (ToolCall("search", json.dumps({"query": query}), f"call_{len(results)}"),))
    return Sample(language.found_text(found.value, found.page) if found else language.found_text(None, None))


def _report(asked: str) -> str:
    said = _NOTED.fullmatch(asked)
    if not said:
        return language.report_text(None, [])
    _, claims = language.read_report(f"answer {UNKNOWN} . {said[2]} .") or ("", [])
    notes: list[Note] = list(claims)
    hops = plan(said[1])
    if notes and len(notes) >= len(hops):
        return language.report_text(notes[-1].value, notes)
    missing = hops[len(notes)]
    subject = notes[-1].value if notes else missing.subject
    return language.report_text(None, notes, Hop(missing.relation, subject))
