"""What an agent does when its budget has no room for another step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from langchain.agents.middleware.types import ExtendedModelResponse, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Command

from tts_agent.nodes.middleware.agent_steps import AgentStep
from tts_agent.nodes.replies import METADATA_KEY

ExitBehavior = Literal["finalize", "end", "error"]

LAST_WORDS = HumanMessage(
    "There is no budget for further steps. Answer now, as well as you can with what is known so far, "
    "and say what remains open."
)
"""Ends the conversation that the last answer is asked for with. It is not put into the state."""

LAST_ANSWER = 1024
"""Tokens that the last answer may need; an eighth of the budget if that is less."""


def last_request(request: ModelRequest[Any]) -> ModelRequest[Any]:
    """The request for the last answer: without tools, so that it is one, but in the form that was asked for."""
    return request.override(tools=[], tool_choice=None, messages=[*request.messages, LAST_WORDS])


def room_for(last: AgentStep, limit: int) -> int:
    """Tokens to leave for the last answer: its prompt as it would be now, the answer, and as much again for what the
    step before it adds to the conversation. `limit` is the run's."""
    return last.prompt_tokens + 2 * min(last.step.max_tokens, LAST_ANSWER, limit // 8)


def ended(reason: str, update: Mapping[str, Any]) -> ExtendedModelResponse[Any]:
    """A message that says why the agent ended, in place of a reply, and an `update` of the state.

    The jump is for agents that ask until an output parses: they would go on asking.
    """
    message = AIMessage(f"Stopped: {reason}.", response_metadata={METADATA_KEY: {"stop": "budget", "reason": reason}})
    return ExtendedModelResponse(ModelResponse([message]), Command(update={**update, "jump_to": "end"}))
