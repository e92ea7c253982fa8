"""A step's flow, performed by several nodes of a graph: what happened stands in a log in the state.

A generator cannot be checkpointed, but what it was told can: a flow decides nothing but from the replies it is sent. So
each node starts the flow anew, sends it the replies of the log, which costs no call, and goes on from there. One
strategy serves one node and many, one process and, after a crash, the next.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tts_agent.budget import Amount
from tts_agent.driver import Driver
from tts_agent.effects import Effect, FirstOf, Flow, Generate, Record, Together
from tts_agent.events import Event
from tts_agent.exceptions import SamplerError
from tts_agent.nodes.json_values import from_json, to_json
from tts_agent.sampling import SampleBatch, SampleRequest, Usage

T = TypeVar("T")
Entry = dict[str, Any]
"""JSON data with one of four keys: `begun` (a step), `replied` (by the estimator, a verifier or the budget), `asked`
(how many samples) and `drawn` (a batch of samples, with the `events` and what was `charged` for it)."""


def begun(kind: str, model: str) -> Entry:
    """The first entry of a step."""
    return {"begun": {"kind": kind, "model": model}}


def drawn(batch: SampleBatch, driver: Driver) -> Entry:
    """The entry of samples that came back."""
    return {"drawn": to_json(batch), "events": to_json(driver.events), "charged": to_json(driver.charged)}


def extended(log: list[Entry], new: list[Entry] | None) -> list[Entry]:
    """Reducer of the log: further entries are appended, a step that begins starts it anew, None clears it."""
    if new is None:
        return []
    return new if new and "begun" in new[0] else log + new


@dataclass(frozen=True, slots=True)
class Pause:
    """Where a flow stands: at an effect that has no reply yet."""

    effect: Effect
    offset: int = 0
    """Samples of the same request that were asked for before."""


class Replay:
    """Takes a flow up again. Afterwards the fields tell what happened, in this life and in earlier ones."""

    def __init__(self, log: Sequence[Entry]) -> None:
        self.new: list[Entry] = []
        """What the log lacks."""
        self.events: list[Event] = []
        self.charged = Amount()
        self.last_failure: SamplerError | None = None
        self._log = deque(entry for entry in log if "begun" not in entry)
        self._asked: Counter[SampleRequest] = Counter()

    def run(self, flow: Flow[T], *, until: type[Effect]) -> Flow[T | Pause]:
        """The flow's own effects, but for those the log knows the reply to, up to the first of kind `until`.

        Flows that want to run concurrently run one after the other: their order is their place in the log.
        """
        reply: Any = None
        while True:
            try:
                effect = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(effect, Record):
                self.events.append(effect.event)
                reply = None
            elif isinstance(effect, Together | FirstOf):
                reply = yield from self._in_turn(effect, until)
                if isinstance(reply, Pause):
                    return reply
            elif self._log:
                reply = self._recorded(effect)
            elif isinstance(effect, until):
                flow.close()
                return Pause(effect, self._asked[_key(effect.request)] if isinstance(effect, Generate) else 0)
            else:
                reply = yield effect
                self.new.append({"replied": to_json(reply)})

    def _in_turn(self, effect: Together | FirstOf, until: type[Effect]) -> Flow[tuple[Any, ...] | Pause]:
        results: list[Any] = []
        for flow in effect.flows:
            result = yield from self.run(flow, until=until)
            if isinstance(result, Pause):
                return result
            results.append(result)
            if isinstance(effect, FirstOf) and effect.enough(results):
                break
        return tuple(results)

    def _recorded(self, effect: Effect) -> Any:
        entry = self._log.popleft()
        if not isinstance(effect, Generate):
            return from_json(entry["replied"])
        self._asked[_key(effect.request)] += entry["asked"]
        batches = []
        while self._log and "drawn" in self._log[0]:
            part = self._log.popleft()
            batches.append(from_json(part["drawn"]))
            self.events += from_json(part["events"])
            self.charged += from_json(part["charged"])
            self.last_failure = next(iter(batches[-1].failures), self.last_failure)
        return _joined(batches)


def _key(request: SampleRequest) -> SampleRequest:
    return replace(request, offset=0)


def _joined(batches: Sequence[SampleBatch]) -> SampleBatch:
    """Calls that were made side by side, as the one batch that a flow asked for."""
    return SampleBatch(
        samples=tuple(sample for batch in batches for sample in batch.samples),
        usage=sum((batch.usage for batch in batches), Usage()),
        unaccounted=sum(batch.unaccounted for batch in batches),
        failures=tuple(failure for batch in batches for failure in batch.failures),
        exhausted=any(batch.exhausted for batch in batches),
    )
