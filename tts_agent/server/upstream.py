"""An OpenAI-compatible endpoint, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RequestRejected, SamplerError
from tts_agent.retry_after import retry_after
from tts_agent.samplers.chat_wire import Reply, message_to_wire
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest, Usage, sample_seed
from tts_agent.server.chat_request import CAPS, ChatRequest
from tts_agent.server.completion import chunks
from tts_agent.server.live_reply import LiveReply
from tts_agent.server.refusal import TimedOut, UpstreamError
from tts_agent.server.reply_body import json_object, read_completion, whole_body
from tts_agent.server.source import Live

MESSAGE_TOKENS, TEMPLATE_TOKENS = 16, 384
"""More than any chat template known to us wraps around one message, and around a request with tools."""
LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection."""


class Upstream:
    """An OpenAI-compatible endpoint.

    Args:
        url: with "/v1".
        key: sent instead of what the client showed; without one the client's own goes on.
        timeout: seconds without a word after which a call has failed.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 600.0) -> None:
        self.url = url.rstrip("/")
        try:
            parsed = httpx2.URL(self.url)
        except httpx2.InvalidURL:
            parsed = httpx2.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigurationError(
                f"the upstream {url!r} is no http(s) URL: it looks like 'http://localhost:8000/v1'"
            )
        self.official = parsed.host == "api.openai.com"
        self.refuses_n: set[str] = set()
        """Models that do not give several choices for one request."""
        self._key = key
        # Not httpx: its pool goes over pairs of connections for each request, which at 64 of them costs milliseconds.
        self.client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, LONGEST_CONNECT), pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
        )

    def headers(self, authorization: str | None) -> dict[str, str]:
        """What a request carries beside its body."""
        shown = f"Bearer {self._key}" if self._key else authorization
        return {"Content-Type": "application/json"} | ({"Authorization": shown} if shown else {})

    def door(self, request: ChatRequest, authorization: str | None, *, capped: bool, live: Live | None) -> Sampler:
        """See `Source`."""
        cap_field = "max_completion_tokens" if self.official else "max_tokens"
        if request.cap_field in CAPS:
            cap_field = request.cap_field
        send_cap = capped or request.cap_field is not None
        return _Door(request.model, self, self.headers(authorization), cap_field if send_cap else None, live)

    async def models(self, authorization: str | None) -> Mapping[str, Any]:
        """See `Source`."""
        async with self.calling("GET", "/models", self.headers(authorization)) as response:
            body = json_object(await whole_body(response))
        if body is None:
            raise SamplerError("the upstream's list of models is not JSON", billed=False)
        return body

    async def reachable(self) -> bool:
        """See `Source`."""
        try:
            await self.client.get(f"{self.url}/models", headers=self.headers(None))
        except httpx2.HTTPError:
            return False
        return True

    async def close(self) -> None:
        """See `Source`."""
        await self.client.aclose()

    @asynccontextmanager
    async def calling(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """A response with a good status; everything else is one of this package's errors."""
        try:
            async with self.client.stream(method, self.url + path, headers=headers, content=content) as response:
                if not response.is_success:
                    raise self._refused(response, await whole_body(response))
                yield response
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            raise EndpointUnreachable("the upstream cannot be reached") from error
        except (httpx2.LocalProtocolError, httpx2.InvalidURL) as error:
            raise RequestRejected("the request cannot be sent: is the key or the URL damaged?") from error
        except httpx2.TimeoutException as error:
            raise TimedOut("no reply from the upstream in time") from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise SamplerError("the connection to the upstream broke before the reply ended", retryable=True) from error

    def _refused(self, response: httpx2.Response, text: str) -> UpstreamError:
        if self._key:
            text = text.replace(self._key, "***")
        body = json_object(text)
        said = body.get("error") if body else None
        detail = said.get("message") if isinstance(said, Mapping) else None
        message = str(detail) if detail else f"the upstream answered with HTTP {response.status_code}"
        status = response.status_code if response.status_code >= 400 else 502
        kept = body if isinstance(said, Mapping) else None
        return UpstreamError(status, message, kept, retry_after=retry_after(response.headers))


