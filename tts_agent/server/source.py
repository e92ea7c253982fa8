"""What stands behind the endpoint: an upstream over HTTP, or a sampler of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tts_agent.sampling import Sampler
from tts_agent.server.chat_request import ChatRequest
from tts_agent.server.refusal import Refusal

Live = asyncio.Queue[dict[str, Any]]
"""Chunks of a streamed reply, as they come."""


class Source(Protocol):
    """What stands behind the endpoint."""

    def door(self, request: ChatRequest, onward: Mapping[str, str], *, capped: bool, live: Live | None) -> Sampler:
        """The sampler that answers this request. One that can stream puts its chunks into `live`.

        Args:
            onward: headers of the client's that go on to the upstream.
        """
        ...

    async def models(self, onward: Mapping[str, str]) -> Mapping[str, Any]:
        """The body of `GET /v1/models`."""
        ...

    async def reachable(self) -> bool:
        """Whether it answers, be it with a refusal."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """A sampler of this process, as `--embedded` serves the tiny model."""

    sampler: Sampler

    def door(self, request: ChatRequest, onward: Mapping[str, str], *, capped: bool, live: Live | None) -> Sampler:
        """See `Source`."""
        if request.model != self.sampler.name:
            message = f"the model {request.model!r} does not exist: there is {self.sampler.name!r}"
            raise Refusal(404, message, code="model_not_found", param="model")
        return self.sampler

    async def models(self, onward: Mapping[str, str]) -> Mapping[str, Any]:
        """See `Source`."""
        return {"object": "list", "data": [{"id": self.sampler.name, "object": "model", "owned_by": "tts-agent"}]}

    async def reachable(self) -> bool:
        """See `Source`: it is in this process."""
        return True

    async def close(self) -> None:
        """There is nothing to close."""
