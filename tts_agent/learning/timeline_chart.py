"""A task's steps as one inline SVG: tokens to the right, the worth of each step's last tokens upwards."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from tts_agent.learning.chart import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, legend
from tts_agent.learning.timeline import Moment

PER = 1_000
"""Worths are of so many tokens."""


def timeline_chart(title: str, moments: Sequence[Moment]) -> str:
    """A bar a step, as wide as its tokens and as high as their worth; a dashed line at its price.

    Steps without a worth are left open. The scale is logarithmic. Empty where no step has worth or price.
    """
    values = [value * PER for each in moments for value in (each.worth, each.price) if value]
    if not values or not moments[-1].spent:
        return ""
    low, high = floor(log10(min(values)) - 0.05), ceil(log10(max(values)) + 0.05)
    kinds = list(dict.fromkeys(each.kind for each in moments))
    colours = {kind: COLOURS[place % len(COLOURS)] for place, kind in enumerate(kinds)}
    floor_y, across = HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / moments[-1].spent

    def y(worth: float) -> float:
        return floor_y - (log10(worth * PER) - low) / (high - low) * (floor_y - TOP)

    parts = [f'<path d="M{LEFT} {TOP}V{floor_y}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>']
    for power in range(low, high + 1):
        at = y(10.0**power / PER)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for number, each in enumerate(moments, 1):
        x, width = LEFT + (each.spent - each.tokens) * across, max(each.tokens * across, 1.0)
        top = y(each.worth) if each.worth else TOP
        fill = f'fill="{colours[each.kind]}" opacity="0.75"' if each.worth else 'fill="none" stroke="#bbb"'
        said = f"step {number}, {each.kind}: {each.strategy}, {each.tokens:,} tokens, {each.stop}"
        parts.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{floor_y - top:.1f}" {fill}>'
            f"<title>{escape(said)}</title></rect>"
        )
        if each.price:
            parts.append(f'<path d="M{x:.1f} {y(each.price):.1f}h{width:.1f}" stroke="#222" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{LEFT}" y="{floor_y + 18}">0</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{floor_y + 18}" text-anchor="end">{moments[-1].spent:,}</text>')
    parts.append(f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 5}" text-anchor="middle">tokens of the task</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>{legend(kinds)}"
    )
