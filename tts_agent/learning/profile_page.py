"""The report of `tts-agent profile`: one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

from tts_agent.budget import Amount
from tts_agent.learning.chart import chart
from tts_agent.learning.html import document, heading, paragraph, table
from tts_agent.learning.profile_fit import ClassReport, Slice
from tts_agent.probability import Beta
from tts_agent.routing.knee import Knee

if TYPE_CHECKING:
    from tts_agent.difficulty.clustering import FoundClasses

HOW_TO_READ = (
    "Bands and intervals are 95 %, bootstrapped over questions. A ring marks the knee: the largest budget that pays at "
    "the price. A cross marks a turn-over: beyond it, more compute was shown to hurt. All strategies saw the same "
    "samples; each is charged what it would have cost alone."
)
LONGEST_SHOWN = 160
"""Characters of a typical question."""


def page(
    reports: Sequence[ClassReport], model: str, price: float, spent: Amount, found: FoundClasses | None = None
) -> str:
    """The whole page; `found` where classes were found in texts."""
    items = sum(report.whole.items for report in reports)
    cost = f"{spent.tokens:,} tokens" + (f" (${spent.dollars:.2f})" if spent.money else "")
    worth = f"one correct answer is worth {1 / price:,.0f} tokens" if price else "tokens are free"
    body = [
        paragraph(f"Model {model}; {items:,} questions in {len(reports)} classes; {cost}; knees where {worth}."),
        paragraph(HOW_TO_READ, note=True),
        _overview(reports),
    ]
    if found:
        typical = [shorten(text, LONGEST_SHOWN, placeholder=" ...") for text in found.typical]
        rows = list(zip(found.classes.names, typical, strict=True))
        body += [paragraph(how_found(found)), table(["class", "a typical question"], rows)]
    for report in reports:
        body += _class(report)
    return document(f"Profile of {model}", body)


def how_found(found: FoundClasses) -> str:
    """In words, how many classes were found in the texts and how sure that is."""
    words = f"No column names classes: {len(found.classes.names)} were found in the texts"
    return f"{words}." if found.strength is None else f"{words} (prediction strength {found.strength:.2f})."


def _overview(reports: Sequence[ClassReport]) -> str:
    names = list(dict.fromkeys(name for report in reports for name in report.whole.ladders))
    rows = [
        (
            report.kind,
            report.whole.items,
            report.whole.winner,
            *(knee_words(found) if (found := report.whole.ladders.get(name)) else "" for name in names),
        )
        for report in reports
    ]
    return table(["class", "questions", "what pays", *(f"knee of {name}" for name in names)], rows)


def knee_words(found: Knee) -> str:
    """Such as "self_consistency 5 (3 to 9), turns over at 9"."""
    best, low, high = (found.rungs[at].name for at in (found.knee.best, found.knee.low, found.knee.high))
    interval = f" ({_size(low)} to {_size(high)})" if low != high else ""
    return f"{best}{interval}" + (f", turns over at {found.turn_over.name}" if found.turns_over else "")


def _size(name: str) -> str:
    return name.rpartition(" ")[2]


def _class(report: ClassReport) -> Iterator[str]:
    whole = report.whole
    yield heading(report.kind)
    if not whole.ladders:
        yield paragraph("No strategy but one call could be run on this class: nothing verifies it.")
        return
    yield chart(f"{report.kind}: accuracy against tokens", whole.ladders)
    yield paragraph(_words(whole))
    yield from _ladders(whole)
    if report.bins:
        yield heading("By predicted difficulty", 3)
        names = list(whole.ladders)
        rows = [
            (each.name, each.items, each.winner, *(knee_words(each.ladders[name]) for name in names))
            for each in report.bins
        ]
        yield table(["pass@1 predicted", "questions", "what pays", *(f"knee of {name}" for name in names)], rows)


def _ladders(whole: Slice) -> Iterator[str]:
    for name, found in whole.ladders.items():
        rows = [
            (
                rung.name,
                f"{rung.tokens:,.0f}",
                f"{rung.accuracy:.3f} ({rung.low:.3f} to {rung.high:.3f})",
                f"{rung.gain:+.3f} ({rung.gain_low:+.3f} to {rung.gain_high:+.3f})" if place else "",
            )
            for place, rung in enumerate(found.rungs)
        ]
        yield heading(name, 3)
        yield table(["arm", "tokens", "accuracy", "gain over the one before"], rows)


def _words(whole: Slice) -> str:
    """What pays, and how often refinement and verifier were right."""
    said = {
        "one call": "At this price, one call is all that pays.",
        "parallel": "At this price, parallel samples win.",
        "sequential": "At this price, sequential refinement wins.",
        "undecided": "At this price, it is not decided whether one call, parallel samples or refinement is best.",
    }[whole.winner]
    if whole.turns:
        fix, broke = _share(whole.turns.fix_rate), _share(whole.turns.break_rate)
        said += f" A round of refinement repairs {fix} of wrong answers ({whole.turns.wrong} rounds)"
        said += f" and breaks {broke} of right ones ({whole.turns.right} rounds)." if whole.turns.right else "."
    if whole.rates:
        said += f" The verifier {whole.rates}."
    return said


def _share(belief: Beta) -> str:
    low, high = belief.interval(0.95)
    return f"{belief.mean:.0%} ({low:.0%} to {high:.0%})"
