"""Beam search over thoughts: draw some next thoughts, judge the partial replies, go on from the best few.

It pays where a wrong thought can be told from a right one before the answer is there: with L thoughts that are right
with probability s each, a reply drawn at once is right with s^L; a beam that picks a right one of M at each level, with
(1 - (1 - s)^M)^L. Needs a process verifier, one whose verdicts are on partial replies (arXiv 2305.20050), and an
endpoint that continues a last message of role `assistant`. Sources: Yao et al., arXiv 2305.10601; Snell et al., arXiv
2408.03314 (beam search against a process reward).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import ClassVar

from tts_agent.effects import Flow, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import concluded, cut_short, merit, verified
from tts_agent.strategies.thoughts import Path, Thoughts
from tts_agent.verifiers import Verifier


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """Keeps the `width` best paths, and draws `width` x `branching` thoughts a level, in equal shares.

    Paths with the same text count once. A path with a mistake that the verifier locates is not gone on with: where all
    have one, more thoughts are drawn at the same level. It ends when the verifier accepts a whole reply, or when all
    paths in the beam are whole; the best whole reply wins. Samples drawn before compete as whole replies.
    """

    name: ClassVar[str] = "beam_search"
    needs: ClassVar[tuple[str, ...]] = ("n", "continuation")
    source: ClassVar[str] = "arXiv 2305.10601, 2408.03314"

    verifier: Verifier
    width: int = 2
    branching: int = 4
    max_levels: int = 32
    """Most rounds of drawing."""
    thoughts: Thoughts = field(default_factory=Thoughts)

    def __post_init__(self) -> None:
        if min(self.width, self.branching, self.max_levels) < 1:
            raise ConfigurationError(f"width, branching and max_levels must be at least 1: {self}")

    def run(self, step: Step) -> Flow[Outcome]:
        paths = yield from judged(self.verifier, step, [Path(sample, open=False) for sample in step.drawn])
        stop: StopReason = "accepted"
        if not any(path.verdict.accepted for path in paths):
            found, stop = yield from self.search(step)
            paths += found
            step = step.with_drawn(tuple(path.sample for path in found))
        if not paths:
            return concluded(self.name, stop, step, None)
        best = max(paths, key=standing)
        return concluded(
            self.name,
            "accepted" if best.verdict.accepted else stop,
            step,
            best.sample,
            p_correct=None if best.open else best.verdict.probability,
            accepted=best.verdict.accepted,
        )

    def search(self, step: Step) -> Flow[tuple[list[Path], StopReason]]:
        """One search from the start: the replies it came to, or what it had where it came to none."""
        beam, ended, latest = [Path()], list[Path](), list[Path]()
        stop: StopReason = "rounds"
        for _ in range(self.max_levels):
            growing = [path for path in beam if path.open]
            shares = _shares(self.width * self.branching, len(growing))
            draws = [self.thoughts.draw(step, path, n) for path, n in zip(growing, shares, strict=True)]
            replies = yield from together(*draws)
            grown = yield from judged(self.verifier, step, distinct(path for paths, _ in replies for path in paths))
            if not grown:
                stop = cut_short(*(batch for _, batch in replies))
                break
            latest = grown
            ended += [path for path in grown if not path.open]
            sound = [path for path in grown if path.verdict.wrong_at is None]
            sound += [path for path in beam if not path.open]
            beam = nlargest(self.width, sound, key=standing) or beam
            if any(path.verdict.accepted for path in ended):
                stop = "accepted"
                break
            if not any(path.open for path in beam):
                stop = "settled"
                break
        return ended or [path for path in beam if path.sample.text] or latest, stop


def judged(verifier: Verifier, step: Step, paths: Sequence[Path]) -> Flow[list[Path]]:
    """The paths with their verdicts."""
    verdicts = yield from verified(verifier, step, [path.judged_as for path in paths])
    return [path.judged(verdict) for path, verdict in zip(paths, verdicts, strict=True)]


def distinct(paths: Iterable[Path]) -> list[Path]:
    """The first path of each text."""
    first: dict[tuple[str, bool], Path] = {}
    for path in paths:
        first.setdefault((path.sample.text, path.open), path)
    return list(first.values())


def standing(path: Path) -> tuple[bool, float, float]:
    """Orders paths as attempts are ordered."""
    return merit((path.sample, path.verdict))


def _shares(n: int, parts: int) -> list[int]:
    """`n` in `parts` shares that differ by one at most."""
    return [n // parts + (part < n % parts) for part in range(parts)]
