"""The predictor card: what a trained estimator is worth on questions it has not seen. It travels with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tts_agent.difficulty.metrics import Scores

STAGE_ONE = "stage one"
STAGE_TWO = "stage two"
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
        )

    def table(self) -> str:
        """Plain text for a terminal."""
        lines = [f"trained on {self.train_questions} questions, seed {self.seed}"]
        lines += _block(f"before any call, {self.test_questions} held-out questions", self.before)
        if self.after:
            lines += _block(f"after the first sample, {self.test_rows} held-out rows", self.after)
        lines += ["", "trust in the heads, 0 (ignored) .. 1 (as they are)"]
        lines += [f"  {name:32}{weight:8.1f}" for name, weight in self.trust.items()]
        return "\n".join(lines) + "\n"


def _block(title: str, scores: Mapping[str, Scores]) -> list[str]:
    header = f"{'':26}{'NLL':>8}{'Brier':>8}{'ECE':>8}{'AUROC':>8}{'Spearman':>10}"
    rows = [
        f"  {name:24}{row.nll:8.3f}{row.brier:8.4f}{row.ece:8.3f}{_number(row.auroc):>8}{_number(row.spearman):>10}"
        for name, row in scores.items()
    ]
    return ["", title, header, *rows]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
