"""All replays of verified sampling and of refinement, each with what is claimed of it and whether that holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tts_agent.evaluation.banks import find_bank, load_bank
from tts_agent.evaluation.turns import TurnBank, pooled_folder
from tts_agent.evaluation.turns_blind import BlindReplay, replay_blind
from tts_agent.evaluation.turns_refinement import RefinementReplay, replay_refinement
from tts_agent.evaluation.turns_verified import VerifiedReplay, replay_verified

VERIFIED = ("humaneval__codegen-16b__t0.8", "game24__gpt-4__cot", "game24__gpt-4__io")
"""Banks whose `correct` is an exact verifier's verdict: unit tests, arithmetic."""

LADDER_OTHERS = 1
"""First rungs of the recorded ladder that another model answered."""


@dataclass(frozen=True, slots=True)
class Line:
    """One claim about one bank."""

    bank: str
    claim: str
    measured: str
    """The numbers, in words."""
    holds: bool


@dataclass(frozen=True, slots=True)
class TurnsReport:
    """Everything that was replayed."""

    verified: tuple[VerifiedReplay, ...]
    refined: tuple[RefinementReplay, ...]
    blind: tuple[BlindReplay, ...]
    left_out: tuple[str, ...]
    """Banks with a single turn, on which there is nothing to decide."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """One line per claim and bank, wins and losses alike."""
        return (
            *(_verified(replay) for replay in self.verified),
            *(line for replay in self.refined for line in _refined(replay)),
            *(_blind(replay) for replay in self.blind),
        )


def replay_turns(folder: Path, verified: tuple[str, ...] = VERIFIED, *, repeats: int = 20) -> TurnsReport:
    """Replay every file of recorded turns in `folder`, and the verified banks by name.

    Raises:
        BankError: a file is missing or damaged.
    """
    banks = pooled_folder(folder)
    ladders = [bank for bank in banks if _is_ladder(bank)]
    several = [bank for bank in banks if bank.longest > 1 and not _is_ladder(bank)]
    return TurnsReport(
        tuple(replay_verified(load_bank(find_bank(name)), number=repeats) for name in verified),
        tuple(replay_refinement(bank, repeats=repeats) for bank in several),
        tuple(replay_blind(bank, skip=LADDER_OTHERS, repeats=repeats) for bank in ladders),
        tuple(bank.name for bank in banks if bank.longest < 2),
    )


def _is_ladder(bank: TurnBank) -> bool:
    """Whether records go on after right answers and lose some: nobody told the model."""
    return any(
        first and not then for task in bank.tasks for first, then in zip(task.right, task.right[1:], strict=False)
    )


def _verified(replay: VerifiedReplay) -> Line:
    chosen = replay.chosen
    return Line(
        replay.name,
        "verified sampling finds 95 % of what everything finds at half of the tokens",
        f"found {chosen.found:.3f} {_range(replay.found_interval)} at {chosen.tokens:.3f} "
        f"{_range(replay.tokens_interval)} of the tokens; {replay.at_half:.3f} at half; "
        f"to the end {replay.to_the_end.tokens:.3f}, clairvoyant {replay.clairvoyant.tokens:.3f} of the tokens",
        replay.passed,
    )


def _refined(replay: RefinementReplay) -> tuple[Line, ...]:
    worst = max(replay.points, key=lambda point: point.lost)
    lines = (
        Line(
            replay.name,
            "share solved by each turn is predicted within .03 out of fold",
            f"error {replay.error:.3f} (one rate {replay.single_error:.3f}); log loss {replay.log_losses[0]:.3f} "
            f"(one rate {replay.log_losses[1]:.3f})",
            replay.error <= 0.03,
        ),
        Line(
            replay.name,
            "stops within 10 % of the best fixed number of turns at each price",
            f"misses {replay.lost:.3f} at a price of {worst.price} a turn: {worst.ours:.3f}, the best fixed number "
            f"with hindsight {worst.best:.3f}, tuned on other tasks {worst.learned:.3f}; "
            f"at most {replay.regret:.3f} of a solved task at any price",
            replay.lost <= 0.1,
        ),
    )
    if not replay.told:
        return lines
    return (*lines, _signalled(replay))


def _signalled(replay: RefinementReplay) -> Line:
    worst = max(replay.points, key=lambda point: (point.best - point.signalled) / max(point.best, 1e-9))
    most = max(replay.points, key=lambda point: point.signalled - point.best)
    return Line(
        replay.name,
        "looking at the last turn, it stops within 10 % of the best fixed number of turns at each price",
        f"misses {replay.signalled_lost:.3f}; worst at a price of {worst.price} a turn, {worst.signalled:.3f} to "
        f"{worst.best:.3f} of the best fixed number with hindsight; best at {most.price}, {most.signalled:.3f} to "
        f"{most.best:.3f}",
        replay.signalled_lost <= 0.1,
    )


def _blind(replay: BlindReplay) -> Line:
    return Line(
        replay.name,
        "accuracy by rung within .03 out of fold, and stops within 10 % of the best rung at each price",
        f"error {replay.error:.3f}, misses {replay.lost:.3f}; a rung fixes {replay.fix:.3f} "
        f"and breaks {replay.breaks:.3f}, limit {replay.limit:.3f}",
        replay.passed,
    )


def _range(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
