"""The predictor card of one recorded bank, with intervals, as JSON values: part of ``benchmarks.predictor_cards``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import erfc, isnan, sqrt
from typing import Any

import numpy as np

from tts_agent.difficulty.card import CLASS_MEAN, SHUFFLED, STAGE_ONE, STAGE_ONE_AGAIN, STAGE_TWO
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.score_intervals import MEASURES, Resampled, resampled
from tts_agent.evaluation.signals import bank_beliefs
from tts_agent.evaluation.signals_card import card_beliefs
from tts_agent.evaluation.signals_data import BankData
from tts_agent.evaluation.signals_vectors import Vectors

ROUNDING = 1e-9
"""Differences below this are of arithmetic."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number with its 95 % interval; nan where it is undefined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "-" if isnan(self.value) else f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Gain(Cell):
    """One predictor's measure less another's, paired over questions."""

    error: float
    """Standard error, of the bootstrap."""

    @classmethod
    def of(cls, one: Resampled, other: Resampled, measure: str) -> Gain:
        """Of one over the other."""
        gain, (low, high) = one.gain(other, measure)
        at = MEASURES.index(measure)
        draws = one.replicates[:, at] - other.replicates[:, at]
        return cls(gain, low, high, float(np.std(draws[~np.isnan(draws)])) if not np.isnan(draws).all() else np.nan)

    def __str__(self) -> str:
        return "-" if isnan(self.value) else f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f})"

    @property
    def chance(self) -> float:
        """Two-sided p of no gain, by the normal distribution; 1 where there is nothing to test."""
        if isnan(self.value) or abs(self.value) < ROUNDING or not self.error > 0.0:
            return 1.0
        return erfc(abs(self.value) / self.error / sqrt(2.0))


def clear(gains: Sequence[Gain], level: float = 0.05) -> list[bool]:
    """Which of several gains are none by chance: Holm's correction for how many were looked at (Holm 1979)."""
    order = sorted(range(len(gains)), key=lambda index: gains[index].chance)
    found = [False] * len(gains)
    for rank, index in enumerate(order):
        if gains[index].chance > level / (len(gains) - rank):
            break
        found[index] = True
    return found


@dataclass(frozen=True)
class Row:
    """One predictor."""

    scores: Mapping[str, Cell]
    """By measure."""
    gains: Mapping[str, Gain]
    """By measure, over what it must beat: the class mean before any call, stage one after the first sample."""


@dataclass(frozen=True)
class Card:
    """One bank."""

    name: str
    questions: int
    pass_rate: float
    before: Mapping[str, Row]
    after: Mapping[str, Row]
    trust: Mapping[str, float]
    """Mean weight of the heads, 0 (ignored) .. 1."""

    @property
    def text(self) -> Row:
        """Stage one."""
        return self.before[STAGE_ONE]

    @property
    def first_sample(self) -> Row | None:
        """Stage two."""
        return self.after.get(STAGE_TWO)

    @property
    def control(self) -> Row:
        """Stage one, trained on the outcomes of other questions."""
        return self.before[SHUFFLED]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Card:
        """From `asdict`."""
        rows = {
            stage: {
                name: Row(
                    {measure: Cell(**cell) for measure, cell in row["scores"].items()},
                    {measure: Gain(**gain) for measure, gain in row["gains"].items()},
                )
                for name, row in values[stage].items()
            }
            for stage in ("before", "after")
        }
        return cls(values["name"], values["questions"], values["pass_rate"], **rows, trust=values["trust"])


def measure_card(bank: Bank, vectors: Vectors, seed: int) -> dict[str, Any]:
    """Cross-fit both stages and score them beside simple predictors: a `Card` as JSON values."""
    beliefs = bank_beliefs(bank, vectors, seed=seed)
    shuffled = bank_beliefs(bank, vectors, fold=beliefs.fold, seed=seed, shuffled=True)
    before, after = card_beliefs(bank, beliefs, shuffled, seed=seed)
    whole = BankData.of(bank)
    data = whole.data
    fold = beliefs.fold[whole.first]
    one = resampled(before, data.counts, len(data), fold=fold, seed=seed)
    two = resampled(after, data.rows, len(data), fold=fold[data.rows.question], seed=seed)
    trust = {
        stage: float(np.mean([0.0 if each is None else each.shrinkage.weight for each in stages]))
        for stage, stages in (
            (STAGE_ONE, [view.estimator.one for view in beliefs.views]),
            (STAGE_TWO, [view.estimator.two for view in beliefs.views]),
        )
    }
    rate = float(data.counts.share.mean())
    return asdict(Card(bank.name, len(data), rate, _rows(one, CLASS_MEAN), _rows(two, STAGE_ONE_AGAIN), trust))


def _rows(found: Mapping[str, Resampled], reference: str) -> dict[str, Row]:
    return {
        name: Row(
            {measure: _cell(each, measure) for measure in MEASURES},
            {measure: Gain.of(each, found[reference], measure) for measure in MEASURES} if name != reference else {},
        )
        for name, each in found.items()
    }


def _cell(each: Resampled, measure: str) -> Cell:
    value = getattr(each.scores, measure)
    return Cell(float("nan") if value is None else value, *each.within(measure))
