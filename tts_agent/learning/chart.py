"""Accuracy against tokens as one inline SVG, with nothing to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from tts_agent.routing.knee import Knee

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Told apart by people who see fewer colours (Okabe and Ito 2008)."""
WIDTH, HEIGHT = 620, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 40


@dataclass(frozen=True, slots=True)
class _Scale:
    """Tokens (logarithmic) and accuracy as places on the page."""

    tokens: tuple[float, float]
    accuracy: tuple[float, float]

    def x(self, tokens: float) -> float:
        low, high = (log10(end) for end in self.tokens)
        return LEFT + (log10(max(tokens, 1.0)) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, accuracy: float) -> float:
        low, high = self.accuracy
        return HEIGHT - BOTTOM - (accuracy - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def chart(title: str, ladders: Mapping[str, Knee]) -> str:
    """A line a ladder with its 95 % band; a ring at its knee and a cross at a turn-over that was found."""
    rungs = [rung for found in ladders.values() for rung in found.rungs]
    low, high = min(rung.tokens for rung in rungs), max(rung.tokens for rung in rungs)
    floors, tops = min(rung.low for rung in rungs), max(rung.high for rung in rungs)
    bottom, top = floor(floors * 10) / 10, ceil(tops * 10) / 10
    scale = _Scale((max(1.0, low / 1.2), max(high * 1.2, low * 1.5 + 1)), (bottom, max(top, bottom + 0.1)))
    lines = [
        _line(name, found, colour, scale)
        for (name, found), colour in zip(ladders.items(), _colours(len(ladders)), strict=True)
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{_axes(scale)}{''.join(lines)}</svg>{legend(list(ladders))}"
    )


def _line(name: str, found: Knee, colour: str, scale: _Scale) -> str:
    upper = [(scale.x(rung.tokens), scale.y(rung.high)) for rung in found.rungs]
    lower = [(scale.x(rung.tokens), scale.y(rung.low)) for rung in reversed(found.rungs)]
    middle = [(scale.x(rung.tokens), scale.y(rung.accuracy)) for rung in found.rungs]
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"><title>{escape(rung.name)}: {rung.accuracy:.3f} '
        f"({rung.low:.3f} to {rung.high:.3f}), {rung.tokens:,.0f} tokens</title></circle>"
        for (x, y), rung in zip(middle, found.rungs, strict=True)
    )
    x, y = middle[found.knee.best]
    marks = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="{colour}" stroke-width="2"/>'
    if found.turns_over:
        x, y = middle[found.top.best]
        marks += f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10" stroke="{colour}" stroke-width="2"/>'
    return (
        f'<polygon points="{_points([*upper, *lower])}" fill="{colour}" opacity="0.15"/>'
        f'<polyline points="{_points(middle)}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{marks}'
    )


def _axes(scale: _Scale) -> str:
    parts = [f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>']
    low, high = scale.accuracy
    for step in range(round(low * 10), round(high * 10) + 1):
        y = scale.y(step / 10)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{step / 10:.1f}</text>')
    for tokens in _ticks(*scale.tokens):
        x = scale.x(tokens)
        parts.append(f'<path d="M{x:.1f} {HEIGHT - BOTTOM}v4" stroke="#888"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tokens:,.0f}</text>')
    middle = (WIDTH + LEFT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 5}" text-anchor="middle">tokens a question (mean)</text>')
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    steps = [base * 10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1) for base in (1, 2, 5)]
    return [step for step in steps if low <= step <= high]


def legend(names: Sequence[str]) -> str:
    """Which colour is whose."""
    keys = (
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in zip(names, _colours(len(names)), strict=True)
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def _colours(number: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(number)]


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
