"""The model behind the endpoint: a script that calls tools, and that is wrong in every third sample if asked to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample, SampleRequest

PERSON = '{"name": "Ada", "age": 36}'
ANSWER = "The sum is 42."


def script(*, wrong: bool) -> Callable[[SampleRequest, int], str | Sample]:
    """Adds with the tool that is offered, then says the sum; `wrong`: every third sample says something else."""
    turns = count()

    def say(request: SampleRequest, index: int) -> str | Sample:
        turn = next(turns)
        odd = wrong and turn % 3 == 2
        offered = {offer["function"]["name"] for offer in request.tools}
        known = any("42" in message.content for message in request.messages)
        if "response_format" in request.options:
            return '{"name": "Eve", "age": 7}' if odd else PERSON
        if "add" in offered and not known:
            values = {"a": 1, "b": 1} if odd else {"b": 22, "a": 20} if turn % 3 else {"a": 20, "b": 22}
            return Sample("", "tool_calls", (ToolCall("add", json.dumps(values), f"call_{turn}"),))
        if "final_answer" in offered:
            answer = json.dumps({"answer": "41" if odd else "42"})
            return Sample("", "tool_calls", (ToolCall("final_answer", answer, f"call_{turn}"),))
        return "The sum is 41." if odd else ANSWER

    return say
