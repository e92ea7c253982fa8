"""A language model that is asked whether a reply is correct, and scored by how probable it finds a yes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp
from typing import Any, ClassVar

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.judge_prompt import check_judging, closing_line, judge_request, mean_verdict
from tts_agent.verifiers.replies import judged_once

_BRIEFLY = "{question} Answer with one word, Yes or No, and nothing else."
_WITH_REASONS = (
    "{question} Check it step by step, and name the first mistake if there is one. Then end with a line that holds one "
    "word alone, Yes or No."
)
_VERDICT = re.compile(r"[\s*_#\"']*(yes|no)[\s*_.!\"']*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GenerativeRewardModel:
    """Scores a reply with P(yes), 0 to 1. Its tokens are on the ledger.

    Where the verdict is all that the model says and its log-probability is known, one call gives P(yes): the
    probability of what it said if that is yes, else what is left (so what is neither counts as yes). Elsewhere the
    score is the share of yes among `votes` verdicts. One that is cut off or says something else does not count, and a
    reply without any scores 0 and is not accepted. The score is no P(correct) until `AcceptRates` says so.
    Source: Zhang et al., arXiv 2408.15240 (GenRM; with reasons and votes, GenRM-CoT).
    """

    needs: ClassVar[tuple[str, ...]] = ("model", "log-probabilities")
    source: ClassVar[str] = "arXiv 2408.15240"

    question: str = "Is RESPONSE 1 correct?"
    votes: int = 1
    """Verdicts on each reply. More than one need a temperature above 0, and tell nothing new where P(yes) is known."""
    max_tokens: int = 1
    """Most output tokens of a verdict. With 1 the model says yes or no and nothing else; with more it gives reasons
    first, the verdict is its last line, and what it said of a rejected reply is the feedback."""
    accept_at: float = 0.8
    """P(yes) from which on a reply is accepted."""
    temperature: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Passed on to the endpoint, as `Judge.options`; {"logprobs": True} asks for log-probabilities where the sampler
    does not."""
    name: str = "generative_reward_model"

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ConfigurationError("a generative reward model needs a question")
        check_judging(self.votes, self.max_tokens, self.accept_at)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from judged_once(samples, partial(self._judge_all, step)))

    def _judge_all(self, step: Step, replies: Sequence[str]) -> Flow[Sequence[Verdict]]:
        return (yield from together(*(self._judge(step, reply) for reply in replies)))

    def _judge(self, step: Step, reply: str) -> Flow[Verdict]:
        task = (_BRIEFLY if self.max_tokens == 1 else _WITH_REASONS).format(question=self.question)
        request = judge_request(
            step, [reply], task, max_tokens=self.max_tokens, temperature=self.temperature, options=self.options
        )
        batch = yield from generate(request, self.votes, final=step.final)
        votes = [(yes, said) for said in batch.samples if (yes := self._probability(said)) is not None]
        return mean_verdict(votes, self.accept_at)

    def _probability(self, said: Sample) -> float | None:
        """P(yes) by one verdict; None where there is none."""
        if self.max_tokens == 1 and said.finish_reason == "length":
            said = replace(said, finish_reason="stop")  # it was asked for one token
        found = _VERDICT.fullmatch(closing_line(said))
        if not found:
            return None
        sure = 1.0
        if said.logprob is not None and _VERDICT.fullmatch(said.text):
            sure = exp(min(0.0, said.logprob) * max(1, said.usage.output_tokens))
        return sure if found[1].lower() == "yes" else 1.0 - sure
