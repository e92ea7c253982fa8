"""Fixed confidence: our posterior without a price. Draws until P(the leader is right) is high enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_agent.evaluation.contenders import Setting
from tts_agent.evaluation.plans import Plan, confidences
from tts_agent.evaluation.priced import Priced
from tts_agent.evaluation.trajectories import Trajectories

LEVELS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
"""At 0 a single sample."""


@dataclass(frozen=True, slots=True)
class FixedConfidence:
    """A contender: the populations of `Priced`, and one level of confidence for all steps.

    It spends most on hopeless questions, where no number of samples makes it sure.
    """

    groups: Priced = field(default_factory=Priced)

    def __call__(self, training: Trajectories) -> Sequence[Setting]:
        groups, most = self.groups.fit(training), training.shape[2]
        sure = np.stack([confidences(training, group.population, most) for group in groups.groups])
        return [Plan(f"confidence={level:g}", sure < level, groups.choose) for level in LEVELS]
