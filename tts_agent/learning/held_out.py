"""What a probe is worth on samples of questions that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tts_agent.difficulty.calibration import expected_calibration_error
from tts_agent.difficulty.metrics import auroc
from tts_agent.verifiers import AcceptRates, Verdict


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Measures of one class of steps."""

    samples: int
    right: int
    auroc: float | None
    """P(a right sample has a higher score than a wrong one), ties half; None where all are right, or all wrong."""
    ece: float
    """Expected calibration error of the score as P(right), 10 bins. Chance alone leaves about .03 on 500 samples."""
    rates: AcceptRates
    """At the threshold of the verdicts."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], right: Sequence[bool]) -> HeldOut:
        """From at least one verdict, and whether each of the samples was right."""
        scores, truth = np.array([verdict.score for verdict in verdicts]), np.array(right, dtype=np.float64)
        return cls(
            samples=len(verdicts),
            right=sum(right),
            auroc=auroc(scores, truth, 1.0 - truth),
            ece=expected_calibration_error(scores, truth, np.ones(len(verdicts))),
            rates=AcceptRates.of(verdicts, right),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values; a measure that is undefined is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> HeldOut:
        """From `to_json`; KeyError, TypeError or ValueError when something is missing or wrong."""
        return cls(
            samples=int(values["samples"]),
            right=int(values["right"]),
            auroc=values.get("auroc"),
            ece=float(values["ece"]),
            rates=AcceptRates(**values["rates"]),
        )
