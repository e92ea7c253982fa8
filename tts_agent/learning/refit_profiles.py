"""Profiles of classes of steps, refitted to production records where these say more than what was known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tts_agent.difficulty.estimator import Profiles
from tts_agent.learning.class_profiles import class_profiles
from tts_agent.learning.exploration_estimates import Gain, explored, gains
from tts_agent.learning.record_file import Record
from tts_agent.learning.record_labels import Graded, vote_counts
from tts_agent.population import VoteCounts
from tts_agent.routing import ClassProfile
from tts_agent.routing.profile import read_profiles
from tts_agent.strategies import SelfConsistency, SequentialRefinement, Single

LEAST_RECORDS = 30
"""Records of a class, those held out not counted, below which its profile stays."""
LEAST_TAKEN = 20
"""Explored records of an arm below which its gain changes nothing: the interval is a normal approximation."""


def refitted_profiles(
    old: Profiles, records: Sequence[tuple[str, Graded, bool]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Every class's profile, and the names of those whose population is new.

    A class's population is refitted to the records that are not held out, and stays as it was where it explains the
    held-out ones better. What records cannot say (fix rates, turn-overs) stays.

    Args:
        old: as an estimator has them.
        records: class, graded samples, and whether the record is held out.
    """
    fitted, held_out = defaultdict[str, list[VoteCounts]](list), defaultdict[str, list[VoteCounts]](list)
    for kind, samples, out in records:
        (held_out if out else fitted)[kind].append(vote_counts(samples))
    known = read_profiles(old)
    profiles: dict[str, Any] = {kind: dict(values) for kind, values in old.items()}
    changed = []
    for kind, found in class_profiles(fitted).items():
        before = known.get(kind, ClassProfile())
        if len(fitted[kind]) < LEAST_RECORDS or not held_out[kind]:
            continue
        if before.population is None or _fit(found, held_out[kind]) >= _fit(before, held_out[kind]):
            profiles[kind] = replace(before, population=found.population, reference=found.reference).to_json()
            changed.append(kind)
    return profiles, tuple(changed)


def class_gains(records: Sequence[Record]) -> dict[str, list[Gain]]:
    """By class, what each explored strategy would gain over a single call; only classes where that was explored.

    Steps of a task share its outcome, so the first explored one of each stands for it.
    """
    firsts: dict[Hashable, Record] = {}
    for number, record in enumerate(records):
        if record.propensities and record.correct is not None:
            firsts.setdefault(number if record.task is None else record.task, record)
    found = {}
    for kind in sorted({record.kind for record in firsts.values()}):
        steps = explored(firsts.values(), kind)
        if len(steps) > 1 and all(step.propensities.get(Single.name) for step in steps):
            found[kind] = gains(steps, Single.name)
    return found


def turned_over(profile: ClassProfile, found: Sequence[Gain]) -> ClassProfile:
    """The profile, held to one call where exploration showed that votes, or refinement, make answers worse.

    A limit of an earlier day is lifted where exploration shows a gain.

    Args:
        found: gains over a single call, in accuracy, tokens not counted.
    """
    for gain in found:
        if gain.taken < LEAST_TAKEN or gain.low <= 0.0 <= gain.high:
            continue
        if gain.arm == SelfConsistency.name:
            profile = replace(profile, most_samples=1 if gain.high < 0.0 else None)
        elif gain.arm == SequentialRefinement.name:
            profile = replace(profile, most_rounds=0 if gain.high < 0.0 else None)
    return profile


def _fit(profile: ClassProfile, votes: Sequence[VoteCounts]) -> float:
    """Mean log-likelihood of the counts under the profile's population."""
    assert profile.population is not None
    logs = profile.population.components.log_likelihood(list(votes))
    top = logs.max(axis=1)
    return float((top + np.log(np.exp(logs - top[:, None]) @ profile.population.weights)).mean())
