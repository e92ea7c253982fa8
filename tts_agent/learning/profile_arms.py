"""Arms: strategies of growing size, whose accuracy is measured against their tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single, Strategy
from tts_agent.strategies.sequential_refinement import FeedbackWording, plain_feedback
from tts_agent.verifiers import Verifier

LADDERS = ("self_consistency", "best_of_n", "sequential_refinement")
"""The strategies that have a size: samples, tries, rounds."""
SINGLE = "single"


@dataclass(frozen=True, slots=True)
class ProfiledArm:
    """One strategy at one size."""

    ladder: str
    """The strategy's name."""
    size: int
    """Samples, tries or rounds; 1 where the strategy has no size."""
    make: Callable[[Verifier | None], Strategy]
    """Raises ConfigurationError where it cannot do without a verifier."""
    sequential: bool = False
    """Whether further tokens come after, and build on, the ones before."""
    verified: bool = False
    """Whether it needs a verifier: classes of steps without one go without the arm."""

    @property
    def name(self) -> str:
        """Such as "self_consistency 5"."""
        return f"{self.ladder} {self.size}" if self.ladder in LADDERS else self.ladder


def single() -> ProfiledArm:
    """One call: where every ladder begins."""
    return ProfiledArm(SINGLE, 1, lambda _: Single())


def ladder(name: str, sizes: Sequence[int], feedback: FeedbackWording = plain_feedback) -> list[ProfiledArm]:
    """The rungs of one of `LADDERS`. Refinement has every number of rounds up to its largest: it takes them all anyway.

    Raises:
        ConfigurationError: no such ladder, or a size below 1.
    """
    if not sizes or min(sizes) < 1:
        raise ConfigurationError(f"{name}: sizes are whole numbers, at least 1")
    if name == "self_consistency":
        return [ProfiledArm(name, n, _votes(n)) for n in sorted(set(sizes)) if n > 1]
    if name == "best_of_n":
        return [ProfiledArm(name, n, _tries(n), verified=True) for n in sorted(set(sizes)) if n > 1]
    if name == "sequential_refinement":
        rounds = range(1, max(sizes) + 1)
        return [ProfiledArm(name, n, _rounds(n, feedback), sequential=True, verified=True) for n in rounds]
    raise ConfigurationError(f"{name!r} has no size: these have one: {', '.join(LADDERS)}")


def _votes(n: int) -> Callable[[Verifier | None], Strategy]:
    return lambda _: SelfConsistency(FixedSize(n))


def _tries(n: int) -> Callable[[Verifier | None], Strategy]:
    return lambda verifier: BestOfN(_needed(verifier), UntilAccepted(Beta(1.0, 1.0), 0.0, n))


def _rounds(n: int, feedback: FeedbackWording) -> Callable[[Verifier | None], Strategy]:
    return lambda verifier: SequentialRefinement(_needed(verifier), n, feedback)


def _needed(verifier: Verifier | None) -> Verifier:
    if verifier is None:
        raise ConfigurationError("best_of_n and sequential_refinement need a verifier")
    return verifier
