"""Continue from the verified prefix: keep the steps that are right, and write on from there.

Where a verifier locates the first wrong step, the tokens before it were well spent. The next attempt begins with them,
as the beginning of the model's own turn, and only the rest is drawn anew. Where each of L steps succeeds with
probability s, the answer is right within R rounds if at most R steps fail before L succeed (negative binomial); fresh
attempts need L successes in a row. Needs an endpoint that continues a last message of role `assistant`.
No single source: backtracking to the last right step is as old as step-level verifiers (Lightman et al., arXiv
2305.20050).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import concluded, cut_short, first_attempt, merit, verified
from tts_agent.verifiers import Verdict, Verifier


def lines_before(text: str, wrong_at: int) -> str:
    """What stands before line number `wrong_at`, counted from 1 without the blank ones."""
    lines = text.splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if line.strip()]
    return "".join(lines[: starts[wrong_at - 1]] if wrong_at <= len(starts) else lines)


@dataclass(frozen=True, slots=True)
class PrefixContinuation:
    """Continues the longest verified prefix until the verifier accepts, at most `max_rounds` times.

    A continued attempt is put together from prefix and continuation, and has no `raw`; its usage is that of its own
    call. Where the verifier locates nothing, or nothing stands before the first mistake, the round is a fresh attempt.
    """

    name: ClassVar[str] = "prefix_continuation"
    needs: ClassVar[tuple[str, ...]] = ("continuation",)
    source: ClassVar[str] = "this project, after arXiv 2305.20050"

    verifier: Verifier
    max_rounds: int = 4
    prefix: Callable[[str, int], str] = lines_before
    """(text, 1-based number of its first wrong step) -> the part of the text before that step."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the endpoint wants to be told of a request that continues, beside the step's own options. vLLM:
    {"continue_final_message": True, "add_generation_prompt": False}."""

    def __post_init__(self) -> None:
        if self.max_rounds < 1:
            raise ConfigurationError(f"max_rounds is {self.max_rounds}: at least one round is needed")

    def run(self, step: Step) -> Flow[Outcome]:
        step, batch = yield from first_attempt(step)
        if not step.drawn:
            return concluded(self.name, cut_short(batch), step, None)
        verdicts = yield from verified(self.verifier, step, step.drawn)
        best, verdict = max(zip(step.drawn, verdicts, strict=True), key=merit)
        stop: StopReason = "rounds"
        for _ in range(self.max_rounds):
            if verdict.accepted:
                break
            kept = self._kept(best, verdict)
            batch = yield from generate(self._request(step, kept), 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            attempt = _joined(kept, batch.samples[0]) if kept else batch.samples[0]
            step = step.with_drawn((attempt,))
            (further,) = yield from verified(self.verifier, step, (attempt,))
            if merit((attempt, further)) >= merit((best, verdict)):
                best, verdict = attempt, further
        stop = "accepted" if verdict.accepted else stop
        return concluded(self.name, stop, step, best, p_correct=verdict.probability, accepted=verdict.accepted)

    def _kept(self, attempt: Sample, verdict: Verdict) -> str:
        kept = "" if verdict.wrong_at is None else self.prefix(attempt.text, verdict.wrong_at)
        return kept if kept.strip() else ""

    def _request(self, step: Step, kept: str) -> SampleRequest:
        if not kept:
            return step.request()
        return replace(step.request(assistant(kept.rstrip())), options={**step.options, **self.options})


def _joined(prefix: str, continuation: Sample) -> Sample:
    """One reply. The request ends without the prefix's last space, which endpoints refuse; here it stands again."""
    gap = prefix[len(prefix.rstrip()) :]
    text = prefix + continuation.text.lstrip() if gap else prefix + continuation.text
    return replace(continuation, text=text, raw=None)
