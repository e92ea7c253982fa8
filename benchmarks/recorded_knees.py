"""Where more compute stops paying or hurts, on recorded ladders: rows for the page of ``benchmarks.recorded_arms``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_agent.evaluation.arm_data import budget_ladder
from tts_agent.evaluation.arm_knee import knee_of
from tts_agent.evaluation.arm_ladder import Ladder
from tts_agent.evaluation.banks import find_bank
from tts_agent.routing.knee import Knee, knee

FORCED = "global_mmlu_en__s1.1-32b__budget_ladder"
"""Budget forcing (s1.1-32B on English Global-MMLU), and a model of the same size that does not think."""


def forced_knee(price: float = 0.0) -> Knee:
    """Of the budget-forcing ladder."""
    return knee_of(budget_ladder(find_bank(FORCED)), price=price)


def effort_knee(ladder: Ladder, price: float = 0.0) -> Knee:
    """Of an effort ladder: all samples of a question count."""
    records = ladder.records
    correct, tokens = np.nanmean(records.correct, axis=2).T, np.nanmean(records.lengths, axis=2).T
    return knee([arm.name for arm in ladder.arms], correct, tokens, price=price)


def rung_rows(name: str, found: Knee) -> list[str]:
    """A row for each rung of a ladder: tokens, accuracy, and what it gains over the rung before."""
    lines = []
    for rung in found.rungs:
        accuracy = f"{rung.accuracy:.3f} ({rung.low:.3f} to {rung.high:.3f})"
        gain = "" if rung is found.rungs[0] else f"{rung.gain:+.3f} ({rung.gain_low:+.3f} to {rung.gain_high:+.3f})"
        lines.append(f"| {name} | {rung.name} | {rung.tokens:.0f} | {accuracy} | {gain} | {rung.top:.2f} |")
    return lines


def knee_page(ladders: Sequence[Ladder]) -> list[str]:
    """The section on turn-overs."""
    forced = forced_knee()
    lines = [
        "## Budget forcing",
        "",
        f"`{FORCED}`. Gains are over the rung before, with 95 % intervals (paired over",
        "questions); top is the share of resamples of the questions in which no other rung is more accurate.",
        "",
        "| rung | tokens | accuracy | gain | top |",
        "|---|---|---|---|---|",
    ]
    for rung in forced.rungs:
        gain = "" if rung is forced.rungs[0] else f"{rung.gain:+.3f} ({rung.gain_low:+.3f} to {rung.gain_high:+.3f})"
        lines.append(f"| {rung.name} | {rung.tokens:.0f} | {rung.accuracy:.3f} | {gain} | {rung.top:.2f} |")
    lines += ["", f"{_turn_over(forced)}", "", "## Turn-over of efforts", "", "| ladder | turn-over |", "|---|---|"]
    lines += [f"| {ladder.name} | {_turn_over(effort_knee(ladder))} |" for ladder in ladders]
    return lines


def _turn_over(found: Knee) -> str:
    fall, low, high = found.fall
    best, last = found.turn_over, found.rungs[-1]
    if best is last:
        return f"none: the dearest rung, {last.name}, is the most accurate ({last.accuracy:.3f})"
    said = f"{best.name} ({best.accuracy:.3f}), {fall:+.3f} ({low:+.3f} to {high:+.3f}) over the dearest, {last.name}"
    return f"found: {said}" if low > 0.0 else f"not clear: {said}"
