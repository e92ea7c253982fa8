"""The door to any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import openai

from tts_agent.exceptions import ConfigurationError, RequestRejected, SamplerError
from tts_agent.messages import Message
from tts_agent.samplers.chat_wire import Reply, batch_of, message_to_wire, read_reply
from tts_agent.samplers.openai.connection import Connection
from tts_agent.samplers.openai.errors import NO_KEY, Endpoint, RefusesN
from tts_agent.sampling import SampleBatch, SampleRequest, sample_seed

OPENAI_URL = "https://api.openai.com/v1"
MESSAGE_TOKENS = 16
"""More than any chat template known to us wraps around one message (role, turn and channel marks)."""
TOOLS_TOKENS = 256
"""More than the chat templates known to us say about tools in general, before they list them."""

TRANSPORT = frozenset({"extra_headers", "extra_query", "timeout"})
"""Options that are the client's and no part of the request's body."""
RESERVED = frozenset(
    {"model", "messages", "n", "max_tokens", "max_completion_tokens", "seed", "stream", "stream_options"}
)
"""What only the sampler sets: the budget, the reading of the reply or the independence of samples depends on it."""


class OpenAISampler:
    """Draws from a chat completions endpoint: OpenAI's, or any that is compatible.

    The client's own retries are off: a retry that no ledger sees is an overspend. What goes wrong is raised as
    one of this package's errors (`tts_agent.samplers.openai.errors` has the table), never returned as text.

    Several samples are drawn with one request and the parameter `n`, which pays the prompt once. Endpoints
    that ignore `n` (fewer choices come back) or reject it are noticed, remembered by this object and asked
    with concurrent single calls; so are seeded requests, because each sample has a seed of its own
    (`sampling.sample_seed`) and can be drawn again alone. Of concurrent calls the survivors are kept.

    Args:
        model: the endpoint's name of the model.
        base_url: where the endpoint is, "/v1" included; by default the environment's OPENAI_BASE_URL, else
            OpenAI's own.
        api_key: by default the environment's OPENAI_API_KEY; endpoints other than OpenAI's need none.
        use_n: False never sends `n`, for endpoints that take it and do something else with it.
        logprobs: ask for log-probabilities, where the endpoint has them.
        cap_field: the field that bounds output tokens; by default "max_completion_tokens" at OpenAI and
            "max_tokens" elsewhere.
        timeout: seconds without a word from the endpoint after which a call has failed.
        template_tokens: upper bound on the tokens that the endpoint puts into every prompt by itself, such as
            a default system prompt.
        options: sent with every request: fields of the request's body, and the client's `extra_body`,
            `extra_headers`, `extra_query` and `timeout`. A request's own options come on top.

    Raises:
        ConfigurationError: a setting is wrong, or the key is missing.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        use_n: bool = True,
        logprobs: bool = False,
        cap_field: Literal["max_tokens", "max_completion_tokens"] | None = None,
        timeout: float = 600.0,
        template_tokens: int = 128,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if not model.strip():
            raise ConfigurationError("the model has no name: give the name that the endpoint knows it by")
        if not timeout > 0:
            raise ConfigurationError(f"timeout is {timeout}: it must be a number of seconds above 0")
        address = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
        shown, official = _look_at(address)
        key = _key(api_key, needed=official)
        self.name = model
        self._endpoint = Endpoint(shown, model, key)
        self._connection = Connection(address, key, timeout)
        self._use_n = use_n
        self._logprobs = logprobs
        self._cap_field = cap_field or ("max_completion_tokens" if official else "max_tokens")
        self._template_tokens = template_tokens
        self._options = dict(options or {})
        if reserved := _reserved(self._options):
            raise ConfigurationError(f"the option '{reserved}' cannot be set: the sampler sets it by itself")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self._endpoint.url!r})"

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` >= 1 samples.

        A call that fails while others succeed is listed in `failures`, and in `unaccounted` when it may have
        been billed. When all fail and one of them may have been billed, that one is raised.

        Raises:
            SamplerError: no sample came back; see `tts_agent.samplers.openai.errors`.
        """
        if reserved := _reserved(request.options):
            raise RequestRejected(f"the option '{reserved}' cannot be sent: the sampler sets it by itself")
        return batch_of(await self._draw(request, n))

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call: bytes of all that is sent, plus the template's own.

        Byte-level tokenizers make at most one token of a byte. Structured parts (tool calls, tools, options)
        are counted in the widest JSON a chat template may write. Not covered: content that only points
        to what the model will read, as image links and file ids do.
        """
        bound = self._template_tokens + sum(MESSAGE_TOKENS + _bytes(message) for message in request.messages)
        if request.tools:
            bound += TOOLS_TOKENS + len(_widest(request.tools))
        options = {**self._options, **request.options}
        return bound + (len(_widest(options)) if options else 0)

    async def _draw(self, request: SampleRequest, n: int) -> list[Reply | SamplerError]:
        results: list[Reply | SamplerError] = []
        if n > 1 and self._use_n and request.seed is None:
            together = await self._call(request, n=n)
            if isinstance(together, SamplerError) and not isinstance(together, RefusesN):
                return [together]
            if isinstance(together, Reply):
                results.append(together)
                n -= len(together.samples)
            if n > 0:
                self._use_n = False
        async with asyncio.TaskGroup() as calls:
            singles = [calls.create_task(self._call(request, index=index)) for index in range(n)]
        return results + [single.result() for single in singles]

    async def _call(self, request: SampleRequest, *, n: int = 1, index: int = 0) -> Reply | SamplerError:
        """One HTTP request. A failure is a value here, so that one of several does not end the others."""
        client = await self._connection.client()
        try:
            response = await client.chat.completions.with_raw_response.create(**self._arguments(request, n, index))
        except openai.OpenAIError as error:
            return self._endpoint.explain(error, n=n)
        except (TypeError, ValueError) as error:  # not JSON, not UTF-8: it never left
            return RequestRejected(f"the request cannot be sent: {error}")
        try:
            return read_reply(response.text)
        except ValueError as error:
            return self._endpoint.unreadable(str(error))

    def _arguments(self, request: SampleRequest, n: int, index: int) -> dict[str, Any]:
        """Arguments of the client's `create`. Fields it may not know yet go through its `extra_body`."""
        options = {**self._options, **request.options}
        body = {name: value for name, value in options.items() if name not in {*TRANSPORT, "extra_body"}}
        body |= options.get("extra_body") or {}
        body[self._cap_field] = request.max_tokens
        if n > 1:
            body["n"] = n
        if self._logprobs:
            body["logprobs"] = True
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.stop:
            body["stop"] = list(request.stop)
        if request.seed is not None:
            body["seed"] = sample_seed(request.seed, request.offset + index)
        if request.tools:
            body["tools"] = list(request.tools)
        transport = {name: value for name, value in options.items() if name in TRANSPORT}
        messages = [message_to_wire(message) for message in request.messages]
        return {"model": self.name, "messages": messages, "extra_body": body, **transport}


def _look_at(address: str) -> tuple[str, bool]:
    """An endpoint's URL without secrets, and whether it is OpenAI's own."""
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host or url.scheme not in ("http", "https"):
        raise ConfigurationError("base_url is no http(s) URL: it should look like 'http://localhost:8000/v1'")
    shown = f"{url.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{url.path}"
    return shown, host == "api.openai.com" or host.endswith(".api.openai.com")


def _key(given: str | None, *, needed: bool) -> str:
    key = (given or os.environ.get("OPENAI_API_KEY") or ("" if needed else NO_KEY)).strip()
    if not key:
        raise ConfigurationError("there is no API key: pass api_key or set OPENAI_API_KEY")
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("the API key has characters that no key has: was it copied in full?")
    return key


def _reserved(options: Mapping[str, Any]) -> str | None:
    """An option that may not be passed through, if there is one."""
    return min(RESERVED & {*options, *(options.get("extra_body") or ())}, default=None)


def _bytes(message: Message) -> int:
    wire = message_to_wire(message)
    text = wire.pop("content") if isinstance(wire.get("content"), str) else ""
    further = {name: value for name, value in wire.items() if name != "role"}
    return len(text.encode("utf-8", "surrogatepass")) + (len(_widest(further)) if further else 0)


def _widest(value: object) -> str:
    """ASCII JSON, indented: at least as many characters as any other rendering has bytes."""
    return json.dumps(value, indent=4, default=str)
