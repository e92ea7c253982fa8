"""Policies that fix the number of samples before the first one: routers, static N*(p), allocation by predicted gain.

Their knob is a price per token, one for all classes of steps, or (random router) the share of questions that get a
full vote. The chances that sizes are chosen by are those of `routing`; see there for sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tts_agent.evaluation.beliefs import Beliefs, Encode, fit_beliefs, no_vectors
from tts_agent.evaluation.calibration import fit_beta_ewens
from tts_agent.evaluation.contenders import RulePerReplay, Setting
from tts_agent.evaluation.orderings import digest
from tts_agent.evaluation.priced import TOKEN_PRICES
from tts_agent.evaluation.trajectories import Ints, Trajectories
from tts_agent.probability import Beta
from tts_agent.routing.expected_vote import best_size, expected_vote
from tts_agent.stopping import FixedSize

LENGTH_BINS = 3
RANDOM_SHARES = tuple(step / 10.0 for step in range(11))


@dataclass(frozen=True, eq=False)
class Allocated:
    """Sizes by what an estimator believes of each text: the best one net of its price."""

    beliefs: Beliefs
    theta: dict[str, float]
    """Of each class: concentration of wrong answers."""
    tokens: dict[str, float]
    """Of each class: a sample, prompt included."""
    price: float
    most: int
    by_mean: bool

    def __call__(self, replays: Trajectories) -> Ints:
        """(Q, R)"""
        chosen = []
        for name, beta in zip(replays.classes, self.beliefs.betas(replays), strict=True):
            chances = _chances(beta.mean if self.by_mean else beta, self.most, self.theta.get(name, 1.0))
            cost = self.price * self.tokens.get(name, float(np.mean(list(self.tokens.values()))))
            chosen.append(best_size(chances, cost)[0] - 1)
        return np.repeat(np.array(chosen, dtype=np.int64)[:, None], replays.shape[1], axis=1)


@dataclass(frozen=True, slots=True)
class Allocation:
    """A contender: static N*(p), or (not `by_mean`) Damani-style allocation by predicted gain (arXiv 2410.04707)."""

    by_mean: bool
    """Whether the mean of the belief is taken for the truth; else gains are averaged over the belief."""
    encode: Encode = no_vectors

    def __call__(self, training: Trajectories) -> Sequence[Setting]:
        most = training.shape[2]
        beliefs = fit_beliefs(training, self.encode)
        own = {name: training.subset(training.of_class(name)) for name in sorted(set(training.classes))}
        theta = {name: fit_beta_ewens(each)[1] for name, each in own.items()}
        tokens = {name: float(each.tokens[:, :, 0].mean()) + each.prompt_tokens for name, each in own.items()}
        rules = _sizes(most)
        return [
            RulePerReplay(f"price={price:.2g}", rules, Allocated(beliefs, theta, tokens, price, most, self.by_mean))
            for price in TOKEN_PRICES
        ]


@dataclass(frozen=True, eq=False)
class ByWords:
    """Sizes by the number of words of the question."""

    bounds: tuple[float, ...]
    sizes: tuple[int, ...]

    def __call__(self, replays: Trajectories) -> Ints:
        """(Q, R)"""
        place = np.searchsorted(self.bounds, _words(replays), side="left")
        return np.repeat((np.array(self.sizes)[place] - 1)[:, None], replays.shape[1], axis=1)


def length_router(training: Trajectories) -> list[Setting]:
    """`LengthRouter` with bounds at thirds of the training questions, and in each the size that did best there.

    It does not know the class: it is the baseline that reading the text has to beat.
    """
    most, words = training.shape[2], _words(training)
    thirds = np.unique(np.quantile(words, np.linspace(0.0, 1.0, LENGTH_BINS + 1)[1:-1]))
    bounds = tuple(thirds[thirds < words.max()].tolist())
    place = np.searchsorted(bounds, words, side="left")
    accuracy = [training.leader_correct[place == bin_, :, 1:].mean(axis=(0, 1)) for bin_ in range(len(bounds) + 1)]
    cost = [training.cost[place == bin_, :, 1:].mean(axis=(0, 1)) for bin_ in range(len(bounds) + 1)]
    settings: list[Setting] = []
    for price in TOKEN_PRICES:
        sizes = tuple(int(np.argmax(a - price * c)) + 1 for a, c in zip(accuracy, cost, strict=True))
        settings.append(RulePerReplay(f"price={price:.2g}", _sizes(most), ByWords(bounds, sizes)))
    return settings


@dataclass(frozen=True, slots=True)
class ByChance:
    """All samples for a share of the questions, drawn by a hash of the text; one for the others."""

    share: float
    seed: int = 0

    def __call__(self, replays: Trajectories) -> Ints:
        """(Q, R)"""
        all_of_them = np.array([digest(self.seed, text) / 2.0**64 < self.share for text in replays.texts])
        return np.repeat(all_of_them.astype(np.int64)[:, None], replays.shape[1], axis=1)


def random_router(training: Trajectories) -> list[Setting]:
    """One sample or a full vote, whatever the step: what any router must beat at the same cost."""
    rules = (FixedSize(1), FixedSize(training.shape[2]))
    return [RulePerReplay(f"share={share:g}", rules, ByChance(share)) for share in RANDOM_SHARES]


@lru_cache(maxsize=4096)
def _chances(belief: Beta | float, most: int, theta: float) -> tuple[float, ...]:
    return tuple(expected_vote(belief, n, theta) for n in range(1, most + 1))


def _sizes(most: int) -> tuple[FixedSize, ...]:
    return tuple(FixedSize(n) for n in range(1, most + 1))


def _words(replays: Trajectories) -> Ints:
    return np.array([len(text.split()) for text in replays.texts], dtype=np.int64)
