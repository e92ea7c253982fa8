"""Copies of chat models that stay within what a ledger granted: one completion a call, capped, never retried.

Settings are changed as fields of a copy and not bound as arguments: providers spell the argument differently
(and some reject the others' spelling), while a copy keeps the type and the HTTP connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from langchain_core.language_models import BaseChatModel

from tts_agent.exceptions import ConfigurationError

CAP_NAMES = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")
"""Spellings of "most output tokens of a completion": OpenAI, Anthropic, ...; OpenAI; Google; Ollama."""


def cap_names(model: BaseChatModel, named: str | None = None) -> tuple[str, ...]:
    """What caps this model: the fields it has among `CAP_NAMES`, else `named`, a field or call argument.

    Raises:
        ConfigurationError: the model has no such field and none was named.
    """
    if named:
        return (named,)
    known = tuple(name for name in CAP_NAMES if name in type(model).model_fields)
    if not known:
        raise ConfigurationError(
            f"{type(model).__name__} has none of the fields {', '.join(CAP_NAMES)}, so its output cannot be "
            "capped: name the field or call argument that caps it with max_tokens_field= (for a node, "
            "give it ChatModelSampler(model, max_tokens_field=...) as its model)"
        )
    return known


def own_cap(model: BaseChatModel, names: Iterable[str], arguments: Mapping[str, Any]) -> int | None:
    """The smallest cap that the model's owner set on it or bound to it; None when there is none."""
    places = (vars(model), getattr(model, "model_kwargs", None) or {}, arguments)
    values = (place.get(name) for place in places for name in {*names, *CAP_NAMES})
    return min((value for value in values if isinstance(value, int) and value > 0), default=None)


def metered(model: BaseChatModel, *, live: bool = False) -> BaseChatModel:
    """A copy that makes one billed request a call, and none when nobody asked.

    One completion a request, no retries of its own (each is a bill that no ledger sees). For one of several samples
    also no cache (it would return one sample n times, with its usage) and no streaming (every hidden sample would
    show in `stream_mode="messages"`). A `live` copy, whose reply is the answer, keeps both, and asks for the usage
    of streams: with a `base_url` of one's own, OpenAI's model leaves it out. Retries that a provider's SDK hides
    behind neither a `max_retries` field nor `with_options(max_retries=...)` cannot be switched off from here.
    """
    wanted: dict[str, Any] = {"max_retries": 0}
    if not live:
        wanted |= {"cache": False, "disable_streaming": True, "streaming": False}
    elif getattr(model, "stream_usage", False) is None:  # nobody decided
        wanted |= {"stream_usage": True}
    update = {name: value for name, value in wanted.items() if name in type(model).model_fields}
    if (getattr(model, "n", None) or 1) > 1:
        update["n"] = 1
    if overrides := getattr(model, "model_kwargs", None):
        update["model_kwargs"] = within_caps(overrides)
    copy = model.model_copy(update=update)
    _forget_cached(copy)
    for name, value in list(vars(copy).items()):
        if "client" in name:
            vars(copy)[name] = _without_retries(value)
    return copy


def within_caps(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call arguments without those that would override a cap, ask for further completions or stream."""
    return {name: value for name, value in arguments.items() if name not in (*CAP_NAMES, "n", "stream")}


def with_fields(model: BaseChatModel, settings: Mapping[str, Any]) -> tuple[BaseChatModel, dict[str, Any]]:
    """A copy with those settings that are fields of it, and the others, to be given as call arguments."""
    fields = {name: value for name, value in settings.items() if name in type(model).model_fields}
    return model.model_copy(update=fields), {name: settings[name] for name in settings.keys() - fields}


def _without_retries(client: Any) -> Any:
    """An SDK client that sends once, over the same connections; what is no such client, unchanged.

    The SDKs of OpenAI, Anthropic, Groq and others share a shape: a client has `with_options`, and a part of
    it (`client.chat.completions`) is built from the client alone and keeps it in `_client`.
    """
    if hasattr(type(client), "with_options"):
        return client.with_options(max_retries=0)
    owner: Any = getattr(client, "_client", None)
    if hasattr(type(owner), "with_options"):
        return type(client)(owner.with_options(max_retries=0))
    return client


def _forget_cached(model: BaseChatModel) -> None:
    """Drop the cached properties that a copy took along: clients built from the settings before the change."""
    for kind in type(model).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, cached_property):
                vars(model).pop(name, None)
