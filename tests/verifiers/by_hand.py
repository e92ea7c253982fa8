"""Driving a verifier by hand: what it wants called is called, and its verdicts are returned."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tts_agent.effects import Call
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers import Verdict, Verifier


def judged(verifier: Verifier, step: Step, *samples: Sample) -> Sequence[Verdict]:
    """The verdicts of a verifier that makes one `Call` and needs nothing else."""
    flow = verifier.verify(step, samples)
    effect = next(flow)
    assert isinstance(effect, Call), "it must run off the event loop"
    with pytest.raises(StopIteration) as ended:
        flow.send(effect.function())
    verdicts: Sequence[Verdict] = ended.value.value
    return verdicts
