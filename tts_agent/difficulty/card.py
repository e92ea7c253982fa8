"""The predictor card: what a trained estimator is worth on questions it has not seen. It travels with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tts_agent.difficulty.curves import Curves
from tts_agent.difficulty.metrics import Scores

STAGE_ONE = "stage one"
STAGE_ONE_AGAIN = "stage one, same rows"
STAGE_TWO = "stage two"
CLASS_MEAN = "class mean"
SHUFFLED = "shuffled labels"


@dataclass(frozen=True, slots=True)
class PredictorCard:
    """Scores on held-out groups, beside those of simple baselines and of a head trained on shuffled labels."""

    train_questions: int
    test_questions: int
    test_rows: int
    """First samples that stage two was tested on."""
    seed: int
    before: Mapping[str, Scores]
    """Before any call, one entry a question: stage one, class mean, length, TF-IDF, shuffled labels."""
    after: Mapping[str, Scores]
    """After a first sample, against the *other* samples: stage two, stage one on the same rows, shuffled labels.
    Empty when the labels said nothing of first samples."""
    trust: Mapping[str, float]
    """The shrinkage weight of each head, 0 (ignored) .. 1."""
    curves: Mapping[str, Curves] = field(default_factory=dict)
    """Of both stages, and of what each must beat: the class mean, and stage one on the rows of stage two. Empty on the
    cards of earlier versions."""

    @property
    def stage_one(self) -> Scores:
        """What `predict` is worth."""
        return self.before[STAGE_ONE]

    @property
    def stage_two(self) -> Scores | None:
        """What `update` is worth."""
        return self.after.get(STAGE_TWO)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PredictorCard:
        """From `to_json`; KeyError or TypeError when something is missing."""
        return cls(
            train_questions=int(values["train_questions"]),
            test_questions=int(values["test_questions"]),
            test_rows=int(values["test_rows"]),
            seed=int(values["seed"]),
            before={name: Scores(**scores) for name, scores in values["before"].items()},
            after={name: Scores(**scores) for name, scores in values["after"].items()},
            trust={name: float(weight) for name, weight in values["trust"].items()},
            curves={name: Curves.from_json(curves) for name, curves in values.get("curves", {}).items()},
        )
