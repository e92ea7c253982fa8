"""A streamed reply that is handed on while it comes, and what of it the ledger needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tts_agent.exceptions import SamplerError
from tts_agent.samplers.chat_wire import FINISH_REASONS, Reply, read_usage
from tts_agent.sampling import Sample, Usage, split


class LiveReply:
    """Reads a stream of server-sent events line by line."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the stream said that it is complete."""
        self.around: Mapping[str, Any] = {}
        """What its first chunk says beside choices and usage."""
        self._usage: Usage | None = None
        self._texts: dict[int, list[str]] = {}
        self._ends: dict[int, object] = {}

    def read(self, line: str) -> dict[str, Any] | None:
        """The chunk in a line, to hand on; None when it has none.

        Raises:
            SamplerError: the stream is damaged, or reports that it failed. It may have been billed.
        """
        if not line.startswith("data:"):
            return None
        text = line.removeprefix("data:").strip()
        if text == "[DONE]":
            self.ended = True
            return None
        try:
            chunk = json.loads(text)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise SamplerError("the upstream's stream is not made of chunks")
        self.take(chunk)
        return chunk

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Note what a chunk says.

        Raises:
            SamplerError: it reports a failure.
        """
        self.around = self.around or {name: said for name, said in chunk.items() if name not in ("choices", "usage")}
        said = chunk.get("choices")
        choices = [choice for choice in said if isinstance(choice, Mapping)] if isinstance(said, list) else []
        if chunk.get("error") or any(one.get("error") or one.get("finish_reason") == "error" for one in choices):
            raise SamplerError("the upstream failed in the middle of its reply")
        self._usage = read_usage(chunk.get("usage")) or self._usage
        for choice in choices:
            self._note(choice)

    @property
    def begun(self) -> frozenset[int]:
        """The choices that came, by index."""
        return frozenset(self._texts)

    def reply(self) -> Reply:
        """What came, once the stream is over.

        Raises:
            SamplerError: it broke off.
        """
        if not self._texts or not (self.ended or len(self._ends) == len(self._texts)):
            raise SamplerError("the upstream's stream ended before the reply did")
        shares = split(self._usage or Usage(), [sum(map(len, said)) for said in self._texts.values()])
        samples = tuple(
            Sample("".join(said), FINISH_REASONS.get(self._ends.get(index), "unknown"), usage=share)
            for (index, said), share in zip(self._texts.items(), shares, strict=True)
        )
        return Reply(samples, self._usage)

    def _note(self, choice: Mapping[str, Any]) -> None:
        index = choice.get("index")
        said = self._texts.setdefault(index if isinstance(index, int) else 0, [])
        delta = choice.get("delta")
        if isinstance(delta, Mapping) and isinstance(content := delta.get("content"), str):
            said.append(content)
        if choice.get("finish_reason") is not None:
            self._ends[index if isinstance(index, int) else 0] = choice["finish_reason"]
