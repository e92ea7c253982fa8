"""The output items of a response, each with the events that tell of it while it comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import uuid4

Event = dict[str, Any]
Part = Literal["output_text", "refusal", "reasoning_text"]


class TextItem:
    """A message, or the reasoning before one: one part of text.

    Args:
        part: what kind of text it is.
        where: its place in the output.
    """

    def __init__(self, part: Part, where: int) -> None:
        self.part = part
        self._kind = "reasoning" if part == "reasoning_text" else "message"
        self._place = {"item_id": f"{self._kind[:3]}_{uuid4().hex}", "output_index": where, "content_index": 0}
        self._said: list[str] = []
        self._logprobs: list[Mapping[str, Any]] = []

    def wire(self, status: str, *, empty: bool = False) -> dict[str, Any]:
        """The item as it is now."""
        own: dict[str, Any] = {"summary": []} if self._kind == "reasoning" else {"role": "assistant"}
        content = [] if empty else [self._content()]
        return {"type": self._kind, "id": self._place["item_id"], **own, "status": status, "content": content}

    def begin(self) -> Iterator[Event]:
        """Tells that it is there."""
        yield _item_event("added", self._place, self.wire("in_progress", empty=True))
        yield {"type": "response.content_part.added", **self._place, "part": self._content()}

    def add(self, text: str, logprobs: list[Mapping[str, Any]]) -> Event:
        """Tells of more text."""
        self._said.append(text)
        self._logprobs += logprobs
        further = {"logprobs": logprobs} if self.part == "output_text" else {}
        return {"type": f"response.{self.part}.delta", **self._place, "delta": text, **further}

    def end(self, status: str) -> Iterator[Event]:
        """Tells that it is over."""
        said = {name: value for name, value in self._content().items() if name not in ("type", "annotations")}
        yield {"type": f"response.{self.part}.done", **self._place, **said}
        yield {"type": "response.content_part.done", **self._place, "part": self._content()}
        yield _item_event("done", self._place, self.wire(status))

    def _content(self) -> dict[str, Any]:
        text = "".join(self._said)
        if self.part == "output_text":
            return {"type": self.part, "text": text, "annotations": [], "logprobs": list(self._logprobs)}
        return {"type": self.part, "refusal" if self.part == "refusal" else "text": text}


class CallItem:
    """A call of a function.

    Args:
        name: of the function.
        call_id: what its result will name.
        where: its place in the output.
    """

    def __init__(self, name: str, call_id: str, where: int) -> None:
        self.call_id = call_id
        self._name = name
        self._place = {"item_id": f"fc_{uuid4().hex}", "output_index": where}
        self._said: list[str] = []

    def wire(self, status: str) -> dict[str, Any]:
        """The item as it is now."""
        own = {"call_id": self.call_id, "name": self._name, "arguments": "".join(self._said)}
        return {"type": "function_call", "id": self._place["item_id"], "status": status, **own}

    def begin(self) -> Iterator[Event]:
        """Tells that it is there."""
        yield _item_event("added", self._place, self.wire("in_progress"))

    def add(self, text: str) -> Event:
        """Tells of more of its arguments."""
        self._said.append(text)
        return {"type": "response.function_call_arguments.delta", **self._place, "delta": text}

    def end(self, status: str) -> Iterator[Event]:
        """Tells that it is over."""
        whole = {"name": self._name, "arguments": "".join(self._said)}
        yield {"type": "response.function_call_arguments.done", **self._place, **whole}
        yield _item_event("done", self._place, self.wire(status))


def _item_event(stage: str, place: Mapping[str, Any], item: Mapping[str, Any]) -> Event:
    return {"type": f"response.output_item.{stage}", "output_index": place["output_index"], "item": item}
