"""The picture of the demo: accuracy against tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tts_agent.demo.run import Run
from tts_agent.demo.statistics import mean_interval

LABELS = {
    "single": "single",
    "sc_5": "SC-5",
    "sc_15": "SC-15",
    "adaptive_consistency": "Adaptive-Consistency",
    "ours_no_estimator": "ours, no estimator",
    "ours": "ours",
    "ours_at_sc_5": "ours, at SC-5's cap",
    "ours_frugal_no_estimator": "frugal, no estimator",
    "ours_frugal": "ours, frugal",
}
_LEFT = ("sc_15", "adaptive_consistency", "ours", "ours_frugal")
_BELOW = ("ours_no_estimator", "ours_frugal_no_estimator", "ours_at_sc_5")


def plot_frontier(runs: Mapping[str, Run], frontier: Mapping[str, Run], path: Path) -> None:
    """Write a PNG: contenders as points with 95 % intervals, ours at several prices as a line."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8.0, 5.0), dpi=150)
    line = sorted([*frontier.values(), runs["ours"], runs["ours_frugal"]], key=lambda run: run.spent)
    labelled: set[tuple[float, float]] = set()
    axes.plot(
        [_per_question(run) for run in line],
        [run.accuracy for run in line],
        color="tab:blue",
        linewidth=1.2,
        marker=".",
        label="ours, by price",
        zorder=1,
    )
    for name, run in runs.items():
        low, high = mean_interval([float(row.correct) for row in run.rows])
        axes.errorbar(
            _per_question(run),
            run.accuracy,
            yerr=[[run.accuracy - low], [high - run.accuracy]],
            fmt="o" if name.startswith("ours") else "s",
            color="tab:blue" if name.startswith("ours") else "tab:gray",
            capsize=3,
            elinewidth=0.8,
        )
        point = (_per_question(run), run.accuracy)
        if point in labelled:  # another policy came out the same
            continue
        labelled.add(point)
        left = name in _LEFT
        axes.annotate(
            LABELS.get(name, name),
            point,
            textcoords="offset points",
            xytext=(-7 if left else 7, -12 if name in _BELOW else 7),
            ha="right" if left else "left",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.set_xlabel("tokens per question, input and output (log scale)")
    axes.set_ylabel("accuracy, with 95 % intervals over questions")
    axes.set_title(f"Accuracy against tokens, {len(line[0].rows)} held-out problems, shared random draws")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _per_question(run: Run) -> float:
    return run.spent / len(run.rows)
