"""The known-p oracle in the lab: price tables told each question's recorded pass rate. A limit, not a policy.

It looks at the recorded correctness of the very questions it is played on, and of the very samples, so it is
optimistic twice; it shows what a perfect estimator of difficulty could add at most to the same tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from tts_agent.evaluation.contenders import Setting
from tts_agent.evaluation.plans import planned, play_plan
from tts_agent.evaluation.play import Play
from tts_agent.evaluation.priced import TOKEN_PRICES, Group, Priced
from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories
from tts_agent.population import VoteCounts
from tts_agent.probability import Beta

CONCENTRATION = 1000.0
_LEVELS = 2.0
"""Pass rates a logit: rates in between share a table."""
_FARTHEST = 10


@dataclass(frozen=True, eq=False)
class _Tables:
    """Tables of every class and level of the pass rate, made when first asked for."""

    classes: tuple[str, ...]
    groups: tuple[Group, ...]
    """One a class; the last one is for others."""
    made: dict[tuple[int, int], Bools] = field(default_factory=dict)
    """(prices, s) by class and level."""

    def choose(self, replays: Trajectories) -> tuple[Bools, Ints]:
        """(g, prices, s) whether to go on, and (Q, R) the group of each replay."""
        index = {name: at for at, name in enumerate(self.classes)}
        keys = [
            (index.get(name, len(self.classes)), _level(counts))
            for name, counts in zip(replays.classes, replays.recorded, strict=True)
        ]
        distinct = sorted(set(keys))
        for key in distinct:
            if key not in self.made:
                self.made[key] = self._table(replays, *key)
        place = {key: at for at, key in enumerate(distinct)}
        which = np.array([place[key] for key in keys], dtype=np.int64)
        return np.stack([self.made[key] for key in distinct]), np.repeat(which[:, None], replays.shape[1], axis=1)

    def _table(self, replays: Trajectories, number: int, level: int) -> Bools:
        group = self.groups[number]
        rate = float(1.0 / (1.0 + np.exp(-level / _LEVELS)))
        known = group.population.given(Beta.of(rate, CONCENTRATION))
        return np.stack(
            list(planned(replays, known, [price * group.tokens for price in TOKEN_PRICES], replays.shape[2]))
        )


@dataclass(frozen=True, eq=False)
class KnownRate:
    """A setting of the oracle. It cheats: see the module."""

    label: str
    tables: _Tables
    price: int
    """Number in TOKEN_PRICES."""

    def play(self, replays: Trajectories) -> Play:
        goes_on, which = self.tables.choose(replays)
        return play_plan(replays, goes_on[:, self.price], which)


def known_pass_rate(training: Trajectories) -> Sequence[Setting]:
    """Price tables of each class's population, reweighted to the question's own pass rate."""
    fitted = Priced(views=((),)).fit(training)
    tables = _Tables(fitted.classes, fitted.groups)
    return [KnownRate(f"price={price:.2g}", tables, at) for at, price in enumerate(TOKEN_PRICES)]


@lru_cache(maxsize=4096)
def _level(counts: VoteCounts) -> int:
    """The pass rate in steps of its logit; none and all right count as half a sample away."""
    wrong = sum(counts.wrong) + counts.invalid
    rate = max(counts.right, 0.5) / max(wrong, 0.5)
    return int(np.clip(round(float(np.log(rate)) * _LEVELS), -_FARTHEST, _FARTHEST))
