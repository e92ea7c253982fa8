"""Cascades against votes: ``python -m benchmarks.cascades --questions 80 --seed 0``.

See `against_votes` for what is compared. The embedded model has one size, so the rungs are efforts. ``--quick`` takes a
minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from benchmarks.against_votes import compare, steps_before, tuning_samples
from tts_agent.embedded.defaults import embedded_feedback, embedded_verifiers, settings
from tts_agent.embedded.tasks import is_correct
from tts_agent.probability import Beta
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import (
    BestOfN,
    Cascade,
    PrefixContinuation,
    Rung,
    SelfConsistency,
    SequentialRefinement,
    Strategy,
)
from tts_agent.verifiers import FunctionVerifier, Verifier

BRIEF = 64
"""Output tokens at low effort."""
SURE = 0.9
"""P(correct) above which votes are believed, and accuracy above which a log-probability is."""
ABOUT = f"""\
The model has one size, so that rungs are efforts: a single sample, believed where its log-probability is so high that
{SURE:.0%} of such samples were right on the tuning split; votes, believed where P(correct) is {SURE}; replies cut at
{BRIEF} tokens; tries that the exact verifier checks. A rung begins anew, without the samples of the one before.
"""


def lineup(family: str) -> Mapping[str, Strategy]:
    """What is tried on a family."""
    sure, brief = Rung(BestOfN(_sure(family), FixedSize(1))), Rung(_vote(family, 3), max_tokens=BRIEF)
    three, five, twelve = (Rung(_vote(family, n)) for n in (3, 5, 12))
    tried: dict[str, Strategy] = {
        "one if sure, then 5 votes": Cascade((sure, five), SURE),
        "one if sure, then 12 votes": Cascade((sure, twelve), SURE),
        "3 votes, then 12": Cascade((three, twelve), SURE),
        "one if sure, 3 votes, then 12": Cascade((sure, three, twelve), SURE),
        f"3 votes of {BRIEF} tokens, then 5 of 400": Cascade((brief, five), SURE),
    }
    if verifier := embedded_verifiers().get(family):
        one = Rung(BestOfN(verifier, FixedSize(1)))
        tries = Rung(BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, 5)))
        tried["one checked, then up to 5"] = Cascade((one, tries))
        tried["one checked, then refinement"] = Cascade(
            (one, Rung(SequentialRefinement(verifier, 4, embedded_feedback)))
        )
        if family == "chain":
            tried["one checked, then continuation"] = Cascade(
                (one, Rung(PrefixContinuation(verifier, 4, steps_before)))
            )
    return tried


def _vote(family: str, n: int) -> SelfConsistency:
    return SelfConsistency(FixedSize(n), population=settings().profiles[family].population)


@cache
def _sure(family: str) -> Verifier:
    """Accepts a sample whose log-probability is as high as that of samples which are nearly always right."""
    seen = sorted(
        ((sample.logprob or 0.0, is_correct(question, sample.text)) for question, sample in tuning_samples(family)),
        reverse=True,
    )
    right = [sum(is_right for _, is_right in seen[:n]) / n for n in range(1, len(seen) + 1)]
    sure = [logprob for (logprob, _), share in zip(seen, right, strict=True) if share >= SURE]
    least = min(sure, default=0.0)
    return FunctionVerifier(lambda step, sample: (sample.logprob or 0.0) >= least, name="log-probability")


if __name__ == "__main__":
    compare("Cascades on the embedded model", ABOUT, lineup, questions=80)
