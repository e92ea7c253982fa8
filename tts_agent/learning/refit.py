"""An estimator refitted to production records, and whether it is better than the one that was decided with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

import numpy as np

from tts_agent.difficulty import DifficultyEstimator, Encoder, Estimator, PredictorCard
from tts_agent.difficulty.arrays import Floats, from_betas
from tts_agent.difficulty.fitting import TEST_FOLDS
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts, Questions, assign_folds
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.exploration_estimates import Gain
from tts_agent.learning.record_grades import GradedStep
from tts_agent.learning.record_labels import Graded, graded_samples, record_labels, step_text
from tts_agent.learning.refit_profiles import refitted_profiles, turned_over
from tts_agent.routing import ClassProfile
from tts_agent.routing.profile import read_profiles

LEAST_QUESTIONS = 50
"""Different questions below which nothing is fitted, as in `tts-agent train`."""
LEAST_HELD_OUT = 20
"""Held-out records with an outcome below which two estimators are not compared."""
SMALL = 1_000
"""Label rows below which heads are solved for (`FitSettings.small`)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two estimators on the same held-out records, in nats a record; lower is better."""

    records: int
    old: float
    new: float
    low: float
    high: float
    """Ends of the 95 % interval of new - old; records of one question are not independent."""

    @property
    def kept(self) -> bool:
        """Whether the new one is not worse."""
        return self.new <= self.old


@dataclass(frozen=True, slots=True)
class Refit:
    """A refitted estimator, and what there was to fit it to."""

    estimator: DifficultyEstimator
    """With its profiles: those of the old one, refitted where the records say more (`refit_profiles`)."""
    card: PredictorCard
    comparison: Comparison
    questions: int
    profiled: tuple[str, ...]
    """Classes whose profile was refitted."""


def refit(
    old: DifficultyEstimator,
    steps: Sequence[GradedStep],
    model: str,
    *,
    gains: Mapping[str, Sequence[Gain]] | None = None,
    encoder: Encoder | None = None,
    seed: int = 0,
) -> Refit:
    """Fit an estimator to graded steps, four fifths of the questions, and compare it with `old` on the others.

    Compared are predictions before a call, on records whose outcome is known for the step itself; in classes where
    one kind of outcome is reported more often than it occurs, the other counts for more (weights of a case-control
    sample), so that the comparison is about all steps.

    Args:
        old: what the steps were decided with. Where it was fitted to some of the same questions, it has an advantage.
        steps: with their texts, of one model, see `record_grades`.
        gains: what exploration says of each class, see `class_gains`.
        encoder: of the texts; by default that of `old`.
        seed: of draws, splits and training.

    Raises:
        ConfigurationError: there are too few questions, or too few outcomes to compare.
    """
    graded = graded_samples(steps, seed)
    rows = record_labels(steps, graded, model)
    questions = Questions.of(rows.labels) if rows.labels else None
    if questions is None or len(questions) < LEAST_QUESTIONS:
        raise ConfigurationError(
            f"the records say of {0 if questions is None else len(questions)} different questions which samples were "
            f"right: at least {LEAST_QUESTIONS} are needed"
        )
    held_out = {
        text.text
        for text, fold in zip(questions.steps, assign_folds(questions.group, TEST_FOLDS, seed), strict=True)
        if fold == 0
    }
    tested = [
        (step, samples, weight)
        for step, samples, weight in zip(steps, graded, _weights(steps), strict=True)
        if step.known and samples and step.record.text in held_out
    ]
    if len(tested) < LEAST_HELD_OUT:
        raise ConfigurationError(
            f"{len(tested)} of the held-out records have an outcome of their own (a task of one step): at least "
            f"{LEAST_HELD_OUT} are needed to compare with the old estimator"
        )
    new, card = DifficultyEstimator.fit(
        rows.labels,
        encoder=encoder or old.encoder,
        seed=seed,
        settings=FitSettings.small() if len(rows.labels) < SMALL else None,
    )
    profiles, profiled = refitted_profiles(
        old.profiles,
        [
            (step.record.kind, samples, step.record.text in held_out)
            for step, samples in zip(steps, graded, strict=True)
            if samples
        ],
    )
    for kind, found in (gains or {}).items():
        profile = turned_over(read_profiles(profiles).get(kind, ClassProfile()), found)
        profiles[kind] = profile.to_json()
    return Refit(new.with_profiles(profiles), card, _compared(old, new, model, tested), len(questions), profiled)


def _weights(steps: Sequence[GradedStep]) -> list[float]:
    """What makes the right and the wrong steps with a known outcome of each class as common as among all steps."""
    every, known = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for step in steps:
        every[step.record.kind].append(step.right)
        if step.known:
            known[step.record.kind].append(step.right)
    weights = []
    for step in steps:
        truth, seen = fmean(every[step.record.kind]), fmean(known[step.record.kind] or [0.5])
        weights.append(truth / seen if step.right and seen else (1.0 - truth) / (1.0 - seen) if seen < 1.0 else 1.0)
    return weights


def _compared(
    old: Estimator, new: Estimator, model: str, tested: Sequence[tuple[GradedStep, Graded, float]]
) -> Comparison:
    texts = [step_text(step.record, model) for step, _, _ in tested]
    question = np.unique([text.text for text in texts], return_inverse=True)[1]
    weight = np.array([weight for _, _, weight in tested])
    counts = Counts(
        np.array([sum(right for _, right in samples) for _, samples, _ in tested], dtype=np.float64),
        np.array([len(samples) for _, samples, _ in tested], dtype=np.float64),
        weight,
        question,
    )

    def losses(estimator: Estimator) -> Floats:
        return nll(from_betas(estimator.predict(texts)), counts)

    before, after = losses(old), losses(new)
    total = float(weight.sum())
    difference = float(weight @ (after - before)) / total
    spread = np.bincount(question, weight * (after - before - difference))
    half = NormalDist().inv_cdf(0.975) * float((spread**2).sum()) ** 0.5 / total
    mean = float(weight @ before) / total
    return Comparison(len(tested), mean, mean + difference, difference - half, difference + half)
