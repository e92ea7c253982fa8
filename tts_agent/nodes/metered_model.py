"""A chat model as the calls of samples use it: capped copies, and what its prompts can cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property, lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from tts_agent.nodes.binding import ChatRunnable, bound_arguments, chat_model, rebound
from tts_agent.nodes.capping import cap_names, metered, own_cap, with_fields, within_caps
from tts_agent.nodes.prompt_bound import PromptBound
from tts_agent.sampling import SampleRequest

UNCAPPED = 2**20
"""Tokens. More than any model answers with: a request that allows this many sets no cap on the model."""


class MeteredModel:
    """Makes the capped copies of one model. Safe to share between threads.

    Args:
        model: a chat model, bare or with `bind_tools()`, `bind()` or `with_config()`.
        max_tokens_field: the field or call argument that caps the output, where it is none of the usual ones.
        use_n: ask for several completions in one request where the model has a field for it.

    Raises:
        ConfigurationError: `model` is something else, or its output cannot be capped.
    """

    def __init__(self, model: ChatRunnable, *, max_tokens_field: str | None = None, use_n: bool = False) -> None:
        self._runnable = model
        self._inner = chat_model(model)
        self._caps = cap_names(self._inner, max_tokens_field)
        self.name = _name(self._inner)
        self.arguments = bound_arguments(model)
        """What the model is called with, whatever else a call says."""
        self.overrides: Mapping[str, Any] = getattr(self._inner, "model_kwargs", None) or {}
        """Arguments of the endpoint that the model's owner set beside its fields."""
        fields = vars(self._inner).values()
        self.secrets = [value.get_secret_value() for value in fields if isinstance(value, SecretStr)]
        self.bound = PromptBound()
        self.takes_n = use_n and "n" in type(self._inner).model_fields
        """Whether one request may ask for several completions; until its endpoint refuses or ignores that."""
        # Samples mostly differ in nothing, and LangChain keeps on a model what it worked out for its callbacks.
        self._copy = lru_cache(maxsize=16)(self._made)

    def max_tokens(self, arguments: Mapping[str, Any]) -> int | None:
        """The model's own limit on output tokens when it is called with these; None when it has none."""
        return own_cap(self._inner, self._caps, {**self.arguments, **arguments})

    def gives_several(self, request: SampleRequest, arguments: Mapping[str, Any]) -> bool:
        """Whether to ask for several samples of a request at once.

        Not where each has a seed of its own, nor where LangChain parses the reply: it parses the first alone.
        """
        around = {*self.overrides, *self.arguments, *arguments}
        return self.takes_n and request.seed is None and "response_format" not in around

    def call(
        self, request: SampleRequest, index: int, arguments: Mapping[str, Any], n: int = 1
    ) -> tuple[ChatRunnable, dict[str, Any]]:
        """What to call for `n` samples, and with what: settings are fields of a copy where it has them.

        `arguments` are the call's own. What the request sets itself comes first; what would ask for more completions
        or lift the cap is left out.
        """
        seed = None if request.seed is None else request.seed + index
        max_tokens = None if request.max_tokens >= UNCAPPED else request.max_tokens
        copy, settings, further = self._copy(request.alone, max_tokens, request.temperature, seed, n)
        if request.stop:
            further = {**further, "stop": list(request.stop)}
        return rebound(self._runnable, copy, lambda bound: _left(bound, settings)), {
            **_left(arguments, settings),
            **further,
        }

    def _made(
        self, live: bool, max_tokens: int | None, temperature: float | None, seed: int | None, n: int
    ) -> tuple[BaseChatModel, Collection[str], Mapping[str, Any]]:
        """A copy of the model, the names of what was set, and what of it is no field and to be given with the call."""
        model = self._live if live else self._hidden
        settings: dict[str, Any] = {} if max_tokens is None else dict.fromkeys(self._caps, max_tokens)
        if temperature is not None:
            settings["temperature"] = temperature
        if seed is not None and "seed" in type(model).model_fields:
            settings["seed"] = seed
        if n > 1:
            settings["n"] = n
        copy, further = with_fields(model, settings)
        return copy, settings.keys(), further

    @cached_property
    def _hidden(self) -> BaseChatModel:
        return metered(self._inner)

    @cached_property
    def _live(self) -> BaseChatModel:
        return metered(self._inner, live=True)


def _left(arguments: Mapping[str, Any], settings: Collection[str]) -> dict[str, Any]:
    """The call arguments that do not contradict the settings."""
    return {name: value for name, value in within_caps(arguments).items() if name not in settings}


def _name(model: object) -> str:
    names = (getattr(model, field, None) for field in ("model_name", "model", "model_id"))
    return next((name for name in names if isinstance(name, str) and name), type(model).__name__)
