"""Difficulty-adaptive self-consistency, DSC (Wang et al., arXiv 2408.13457): ranking, partition, pre-allocation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import inf

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.base import Decision
from tts_agent.step import Step
from tts_agent.stopping import ExtendingWindow
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class DifficultyRanking:
    """Steps ranked as easy get one call; the others a window as large as similar steps needed, extended as needed.

    Simplified in three ways, because an agent's steps come one by one. The paper has the model itself rank a
    batch of questions; here the estimator's mean pass@1 ranks. The paper finds the border between easy and hard
    in that batch, where a run of questions first agrees unanimously; here it is found on training steps. And the
    window is sized by the training steps next in rank, not by those answered before in the batch.
    """

    easy_above: float
    """Predicted pass@1 from which a step is easy; infinity if none is."""
    needed: tuple[tuple[float, int], ...]
    """(predicted pass@1, samples drawn) of training steps, the hardest first."""
    neighbours: int = 4
    """Training steps whose mean is the pre-sample."""
    extension: int = 4
    threshold: float = 0.95
    max_samples: int = 40

    def __post_init__(self) -> None:
        sizes = [size for _, size in self.needed]
        if (
            not sizes
            or list(self.needed) != sorted(self.needed)
            or not 1 <= min(sizes) <= max(sizes) <= self.max_samples
        ):
            raise ConfigurationError("a ranking needs training steps, the hardest first, of 1 to max_samples samples")
        if self.neighbours < 1:
            raise ConfigurationError(f"neighbours is {self.neighbours}: at least 1 is needed")

    @classmethod
    def fit(
        cls,
        predicted: Sequence[float],
        votes: Sequence[Sequence[Hashable | None]],
        *,
        judge_window: int = 32,
        neighbours: int = 4,
        extension: int = 4,
        threshold: float = 0.95,
        max_samples: int = 40,
    ) -> DifficultyRanking:
        """Learn border and sizes from training steps.

        Args:
            predicted: pass@1 that the estimator predicts for each training step.
            votes: the votes recorded for each, in the order drawn; more than `max_samples` are ignored.
            judge_window: unanimous steps in a row, going from hard to easy, that make all after them easy.

        Raises:
            ConfigurationError: no step, not one prediction a step, or a step without a sample.
        """
        if len(predicted) != len(votes) or not all(votes):
            raise ConfigurationError("a ranking needs one prediction and at least one sample for every training step")
        rule = ExtendingWindow(min(extension, max_samples), extension, threshold, max_samples)
        ranked = sorted(zip(predicted, votes, strict=True), key=lambda row: row[0])
        agreed = [len(set(cast[:max_samples])) == 1 and cast[0] is not None for _, cast in ranked]
        starts = range(len(ranked) - judge_window + 1)
        border = next((start for start in starts if all(agreed[start : start + judge_window])), None)
        return cls(
            easy_above=inf if border is None else ranked[border][0],
            needed=tuple(sorted((mean, _drawn(rule, cast)) for mean, cast in ranked)),
            neighbours=neighbours,
            extension=extension,
            threshold=threshold,
            max_samples=max_samples,
        )

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        if step.difficulty is None:
            return Decision(self._window(self.needed), "no estimate of difficulty: a window as large as steps need")
        mean = step.difficulty.mean
        if mean >= self.easy_above:
            return Decision(Single(), f"predicted pass@1 {mean:.2f} ranks as easy")
        similar = sorted(self.needed, key=lambda row: abs(row[0] - mean))[: self.neighbours]
        return Decision(self._window(similar), f"a window as large as steps predicted near {mean:.2f} needed")

    def _window(self, similar: Sequence[tuple[float, int]]) -> SelfConsistency:
        presample = round(sum(size for _, size in similar) / len(similar))
        return SelfConsistency(ExtendingWindow(presample, self.extension, self.threshold, self.max_samples))


def _drawn(rule: ExtendingWindow, votes: Sequence[Hashable | None]) -> int:
    """Samples after which the rule stops on recorded votes, or all of them."""
    tally = Tally()
    while (needed := rule.still_needed(tally)) and tally.drawn < len(votes):
        tally = tally.add(votes[tally.drawn : tally.drawn + needed])
    return tally.drawn
