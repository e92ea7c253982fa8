"""Sleep-time compute: think about a context before anybody asks, and use what came of it for every question about it.

    sleeping = SleepTime(Single(), notes={})
    driver.run(sleeping.prepare(document))      # between queries; once for each context
    driver.run(sleeping.run(step))              # a step whose messages are the document and a question

It pays once a context is asked about often enough: `break_even`. Source: Lin et al., arXiv 2504.13171.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import inf
from typing import ClassVar

from tts_agent.effects import Flow, call, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, assistant
from tts_agent.sampling import SampleRequest
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import Strategy, asked_too

PROMPT = (
    "Questions about the above will follow. Prepare for them: work out what follows from it, do the calculations "
    "that are likely to be needed, and note it all down."
)


def break_even(prepared: float, without: float, with_notes: float, idle_price: float = 1.0) -> float:
    """How many questions about a context it takes until preparing it has paid for itself; infinity for never.

    Args:
        prepared: tokens of the preparation.
        without, with_notes: tokens of one question, at the same accuracy. The notes are read each time.
        idle_price: price of a token while nobody waits, in prices of one while somebody does (batch prices: 0.5).
    """
    if min(prepared, without, with_notes, idle_price) < 0.0:
        raise ConfigurationError("token counts and prices must be >= 0")
    saved = without - with_notes
    return idle_price * prepared / saved if saved > 0.0 else inf


@dataclass(frozen=True, slots=True)
class SleepTime:
    """Runs a strategy with the notes on the step's context, where there are any.

    The context is every message before the last one. Notes are kept in a mapping of the caller's, by a hash of the
    contents and of the prompt: a dict, or anything on a disk or a server that acts like one, used off the
    event loop; one for each model. Nothing is prepared while somebody waits.
    """

    name: ClassVar[str] = "sleep_time"
    source: ClassVar[str] = "arXiv 2504.13171"

    inner: Strategy
    notes: MutableMapping[str, str]
    """Hash of a context -> what was worked out about it."""
    prompt: str = PROMPT

    def prepare(self, context: Sequence[Message], *, max_tokens: int = 1024, seed: int | None = None) -> Flow[str]:
        """Think about a context, once: the notes, or "" where the budget or the model gave none.

        Raises:
            ConfigurationError: there is no context.
        """
        key = self._key(context)
        known = yield from call(lambda: self.notes.get(key))
        if known:
            return known
        request = SampleRequest(asked_too(context, self.prompt), max_tokens, seed=seed)
        batch = yield from generate(request, 1)
        worked_out = next((sample.text for sample in batch.samples if sample.text.strip()), "")
        if worked_out:
            yield from call(lambda: self.notes.__setitem__(key, worked_out))
        return worked_out

    def run(self, step: Step) -> Flow[Outcome]:
        context, question = step.messages[:-1], step.messages[-1]
        known = (yield from call(lambda: self.notes.get(self._key(context)))) if context else None
        if known:
            step = replace(step, messages=(*asked_too(context, self.prompt), assistant(known), question))
        outcome = yield from self.inner.run(step)
        return replace(outcome, strategy=self.name)

    def _key(self, context: Sequence[Message]) -> str:
        if not context:
            raise ConfigurationError("there is no context to prepare: give the messages that questions will follow")
        said = [[turn.role, turn.content, *map(str, turn.tool_calls), _further(turn)] for turn in context]
        return blake2b(json.dumps([self.prompt, said]).encode(), digest_size=16).hexdigest()


def _further(turn: Message) -> str:
    """What a framework's own message holds, which may be more than text: two pictures are two contexts."""
    own = turn.raw.get("content") if isinstance(turn.raw, Mapping) else getattr(turn.raw, "content", None)
    return "" if own is None or own == turn.content else json.dumps(own, sort_keys=True, default=repr)
