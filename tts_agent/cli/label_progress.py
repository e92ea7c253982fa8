"""Progress of labelling and profiling: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from tts_agent.learning.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


class Shown:
    """Shows each `Progress` that it is called with, on standard error.

    Args:
        tokens, dollars: the caps of the run, where it has them.
        money: whether prices are known.
    """

    def __init__(self, tokens: int | None, dollars: float | None, *, money: bool) -> None:
        caps = [*([f"{tokens:,} tokens"] if tokens else []), *([f"${dollars:g}"] if dollars else [])]
        self._cap = f"cap {' and '.join(caps)}" if caps else "no cap"
        self._money = money
        self._console = Console(stderr=True)
        line = TextColumn("{task.description}", table_column=Column(ratio=1))  # wraps where the terminal is narrow
        columns = (BarColumn(bar_width=20), line)
        self._bar = Bar(*columns, console=self._console, expand=True) if self._console.is_terminal else None
        self._task = self._bar.add_task("", total=None) if self._bar else None
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        if self._bar and self._task is not None:
            total = progress.samples + progress.samples_left
            self._bar.update(self._task, total=total, completed=progress.samples, description=self._line(progress))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
            self._console.print(self._line(progress), highlight=False, soft_wrap=True)

    def _line(self, progress: Progress) -> str:
        left = progress.seconds_left
        parts = [
            f"{progress.finished:,} of {progress.questions:,} questions",
            f"{progress.samples:,} samples",
            f"{progress.rate:.1f}/s",
            f"{progress.spent.tokens:,} tokens",
            *([f"${progress.spent.dollars:.4f}"] if self._money else []),
            self._cap,
            *([f"{progress.failures} failed calls"] if progress.failures else []),
            *([f"about {_duration(left)} left"] if left is not None else []),
        ]
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
