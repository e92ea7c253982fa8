"""Thoughts: a reply that is written piece by piece, so that each piece can be judged before the next is drawn.

A thought ends where the model writes the separator, which the request gives as its stop text; the thoughts so far begin
the model's own turn of the next request. Needs an endpoint that continues a last message of role `assistant`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Step
from tts_agent.verifiers import Verdict


@dataclass(frozen=True, slots=True)
class Path:
    """A reply as far as it was written, and what the verifier says of it."""

    sample: Sample = field(default_factory=lambda: Sample("", "length"))
    """Put together from its thoughts, without `raw`; its usage is the sum of the calls that led here. It finishes with
    "length" as long as it is open, so it cannot vote."""
    open: bool = True
    verdict: Verdict = field(default_factory=lambda: Verdict(0.0))

    @property
    def judged_as(self) -> Sample:
        """What a process verifier is shown: a partial reply is nothing cut off."""
        return replace(self.sample, finish_reason="stop") if self.open else self.sample

    def judged(self, verdict: Verdict) -> Path:
        """The path with its verdict; a partial reply is never accepted."""
        return replace(self, verdict=replace(verdict, accepted=verdict.accepted and not self.open))


def concludes(text: str) -> bool:
    r"""Whether a text states its answer: `\boxed{...}`, "answer is", "answer:", or a line that begins with "answer"."""
    return _CONCLUSION.search(text) is not None


_CONCLUSION = re.compile(r"\\boxed\{|\banswer(?: is\b|\s*[:=])|(?:^|[;\n])\W*(?:final )?answer\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Thoughts:
    """How replies are cut into thoughts."""

    separator: str = "\n\n"
    """What stands between two thoughts."""
    concludes: Callable[[str], bool] = concludes
    """Whether a reply that ends with this thought is whole. A reply to which nothing is added is whole too."""
    max_tokens: int | None = None
    """Most tokens of one thought: what a call reserves; one that is cut off there is gone on with. None leaves it the
    rest of the step's `max_tokens`, which bound the whole reply in any case."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the endpoint wants to be told of a request that continues, beside the step's own options. vLLM:
    {"continue_final_message": True, "add_generation_prompt": False}."""

    def __post_init__(self) -> None:
        if not self.separator.strip(" "):
            raise ConfigurationError("the separator of thoughts must be more than spaces")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens of a thought is {self.max_tokens}: at least 1 is needed")

    def draw(self, step: Step, path: Path, n: int) -> Flow[tuple[list[Path], SampleBatch]]:
        """Write up to `n` next thoughts to an open path; none of the longer paths is judged yet."""
        begun = path.sample.text.rstrip(" ")  # endpoints refuse a last space
        room = self._room(step, path)
        request = step.request()
        if begun:
            request = replace(step.request(assistant(begun)), options={**step.options, **self.options})
        request = replace(
            request,
            max_tokens=min(room, self.max_tokens or room),
            stop=(*step.stop, self.separator.strip(" ")),
        )
        batch = yield from generate(request, n, final=step.final)
        return [self._extended(step, path, piece) for piece in batch.samples], batch

    def _room(self, step: Step, path: Path) -> int:
        return step.max_tokens - path.sample.usage.output_tokens

    def _extended(self, step: Step, path: Path, piece: Sample) -> Path:
        before = path.sample.text
        text = before + (piece.text.lstrip(" ") if before.endswith((" ", "\n")) else piece.text)
        whole = Path(replace(piece, text=text, usage=path.sample.usage + piece.usage, raw=None), open=False)
        cut = piece.finish_reason == "length"
        if not cut and (piece.finish_reason != "stop" or not piece.text.strip() or self.concludes(text)):
            return whole
        text = text if cut else text.rstrip(" ") + self.separator
        return Path(replace(whole.sample, text=text, finish_reason="length"), open=self._room(step, whole) > 0)
