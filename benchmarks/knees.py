"""Knees of recorded ladders, with confidence sets: ``python -m benchmarks.knees``.

Reads the banks below TTS_AGENT_BANKS, and writes aggregates only, into ``benchmarks/results/knees.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.recorded_knees import FORCED, effort_knee, forced_knee, rung_rows
from tts_agent.evaluation.arms import effort_ladders
from tts_agent.routing.knee import Knee, Place

WORTHS = (10_000, 100_000, 1_000_000)
"""Output tokens that one correct answer is worth."""
RESULTS = Path(__file__).parent / "results" / "knees.md"
LEGEND = """\
The knee is the rung with the highest accuracy less price times output tokens; in brackets the rungs that no other one
was shown to beat, from the cheapest to the dearest (95 % confidence set over questions, `tts_agent.routing.knee`). The
columns are prices: one correct answer is worth so many output tokens. A turn-over is found where the dearest rung was
shown to be less accurate than a cheaper one; in brackets the rungs that may be the most accurate. How often these sets
hold the true knee and turn-over is tested on planted ones (`tests/routing/test_knee.py`).
"""
RUNGS = """\
## Rungs

Mean output tokens a question; accuracy, and what it gains over the rung before, with 95 % intervals of a bootstrap over
questions, paired; top is the share of resamples in which no other rung is more accurate (ties go to the cheaper).
"""


def row(name: str, at: Callable[[float], Knee]) -> str:
    """One ladder."""
    knees = [at(1.0 / worth) for worth in WORTHS]
    free = knees[0]
    turn = "found" if free.turns_over else "not found"
    cells = [_place(each, each.knee) for each in knees]
    return f"| {name} | {' | '.join(cells)} | {turn}: {_place(free, free.top)} |"


def _place(found: Knee, place: Place) -> str:
    best, low, high = (found.rungs[at].name for at in (place.best, place.low, place.high))
    return best if low == high else f"{best} ({low} to {high})"


def page() -> str:
    """The results."""
    columns = " | ".join(f"worth {worth:,}" for worth in WORTHS)
    lines = ["# Knees of recorded ladders", "", "`python -m benchmarks.knees`", "", LEGEND]
    lines += [f"| ladder | {columns} | turn-over |", "|---" * (2 + len(WORTHS)) + "|"]
    lines.append(row(f"budget forcing, {FORCED}", forced_knee))
    ladders = list(effort_ladders())
    lines += [row(ladder.name, partial(effort_knee, ladder)) for ladder in ladders]
    lines += ["", RUNGS, "| ladder | rung | output tokens | accuracy | gain | top |", "|---" * 6 + "|"]
    lines += rung_rows("budget forcing", forced_knee())
    lines += [line for ladder in ladders for line in rung_rows(ladder.name, effort_knee(ladder))]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    text = page()
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
