"""The rules of the field as contenders, each with a sweep of its own knob. Their sources are named in `stopping`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tts_agent.evaluation.contenders import Contender, OneRule, RulePerClass, Setting
from tts_agent.evaluation.trajectories import Trajectories
from tts_agent.stopping import (
    AnswerPopulation,
    DirichletConsistency,
    ExtendingWindow,
    FixedSize,
    ModeCertification,
    PopulationPrior,
    StoppingRule,
    Supermajority,
)
from tts_agent.voting import Tally

DIRICHLET_THRESHOLDS = (0.76, 0.85, 0.90, 0.95, 0.98)
PRESAMPLES = (2, 4, 8)
EXTENDING_THRESHOLDS = (0.76, 0.88, 0.95, 0.98)
SHARES = (0.51, 0.6, 0.67, 0.75, 0.8, 0.9, 1.0)
MISTAKES = (0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01)
MODE_THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)

SINGLE = OneRule("single", FixedSize(1))
"""The cheapest setting of every sweep."""


@dataclass(frozen=True, slots=True)
class TopTwo:
    """Declares of a rule that leader, runner-up, samples drawn and samples that could not vote are all it looks at."""

    order_matters: ClassVar[bool] = False
    only_top_two: ClassVar[bool] = True

    rule: StoppingRule

    def still_needed(self, votes: Tally) -> int:
        return self.rule.still_needed(votes)


def dirichlet_consistency(training: Trajectories) -> list[Setting]:
    """Adaptive-Consistency's Dirichlet criterion (arXiv 2305.11860)."""
    most = training.shape[2]
    return [SINGLE, *(OneRule(f"threshold={t:g}", DirichletConsistency(t, most)) for t in DIRICHLET_THRESHOLDS)]


def extending_window(training: Trajectories) -> list[Setting]:
    """DSC's window (arXiv 2408.13457): its knobs are the pre-sample and the threshold."""
    most = training.shape[2]
    windows = [
        OneRule(f"presample={size} threshold={t:g}", TopTwo(ExtendingWindow(size, size, t, most)))
        for size in PRESAMPLES
        if size <= most
        for t in EXTENDING_THRESHOLDS
    ]
    return [SINGLE, *windows]


def supermajority(training: Trajectories) -> list[Setting]:
    """Doubling with a supermajority."""
    most = training.shape[2]
    return [SINGLE, *(OneRule(f"share={share:g}", TopTwo(Supermajority(share, 2, most))) for share in SHARES)]


def mode_certification(training: Trajectories) -> list[Setting]:
    """PPR-1v1 (arXiv 2109.05047) at every probability of a mistake."""
    most = training.shape[2]
    return [SINGLE, *(OneRule(f"mistake={delta:g}", ModeCertification(delta, most)) for delta in MISTAKES)]


def population_prior(training: Trajectories) -> list[Setting]:
    """Bayesian stopping on P(the leader is the mode), with a population fitted per class (arXiv 2602.05395)."""
    most, populations = training.shape[2], _populations(training)
    everything = AnswerPopulation.fit(_votes(training, np.arange(training.shape[0])))
    settings: list[Setting] = [SINGLE]
    for threshold in MODE_THRESHOLDS:
        rules = {name: TopTwo(PopulationPrior(each, threshold, most)) for name, each in populations.items()}
        other = TopTwo(PopulationPrior(everything, threshold, most))
        settings.append(RulePerClass(f"threshold={threshold:g}", rules, other))
    return settings


FIELD: dict[str, Contender] = {
    "AC, Dirichlet": dirichlet_consistency,
    "DSC window": extending_window,
    "doubling": supermajority,
    "PPR-1v1": mode_certification,
    "population prior": population_prior,
}
"""By name, tuned like every contender."""


def _populations(training: Trajectories) -> dict[str, AnswerPopulation]:
    return {
        name: AnswerPopulation.fit(_votes(training, np.nonzero(training.of_class(name))[0]))
        for name in Counter(training.classes)
    }


def _votes(training: Trajectories, questions: np.ndarray) -> list[list[int | None]]:
    """All votes of each question, as far as trajectories go; in the first ordering."""
    rows = training.votes[questions, 0].tolist()
    return [[vote if vote >= 0 else None for vote in row] for row in rows]
