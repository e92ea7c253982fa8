"""Two strategies alone, each on the family it is for, against parallel voting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tts_agent.demo.policies import Contender
from tts_agent.demo.run import UNLIMITED, Run, run_contender
from tts_agent.embedded.defaults import MAX_SAMPLES, embedded_feedback, embedded_verifiers
from tts_agent.embedded.tasks import Problem
from tts_agent.routing import Fixed
from tts_agent.sampling import Sampler
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single, Strategy


@dataclass(frozen=True, slots=True)
class Arms:
    """All on the same problems with the same draws."""

    family: str
    single: Run
    verified: Run
    """The strategy that uses the family's verifier."""
    parallel: Run
    """Voting with at least the tokens that `verified` used (at most 15 samples)."""


def best_of_n_on_countdown(problems: Sequence[Problem], sampler: Sampler, seed: int) -> Arms:
    """Best-of-n with the exact checker: a wrong expression is seen at once, a right one ends the search."""
    checker = embedded_verifiers()["countdown"]
    return _compare("countdown", BestOfN(checker, FixedSize(MAX_SAMPLES)), problems, sampler, seed)


def refinement_on_chain(problems: Sequence[Problem], sampler: Sampler, seed: int) -> Arms:
    """Refinement told by the calculator which step is wrong."""
    calculator = embedded_verifiers()["chain"]
    strategy = SequentialRefinement(calculator, max_rounds=6, feedback=embedded_feedback)
    return _compare("chain", strategy, problems, sampler, seed)


def _compare(family: str, strategy: Strategy, problems: Sequence[Problem], sampler: Sampler, seed: int) -> Arms:
    own = [problem for problem in problems if problem.family == family]

    def alone(arm: Strategy) -> Run:
        return run_contender(Contender(arm.name, Fixed(arm)), own, sampler, None, limit=UNLIMITED, seed=seed)

    single, verified = alone(Single()), alone(strategy)
    samples = min(MAX_SAMPLES, max(1, ceil(verified.spent / max(1, single.spent))))
    return Arms(family, single, verified, alone(SelfConsistency(FixedSize(samples))))
