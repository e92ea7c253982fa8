"""What verifiers made of verifiers share."""

from __future__ import annotations

from collections.abc import Sequence

from tts_agent.effects import Flow, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier


def judged_by_each(
    verifiers: Sequence[Verifier], step: Step, samples: Sequence[Sample]
) -> Flow[Sequence[tuple[Verdict, ...]]]:
    """For each sample the verdicts of all verifiers, which judge at the same time."""
    judged = yield from together(*(verifier.verify(step, samples) for verifier in verifiers))
    return list(zip(*judged, strict=True))


def complaint_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The first verdict that rejects and says what is wrong, else the first."""
    rejected = (verdict for verdict in verdicts if not verdict.accepted and (verdict.feedback or verdict.wrong_at))
    return next(rejected, verdicts[0])


def at_least_one(verifiers: Sequence[Verifier]) -> None:
    """
    Raises:
        ConfigurationError: there are none.
    """
    if not verifiers:
        raise ConfigurationError("a combination needs at least one verifier")


def combined_name(how: str, verifiers: Sequence[Verifier]) -> str:
    """Such as "all_of(regex, unit_tests)"."""
    return f"{how}({', '.join(verifier.name for verifier in verifiers)})"
