"""`profile.json`: what `tts-agent profile` measured, as a router reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.routing.profile import ClassProfile, read_profiles
from tts_agent.verifiers import AcceptRates

if TYPE_CHECKING:  # needs numpy
    from tts_agent.difficulty import Encoder, Estimator
    from tts_agent.difficulty.step_classes import StepClasses

VERSION = 1


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """Profiles of the classes of steps of one model, and how often its verifiers were right."""

    model: str
    profiles: Mapping[str, ClassProfile]
    rates: Mapping[str, AcceptRates] = field(default_factory=dict)
    """By class; only those that were measured."""
    classes: StepClasses | None = None
    """How steps without a class are put into these; None where classes came with the data."""

    def estimator(self, inner: Estimator | None = None, *, encoder: Encoder | None = None) -> Estimator | None:
        """What a reasoner, node or agent is given as `estimator`, so that its steps find their class: `inner` itself
        where classes came with the data.

        Args:
            inner: predicts pass@1; None predicts what was measured of each class.
            encoder: the one of the classes, where it is not found by name.

        Raises:
            ConfigurationError: the encoder is not there, or not the one that the classes were found with.
            MissingExtraError: the extra `difficulty` is not installed.
        """
        if self.classes is None:
            return inner
        from tts_agent.difficulty import ClassifyingEstimator

        beliefs = {kind: profile.reference for kind, profile in self.profiles.items() if profile.reference}
        return ClassifyingEstimator(self.classes, inner, beliefs=beliefs, encoder=encoder)

    def write(self, path: Path) -> None:
        """Save as JSON; the file appears whole or not at all."""
        content = {
            "version": VERSION,
            "model": self.model,
            "profiles": {kind: profile.to_json() for kind, profile in self.profiles.items()},
            "rates": {kind: asdict(counts) for kind, counts in self.rates.items()},
            **({"classes": self.classes.to_json()} if self.classes else {}),
        }
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> ProfileFile:
        """What `write` saved.

        Raises:
            ConfigurationError: the file is not there, or holds something else.
        """
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if raw["version"] != VERSION:
                raise ConfigurationError(
                    f"{path} is a profile of version {raw['version']}; this release reads {VERSION}"
                )
            rates = {kind: AcceptRates(**counts) for kind, counts in raw["rates"].items()}
            classes = _classes(raw["classes"]) if "classes" in raw else None
            return cls(str(raw["model"]), read_profiles(raw["profiles"]), rates, classes)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"{path} cannot be read as a profile: {error}") from None

    def check_model(self, model: str, path: Path) -> None:
        """What is measured of one model says nothing about another.

        Raises:
            ConfigurationError: it was measured with another one.
        """
        if model != self.model:
            raise ConfigurationError(f"{path} was measured with the model {self.model!r}, not with {model!r}")


def _classes(values: Mapping[str, Any]) -> StepClasses:
    try:
        from tts_agent.difficulty.step_classes import StepClasses
    except ModuleNotFoundError as error:
        raise MissingExtraError("a profile whose classes were found in texts", "difficulty") from error
    return StepClasses.from_json(values)
