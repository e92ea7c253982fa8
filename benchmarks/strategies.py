"""Parallel and sequential strategies against votes: ``python -m benchmarks.strategies --questions 100 --seed 0``.

See `against_votes` for what is compared, `search` for searches and hybrids, and `cascades`. ``--quick`` takes a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache

from benchmarks.against_votes import MOST, TUNED_ON, compare, model, steps_before, tuning_samples, tuning_step
from tts_agent.embedded.defaults import embedded_feedback, embedded_verifiers
from tts_agent.embedded.tasks import ANSWER, STEP_SEPARATOR, is_correct
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import (
    BestOfN,
    BudgetForcing,
    Cascade,
    DeepConf,
    JudgedVote,
    PrefixContinuation,
    Rung,
    SelfRevision,
    SequentialRefinement,
    Strategy,
    WeightedBestOfN,
)
from tts_agent.strategies.base import answered
from tts_agent.verifiers import Verifier
from tts_agent.verifiers.log_probability import LogProbability

BRIEF = 64
"""Tokens after which an answer is forced."""
ABOUT = f"""\
Exact verifiers (a calculator for chains, an evaluator for countdown) know every answer; the other families have none.
"Self-revision, measured" revises only where (1 - p) f > p r, with p, f and r of the class from {TUNED_ON} questions of
the tuning split; "blind" always does. Nobody tells the model whether it was right: it is asked again. "Wait" takes the
end away and writes a separator; the model was trained to stop at its answer, so this shows what that does to a model
which was not trained to think on. "{BRIEF} tokens" cuts a reply there and forces the answer out. The model knows
questions and "wrong" and no other instruction: no plans, critiques, tools or choices among replies can be had from it.
"""


def lineup(family: str) -> Mapping[str, Strategy]:
    """What is tried on a family."""
    p, fix, broken = revision_rates(family)
    pause = STEP_SEPARATOR.rstrip()
    forced = Rung(BudgetForcing(0, ending=f"{pause} {ANSWER}"), max_tokens=BRIEF)
    tried: dict[str, Strategy] = {
        "vote by log-probability, 5": WeightedBestOfN(LogProbability(0.25), FixedSize(5)),
        f"vote by log-probability, {MOST}": WeightedBestOfN(LogProbability(0.25), FixedSize(MOST)),
        f"DeepConf, half of {MOST}": DeepConf(FixedSize(MOST), 0.5),
        "self-revision, blind": SelfRevision(1.0, 0.0),
        "self-revision, measured": SelfRevision(fix, broken, Beta.of(p, 2.0)),
        "budget forcing, one wait": BudgetForcing(1, wait=pause),
        f"budget forcing, {BRIEF} tokens": Cascade((forced,)),
    }
    if verifier := embedded_verifiers().get(family):
        tried |= _verified(family, verifier)
    return tried


def _verified(family: str, verifier: Verifier) -> dict[str, Strategy]:
    tried: dict[str, Strategy] = {
        f"best of {n}, exact verifier": BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, n)) for n in (5, MOST)
    }
    tried["judged vote of 5, exact verifier"] = JudgedVote(verifier, FixedSize(5))
    tried["refinement, 4 rounds"] = SequentialRefinement(verifier, 4, embedded_feedback)
    if family == "chain":
        tried["continuation, 4 rounds"] = PrefixContinuation(verifier, 4, steps_before)
    return tried


@cache
def revision_rates(family: str) -> tuple[float, float, float]:
    """pass@1, fix rate and break rate of a blind revision, each with half a count of either outcome on top."""
    return asyncio.run(_revision_rates(tuning_samples(family)))


async def _revision_rates(samples: Sequence[tuple[str, Sample]]) -> tuple[float, float, float]:
    seen: dict[bool, list[bool]] = {True: [], False: []}
    for question, first in samples:
        asked = tuning_step(question).request(*answered(first, SelfRevision(1.0, 0.0).prompt))
        (again,) = (await model().sample(asked, 1)).samples
        seen[is_correct(question, first.text)].append(is_correct(question, again.text))
    fixed, kept = (_rate(sum(seen[key]), len(seen[key])) for key in (False, True))
    return _rate(len(seen[True]), len(samples)), fixed, 1.0 - kept


def _rate(count: int, of: int) -> float:
    return (count + 0.5) / (of + 1.0)


if __name__ == "__main__":
    compare("Strategies on the embedded model", ABOUT, lineup, questions=100)
