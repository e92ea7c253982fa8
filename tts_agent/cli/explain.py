"""A decision in words and numbers, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tts_agent.events import Decided, Drawn, Estimated, Refused, Retried, Verified
from tts_agent.reasoner import Result

STOPPED = {
    "done": "the strategy drew what it set out to draw",
    "settled": "another sample was not worth its price",
    "accepted": "the verifier accepted an answer",
    "rounds": "the most rounds of refinement were used",
    "budget": "the budget ended",
    "failed": "model calls failed",
}


def explain(result: Result, budget: int | None) -> None:
    """Print predicted pass@1, price, strategies, samples, votes, P(correct), tokens and why it stopped."""
    outcome = result.outcome
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    for event in result.events:
        match event:
            case Estimated(stage, mean, low, high):
                when = "before the first call" if stage == 1 else "after the first call"
                table.add_row("predicted pass@1", f"{mean:.2f} ({low:.2f} to {high:.2f}, 90 %), {when}")
            case Decided(strategy, price, reason, values):
                table.add_row("strategy", f"{strategy}: {reason}")
                if price > 0.0:
                    table.add_row("price of a token", f"{price:.2g} (a correct answer is worth {1 / price:,.0f})")
                if values:
                    worth = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
                    table.add_row("value of each", worth)
            case Drawn():
                short = f" of {event.asked} asked" if event.received < event.asked else ""
                table.add_row("drawn", f"{event.received} sample(s){short}, {event.charged} tokens")
                for failure in event.failures:
                    table.add_row("failed", failure)
            case Verified(verifier, scores, accepted):
                table.add_row("verified", f"{verifier}: {accepted} of {len(scores)} accepted")
            case Refused(reason) | Retried(reason, _):
                table.add_row(type(event).__name__.lower(), reason)
    if outcome.votes:
        table.add_row("votes", ", ".join(f"{answer}: {count}" for answer, count in outcome.votes.items()))
    if outcome.p_correct is not None:
        table.add_row("P(correct)", f"{outcome.p_correct:.3f}")
    left = f", {budget - result.spent.tokens} of {budget} left" if budget is not None else ""
    table.add_row("tokens", f"{result.spent.tokens} in {result.spent.calls} call(s){left}")
    table.add_row("stopped because", STOPPED[outcome.stop])
    Console().print(table)
