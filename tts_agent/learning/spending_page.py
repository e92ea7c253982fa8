"""The report of `tts-agent report`: one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_agent.learning.html import document, heading, paragraph, table
from tts_agent.learning.spending import Limited, Spending

COLUMNS = ("class", "steps", "tokens", "share", "samples", "strategies", "P(correct)", "gained", "right", "stopped by")
MOST_ROWS = 200


def page(name: str, rows: Sequence[Spending], stopped: Sequence[Limited]) -> str:
    """The whole page."""
    body = [
        paragraph(
            "Gained: mean P(correct) of the answers less the pass@1 that was believed before. Right: of the steps "
            "whose task's outcome was recorded.",
            note=True,
        ),
        table(COLUMNS, cells(rows)),
        heading("Steps that a limit stopped"),
    ]
    if stopped:
        shown = [(each.task, each.kind, each.limit, f"{each.tokens:,}") for each in stopped[:MOST_ROWS]]
        body.append(table(("task", "class", "limit", "tokens"), shown))
        body += [paragraph(f"and {len(stopped) - MOST_ROWS:,} more", note=True)] if len(stopped) > MOST_ROWS else []
    else:
        body.append(paragraph("None."))
    return document(f"What {name} spent", body)


def cells(rows: Sequence[Spending]) -> list[tuple[str, ...]]:
    """The table, one tuple a row in the order of `COLUMNS`."""
    whole = max(1, rows[-1].tokens)
    return [
        (
            row.kind,
            f"{row.steps:,}",
            f"{row.tokens:,}",
            f"{row.tokens / whole:.0%}",
            f"{row.samples:,}",
            _counted(row.strategies),
            _number(row.p_correct),
            _number(row.gain, "+.3f"),
            "" if row.share_right is None else f"{row.share_right:.3f} of {row.correct[1]:,}",
            _counted(row.stops),
        )
        for row in rows
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _number(value: float | None, spec: str = ".3f") -> str:
    return "" if value is None else format(value, spec)
