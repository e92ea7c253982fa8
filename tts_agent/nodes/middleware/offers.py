"""What a model is offered beside the conversation: tools, and a form for its reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain_core.utils.function_calling import convert_to_openai_tool

from tts_agent.nodes.prompt_bound import Around


@dataclass(frozen=True, slots=True)
class Offer:
    """Tools and form of a request, in OpenAI's format."""

    tools: tuple[Mapping[str, Any], ...]
    around: Around
    """Both as they may stand in a prompt."""

    @classmethod
    def of(cls, request: ModelRequest[Any]) -> Offer:
        """What this request offers."""
        tools = tuple(
            offered if isinstance(offered, Mapping) else convert_to_openai_tool(offered) for offered in request.tools
        )
        all_of_it = [*tools, *_forms(request.response_format)]
        return cls(tools, Around.of({"tools": all_of_it} if all_of_it else {}))


def _forms(response_format: Any) -> Iterator[Mapping[str, Any]]:
    """A tool for each schema that the reply may follow. Where the provider is told in its own way, that is shorter."""
    if response_format is None:
        return
    if isinstance(response_format, AutoStrategy):
        response_format = response_format.schema
    if not isinstance(response_format, ToolStrategy | ProviderStrategy):
        response_format = ToolStrategy(response_format)
    specs = response_format.schema_specs if isinstance(response_format, ToolStrategy) else [response_format.schema_spec]
    for spec in specs:
        about = {"name": spec.name, "description": spec.description, "parameters": spec.json_schema, "strict": True}
        yield {"type": "function", "function": about}
