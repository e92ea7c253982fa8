"""The contract of a strategy, and what strategies share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate, record
from tts_agent.events import Verified
from tts_agent.messages import Message, assistant, user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.stopping import StoppingRule
from tts_agent.verifiers import Verdict, Verifier
from tts_agent.voting import Tally


class Strategy(Protocol):
    """Answers a step. It copes with any number of samples from 0 to what it asked for, at every point."""

    @property
    def name(self) -> str:
        """The field's term for it: "single", "self_consistency", "best_of_n", ..."""
        ...

    def run(self, step: Step) -> Flow[Outcome]:
        """Start from `step.drawn`, ask for more as needed, and come to an outcome."""
        ...


def draw(step: Step, n: int, *, alone: bool = False) -> Flow[tuple[Step, SampleBatch]]:
    """Draw up to `n` more samples of the step itself; `alone` says that there will be no other."""
    batch = yield from generate(replace(step.request(), alone=alone), n, final=step.final)
    return step.with_drawn(batch.samples), batch


def draw_under(rule: StoppingRule, step: Step) -> Flow[tuple[Step, StopReason]]:
    """Draw what the rule still needs, in parallel batches, until it needs nothing or nothing comes."""
    while (needed := rule.still_needed(step.tally())) > 0:
        step, batch = yield from draw(step, needed)
        if not batch.samples:
            return step, cut_short(batch)
    return step, "settled"


def first_attempt(step: Step) -> Flow[tuple[Step, SampleBatch]]:
    """What was drawn before, or else one sample."""
    if step.drawn:
        return step, SampleBatch()
    return (yield from draw(step, 1))


def aside(step: Step, *turns: Message) -> SampleRequest:
    """A question of the strategy's own, after the step's messages: the reply to it is text.

    So the step's tools, stop texts and forced forms of reply do not apply to it.
    """
    options = {name: value for name, value in step.options.items() if name not in _FORMS}
    return replace(step.request(*turns), tools=(), stop=(), options=options)


_FORMS = frozenset({"parallel_tool_calls", "response_format", "tool_choice"})


def asked_too(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """The messages with a further question: added to a last turn that is the user's plain text, since some endpoints
    take no two turns of the user in a row, else as a turn of its own."""
    *before, last = messages
    if last.role == "user" and last.raw is None:
        return (*before, user(f"{last.content}\n\n{text}"))
    return (*messages, user(text))


def shown(attempt: Sample) -> str:
    """An attempt as text: what it says, and the calls that it proposes, none of which ran."""
    return "\n".join(part for part in (attempt.text, *map(str, attempt.tool_calls)) if part.strip())


def answered(attempt: Sample, reply: str) -> tuple[Message, ...]:
    """The attempt as a turn of the model, and the user's `reply` to it.

    As text, since calls would want results. No turns after an empty attempt, which no endpoint takes as one.
    """
    said = shown(attempt)
    return (assistant(said), user(reply)) if said else ()


def cut_short(*batches: SampleBatch) -> StopReason:
    """Why batches brought nothing."""
    return "budget" if any(batch.exhausted for batch in batches) else "failed"


def verified(verifier: Verifier, step: Step, samples: Sequence[Sample]) -> Flow[list[Verdict]]:
    """The verdicts on `samples`, put on the trace."""
    if not samples:
        return []
    verdicts = list((yield from verifier.verify(step, samples)))
    scores = tuple(verdict.score for verdict in verdicts)
    yield from record(Verified(verifier.name, scores, sum(verdict.accepted for verdict in verdicts)))
    return verdicts


@dataclass(frozen=True, slots=True)
class Ballot:
    """A sample that can vote."""

    sample: Sample
    answer: Hashable
    verdict: Verdict


def ballots(verifier: Verifier, step: Step) -> Flow[list[Ballot]]:
    """The samples drawn that can vote, in order, with what the verifier says of them; it sees no others."""
    cast = [(sample, answer) for sample in step.drawn if (answer := vote(sample, step.answer_key)) is not None]
    verdicts = yield from verified(verifier, step, [sample for sample, _ in cast])
    return [Ballot(sample, answer, verdict) for (sample, answer), verdict in zip(cast, verdicts, strict=True)]


def best_scored(cast: Sequence[Ballot], answer: Hashable) -> Ballot:
    """The ballot for `answer` with the highest score, the first of them on a tie; there must be one."""
    return max((ballot for ballot in cast if ballot.answer == answer), key=lambda ballot: ballot.verdict.score)


def merit(attempt: tuple[Sample, Verdict]) -> tuple[bool, float, float]:
    """Orders attempts: accepted before higher score before later first mistake."""
    verdict = attempt[1]
    return verdict.accepted, verdict.score, float(verdict.wrong_at or 0)


def voters(samples: Sequence[Sample], tally: Tally) -> list[Sample]:
    """The samples whose vote is the leader's."""
    return [sample for sample, cast in zip(samples, tally.votes, strict=True) if cast == tally.leader]


def usable(step: Step, samples: Sequence[Sample]) -> Sample | None:
    """The first sample with an answer, else the first at all: better a cut-off reply than none."""
    answered = (sample for sample in samples if vote(sample, step.answer_key) is not None)
    return next(answered, samples[0] if samples else None)


def majority(step: Step) -> Sample | None:
    """The first sample drawn whose answer has the most votes, else the first at all."""
    tally = step.tally()
    return voters(step.drawn, tally)[0] if tally.counts else usable(step, step.drawn)


def concluded(
    name: str,
    stop: StopReason,
    step: Step,
    winner: Sample | None,
    *,
    p_correct: float | None = None,
    accepted: bool | None = None,
) -> Outcome:
    """The outcome of a strategy that drew all of `step.drawn` and chose `winner` among them.

    Where nothing was drawn, `stop` must say why: "budget" or "failed".
    """
    if winner is None:
        return Outcome(name, stop, p_correct=p_correct)
    return Outcome(
        name,
        stop,
        winner,
        answer=vote(winner, step.answer_key),
        samples=step.drawn,
        votes=step.tally().counts,
        p_correct=p_correct,
        accepted=accepted,
    )
