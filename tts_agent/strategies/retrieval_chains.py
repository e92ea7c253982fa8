"""Retrieval chains: look up, read, and ask the next question, in several chains side by side whose answers vote.

A hop is a query that the model writes, the passages that come back, and the model's short answer from them. Each query
is written in sight of the earlier hops, so that a question over several documents is taken apart as they come in. The
dials are how long a chain may get, how many there are, and when one stops (`retrieval_stops`). Source: Wang et al.
(CoRAG), arXiv 2501.14342; the models there are trained for it, the prompts here are for models that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from tts_agent.effects import Flow, call, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import aside, asked_too, concluded, cut_short, majority
from tts_agent.strategies.retrieval_stops import Hop, two_without_news

Retriever = Callable[[str], Sequence[str]]
"""A query in, passages out, the best first. It may block, and is called off the event loop and from several threads."""

ENOUGH = "ENOUGH"
QUERY = (
    "Before answering: write one search query, on one line, for what is still missing to answer the question above. "
    f"If nothing is missing, write {ENOUGH} alone."
)
READ = "Answer the query briefly from the passages alone. If they do not answer it, say: not found."
ANSWER = "Now answer the question above. Where it helps, use what was looked up for it:"


@dataclass(frozen=True, slots=True)
class RetrievalChains:
    """Runs `count` chains of up to `length` hops each, lets each answer, and returns the majority's first sample.

    A chain ends where the model writes that it has enough, or no query at all, where `stop` says so, or where a call
    brings nothing; what it found by then is what it answers from. A query that finds nothing is not read, and a chain
    that found nothing asks the step as it is. Samples drawn before vote too. Queries and readings are not among the
    outcome's samples; their tokens are on the ledger. They cannot use a budget's reserve for the final answer: it is
    kept for the answers.

    Whatever `retrieve` raises ends the step: a search that failed is not one that found nothing.
    """

    name: ClassVar[str] = "retrieval_chains"
    source: ClassVar[str] = "arXiv 2501.14342"

    retrieve: Retriever
    length: int = 4
    """Most hops of a chain; 0 answers from what the question itself finds."""
    count: int = 1
    """Chains, and so answers."""
    stop: Callable[[Sequence[Hop]], bool] = two_without_news
    """Whether a chain with these hops, at least one, ends."""
    passages: int = 4
    """Most passages kept of one look-up."""
    query: str = QUERY
    read: str = READ
    answer: str = ANSWER

    def __post_init__(self) -> None:
        if self.length < 0 or self.count < 1 or self.passages < 1:
            raise ConfigurationError(
                f"retrieval chains need length >= 0, count >= 1 and passages >= 1, not {self.length}, {self.count} and "
                f"{self.passages}"
            )

    def run(self, step: Step) -> Flow[Outcome]:
        known = yield from self._look_up(step.text)
        batches = yield from together(*(self._chain(step, known) for _ in range(self.count)))
        step = step.with_drawn(tuple(sample for batch in batches for sample in batch.samples))
        missing = (cut_short(batch) for batch in batches if not batch.samples)
        return concluded(self.name, next(missing, "done"), step, majority(step))

    def _chain(self, step: Step, known: tuple[str, ...]) -> Flow[SampleBatch]:
        """One chain, and its answer."""
        hops: list[Hop] = []
        while len(hops) < self.length and not (hops and self.stop(hops)):
            hop = yield from self._hop(step, known, hops)
            if hop is None:
                break
            known += hop.found
            hops.append(hop)
        looked_up = _notes(known, hops)
        turns = asked_too(step.messages, f"{self.answer}\n\n{looked_up}") if looked_up else step.messages
        return (yield from generate(replace(step.request(), messages=turns), 1, final=step.final))

    def _hop(self, step: Step, known: tuple[str, ...], hops: Sequence[Hop]) -> Flow[Hop | None]:
        """The next hop, or None where there is none to make."""
        task = "\n\n".join(part for part in (_notes(known, hops), self.query) if part)
        asking = replace(step, messages=asked_too(step.messages, task))
        written = yield from generate(aside(asking), 1)
        query = _query(written.samples)
        if not query:
            return None
        passages = yield from self._look_up(query)
        news = tuple(passage for passage in passages if passage not in known)
        if not passages:
            return Hop(query, tokens=written.usage.total)
        text = "\n\n".join((*passages, f"Query: {query}", self.read))
        reading = yield from generate(aside(replace(step, messages=(user(text),))), 1)
        said = next((sample.text.strip() for sample in reading.samples), "")
        return Hop(query, news, said, written.usage.total + reading.usage.total)

    def _look_up(self, query: str) -> Flow[tuple[str, ...]]:
        """What the query finds, each passage once."""
        found = yield from call(partial(self.retrieve, query))
        return tuple(dict.fromkeys(passage for passage in found if passage.strip()))[: self.passages]


def _query(samples: Sequence[Sample]) -> str:
    """The first line that was written; nothing where the model has enough, or was cut off."""
    lines = [line.strip() for sample in samples if sample.valid for line in sample.text.splitlines() if line.strip()]
    return lines[0] if lines and lines[0].strip("\"'*.` ").upper() != ENOUGH else ""


def _notes(known: Sequence[str], hops: Sequence[Hop]) -> str:
    """What a chain has found: the passages, then what each query was answered with."""
    readings = [f"Query: {hop.query}\nAnswer: {hop.answer or 'not found'}" for hop in hops]
    return "\n\n".join((*known, *readings))
