"""What LangChain's callbacks tell about a model call: its bounds before it is made, its bill afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from tts_agent.nodes.capping import CAP_NAMES
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.replies import usage
from tts_agent.sampling import Usage

ADAPTIVE = "adaptive-chat-model"
"""The kind of a model that reserves its samples itself."""
REPEATING = frozenset({"anthropic", "azure", "groq", "openai"})
"""Providers whose SDK sends a failed request again unless it is told not to."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call that is about to be made."""

    messages: Sequence[BaseMessage]
    arguments: Mapping[str, Any]
    """`invocation_params`: the model's settings with the arguments of this call."""
    metadata: Mapping[str, Any]
    built_with: Mapping[str, Any] = field(default_factory=dict)
    """The settings that the model was built with, as far as LangChain can serialize it."""
    prompts: int = 1
    """How many prompts share one request and its bill; above 1 only for models that complete text."""

    @property
    def model(self) -> str:
        """The model's name, empty where nobody tells."""
        names = (self.metadata.get("ls_model_name"), self.arguments.get("model_name"), self.arguments.get("model"))
        return next((name for name in names if isinstance(name, str)), "")

    @property
    def kind(self) -> str:
        """Its class, as the step that it is: the graph node that makes it."""
        return str(self.metadata.get("langgraph_node") or "call")

    @property
    def n(self) -> int:
        """Completions it asks for."""
        return _positive(self.arguments.get("n")) or 1

    @property
    def adaptive(self) -> bool:
        """Whether it is answered by samples that are reserved one by one."""
        return self.arguments.get("_type") == ADAPTIVE

    @property
    def repeats(self) -> bool:
        """Whether its provider's SDK may send it more than once, and nobody is told."""
        said = self.built_with.get("max_retries")
        return self.metadata.get("ls_provider") in REPEATING if said is None else bool(said)

    def max_tokens(self, default: int | None) -> int:
        """Most output tokens of each completion: the largest cap that is set, since providers differ in which wins.

        Raises:
            BudgetExceededError: nothing caps it and there is no default.
        """
        caps = [_positive(self.arguments.get(name)) for name in CAP_NAMES]
        cap = max(caps) or _positive(self.metadata.get("ls_max_tokens")) or default
        if not cap:
            raise BudgetExceededError(
                f"nothing bounds what {self.model or 'the model'} may answer, so no budget can hold: set max_tokens on "
                "the model, or say with token_budget(..., max_output_tokens=...) what its provider allows at most"
            )
        return cap

    def at(self, nodes: frozenset[str]) -> bool:
        """Whether one of these graph nodes makes it, itself or through a graph inside it."""
        path = str(self.metadata.get("langgraph_checkpoint_ns") or "").split("|")
        around = {step.partition(":")[0] for step in path} | {self.metadata.get("langgraph_node")}
        return not nodes.isdisjoint(around)


def from_cache(result: LLMResult) -> bool:
    """Whether LangChain's cache answered: it says so by a `total_cost` of 0 beside the usage, and nothing is billed."""
    replies = _replies(result)
    return bool(replies) and all(dict(reply.usage_metadata or {}).get("total_cost") == 0 for reply in replies)


def bill(result: LLMResult) -> Usage | None:
    """The tokens of a whole request; None when the provider reported none.

    The request's own total comes first: where there are several completions, LangChain repeats it on each.
    """
    replies = _replies(result)
    total = _total(result.llm_output) if len(replies) != 1 else None
    if total is not None:
        return total
    bills = [usage(reply) for reply in replies]
    if not bills or None in bills:
        return _total(result.llm_output)
    return sum((each for each in bills if each), Usage())


def _replies(result: LLMResult) -> list[AIMessage]:
    chats = (generation for each in result.generations for generation in each if isinstance(generation, ChatGeneration))
    return [chat.message for chat in chats if isinstance(chat.message, AIMessage)]


def _total(output: Mapping[str, Any] | None) -> Usage | None:
    """`token_usage` as OpenAI and those who follow it spell it."""
    reported = (output or {}).get("token_usage")
    if not isinstance(reported, Mapping):
        return None
    prompt, written = _positive(reported.get("prompt_tokens")), _positive(reported.get("completion_tokens"))
    total = Usage(prompt, max(written, _positive(reported.get("total_tokens")) - prompt))
    return total if total.total else None


def _positive(value: object) -> int:
    """The number if it is one above 0, else 0."""
    return value if isinstance(value, int) and value > 0 else 0
