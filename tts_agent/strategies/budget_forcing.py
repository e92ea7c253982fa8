"""Budget forcing: a model that stops early is told to go on thinking, one that does not stop is told to answer.

Where a reply ends by itself, its end is taken away and "Wait" is written in its place, so that the model looks at its
thoughts again; where it was cut off, the words that begin an answer are. Both continue the model's own turn, so the
endpoint must allow a last message of role `assistant`; where it shows the model's thoughts apart from its answer, it
forces the answer only. Accuracy rises with the first few waits of models trained to think long, and falls after
that or with others: measure it. Source: Muennighoff et al., arXiv 2501.19393 (s1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import concluded, cut_short, first_attempt, usable


@dataclass(frozen=True, slots=True)
class BudgetForcing:
    """One reply, continued `waits` times; if the last is cut off, an answer is forced out of it.

    A continuation that comes to no answer leaves the reply before it standing. Each continued reply is put together
    from all of its parts, without `raw`; its usage is the sum of their calls.
    """

    name: ClassVar[str] = "budget_forcing"
    needs: ClassVar[tuple[str, ...]] = ("continuation",)
    source: ClassVar[str] = "arXiv 2501.19393"

    waits: int = 1
    wait: str = "\nWait,"
    """Written in place of the end."""
    ending: str = "\nFinal answer:"
    """Written where a reply was cut off."""
    ending_tokens: int = 64
    """Most tokens of an answer that is forced."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the endpoint wants to be told of a request that continues, as in `PrefixContinuation`."""

    def __post_init__(self) -> None:
        if self.waits < 0 or self.ending_tokens < 1 or not (self.wait.strip() and self.ending.strip()):
            raise ConfigurationError(f"budget forcing needs waits >= 0, ending_tokens >= 1 and both texts: {self}")

    def run(self, step: Step) -> Flow[Outcome]:
        step, batch = yield from first_attempt(step)
        best = latest = usable(step, step.drawn)
        if latest is None:
            return concluded(self.name, cut_short(batch), step, None)
        waits = 0
        while (cut := latest.finish_reason == "length") or (waits < self.waits and _may_wait(latest)):
            batch = yield from self._go_on(step, latest, cut=cut)
            if not batch.samples:
                return concluded(self.name, cut_short(batch), step, best)
            latest, waits = batch.samples[0], waits + 1
            step = step.with_drawn((latest,))
            best = latest if vote(latest, step.answer_key) is not None else best
            if cut:
                break
        return concluded(self.name, "done", step, best)

    def _go_on(self, step: Step, reply: Sample, *, cut: bool) -> Flow[SampleBatch]:
        """The reply with what is written after it."""
        begun = reply.text.rstrip() + (self.ending if cut else self.wait)
        request = replace(step.request(assistant(begun)), options={**step.options, **self.options})
        if cut:
            request = replace(request, max_tokens=self.ending_tokens, stop=(*step.stop, "\n"))
        batch = yield from generate(request, 1, final=step.final)
        whole = tuple(
            replace(more, text=begun + more.text, usage=reply.usage + more.usage, raw=None) for more in batch.samples
        )
        return replace(batch, samples=whole)


def _may_wait(reply: Sample) -> bool:
    """Whether it ended by itself, in words."""
    return reply.valid and not reply.tool_calls
