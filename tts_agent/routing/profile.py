"""What was learned about a class of steps, beyond the difficulty of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta

if TYPE_CHECKING:  # needs numpy
    from tts_agent.population import Population


@dataclass(frozen=True, slots=True)
class ClassProfile:
    """Measured once per class of steps and model; the defaults are cautious guesses for an unknown class."""

    theta: float = 1.0
    """Concentration of wrong answers where no population was fitted: large when they scatter, small when they agree."""
    fix_rate: float = 0.0
    """P(a wrong attempt is right after one round of refinement with feedback). 0 rules refinement out."""
    most_samples: int | None = None
    """The turn-over of votes: with more samples than this, answers were measured to get worse. None: never seen."""
    most_rounds: int | None = None
    """The turn-over of refinement, in rounds; 0 rules refinement out."""
    population: Population | None = None
    """How often the model is right about the questions of the class, and how its wrong answers fall."""
    reference: Beta | None = None
    """pass@1 over the class as one Beta: the belief of an estimator that knew nothing but the class."""

    def __post_init__(self) -> None:
        if not (self.theta > 0.0 and 0.0 <= self.fix_rate <= 1.0):
            raise ConfigurationError(f"theta must be above 0 and fix_rate between 0 and 1: {self}")
        if not ((self.most_samples is None or self.most_samples >= 1) and (self.most_rounds or 0) >= 0):
            raise ConfigurationError(f"most_samples must be at least 1 and most_rounds at least 0: {self}")
        if (self.population is None) != (self.reference is None):
            raise ConfigurationError("a class profile has a population and its reference, or neither")

    def questions(self, difficulty: Beta | None, prior: Beta) -> Population:
        """Which questions a step of the class may be one of.

        Args:
            difficulty: what an estimator believes about the step; None without one.
            prior: belief about pass@1 where neither an estimator nor this profile knows better.
        """
        if self.population is not None:
            return self.population.given(difficulty.rounded()) if difficulty else self.population
        from tts_agent.population import Population

        return Population.of((difficulty or prior).rounded(), self.theta)

    def to_json(self) -> dict[str, Any]:
        """As `read_profiles` reads it."""
        known: dict[str, Any] = {"theta": self.theta, "fix_rate": self.fix_rate}
        turn_over = {"most_samples": self.most_samples, "most_rounds": self.most_rounds}
        known |= {name: most for name, most in turn_over.items() if most is not None}
        if self.population is not None and self.reference is not None:
            known |= {"population": self.population.to_json(), "reference": [self.reference.a, self.reference.b]}
        return known


def read_profiles(profiles: Mapping[str, Mapping[str, Any]]) -> dict[str, ClassProfile]:
    """Profiles as they are stored: class of step -> field -> value."""
    return {kind: _read(values) for kind, values in profiles.items()}


def _read(values: Mapping[str, Any]) -> ClassProfile:
    fields = dict(values)
    if "population" in fields:
        from tts_agent.population import Population

        fields["population"] = Population.from_json(fields["population"])
    try:
        if "reference" in fields:
            fields["reference"] = Beta(*fields["reference"])
        return ClassProfile(**fields)
    except TypeError as error:
        raise ConfigurationError(f"a class profile has a field that cannot be read: {error}") from None
