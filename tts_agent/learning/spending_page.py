"""The report of `tts-agent report`: one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_agent.learning.html import document, heading, paragraph, table
from tts_agent.learning.spending import Limited, Spending
from tts_agent.learning.timeline import Moment, Task
from tts_agent.learning.timeline_chart import PER, timeline_chart

COLUMNS = ("class", "steps", "tokens", "share", "samples", "strategies", "P(correct)", "gained", "right", "stopped by")
TASK_COLUMNS = ("task", "steps", "tokens", "seconds", "limits", "right")
STEP_COLUMNS = (
    *("step", "at", "class", "pass@1", "strategy", "n", "tokens", "spent", "P(correct)", "stop", "worth", "price"),
)
MOST_ROWS = 200
TERMS = (
    "pass@1: what was believed of a single call, 1 less the predicted difficulty. n: samples. Worth: right answers "
    f"that {PER:,} of the step's last tokens were expected to bring when they were asked for; price: what {PER:,} "
    "tokens cost, likewise. A worth far below the price: the step was given too many. A worth far above it in a step "
    "that a limit stopped: more would have helped."
)
PICTURE = "A bar is a step, as wide as its tokens and as high as its worth; the dashed line is its price."


def page(
    name: str,
    rows: Sequence[Spending],
    stopped: Sequence[Limited],
    overview: Sequence[Task] = (),
    timelines: Sequence[tuple[Task, Sequence[Moment]]] = (),
) -> str:
    """The whole page; `timelines` of those tasks that are to be shown step by step."""
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
    if len(overview) > 1:
        body += [heading("Tasks"), table(TASK_COLUMNS, task_cells(overview[:MOST_ROWS]))]
        more = len(overview) - MOST_ROWS
        body += [paragraph(f"and {more:,} more, cheaper ones", note=True)] if more > 0 else []
    if timelines:
        body += [heading("Step by step"), paragraph(f"{TERMS} {PICTURE}", note=True)]
    for task, moments in timelines:
        title = task_name(task)
        body += [heading(title, 3), timeline_chart(title, moments)]
        body.append(table(STEP_COLUMNS, step_cells(moments[:MOST_ROWS])))
        body += [paragraph(f"and {len(moments) - MOST_ROWS:,} more", note=True)] if len(moments) > MOST_ROWS else []
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


def task_name(task: Task) -> str:
    """For people."""
    return "steps of no task" if task.name is None else task.name


def task_cells(overview: Sequence[Task]) -> list[tuple[str, ...]]:
    """The tasks, one tuple a row in the order of `TASK_COLUMNS`."""
    said = {True: "yes", False: "no", None: ""}
    return [
        (
            task_name(task),
            f"{task.steps:,}",
            f"{task.tokens:,}",
            f"{task.seconds:,.1f}",
            ", ".join(task.limits),
            said[task.correct],
        )
        for task in overview
    ]


def step_cells(moments: Sequence[Moment]) -> list[tuple[str, ...]]:
    """The steps of a task, one tuple a row in the order of `STEP_COLUMNS`."""
    return [
        (
            str(number),
            f"{each.seconds:,.1f} s",
            each.kind,
            _number(each.pass_rate, ".2f"),
            each.strategy,
            str(each.samples),
            f"{each.tokens:,}",
            f"{each.spent:,}",
            _number(each.p_correct, ".2f"),
            each.stop,
            _number(None if each.worth is None else each.worth * PER, ".3g"),
            _number(each.price * PER or None, ".3g"),
        )
        for number, each in enumerate(moments, 1)
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _number(value: float | None, spec: str = ".3f") -> str:
    return "" if value is None else format(value, spec)
