"""What was promised of the suite, what was measured, and whether it is met: computed, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from tts_agent.evaluation.arms import LadderResult
from tts_agent.evaluation.contenders import AC_95
from tts_agent.evaluation.curves import TARGETS
from tts_agent.evaluation.lab import BankResult, Matched
from tts_agent.evaluation.lineup import OURS, OURS_OR_AC
from tts_agent.evaluation.published import Reproduced
from tts_agent.evaluation.report import Report, gains, geometric_mean
from tts_agent.evaluation.run import POPULATION
from tts_agent.evaluation.signals_table import SignalResult, median_auroc
from tts_agent.evaluation.suite import PARTS, Suite
from tts_agent.evaluation.turns_report import TurnsReport

STREAM_RATIOS = (0.70, 0.85, 0.97, 1.02)
"""To tuned Adaptive-Consistency at 50, 75, 90 % and full - .005."""
TO_AC_95 = 0.60
WORSE = 1.03
BETTER = 0.90
AUROC = 0.75
ECE = 0.05
MANY = 200
"""Questions from which calibration is asked of a bank."""
AC_SCORE = "Adaptive-Consistency"
MINUTES = 15.0
NO_CHANGE = 0.9995
"""A ratio above it is not below 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """One promise."""

    about: str
    target: str
    measured: str
    met: bool | None
    """None: there was nothing to measure it on."""

    @property
    def verdict(self) -> str:
        """In a word."""
        return "not measured" if self.met is None else "met" if self.met else "**not met**"


def acceptance(suite: Suite) -> tuple[Line, ...]:
    """Every promise about the parts that took part."""
    lines: list[Line] = []
    if suite.votes is not None:
        lines += _stream(suite.votes.stream)
        lines += _alone(suite.votes)
        lines += _calibration(suite.votes)
    if suite.published:
        lines.append(_published(suite.published))
    if suite.signals is not None:
        lines += _signals(suite.signals)
    if suite.arms is not None:
        lines += _arms(suite.arms)
    if suite.turns is not None:
        lines += _turns(suite.turns)
    lines.append(_time(suite))
    return tuple(lines)


def _stream(stream: BankResult) -> Iterator[Line]:
    ours = stream.policies.get(OURS)
    if ours is None:
        return
    for matched, most in zip(ours.matched[1:], STREAM_RATIOS, strict=True):
        ratio = matched.ratio
        measured = f"{ratio:.2f} [{matched.ci[0]:.2f}, {matched.ci[1]:.2f}]" if isfinite(ratio) else "not reached"
        yield Line(
            f"{stream.name}, tokens relative to tuned AC at {matched.target}", f"<= {most:.2f}", measured, ratio <= most
        )
    ratio = ours.matched[-1].total_tokens / stream.policies[AC_95].matched[-1].total_tokens
    yield Line(
        f"{stream.name}, tokens relative to AC(.95) at {TARGETS[-1]}",
        f"<= {TO_AC_95:.2f}",
        f"{ratio:.2f}" if isfinite(ratio) else "not reached by one of them",
        ratio <= TO_AC_95 if isfinite(ratio) else None,
    )


def _alone(report: Report) -> Iterator[Line]:
    banks = [bank for bank in report.banks if gains(bank) and OURS in bank.policies]
    if not banks:
        return
    yield from (_never_worse(banks, policy) for policy in (OURS, OURS_OR_AC) if policy in banks[0].policies)
    for at in (1, 2):
        ratios = [bank.policies[OURS].matched[at].ratio for bank in banks]
        reached = [ratio for ratio in ratios if isfinite(ratio)]
        mean = geometric_mean(reached)
        yield Line(
            f"geometric mean over banks at {TARGETS[at]}, relative to tuned AC",
            f"<= {BETTER:.2f}",
            f"{mean:.2f} over {len(reached)} of {len(banks)} banks" + _not_reached(banks, at),
            mean <= BETTER and len(reached) == len(ratios),
        )


def _never_worse(banks: Sequence[BankResult], policy: str) -> Line:
    cells = [(bank.name, each) for bank in banks for each in bank.policies[policy].matched[1:]]
    known = [(name, each) for name, each in cells if each.ratio == each.ratio]
    worse = sorted(((name, each) for name, each in known if each.ratio > WORSE), key=lambda cell: -cell[1].ratio)
    surely = sum(each.ci[0] > WORSE for _, each in worse)
    return Line(
        f"each bank alone, {policy}: tokens relative to tuned AC at 50 / 75 / 90 % / full - .005",
        f"never above {WORSE:.2f}",
        f"above in {len(worse)} of {len(known)} cells on {len(banks)} banks with a gain, in {surely} of them with the "
        "whole interval" + (": " + ", ".join(_cell(*cell) for cell in worse) if worse else ""),
        not worse,
    )


