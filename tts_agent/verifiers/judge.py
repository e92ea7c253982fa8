"""A language model as judge of each reply by itself: reasons first, then a score from 0 to 10."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.judge_prompt import check_judging, closing_line, judge_request, mean_verdict
from tts_agent.verifiers.replies import judged_once

RUBRIC = "The response does what the request asks, and everything it states is correct."

_TASK = (
    "Judge RESPONSE 1 by this rubric: {rubric}\n"
    "Work out first what is right, and name the first mistake if there is one. Then end with a line that holds the "
    "score alone, from 0 (certainly fails the rubric) to 10 (certainly meets it), as in:\nScore: 7"
)
_SCORE = re.compile(r"[\s*_#]*score[\s*_]*:[\s*_]*(10|\d)(?:\s*/\s*10)?[\s*_.]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judge:
    """Scores a reply with the mean of `votes` scores of a model, 0 to 1. Its tokens are on the ledger.

    The score is taken from the last line alone. A vote that is cut off or has no such line does not count, and a reply
    without a vote that counts scores 0 and is not accepted. Replies that say the same are judged once; those that are
    truncated or unparseable are not shown. What the judge says of a rejected reply is its feedback. The score is no
    P(correct) until `AcceptRates` or a calibration says so: judges are lenient, above all with their own replies.
    Source: Zheng et al., arXiv 2306.05685 (single answer grading); votes as in Liu et al., arXiv 2303.16634.
    """

    needs: ClassVar[tuple[str, ...]] = ("model",)
    source: ClassVar[str] = "arXiv 2306.05685"

    rubric: str = RUBRIC
    votes: int = 1
    """Judgements of each reply; more than one need a temperature above 0."""
    accept_at: float = 0.8
    """Mean score, 0 to 1, from which on a reply is accepted."""
    max_tokens: int = 512
    """Most output tokens of a judgement."""
    temperature: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Passed on to the endpoint; {"model": ...} asks another model of a `PanelSampler`. The step's own do not apply."""
    name: str = "judge"

    def __post_init__(self) -> None:
        if not self.rubric.strip():
            raise ConfigurationError("a judge needs a rubric")
        check_judging(self.votes, self.max_tokens, self.accept_at)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from judged_once(samples, partial(self._judge_all, step)))

    def _judge_all(self, step: Step, replies: Sequence[str]) -> Flow[Sequence[Verdict]]:
        return (yield from together(*(self._judge(step, reply) for reply in replies)))

    def _judge(self, step: Step, reply: str) -> Flow[Verdict]:
        task = _TASK.format(rubric=self.rubric)
        request = judge_request(
            step, [reply], task, max_tokens=self.max_tokens, temperature=self.temperature, options=self.options
        )
        batch = yield from generate(request, self.votes, final=step.final)
        votes = [(score, said) for said in batch.samples if (score := _score(said)) is not None]
        return mean_verdict(votes, self.accept_at)


def _score(said: Sample) -> float | None:
    """The score on the last line, 0 to 1; None where there is none."""
    found = _SCORE.fullmatch(closing_line(said))
    return int(found[1]) / 10 if found else None
