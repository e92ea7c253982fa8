"""The price of one more sample of a step, before any was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Step


@dataclass(frozen=True, slots=True)
class CallPrice:
    """Price of a token times the tokens that one call of a class of steps usually takes."""

    per_token: float = 2e-5
    """In units of one correct answer."""
    tokens: Mapping[str, float] = field(default_factory=dict)
    """Mean tokens of one call, prompt included, of each class of steps where that was measured."""
    usual_tokens: float = 500.0
    """The same for every other class."""

    def __post_init__(self) -> None:
        if min(self.per_token, self.usual_tokens, *self.tokens.values()) < 0.0:
            raise ConfigurationError(f"prices and tokens must be >= 0: {self}")

    def of(self, step: Step) -> float:
        """Price of one sample of `step`; by the first sample's tokens where one was drawn."""
        known = step.drawn[0].usage.total if step.drawn else 0
        return self.per_token * (known or self.tokens.get(step.kind, self.usual_tokens))
