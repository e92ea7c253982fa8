"""Search and hybrids against votes: ``python -m benchmarks.search --questions 80 --seed 0``.

See `against_votes` for what is compared. ``--quick`` takes a minute or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from benchmarks.against_votes import compare, steps_before
from tts_agent.embedded.defaults import embedded_feedback, embedded_verifiers, settings
from tts_agent.embedded.tasks import STEP_SEPARATOR, first_wrong_step, is_correct, read_question, split_solution
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import (
    BeamSearch,
    BestOfN,
    BestShape,
    DiverseTreeSearch,
    Hybrid,
    HybridRates,
    PrefixContinuation,
    SequentialRefinement,
    Shape,
    Strategy,
    Thoughts,
    TreeSearch,
)
from tts_agent.verifiers import FunctionVerifier, Verdict, Verifier
from tts_agent.verifiers.log_probability import LogProbability

THOUGHTS = Thoughts(STEP_SEPARATOR)
ABOUT = """\
The step checker of the searches recomputes each step; "errs" is the same checker made wrong about every tenth text.
"""


def check_steps(step: Step, sample: Sample) -> Verdict:
    """A process verdict without error: where the first wrong step is; a whole solution without one is accepted."""
    wrong_at = first_wrong_step(step.text, sample.text, partial=True)
    _, answer = split_solution(sample.text)
    return Verdict(float(wrong_at is None), wrong_at is None and answer is not None, wrong_at)


def check_badly(step: Step, sample: Sample) -> Verdict:
    """The same as a score, turned around for every tenth text; nothing is accepted or located."""
    score = check_steps(step, sample).score
    errs = blake2b(f"{step.text}|{sample.text}".encode()).digest()[0] < 0.1 * 256
    return Verdict(1.0 - score if errs else score)


def share_of_right_steps(step: Step, sample: Sample) -> Verdict:
    """A graded verdict on a whole solution, by which a tree can grow."""
    steps, _ = split_solution(sample.text)
    if is_correct(step.text, sample.text):
        return Verdict(1.0, accepted=True)
    wrong_at = first_wrong_step(step.text, sample.text)
    return Verdict(0.9 * read_question(step.text).right_steps(steps) / max(1, len(steps)), wrong_at=wrong_at)


EXACT, ERRS = FunctionVerifier(check_steps, name="steps"), FunctionVerifier(check_badly, name="steps, errs")
GRADED = FunctionVerifier(share_of_right_steps, name="share of right steps")


def lineup(family: str) -> Mapping[str, Strategy]:
    """What is tried on a family."""
    tried: dict[str, Strategy] = {
        "beam 1 x 2, step checker": BeamSearch(EXACT, 1, 2, thoughts=THOUGHTS),
        "beam 2 x 2, step checker errs": BeamSearch(ERRS, 2, 2, thoughts=THOUGHTS),
        "4 subtrees 1 x 2, step checker errs": DiverseTreeSearch(BeamSearch(ERRS, 1, 2, thoughts=THOUGHTS), 4),
        "best of 5, log-probability": BestOfN(LogProbability(0.25), FixedSize(5)),
    }
    if verifier := embedded_verifiers().get(family):
        tried |= _verified(family, verifier)
    return tried


def _verified(family: str, verifier: Verifier) -> dict[str, Strategy]:
    profile = settings().profiles[family]
    rates = HybridRates(profile.fix_rate, 0.0, attempt_tokens=130.0, revision_tokens=230.0)
    best = BestShape(rates, settings().price, 5, profile.reference or settings().population)
    tried: dict[str, Strategy] = {
        "best of 5, exact verifier": BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, 5)),
        "refinement, 4 rounds": SequentialRefinement(verifier, 4, embedded_feedback),
        "hybrid, 2 chains x 1 round": Hybrid(verifier, Shape(2, 1), embedded_feedback),
        "hybrid, best shape of 5 calls": Hybrid(verifier, best, embedded_feedback),
        "tree search, 5 nodes": TreeSearch(GRADED, max_nodes=5, feedback=embedded_feedback),
    }
    if family == "chain":
        tried["continuation, 4 rounds"] = PrefixContinuation(verifier, 4, steps_before)
    return tried


if __name__ == "__main__":
    compare("Search and hybrids on the embedded model", ABOUT, lineup, questions=80)
