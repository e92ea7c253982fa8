"""Tool calls, checked without being run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tts_agent.effects import Flow
from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.function import FunctionVerifier
from tts_agent.verifiers.json_schema import Check, schema_check


@dataclass(frozen=True, slots=True)
class ToolDryRun:
    """Accepts a reply whose tool calls name tools of the step and fit their schemas.

    Tools are read in the shapes endpoints use: `{"type": "function", "function": {"name", "parameters"}}`, or flat,
    with `parameters` or `input_schema`. A tool without a schema takes anything. Nothing is called but `check`.

    Raises:
        ConfigurationError: while verifying, when the schema of a tool is none.
        MissingExtraError: at construction, without the extra `verify`.
    """

    needs: ClassVar[tuple[str, ...]] = ("extra verify", "tool calls")

    check: Callable[[str, Mapping[str, Any]], str | None] | None = None
    """What else to look at: the name and the arguments of a call in, what is wrong with it out (None: nothing). It must
    have no effects; "does this file exist?" is a good one."""
    required: bool = False
    """Whether a reply that calls no tool is rejected."""
    name: str = "tool_dry_run"

    def __post_init__(self) -> None:
        schema_check({})

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        checks = dict(map(_tool, step.tools))
        return (yield from FunctionVerifier(lambda step, sample: self._judge(checks, sample)).verify(step, samples))

    def _judge(self, checks: Mapping[str, Check], sample: Sample) -> Verdict:
        if self.required and not sample.tool_calls:
            return Verdict(0.0, feedback="The reply calls no tool, and one is needed.")
        for position, tool_call in enumerate(sample.tool_calls, 1):
            if wrong := self._wrong(checks, tool_call):
                return Verdict(0.0, wrong_at=position, feedback=f"The call of {tool_call.name} is wrong: {wrong}")
        return Verdict(1.0, accepted=True)

    def _wrong(self, checks: Mapping[str, Check], tool_call: ToolCall) -> str | None:
        if tool_call.name not in checks:
            return f"there is no such tool; there are: {', '.join(checks) or 'none'}"
        try:
            arguments = json.loads(tool_call.arguments or "{}")
        except ValueError as error:
            return f"its arguments are not JSON: {error}"
        except RecursionError:
            return "its arguments are nested too deeply"
        if not isinstance(arguments, dict):
            return "its arguments are not a JSON object"
        return checks[tool_call.name](arguments) or (self.check and self.check(tool_call.name, arguments))


def _tool(tool: Mapping[str, Any]) -> tuple[str, Check]:
    described = tool.get("function", tool)
    schema = described.get("parameters") or described.get("input_schema") or {}
    return str(described.get("name", "")), schema_check(schema)
