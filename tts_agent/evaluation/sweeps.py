"""Sweeps: every setting of a contender, fitted on training folds and played on questions it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.contenders import Contender, Setting
from tts_agent.evaluation.curves import cheapest_mixture
from tts_agent.evaluation.play import Play
from tts_agent.evaluation.trajectories import Ints, Trajectories
from tts_agent.exceptions import ConfigurationError

Floats = NDArray[np.float64]

SHARES = np.linspace(0.0, 1.2, 25)
"""Shares of full voting's gain that knobs are tuned for."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """S settings on Q held-out questions: means over orderings, all arrays (S, Q)."""

    name: str
    labels: tuple[str, ...]
    accuracy: Floats
    samples: Floats
    total_tokens: Floats
    serial_tokens: Floats

    def mixed(self, labels: Sequence[str], weights: Floats) -> Sweep:
        """Mixtures of the settings; `weights` (T, S), or (T, S, Q) where they differ between questions."""
        each = weights if weights.ndim == 3 else np.repeat(weights[:, :, None], self.accuracy.shape[1], axis=2)
        parts = (self.accuracy, self.samples, self.total_tokens, self.serial_tokens)
        return Sweep(self.name, tuple(labels), *(np.einsum("tsq,sq->tq", each, part) for part in parts))


@dataclass(frozen=True, eq=False)
class CrossFit:
    """What one contender did."""

    sweep: Sweep
    """Each setting of the knob."""
    tuned: Sweep
    """The knob chosen on training folds: mixtures of two settings that there reach each share of the gain."""


def training_sets(replays: Trajectories, fold: Ints) -> dict[int, Trajectories]:
    """By fold, all questions but its own. Contenders that are given the same objects can share what they fit."""
    return {number: replays.subset(fold != number) for number in sorted(set(fold.tolist()))}


def cross_fit(
    name: str,
    contender: Contender,
    replays: Trajectories,
    fold: Ints,
    training: Mapping[int, Trajectories] | None = None,
) -> CrossFit:
    """Fit a contender on all folds but one and play it on that one, for each fold.

    Args:
        fold: (Q) of each question.
        training: `training_sets`, made when not given.

    Raises:
        ConfigurationError: the number of settings depends on the training data.
    """
    training = training_sets(replays, fold) if training is None else training
    numbers = sorted(training)
    fitted = [list(contender(training[number])) for number in numbers]
    if len({len(settings) for settings in fitted}) != 1 or not fitted[0]:
        raise ConfigurationError(
            f"{name} has {[len(settings) for settings in fitted]} settings: one and the same number"
        )
    played = _Played(replays)
    everywhere = [played.sweep(name, settings) for settings in fitted]
    position = np.searchsorted(numbers, fold)
    own = np.arange(len(fold))
    held_out = Sweep(
        name,
        everywhere[0].labels,
        *(
            np.stack([getattr(sweep, part) for sweep in everywhere])[position, :, own].T
            for part in ("accuracy", "samples", "total_tokens", "serial_tokens")
        ),
    )
    single, full = replays.leader_correct[:, :, 1].mean(axis=1), replays.leader_correct[:, :, -1].mean(axis=1)
    weights = np.zeros((len(SHARES), len(held_out.labels), len(fold)))
    for sweep, number in zip(everywhere, numbers, strict=True):
        train = fold != number
        targets = single[train].mean() + SHARES * (full[train].mean() - single[train].mean())
        accuracy, cost = sweep.accuracy[:, train].mean(axis=1), sweep.total_tokens[:, train].mean(axis=1)
        chosen = np.stack([cheapest_mixture(accuracy, cost, target) for target in targets])
        weights[:, :, fold == number] = chosen[:, :, None]
    return CrossFit(held_out, held_out.mixed([f"share={share:.2f}" for share in SHARES], weights))


def sweep_of(name: str, labels: Sequence[str], plays: Sequence[Play]) -> Sweep:
    """Plays as a sweep."""
    return Sweep(
        name,
        tuple(labels),
        np.stack([play.correct.mean(axis=1) for play in plays]),
        np.stack([play.drawn.mean(axis=1) for play in plays]),
        np.stack([play.total_tokens.mean(axis=1) for play in plays]),
        np.stack([play.serial_tokens.mean(axis=1) for play in plays]),
    )


class _Played:
    """Plays each distinct setting once: one that learns nothing is the same in all folds."""

    def __init__(self, replays: Trajectories) -> None:
        self._replays = replays
        self._settings: list[Setting] = []
        self._plays: list[Play] = []

    def sweep(self, name: str, settings: Sequence[Setting]) -> Sweep:
        return sweep_of(name, [setting.label for setting in settings], [self._play(each) for each in settings])

    def _play(self, setting: Setting) -> Play:
        if setting not in self._settings:
            self._settings.append(setting)
            self._plays.append(setting.play(self._replays))
        return self._plays[self._settings.index(setting)]
