"""What training says on the way, and the predictor card on a terminal or in a log."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tts_agent.difficulty import PredictorCard
from tts_agent.difficulty.card import STAGE_ONE, STAGE_TWO
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.persistence import PICTURE_FILE


def note(sentence: str) -> None:
    """Say it where it does not mix with results."""
    print(f"tts-agent: {sentence}", file=sys.stderr)


def embedded(done: int, of: int) -> None:
    """How far new texts are embedded."""
    note(f"embedded {done} of {of} new texts")


def show(card: PredictorCard, out: Path) -> None:
    """Print the scores before and after a first sample, how far the heads are trusted, and where all of it is kept."""
    console = Console()
    console.print(f"trained on {card.train_questions} questions, seed {card.seed}", highlight=False)
    _scores(console, f"before any call, {card.test_questions} held-out questions", card.before)
    if card.after:
        _scores(console, f"after a first sample, {card.test_rows} held-out rows", card.after)
    trust = ", ".join(f"{name} {weight:.1f}" for name, weight in card.trust.items())
    console.print(f"trust in the heads, from 0 (ignored) to 1: {trust}", highlight=False, soft_wrap=True)
    console.print(f"Left in {out}: the estimator, and its card as {PICTURE_FILE}", highlight=False, soft_wrap=True)


def _scores(console: Console, title: str, scores: Mapping[str, Scores]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for column in ("NLL", "Brier", "ECE", "AUROC", "Spearman"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, row in scores.items():
        cells = (f"{row.nll:.3f}", f"{row.brier:.4f}", f"{row.ece:.3f}", _number(row.auroc), _number(row.spearman))
        table.add_row(name, *cells, style="bold" if name in (STAGE_ONE, STAGE_TWO) else None)
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
