"""Calls between two processes: the tests hold references to what the solution defined, and call through a pipe.

The side of the tests trusts nothing that arrives. It compares and calculates itself: references compare by identity,
and `==`, `<`, `in` and `-` are never asked of the other side, so a solution cannot answer "equal" to everything, or
"nothing" to the difference from what was expected. And all that it does for the solution is to call functions that a
test passed as arguments.
"""

from __future__ import annotations

import json
import operator
import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from tts_agent.verifiers.sandbox.raised import ExceptionClasses, describe, names_of
from tts_agent.verifiers.sandbox.values import decode, encode

MESSAGE_BYTES = 4 << 20

Message = dict[str, Any]


class Gone(BaseException):
    """The other process ended, or says what cannot be understood. No `Exception`: a test must not swallow it."""


def _call(target: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return target(*arguments, **named)


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "__call__": _call,
    "__bool__": bool,
    "__len__": len,
    "__iter__": iter,
    "__next__": next,
    "__str__": str,
    "__repr__": repr,
    "__int__": int,
    "__float__": float,
    "__instancecheck__": lambda kind, value: isinstance(value, kind),
    "__enter__": lambda target: target.__enter__(),
    "__exit__": lambda target, *error: target.__exit__(None, None, None),
    "__getattr__": getattr,
    "__setattr__": setattr,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
}
"""What may be asked of a reference. Comparison, membership and arithmetic are missing on purpose."""


class Remote:
    """Something that lives in the other process."""

    def __init__(self, peer: Peer, number: int, label: str) -> None:
        object.__setattr__(self, "_remote", (peer, number, label))


def _forward(operation: str) -> Callable[..., Any]:
    def forwarded(self: Remote, *arguments: Any, **named: Any) -> Any:
        peer, number, label = object.__getattribute__(self, "_remote")
        return peer.request(number, operation, arguments, named, label)

    return forwarded


for _operation in _OPERATIONS:
    setattr(Remote, _operation, _forward(_operation))


class Peer:
    """One end of the line.

    Args:
        incoming: where the other side's lines arrive.
        outgoing: the descriptor to write lines to.
        only_calls: serve no operation but calls. The side of the tests does.
    """

    def __init__(self, incoming: BinaryIO, outgoing: int, *, only_calls: bool) -> None:
        self.last_call = ""
        """The last call that was asked of the other side, with what came of it, for people."""
        self.gone = False
        self._incoming = incoming
        self._outgoing = outgoing
        self._only_calls = only_calls
        self._mine: list[Any] = []
        self._theirs: dict[int, Remote] = {}
        self._exceptions = ExceptionClasses()

    # ------------------------------------------------------------------------------------------------- asking

    def request(
        self, number: int, operation: str, arguments: tuple[Any, ...], named: dict[str, Any], label: str
    ) -> Any:
        """Ask the other side to do something with its object `number`, and wait.

        Raises:
            Gone: no answer will come.
            BaseException: what the other side raised, as the built-in exception nearest to it.
        """
        asked = {"on": number, "do": operation, "with": self._encode(list(arguments)), "named": self._encode(named)}
        said = f"{label}({', '.join(_short(argument) for argument in arguments)})" if operation == "__call__" else ""
        self._write(json.dumps(asked).encode())
        while "on" in (message := self._receive()):
            self._write(self._answer(message))
        try:
            if "raised" in message:
                names, given, line = message["raised"]
                raised = self._exceptions.rebuilt(names, self._decode(given), line)
            else:
                value = self._decode(message["value"])
                for position, content in message["changed"]:
                    _copy(self._decode(content), arguments[position])
        except Exception as error:
            raise self._lost("its answer cannot be read") from error
        if "raised" in message:
            self.last_call = f"{said} raised {type(raised).__name__}" if said else self.last_call
            raise raised
        self.last_call = f"{said} returned {_short(value)}" if said else self.last_call
        return value

    # ------------------------------------------------------------------------------------------------ answering

    def serve_for_ever(self) -> None:
        """Answer until the other side ends."""
        while True:
            self._write(self._answer(self._receive()))

    def _answer(self, message: Message) -> bytes:
        """The answer to one request, or what it raised, SystemExit included."""
        try:
            return json.dumps(self._do(message)).encode()
        except Gone:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a solution raises is its answer
            return json.dumps({"raised": describe(error, self._encode)}).encode()

    def _do(self, message: Message) -> Message:
        operation = message["do"]
        if self._only_calls and operation != "__call__":
            raise PermissionError("functions of the tests can be called, and nothing else")
        arguments, named = self._decode(message["with"]), self._decode(message["named"])
        value = _OPERATIONS[operation](self._mine[message["on"]], *arguments, **named)
        changed = [
            [position, now]
            for position, (before, argument) in enumerate(zip(message["with"], arguments, strict=True))
            if isinstance(before, list | dict) and (now := self._encode(argument)) != before
        ]
        return {"value": self._encode(value), "changed": changed}

    def export(self, value: Any) -> int:
        """The number under which the other side may ask for it."""
        for number, known in enumerate(self._mine):
            if known is value:
                return number
        self._mine.append(value)
        return len(self._mine) - 1

    # -------------------------------------------------------------------------------------------------- values

    def _encode(self, value: Any) -> Any:
        return encode(value, self._refer)

    def _decode(self, data: Any) -> Any:
        return decode(data, self._resolve)

    def _refer(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Remote):
            _, number, _ = object.__getattribute__(value, "_remote")
            return {"yours": number}
        if isinstance(value, type) and issubclass(value, BaseException):
            return {"exception": names_of(value)}
        return {"mine": [self.export(value), getattr(value, "__name__", type(value).__name__)]}

    def _resolve(self, kind: str, content: Any) -> Any:
        if kind == "yours":
            return self._mine[content]
        if kind == "exception":
            return self._exceptions.named(tuple(content))
        if kind != "mine":
            raise ValueError(f"an unknown kind of value: {kind}")
        number, label = content
        return self._theirs.setdefault(number, Remote(self, int(number), str(label)))

    # --------------------------------------------------------------------------------------------------- lines

    def _write(self, message: bytes) -> None:
        line = memoryview(message + b"\n")
        try:
            while line:
                line = line[os.write(self._outgoing, line) :]
        except OSError as error:
            raise self._lost("it ended") from error

    def _receive(self) -> Message:
        line = self._incoming.readline(MESSAGE_BYTES)
        if not line:
            raise self._lost("it ended")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._lost("its answer cannot be read") from error
        if not isinstance(message, dict) or not ({"on", "value", "raised"} & message.keys()):
            raise self._lost("its answer cannot be read")
        return message

    def _lost(self, reason: str) -> Gone:
        self.gone = True
        return Gone(reason)


def _short(value: Any) -> str:
    if isinstance(value, Remote):
        return f"<{object.__getattribute__(value, '_remote')[2]}>"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - of things inside, `repr` is the solution's own
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 200 else text[:197] + "..."


def _copy(now: Any, argument: Any) -> None:
    """Make a collection that the other side changed equal to what it is there."""
    if isinstance(argument, list):
        argument[:] = now
    elif isinstance(argument, set | dict | deque):
        argument.clear()
        getattr(argument, "extend" if isinstance(argument, deque) else "update")(now)
