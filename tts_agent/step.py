"""A step of an agent, and how it came out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.voting import Tally

StopReason = Literal["done", "settled", "accepted", "rounds", "budget", "failed"]
"""done: the strategy drew what it set out to. settled: more samples are not worth their price (or the vote is
decided). accepted: a verifier accepted. rounds: the most rounds were used. budget: the budget ended.
failed: model calls failed and no more came."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call an agent wants answered, with everything a strategy needs to know about it."""

    messages: tuple[Message, ...]
    max_tokens: int = 1024
    """Most output tokens of one sample."""
    kind: str = "default"
    """Class of step ("plan", "tool call", "arithmetic", ...): what is learned is learned per class."""
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    answer_key: AnswerKey = answers.auto
    final: bool = False
    """Whether this step may use the budget's reserve for the final answer."""
    difficulty: Beta | None = None
    """Belief about pass@1, once somebody estimated it."""
    drawn: tuple[Sample, ...] = ()
    """Samples already drawn for exactly this step; strategies start from them."""

    def __post_init__(self) -> None:
        if all(message.blank for message in self.messages[self._question or 0 :]):
            raise ConfigurationError("the question is empty: there is nothing to answer")
        if self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens is {self.max_tokens}: at least 1 is needed")

    @property
    def text(self) -> str:
        """The last user turn (else the last turn): what the difficulty estimator reads."""
        return self.messages[-1 if self._question is None else self._question].content

    @property
    def _question(self) -> int | None:
        """Where the last user turn is; a system prompt or an old exchange before it is nothing to answer."""
        users = [at for at, message in enumerate(self.messages) if message.role == "user"]
        return users[-1] if users else None

    def request(self, *further: Message) -> SampleRequest:
        """The request for this step, after `further` turns."""
        return SampleRequest(
            messages=self.messages + further,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            stop=self.stop,
            seed=self.seed,
            tools=self.tools,
            options=self.options,
        )

    def tally(self) -> Tally:
        """The votes of the samples already drawn."""
        return Tally(tuple(answers.vote(sample, self.answer_key) for sample in self.drawn))

    def with_drawn(self, samples: tuple[Sample, ...]) -> Step:
        """This step with further samples drawn."""
        return replace(self, drawn=self.drawn + samples)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a strategy came to. No sample at all is an outcome too."""

    strategy: str
    stop: StopReason
    sample: Sample | None = None
    """The winner, untouched."""
    answer: Hashable | None = None
    """The winner's answer key; None when it had none."""
    samples: tuple[Sample, ...] = ()
    """Everything drawn for the step, in order; refinements included."""
    votes: Mapping[Hashable, int] = field(default_factory=dict)
    p_correct: float | None = None
    """P(the winner is right), where the strategy can say."""
    accepted: bool | None = None
    """What the verifier said of the winner; None without one."""
