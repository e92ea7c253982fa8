"""The lab's pictures: one frontier a bank, and one summary of all of them. Needs the extra `cli` (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from tts_agent.evaluation.contenders import AC_95, SINGLE_AND_VOTE, TUNED_AC
from tts_agent.evaluation.curves import TARGETS, frontier
from tts_agent.evaluation.lab import BankResult, Point
from tts_agent.evaluation.lineup import OURS
from tts_agent.evaluation.report import gains
from tts_agent.exceptions import MissingExtraError

OWN_COLOURS = {SINGLE_AND_VOTE: "0.55", TUNED_AC: "black", AC_95: "black", OURS: "crimson"}
COLUMNS = 6
"""Of the summary's legend."""
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:cyan", "tab:purple", "tab:brown", "tab:pink", "tab:olive")
CLAIRVOYANT_COLOUR = "gold"
HALF_AND_90 = (1, 3)
"""Targets shown in the summary."""


def plot_frontier(bank: BankResult, path: Path) -> None:
    """Write a PNG: accuracy against total tokens of every policy, with the limits nobody passes."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(10.0, 5.2), dpi=140)
    for name, colour in _colours(bank).items():
        points = bank.policies[name].points
        cost, accuracy = _corners(points)
        if len(points) == 1:
            low, high = points[0].ci
            errors = [[max(0.0, accuracy[0] - low)], [max(0.0, high - accuracy[0])]]
            axes.errorbar(cost, accuracy, yerr=errors, fmt="D", color=colour, capsize=3, markersize=5, label=name)
        else:
            width, dashes = (2.4, "-") if name == OURS else (1.2, _dashes(name, bank))
            axes.plot(cost, accuracy, ".", color=colour)
            axes.plot(*_mixtures(cost, accuracy), dashes, color=colour, linewidth=width, label=name)
    seen = _mixtures(*_corners(bank.clairvoyant))
    axes.plot(*seen, color=CLAIRVOYANT_COLOUR, linewidth=2.0, label="clairvoyant stop", zorder=0)
    axes.axhline(bank.full, color="0.7", linestyle="--", linewidth=0.9, zorder=0)
    axes.annotate(
        f"full vote of {bank.samples}: {bank.full:.3f}",
        (0.995, bank.full),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=8,
        color="0.4",
    )
    _log_tokens(axes)
    axes.set_ylabel("accuracy on held-out questions")
    axes.set_title(f"{bank.name}: {bank.questions} questions, {bank.orderings} orderings", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    _save(plt, figure, path)


def plot_summary(banks: Sequence[BankResult], stream: BankResult, path: Path) -> None:
    """Write a PNG: tokens relative to tuned Adaptive-Consistency, bank by bank, at half and at 90 % of the gain."""
    plt = _pyplot()
    shown = [bank for bank in banks if gains(bank)] + [stream]
    colours = {name: colour for name, colour in _colours(stream).items() if name not in (TUNED_AC, AC_95)}
    height = 1.6 + len(shown) * max(0.34, 0.085 * len(colours))
    figure, both = plt.subplots(1, 2, figsize=(11.0, height), dpi=140, sharey=True)
    for axes, target in zip(both, HALF_AND_90, strict=True):
        axes.axvline(1.0, color="black", linewidth=1.0)
        for at, (name, colour) in enumerate(colours.items()):
            shift = (at - (len(colours) - 1) / 2) * 0.8 / max(1, len(colours))
            for row, bank in enumerate(shown):
                policy = bank.policies.get(name)
                if policy is None or not np.isfinite((matched := policy.matched[target]).ratio):
                    continue
                ends = np.clip(np.nan_to_num(np.array(matched.ci), nan=matched.ratio, posinf=20.0), 0.05, 20.0)
                axes.plot(ends, [row + shift] * 2, color=colour, linewidth=1.0, alpha=0.7)
                axes.plot(matched.ratio, row + shift, "o", color=colour, markersize=4, label=name if not row else None)
        axes.set_xscale("log")
        axes.set_xlim(0.2, 8.0)
        ticks = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("tokens relative to tuned Adaptive-Consistency (left is cheaper)")
        axes.set_title(f"at {TARGETS[target]} of full voting's gain", fontsize=10)
        axes.grid(alpha=0.25)
    both[0].set_yticks(range(len(shown)), [bank.name for bank in shown], fontsize=8)
    both[0].invert_yaxis()
    handles = [plt.Line2D([], [], color=colour, marker="o", linewidth=1.0) for colour in colours.values()]
    figure.legend(handles, colours, loc="lower center", ncols=min(COLUMNS, len(colours)), fontsize=8, frameon=False)
    _save(plt, figure, path, bottom=0.25 * (1 + ceil(len(colours) / COLUMNS)) / height)


def _colours(bank: BankResult) -> dict[str, str]:
    others = (colour for _ in range(9) for colour in COLOURS)
    return {name: OWN_COLOURS.get(name) or next(others) for name in bank.policies}


def _dashes(name: str, bank: BankResult) -> str:
    """Full lines until the colours are used up, then others."""
    return ("-", "--", ":")[list(bank.policies).index(name) // (len(COLOURS) + len(OWN_COLOURS)) % 3]


def _corners(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    cost, accuracy = frontier(
        np.array([point.accuracy for point in points]), np.array([point.total_tokens for point in points])
    )
    return cost.tolist(), accuracy.tolist()


def _mixtures(cost: list[float], accuracy: list[float]) -> tuple[Any, Any]:
    """Points on the straight lines between settings, which bend where tokens are on a log scale."""
    along = np.geomspace(cost[0], cost[-1], 200)
    return along, np.interp(along, cost, accuracy)


def _log_tokens(axes: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("total tokens a question, prompts included (log scale)")


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise MissingExtraError("drawing", "cli") from None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def _save(plt: Any, figure: Any, path: Path, bottom: float = 0.0) -> None:
    figure.tight_layout(rect=(0.0, bottom, 1.0, 1.0))
    figure.savefig(path)
    plt.close(figure)
