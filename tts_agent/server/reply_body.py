"""The body of an upstream's reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from tts_agent.exceptions import SamplerError
from tts_agent.samplers.chat_wire import Reply, read_reply

LONGEST_REPLY = 64 * 2**20
"""Bytes. A longer reply is a failure: it would be kept in memory."""


def read_completion(text: str) -> Reply:
    """The reply in a body; each sample keeps its whole choice in `raw`.

    Raises:
        SamplerError: it is no chat completion. It may have been billed.
    """
    try:
        reply = read_reply(text)
        choices = json.loads(text)["choices"]
    except (ValueError, TypeError, RecursionError, AttributeError):
        raise SamplerError("the upstream's reply is not a chat completion") from None
    pairs = zip(reply.samples, choices, strict=True)
    return Reply(tuple(replace(sample, raw=choice) for sample, choice in pairs), reply.usage)


async def whole_body(response: aiohttp.ClientResponse) -> str:
    """The text of a reply.

    Raises:
        SamplerError: it is longer than `LONGEST_REPLY`.
    """
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > LONGEST_REPLY:
            raise SamplerError(f"the upstream's reply is longer than {LONGEST_REPLY} bytes")
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The lines of a reply as they come.

    Raises:
        SamplerError: one is longer than `LONGEST_REPLY`.
    """
    rest = bytearray()
    async for part in response.content.iter_any():
        rest += part
        if b"\n" in part:
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
        if len(rest) > LONGEST_REPLY:
            raise SamplerError(f"a line of the upstream's stream is longer than {LONGEST_REPLY} bytes")
    if rest:
        yield rest.decode("utf-8", "replace")


def json_object(text: str) -> Mapping[str, Any] | None:
    """The object that the text is in JSON; None where it is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, Mapping) else None
