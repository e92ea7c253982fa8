"""The package's values as JSON data and back, for the state of graphs: checkpoints hold data, and never our classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict

from tts_agent import exceptions
from tts_agent.budget import Amount, BudgetView
from tts_agent.events import Drawn, Refused, Retried
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.messages import Message, ToolCall
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.verifiers import Verdict

TYPE = "__type__"
"""Key of the name of what a mapping stands for."""

_CLASSES: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(Amount, BudgetView, Beta, Verdict),
        *(Drawn, Refused, Retried),
        *(Message, ToolCall, Sample, SampleBatch, SampleRequest, Usage),
    )
}


def to_json(value: Any) -> Any:
    """The value as JSON data. Sequences become lists; LangChain's messages become dicts.

    Raises:
        ConfigurationError: there is something in it that `from_json` could not bring back.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [to_json(item) for item in value]
        case BaseMessage():
            return {TYPE: "BaseMessage", **message_to_dict(value)}
        case SamplerError():
            said = {"message": str(value), "billed": value.billed, "retryable": value.retryable}
            return {TYPE: "SamplerError", "class": type(value).__name__, **said, "retry_after": value.retry_after}
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
    if type(value).__name__ in _CLASSES and is_dataclass(value):
        return {TYPE: type(value).__name__, **{name: _field(name, value) for name in _names(value)}}
    raise ConfigurationError(f"a {type(value).__name__} cannot be kept in the state of a graph: {value!r}")


def from_json(data: Any) -> Any:
    """The value that `to_json` was given, with tuples for the sequences in our own values and lists elsewhere."""
    if isinstance(data, list):
        return [from_json(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    values = {key: item for key, item in data.items() if key != TYPE}
    match data.get(TYPE):
        case None:
            return {key: from_json(item) for key, item in values.items()}
        case "BaseMessage":
            return messages_from_dict([values])[0]
        case "SamplerError":
            return _failure(values.pop("class"), values.pop("message"), values)
        case kind:
            return _CLASSES[kind](**{name: _frozen(name, from_json(item)) for name, item in values.items()})


def _names(value: Any) -> list[str]:
    return [field.name for field in fields(value)]


def _field(name: str, value: Any) -> Any:
    """A field's data. What somebody else's object in `raw` is, only LangChain's messages and plain data say again."""
    try:
        return to_json(getattr(value, name))
    except ConfigurationError:
        if name == "raw":
            return None
        raise


def _frozen(name: str, value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and name != "raw" else value


def _failure(kind: str, message: str, settings: dict[str, Any]) -> SamplerError:
    """The failure with its class, whose constructor may fix what the base class is told."""
    known = getattr(exceptions, kind, SamplerError)
    error: SamplerError = known.__new__(known)
    SamplerError.__init__(error, message, **settings)
    return error
