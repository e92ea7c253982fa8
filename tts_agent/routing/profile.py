"""What was learned about a class of steps, beyond the difficulty of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class ClassProfile:
    """Measured once per class of steps and model; the defaults are cautious guesses for an unknown class."""

    theta: float = 1.0
    """Concentration of wrong answers: large when they scatter, small when they agree."""
    fix_rate: float = 0.0
    """P(a wrong attempt is right after one round of refinement with feedback). 0 rules refinement out."""

    def __post_init__(self) -> None:
        if not (self.theta > 0.0 and 0.0 <= self.fix_rate <= 1.0):
            raise ConfigurationError(f"theta must be above 0 and fix_rate between 0 and 1: {self}")


def read_profiles(profiles: Mapping[str, Mapping[str, float]]) -> dict[str, ClassProfile]:
    """Profiles as they are stored beside an estimator: class of step -> field -> value."""
    try:
        return {kind: ClassProfile(**values) for kind, values in profiles.items()}
    except TypeError as error:
        raise ConfigurationError(f"a class profile has an unknown field: {error}") from None
