"""Held-out sets of problems. A set is a function of its split, size and seed; none of them was trained on."""

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType

from tts_agent.embedded.tasks import FAMILIES, Problem, Split, stream
from tts_agent.exceptions import ConfigurationError

LEVELS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "chain": (3, 5, 6, 7, 8, 9, 10),
        "story": (2, 4, 5, 6, 7),
        "lookup": (2, 8, 12, 13, 14),
        "sort": (1, 3, 4, 5, 6),
        "countdown": (1, 2, 3),
    }
)
"""The rungs of each family that make up a set, in equal shares.

Chosen on the tuning split before any policy was run, so that at least 35 % of the questions have a pass@1 between
.40 and .95.
"""


def demo_problems(n: int, seed: int = 0) -> list[Problem]:
    """Return the first ``n`` problems of the demonstration, families and levels mixed.

    More problems of the same seed begin with the same ones.
    """
    return problems(Split.DEMO, n, seed)


def problems(split: Split, n: int, seed: int = 0) -> list[Problem]:
    """Return ``n`` different problems of ``split``, an equal share of each family.

    Raises:
        ConfigurationError: a level has fewer different problems than asked for.
    """
    supplies = {name: _supply(name, split, seed) for name in FAMILIES}
    order = Random(seed)
    chosen: list[Problem] = []
    while len(chosen) < n:
        names = list(FAMILIES)
        order.shuffle(names)
        chosen += [next(supplies[name]) for name in names]
    return chosen[:n]


def _supply(family: str, split: Split, seed: int) -> Iterator[Problem]:
    """Yield problems of ``family``, each level of `LEVELS` once before any comes again, in random order."""
    rng = Random(f"{seed} {split} {family}")
    streams = {level: stream(rng, family, level, split) for level in LEVELS[family]}
    seen: set[str] = set()
    while True:
        levels = list(LEVELS[family])
        rng.shuffle(levels)
        for level in levels:
            problem = next((p for p in streams[level] if p.question not in seen), None)
            if problem is None:
                raise ConfigurationError(
                    f"there are only {len(seen):,} different {split} problems of {family}: ask for fewer"
                )
            seen.add(problem.question)
            yield problem
