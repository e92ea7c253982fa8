"""First-finish-k of n: n calls in flight, the first k that finish vote, the others are cancelled.

Short reasoning is right more often than long reasoning about the same question, and nobody waits for the slowest:
the wait is the k-th smallest of n lengths and not the largest. Source: First Finish Search, Agarwal et al.,
arXiv 2505.18149, for k = 1. What it saves is time. A cancelled call may be billed in full, so the ledger charges it in
full: it saves tokens only on endpoints of one's own, whose bill the ledger then overstates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, first_of, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import SampleBatch
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import concluded, cut_short, majority


@dataclass(frozen=True, slots=True)
class FirstFinish:
    """Returns the majority of the first `k` samples that can vote; the one that finished first on a tie.

    A reply that was cut off has not finished. Where fewer than `k` come, those decide. Samples drawn before
    finished first.
    """

    name: ClassVar[str] = "first_finish"
    needs: ClassVar[tuple[str, ...]] = ("n", "cancellation")
    source: ClassVar[str] = "arXiv 2505.18149"

    n: int = 4
    """Calls in flight."""
    k: int = 1
    """Samples that vote; odd numbers know no ties between two answers."""

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n:
            raise ConfigurationError(f"the first k of n calls: k is {self.k} and n is {self.n}, and 1 <= k <= n")

    def run(self, step: Step) -> Flow[Outcome]:
        wanted = self.k - _finished(step)
        if wanted < 1:
            return concluded(self.name, "done", step, majority(step))
        calls = (generate(step.request(), 1, final=step.final) for _ in range(self.n))
        batches = yield from first_of(*calls, enough=lambda came: _finished(_with(step, came)) >= self.k)
        step = _with(step, batches)
        missing = (cut_short(batch) for batch in batches if not batch.samples)
        stop: StopReason = "done" if _finished(step) >= self.k else next(missing, "done")
        return concluded(self.name, stop, step, majority(step))


def _with(step: Step, batches: Sequence[SampleBatch]) -> Step:
    return step.with_drawn(tuple(sample for batch in batches for sample in batch.samples))


def _finished(step: Step) -> int:
    return sum(vote(sample, step.answer_key) is not None for sample in step.drawn)
