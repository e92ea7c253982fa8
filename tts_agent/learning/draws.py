"""One call of labelling: samples of one question, drawn and graded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from tts_agent import answers
from tts_agent.budget import Budget
from tts_agent.difficulty import SampleSignals
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.events import Drawn, Event, Refused, Retried
from tts_agent.exceptions import SamplerError
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item, stream_seed
from tts_agent.learning.store import Finished, Graded
from tts_agent.learning.store_file import Settings
from tts_agent.sampling import SampleBatch, Sampler
from tts_agent.step import Step
from tts_agent.verifiers import Verdict


@dataclass(frozen=True, slots=True)
class Draw:
    """Samples `number` to `number + n - 1` of a question."""

    item: Item
    question: int
    number: int
    n: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a call came to."""

    draw: Draw
    finished: Finished
    failure: SamplerError | None = None
    """Of the model, which may answer the same call later."""
    refused: bool = False
    """Whether the budget had no room for all of it."""


class Drawer:
    """Makes such calls. Each sample is drawn whole or not at all: a budget that runs short cuts none off, because a
    sample that was cut off would count as failed.

    A call that brought nothing can be repeated, and asks for the same samples again. One that came back short has used
    its numbers up: nobody can say which of them the survivors had.
    """

    def __init__(
        self, sampler: Sampler, budget: Budget, settings: Settings, grading: Grading, *, keep_texts: bool = False
    ) -> None:
        self.sampler = sampler
        self.budget = budget
        self._settings = settings
        self._grading = grading
        self._keep_texts = keep_texts

    def step(self, item: Item) -> Step:
        """The step that an item is. Its random stream is its own, whatever else is in the data."""
        seed = self._settings.seed
        return Step(
            item.messages,
            max_tokens=self._settings.max_tokens,
            kind=item.kind,
            temperature=self._settings.temperature,
            seed=None if seed is None else stream_seed(seed, item.id),
            tools=item.tools,
            answer_key=self._grading.answer_key,
        )

    async def __call__(self, draw: Draw) -> Drawing:
        """Draw and grade.

        Raises:
            ConfigurationError: no such call can be made at all.
        """
        step = self.step(draw.item)
        request = replace(step.request(), offset=draw.number)
        drawing = Driver(self.sampler, self.budget, max_retries=0, min_tokens=step.max_tokens)
        batch = await drawing.run(generate(request, draw.n))
        if not batch.samples:
            failure = drawing.last_failure or SamplerError("the call brought nothing", billed=False, retryable=True)
            error = None if batch.exhausted else str(failure)
            nothing = Finished(draw.question, draw.number, (), drawing.charged, error)
            return Drawing(draw, nothing, None if batch.exhausted else failure, batch.exhausted)
        judging = Driver(self.sampler, self.budget)
        try:
            verdicts = await judging.run(self._grading.verifier(draw.item).verify(step, batch.samples))
            wrong = _missed(judging.events)
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything; it is no verdict
            wrong = f"{type(error).__name__}: {error}"
        charged = drawing.charged + judging.charged
        if wrong is not None:
            lost = Finished(draw.question, draw.number, (), charged, f"grading failed: {wrong}")
            return Drawing(
                draw, lost, judging.last_failure, refused=any(isinstance(event, Refused) for event in judging.events)
            )
        graded = self._graded(step, draw.number, batch, verdicts)
        places = _granted(drawing.events)
        used_up = tuple(Graded(draw.number + place) for place in range(len(graded), places))
        short = None if not used_up else str(drawing.last_failure or "fewer samples came back than were asked for")
        done = Finished(draw.question, draw.number, graded + used_up, charged, short)
        return Drawing(draw, done, refused=batch.exhausted)

    def _graded(self, step: Step, start: int, batch: SampleBatch, verdicts: Sequence[Verdict]) -> tuple[Graded, ...]:
        return tuple(
            Graded(
                number,
                verdict.accepted,
                SampleSignals.of(sample),
                sample.usage,
                _hashed(answers.vote(sample, step.answer_key)),
                sample.text if self._keep_texts else None,
            )
            for number, (sample, verdict) in enumerate(zip(batch.samples, verdicts, strict=True), start)
        )


def _missed(events: Sequence[Event]) -> str | None:
    """What kept a verifier from its judgement: to have no judgement must not count as a rejection."""
    refused = [event.reason for event in events if isinstance(event, Refused)]
    short = [event for event in events if isinstance(event, Drawn) and event.received < event.granted]
    if refused:
        return refused[0]
    if len(short) > sum(isinstance(event, Retried) for event in events):
        return "; ".join(short[-1].failures) or "fewer judgements came back than were asked for"
    return None


def _granted(events: Sequence[Event]) -> int:
    return next(event.granted for event in reversed(events) if isinstance(event, Drawn))


def _hashed(answer: Hashable | None) -> str | None:
    """Enough to tell answers apart: 64 bits."""
    return None if answer is None else blake2b(repr(answer).encode(errors="replace"), digest_size=8).hexdigest()
