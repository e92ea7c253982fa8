"""What label stores say of each class of steps, stored with an estimator for routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_agent.population import VoteCounts, fit_population
from tts_agent.routing.profile import ClassProfile
from tts_agent.stopping.beta_fit import fit_passes


def class_profiles(votes: Mapping[str, Sequence[VoteCounts]]) -> dict[str, ClassProfile]:
    """By class, how often the model is right about its questions and how its wrong answers fall.

    Each class's population is drawn to that of all classes together, so that a class of few questions says little.
    """
    every = [question for questions in votes.values() for question in questions]
    if not every:
        return {}
    together = fit_population(every)
    return {
        kind: ClassProfile(
            population=fit_population(questions, together).pruned(0.01),
            reference=fit_passes((each.right, each.right + sum(each.wrong) + each.invalid) for each in questions),
        )
        for kind, questions in votes.items()
    }
