"""An OpenAI-compatible endpoint, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tts_agent.exceptions import RequestRejected, SamplerError
from tts_agent.retry_after import retry_after
from tts_agent.samplers.chat_wire import Reply, batch_of, message_to_wire
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest, sample_seed
from tts_agent.server.chat_request import CAPS, ChatRequest
from tts_agent.server.client import Client
from tts_agent.server.completion import choice_of, chunks, usage_to_wire
from tts_agent.server.live_reply import LiveReply
from tts_agent.server.refusal import UpstreamError
from tts_agent.server.reply_body import json_object, lines, read_completion, whole_body
from tts_agent.server.source import Live

MESSAGE_TOKENS, TEMPLATE_TOKENS = 16, 384
"""More than any chat template known to us wraps around one message, and around a request with tools."""


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
        self._client = Client(url, timeout)
        self.official = self._client.host == "api.openai.com"
        self.refuses_n: set[str] = set()
        """Models that do not give several choices for one request."""
        self._key = key

    def headers(self, onward: Mapping[str, str]) -> dict[str, str]:
        """What a request carries beside its body."""
        own = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Content-Type": "application/json", **onward, **own}

    def door(self, request: ChatRequest, onward: Mapping[str, str], *, capped: bool, live: Live | None) -> Sampler:
        """See `Source`."""
        cap_field = "max_completion_tokens" if self.official else "max_tokens"
        if request.cap_field in CAPS:
            cap_field = request.cap_field
        send_cap = capped or request.cap_field is not None
        return _Door(request.model, self, self.headers(onward), cap_field if send_cap else None, live)

    async def models(self, onward: Mapping[str, str]) -> Mapping[str, Any]:
        """See `Source`."""
        async with self.calling("GET", "/models", self.headers(onward)) as response:
            body = json_object(await whole_body(response))
        if body is None:
            raise SamplerError("the upstream's list of models is not JSON", billed=False)
        return body

    async def reachable(self) -> bool:
        """See `Source`."""
        try:
            async with self._client.calling("GET", "/models", self.headers({})):
                return True
        except SamplerError:
            return False

    async def close(self) -> None:
        """See `Source`."""
        await self._client.close()

    @asynccontextmanager
    async def calling(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response with a good status; everything else is one of this package's errors."""
        async with self._client.calling(method, path, headers, content) as response:
            if not 200 <= response.status < 300:
                raise self._refused(response, await whole_body(response))
            yield response

    def _refused(self, response: aiohttp.ClientResponse, text: str) -> UpstreamError:
        if self._key:
            text = text.replace(self._key, "***")
        body = json_object(text)
        said = body.get("error") if body else None
        detail = said.get("message") if isinstance(said, Mapping) else None
        message = str(detail) if detail else f"the upstream answered with HTTP {response.status}"
        status = response.status if response.status >= 400 else 502
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
            return batch_of(await self._stream(request, n, self.live))
        results: list[Reply | SamplerError] = []
        missing = n
        if n > 1 and request.seed is None and self.name not in self.upstream.refuses_n:
            together = await self._together(request, n)
            results.append(together)
            missing = n - len(together.samples)
            if missing > 0:
                self.upstream.refuses_n.add(self.name)
        return batch_of([*results, *await self._singly(request, range(missing))])

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

    async def _singly(self, request: SampleRequest, indices: Iterable[int]) -> list[Reply | SamplerError]:
        async with asyncio.TaskGroup() as calls:
            singles = [calls.create_task(self._survive(request, index)) for index in indices]
        return [single.result() for single in singles]

    async def _survive(self, request: SampleRequest, index: int) -> Reply | SamplerError:
        try:
            return await self._call(request, 1, index)
        except SamplerError as error:
            return error

    async def _call(self, request: SampleRequest, n: int, index: int = 0) -> Reply:
        content = self._body(request, n, index)
        async with self.upstream.calling("POST", "/chat/completions", self.headers, content) as response:
            return read_completion(await whole_body(response))

    async def _stream(self, request: SampleRequest, n: int, live: Live) -> list[Reply | SamplerError]:
        """A streamed call whose chunks go on as they come, and calls for choices that it leaves out."""
        if n == 1:
            return [(await self._streamed(request, 1, live)).reply()]
        try:
            first = await self._streamed(request, 1 if self.name in self.upstream.refuses_n else n, live, more=True)
        except UpstreamError as error:
            if error.status not in (400, 422):
                raise
            first = await self._streamed(request, 1, live, more=True)
        missing = sorted(set(range(n)) - first.begun)
        if missing:
            self.upstream.refuses_n.add(self.name)
        results = [first.reply(), *await self._singly(request, missing)]
        for index, result in zip(missing, results[1:], strict=True):
            if isinstance(result, Reply):
                choices = [{**choice_of(sample), "index": index} for sample in result.samples[:1]]
                for chunk in [*chunks({**first.around, "choices": choices})][:-1]:
                    await live.put(chunk)
        bill = batch_of(results).usage
        await live.put({**first.around, "choices": [], "usage": usage_to_wire(bill) if bill.total else None})
        return results

    async def _streamed(self, request: SampleRequest, n: int, live: Live, *, more: bool = False) -> LiveReply:
        """One streamed call. Its usage is kept back where more may follow."""
        reply = LiveReply()

        async def hand_on(chunk: dict[str, Any]) -> None:
            if chunk.get("choices") or not more:
                await live.put({**chunk, "usage": None} if more else chunk)

        content = self._body(request, n, 0, stream=True, stream_options={"include_usage": True})
        async with self.upstream.calling("POST", "/chat/completions", self.headers, content) as response:
            if "text/event-stream" not in response.headers.get("content-type", ""):
                text = await whole_body(response)
                read_completion(text)
                for made in chunks(json.loads(text)):
                    reply.take(made)
                    await hand_on(made)
                reply.ended = True
                return reply
            async for line in lines(response):
                if (chunk := reply.read(line)) is not None:
                    await hand_on(chunk)
                if reply.ended:
                    break
        return reply

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
