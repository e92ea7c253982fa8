"""What an agent does when its budget has no room for another step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from langchain.agents.middleware.types import ExtendedModelResponse, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage
from langgraph.types import Command

from tts_agent.budget import BudgetView
from tts_agent.exceptions import BudgetExhausted
from tts_agent.nodes.middleware.agent_steps import AgentStep
from tts_agent.nodes.middleware.run_ledgers import Funds
from tts_agent.nodes.replies import METADATA_KEY
from tts_agent.nodes.wind_down import last_words
from tts_agent.routing import Decision
from tts_agent.step import Step
from tts_agent.strategies import Single

ExitBehavior = Literal["finalize", "end", "error"]

OpenItems = Callable[[Mapping[str, Any]], Sequence[str]]
"""From an agent's state to what is left undone."""

ENDED = "budget"
"""Why an agent stopped, in the record of its last message."""

LAST_ANSWER = 1024
"""Tokens that the last answer may need; an eighth of the budget if that is less."""


def last_request(request: ModelRequest[Any], open_items: OpenItems) -> ModelRequest[Any]:
    """The request for the last answer: without tools, so that it is one, but in the form that was asked for.

    What it ends with is not put into the state.
    """
    words = last_words(open_items(cast(Mapping[str, Any], request.state)))
    return request.override(tools=[], tool_choice=None, messages=[*request.messages, words])


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The policy of the last answer: one call, and the record says what it is."""

    because: str
    """Why there is no more."""

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        return Decision(Single(), f"the last answer: {self.because}")


def room_for(last: AgentStep, funds: Funds) -> int:
    """Tokens to leave for the last answer: its prompt as it would be now, the answer, and as much again for what the
    step before it adds to the conversation."""
    return last.prompt_tokens + 2 * min(last.step.max_tokens, LAST_ANSWER, funds.limit // 8)


def ended(request: ModelRequest[Any], error: BudgetExhausted) -> ExtendedModelResponse[Any]:
    """A message that says why the agent ends, in place of a reply.

    The jump is for agents that insist on an output in a form: no message ends those. Where it does not arrive (other
    middleware's nodes after the model come first, and LangGraph forgets it), they ask again. Nothing else ends them
    from here: LangChain takes no `goto`, and a node of our own would be one more in every step of every agent.

    Raises:
        BudgetExhausted: this was said, and it asked again; it would go on for ever.
    """
    if request.messages and request.messages[-1].response_metadata.get(METADATA_KEY, {}).get("stop") == ENDED:
        raise BudgetExhausted(
            f"{error}; the agent was told so and asks on, for the output that its response_format promises: no message "
            "ends it where other middleware has a node after the model (exit_behavior='finalize' asks for that output)"
        ) from error
    metadata = {METADATA_KEY: {"stop": ENDED, "reason": str(error)}}
    message = AIMessage(f"Stopped: {error}.", response_metadata=metadata)
    return ExtendedModelResponse(ModelResponse([message]), Command(update={"jump_to": "end"}))