def _not_reached(banks: Sequence[BankResult], at: int) -> str:
    names = [bank.name for bank in banks if not isfinite(bank.policies[OURS].matched[at].ratio)]
    return f"; not reached on {', '.join(names)}" if names else ""


def _cell(name: str, matched: Matched) -> str:
    low, high = matched.ci
    ratio = f"{matched.ratio:.2f} [{low:.2f}, {high:.2f}]" if isfinite(matched.ratio) else "not reached"
    return f"{name} at {matched.target} {ratio}"


def _calibration(report: Report) -> Iterator[Line]:
    rows = [
        (bank.name, row.n, row.ece, other.ece)
        for bank in report.banks
        if bank.questions >= MANY
        for row, other in zip(bank.ece.get(POPULATION, []), bank.ece[AC_SCORE], strict=False)
    ]
    high = [f"{name} n={n} {ece:.3f}" for name, n, ece, _ in rows if ece > ECE]
    above = [f"{name} n={n} {ece:.3f} to {score:.3f}" for name, n, ece, score in rows if ece >= score]
    banks = f"{len({name for name, *_ in rows})} banks of {MANY} questions or more"
    yield Line(
        "calibration error of P(the leader is right), held out, n = 2, 5, 10",
        f"<= {ECE:.2f} everywhere",
        f"above in {len(high)} of {len(rows)} cells on {banks}" + (f": {', '.join(high)}" if high else ""),
        not high if rows else None,
    )
    yield Line(
        "calibration error relative to Adaptive-Consistency's score",
        "below everywhere",
        f"not below in {len(above)} of {len(rows)} cells on {banks}" + (f": {', '.join(above)}" if above else ""),
        not above if rows else None,
    )


def _published(rows: Sequence[Reproduced]) -> Line:
    wrong = [f"{row.bank}, {row.what}: {row.measured:.4g}" for row in rows if not row.holds]
    return Line(
        "published numbers come out of the lab",
        f"all {len(rows)}",
        f"{len(rows) - len(wrong)} of {len(rows)}" + (f"; not {'; '.join(wrong)}" if wrong else ""),
        not wrong,
    )


def _signals(rows: Sequence[SignalResult]) -> Iterator[Line]:
    middle = median_auroc(rows)
    number = sum(row.reasoning and row.after is not None for row in rows)
    yield Line(
        "first sample's signals: median AUROC of the next sample's correctness, reasoning models",
        f">= {AUROC:.2f}",
        "-" if middle is None else f"{middle:.3f} over {number} runs",
        None if middle is None else middle >= AUROC,
    )
    flipped = [row for row in rows if row.shorter is not None and row.shorter < 0.5 and row.follows is not None]
    lost = [row.name for row in flipped if not row.follows]
    yield Line(
        "where longer first samples are the better ones, the learned sign follows",
        "everywhere",
        f"{len(flipped) - len(lost)} of {len(flipped)} such runs" + (f"; not {', '.join(lost)}" if lost else ""),
        not lost if flipped else None,
    )


def _arms(rows: Sequence[LadderResult]) -> Iterator[Line]:
    at_once = [row.name for row in rows if row.of("ours").to_mixing > NO_CHANGE]
    held_out = [row.name for row in rows if row.of("ours").held_out_to_mixing > NO_CHANGE]
    for what, losing in (
        ("points read off held-out outcomes", at_once),
        ("points chosen on other questions", held_out),
    ):
        yield Line(
            f"effort ladders and panels: cost of ours below random mixing, {what}",
            "on every ladder; the section on arms says why not",
            f"below on {len(rows) - len(losing)} of {len(rows)}" + (f"; not {', '.join(losing)}" if losing else ""),
            not losing,
        )


def _turns(report: TurnsReport) -> Iterator[Line]:
    claims = list(dict.fromkeys(line.claim for line in report.lines))
    for claim in claims:
        lines = [line for line in report.lines if line.claim == claim]
        failing = [line.bank for line in lines if not line.holds]
        yield Line(
            claim,
            "on every bank",
            f"{len(lines) - len(failing)} of {len(lines)}" + (f"; not {', '.join(failing)}" if failing else ""),
            not failing,
        )


def _time(suite: Suite) -> Line:
    total = sum(suite.seconds.values())
    two = max(total / 2.0, suite.longest) / 60.0
    parts = ", ".join(f"{part} {seconds / 60.0:.1f}" for part, seconds in suite.seconds.items())
    return Line(
        "time of the whole suite on two cores",
        f"<= {MINUTES:.0f} minutes",
        f"{two:.1f} minutes of two processors at work ({parts} minutes of processor time); this run took "
        f"{suite.wall / 60.0:.1f} minutes with {suite.processes} process{'es' if suite.processes > 1 else ''}",
        two <= MINUTES if set(suite.parts) == set(PARTS) else None,
    )
