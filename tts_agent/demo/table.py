"""The demo's table and its claims, as a person reads them."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tts_agent.demo.plot import LABELS
from tts_agent.demo.summary import Summary


def print_summary(console: Console, summary: Summary) -> None:
    """Print the table, how often each strategy was chosen, and every paired comparison, won or lost."""
    table = Table(
        title=f"{summary['questions']} held-out problems, the same draws for every policy",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in ("policy", "accuracy", "95 % CI", "tokens", "serial", "calls", "overruns"):
        table.add_column(column, justify="left" if column == "policy" else "right", no_wrap=True)
    for name, numbers in summary["policies"].items():
        low, high = numbers["ci"]
        table.add_row(
            LABELS.get(name, name),
            f"{numbers['accuracy']:.3f}",
            f"{low:.3f}-{high:.3f}",
            f"{numbers['total_tokens']:,}",
            f"{numbers['serial_tokens']:,}",
            f"{numbers['calls']:,}",
            str(numbers["overruns"]),
        )
    console.print(table)
    for name, chosen in summary["strategies_chosen"].items():
        listed = ", ".join(f"{strategy} {count}" for strategy, count in chosen.items())
        console.print(f"{LABELS.get(name, name)} chose: {listed}", soft_wrap=True)
    for name, numbers in summary["paired"].items():
        console.print(_comparison(name, numbers), soft_wrap=True)
    for name, arm in summary["arms"].items():
        console.print(_comparison(f"{name}, against one call", arm["vs_single"]), soft_wrap=True)
        parallel = f"{name}, against voting with no fewer tokens"
        console.print(_comparison(parallel, arm["vs_parallel"]), soft_wrap=True)


def _comparison(name: str, numbers: dict[str, Any]) -> str:
    low, high = numbers["ci"]
    words = name.replace("_", " ")
    return (
        f"{words}: accuracy {numbers['accuracy_difference']:+.3f} ({low:+.3f} to {high:+.3f}) "
        f"with {numbers['token_ratio']:.0%} of the tokens"
    )
