"""How the embedded model is best used: its steps, its verifiers, and what was measured about it.

`settings.json` and the profiles stored with the estimator are written by `python -m training.tune` from the estimator
and tuning splits alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tts_agent.difficulty.persistence import stored_profiles
from tts_agent.embedded import ESTIMATOR_FOLDER
from tts_agent.embedded.chat import feedback
from tts_agent.embedded.tasks import family_of, first_wrong_step, is_correct
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import ClassProfile, MarginalValue
from tts_agent.routing.profile import read_profiles
from tts_agent.step import Step
from tts_agent.verifiers import Checked, ExactChecker, Verdict, Verifier

SETTINGS_FILE = Path(__file__).parent / "settings.json"
MAX_SAMPLES = 15
"""Most samples of one step: the size of the largest fixed baseline."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen and measured for the embedded model."""

    max_tokens: int
    """Longest answer worth waiting for, output tokens."""
    price: float
    """Price of a token at which `ours` reaches the accuracy of the largest fixed vote."""
    price_matched: float
    """Price at which it spends what self-consistency with five samples spends."""
    population: Beta
    """pass@1 over all classes of steps: the belief about a step nobody estimated."""
    profiles: Mapping[str, ClassProfile]
    """Stored with the estimator."""


@cache
def settings() -> Settings:
    """The shipped settings."""
    raw: dict[str, Any] = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    return Settings(
        max_tokens=raw["max_tokens"],
        price=raw["price"],
        price_matched=raw["price_matched"],
        population=Beta(*raw["population"]),
        profiles=read_profiles(stored_profiles(ESTIMATOR_FOLDER)),
    )


def embedded_verifiers() -> dict[str, Verifier]:
    """The classes of steps whose answers can be checked without knowing them.

    `chain`: a calculator recomputes each step and locates the first wrong one. `countdown`: the expression is
    evaluated. Nobody checks the others: for them there are only votes.
    """
    return {
        "chain": ExactChecker(_check_steps, name="calculator"),
        "countdown": ExactChecker(_check_answer, name="expression"),
    }


def embedded_policy(price: float | None = None, profiles: Mapping[str, ClassProfile] | None = None) -> MarginalValue:
    """Marginal value with everything known about the embedded model; `price` defaults to the shipped one."""
    known = settings()
    return MarginalValue(
        price=known.price if price is None else price,
        verifiers=embedded_verifiers(),
        profiles=known.profiles if profiles is None else profiles,
        prior=known.population,
        max_samples=MAX_SAMPLES,
        feedback=embedded_feedback,
    )


def embedded_step(
    question: str, *, seed: int | None = None, max_tokens: int | None = None, temperature: float | None = None
) -> Step:
    """A question as a step, its class read from its text; a temperature of None is the sampler's own."""
    return Step(
        (user(question),),
        max_tokens=max_tokens or settings().max_tokens,
        kind=family_of(question) or "default",
        temperature=temperature,
        seed=seed,
    )


def embedded_feedback(verdict: Verdict) -> str:
    """The only two things the model was trained to be told."""
    return feedback(verdict.wrong_at)


def _check_steps(question: str, text: str) -> Checked:
    wrong_at = first_wrong_step(question, text)
    return Checked(wrong_at is None, wrong_at)


def _check_answer(question: str, text: str) -> Checked:
    return Checked(is_correct(question, text))