@dataclass(slots=True)
class _Door:
    """One client's request to the upstream."""

    name: str
    upstream: Upstream
    headers: Mapping[str, str] = field(repr=False)
    cap_field: str | None
    """Where to say how many tokens may come; None says nothing."""
    live: Live | None

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw with one call where the upstream takes `n`, else with one a sample; survivors are kept."""
        if self.live is not None:
            return await self._stream(request, n, self.live)
        results: list[Reply | SamplerError] = []
        missing = n
        if n > 1 and request.seed is None and self.name not in self.upstream.refuses_n:
            together = await self._together(request, n)
            results.append(together)
            missing = n - len(together.samples)
            if missing > 0:
                self.upstream.refuses_n.add(self.name)
        async with asyncio.TaskGroup() as calls:
            singles = [calls.create_task(self._survive(request, index)) for index in range(missing)]
        results += [single.result() for single in singles]
        replies = [result for result in results if isinstance(result, Reply)]
        failures = [result for result in results if isinstance(result, SamplerError)]
        if not replies:
            raise max(failures, key=lambda failure: failure.billed)
        return SampleBatch(
            tuple(sample for reply in replies for sample in reply.samples),
            sum((reply.usage for reply in replies if reply.usage), Usage()),
            sum(len(reply.samples) for reply in replies if not reply.usage) + sum(one.billed for one in failures),
            tuple(failures),
        )

    def token_bound(self, request: SampleRequest) -> int:
        """Bytes of all that is sent, in the widest JSON: byte-level tokenizers make at most one token of a byte."""
        sent = [message_to_wire(message) for message in request.messages]
        widest = json.dumps([sent, list(request.tools), dict(request.options)], indent=4)
        return TEMPLATE_TOKENS + MESSAGE_TOKENS * len(sent) + len(widest)

    async def _together(self, request: SampleRequest, n: int) -> Reply:
        """One call for all. Where it is refused, one for one: that tells a refusal of `n` from any other."""
        try:
            return await self._call(request, n)
        except UpstreamError as error:
            if error.status not in (400, 422):
                raise
        return await self._call(request, 1)

    async def _survive(self, request: SampleRequest, index: int) -> Reply | SamplerError:
        try:
            return await self._call(request, 1, index)
        except SamplerError as error:
            return error

    async def _call(self, request: SampleRequest, n: int, index: int = 0) -> Reply:
        content = self._body(request, n, index)
        async with self.upstream.calling("POST", "/chat/completions", self.headers, content) as response:
            return read_completion(await whole_body(response))

    async def _stream(self, request: SampleRequest, n: int, live: Live) -> SampleBatch:
        """One streamed call, whose chunks go on as they come."""
        reply = LiveReply()
        content = self._body(request, n, 0, stream=True, stream_options={"include_usage": True})
        async with self.upstream.calling("POST", "/chat/completions", self.headers, content) as response:
            if "text/event-stream" not in response.headers.get("content-type", ""):
                return await self._at_once(await whole_body(response), live)
            async for line in response.aiter_lines():
                if (chunk := reply.read(line)) is not None:
                    await live.put(chunk)
                if reply.ended:
                    break
        return reply.batch()

    async def _at_once(self, text: str, live: Live) -> SampleBatch:
        """The reply of an upstream that does not stream, which the client gets as the stream it asked for."""
        reply = read_completion(text)
        for chunk in chunks(json.loads(text)):
            await live.put(chunk)
        return SampleBatch(reply.samples, reply.usage or Usage(), 0 if reply.usage else len(reply.samples))

    def _body(self, request: SampleRequest, n: int, index: int, **further: Any) -> bytes:
        messages = [message_to_wire(message) for message in request.messages]
        body: dict[str, Any] = {**request.options, "model": self.name, "messages": messages, **further}
        optional = {
            "n": n if n > 1 else None,
            "temperature": request.temperature,
            "stop": list(request.stop) or None,
            "seed": None if request.seed is None else sample_seed(request.seed, request.offset + index),
            "tools": list(request.tools) or None,
        }
        body |= {name: value for name, value in optional.items() if value is not None}
        if self.cap_field:
            body[self.cap_field] = request.max_tokens
        try:
            return json.dumps(body, allow_nan=False).encode()
        except ValueError:
            raise RequestRejected("the request has numbers that JSON cannot say") from None
