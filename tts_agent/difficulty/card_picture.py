"""The predictor card as a picture: reliability, sharpness and ranking of each stage. Needs the extra `cli`."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from tts_agent.difficulty.card import CLASS_MEAN, STAGE_ONE, STAGE_ONE_AGAIN, STAGE_TWO, PredictorCard
from tts_agent.difficulty.curves import BINS
from tts_agent.difficulty.metrics import Scores
from tts_agent.exceptions import MissingExtraError
from tts_agent.probability import Beta

COLOUR, BASE_COLOUR = "#0072B2", "#E69F00"
"""Told apart by people who see fewer colours (Okabe and Ito 2008)."""


def png(card: PredictorCard) -> bytes:
    """A row a stage, beside what the stage must beat: the class mean, and stage one on the same first samples.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("the picture of the predictor card", "cli") from None
    rows = [(STAGE_ONE, CLASS_MEAN, card.before, f"before any call: {card.test_questions} held-out questions")]
    if STAGE_TWO in card.curves:
        rows.append((STAGE_TWO, STAGE_ONE_AGAIN, card.after, f"after a first sample: {card.test_rows} held-out rows"))
    height = 0.7 + 3.7 * len(rows)
    figure = Figure(figsize=(11.5, height), dpi=110)
    FigureCanvasAgg(figure)
    figure.suptitle(f"Difficulty estimator, trained on {card.train_questions} questions", fontsize=12)
    # Fixed places: a layout that measures every text takes longer than the drawing.
    figure.subplots_adjust(0.055, 0.5 / height, 0.985, 1.0 - 1.0 / height, wspace=0.24, hspace=0.42)
    axes = figure.subplots(len(rows), 3, squeeze=False)
    for (name, base, scores, where), (reliability, sharpness, ranking) in zip(rows, axes, strict=True):
        top = reliability.get_position().y1 + 0.3 / height
        figure.text(0.055, top, f"{name}, {where}", fontsize=10, weight="bold")
        _reliability(reliability, card, name)
        _sharpness(sharpness, card, name, base)
        _ranking(ranking, card, scores, name, base)
    written = BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _reliability(axes: Any, card: PredictorCard, name: str) -> None:
    bins = card.curves[name].bins
    axes.plot((0, 1), (0, 1), color="0.7", linewidth=1.0, zorder=0)
    for each in bins:
        # A question's pass rate varies at most as much as one outcome would, so this is rather too wide.
        passed = each.observed * each.questions
        low, high = Beta(passed + 0.5, each.questions - passed + 0.5).interval(0.95)
        axes.plot((each.predicted, each.predicted), (low, high), color=COLOUR, linewidth=1.2, alpha=0.6)
        axes.annotate(
            f"{each.questions:.0f}", (each.predicted, high), (0, 2), textcoords="offset points", ha="center", fontsize=7
        )
    axes.plot([each.predicted for each in bins], [each.observed for each in bins], "o", color=COLOUR, markersize=5)
    axes.set(xlim=(0, 1), ylim=(0, 1.08), xlabel="predicted pass@1", ylabel="observed pass rate")
    axes.set_title("reliability (95 % intervals, questions)", fontsize=9)
    axes.grid(alpha=0.25)


def _sharpness(axes: Any, card: PredictorCard, name: str, base: str) -> None:
    edges = [at / BINS for at in range(BINS + 1)]
    for of, style in (
        (name, {"color": COLOUR, "alpha": 0.75}),
        (base, {"color": BASE_COLOUR, "histtype": "step", "linewidth": 1.8, "linestyle": "--"}),
    ):
        bins = card.curves[of].bins
        axes.hist(
            [min(each.predicted, 1.0 - 1e-9) for each in bins],
            edges,
            weights=[each.questions for each in bins],
            label=of,
            **style,
        )
    axes.set(xlim=(0, 1), xlabel="predicted pass@1", ylabel="questions")
    axes.set_title("sharpness", fontsize=9)
    axes.legend(fontsize=8, frameon=False)


def _ranking(axes: Any, card: PredictorCard, scores: Mapping[str, Scores], name: str, base: str) -> None:
    axes.plot((0, 1), (0, 1), color="0.7", linewidth=1.0, zorder=0)
    for of, colour, dashes in ((name, COLOUR, "-"), (base, BASE_COLOUR, "--")):
        points = card.curves[of].ranking
        axes.plot(
            [false for false, _ in points],
            [true for _, true in points],
            dashes,
            color=colour,
            label=_auroc(of, scores[of]),
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="share of failing samples above a threshold", ylabel="share of passing samples above it")
    axes.set_title("ranking (ROC)", fontsize=9)
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    axes.grid(alpha=0.25)


def _auroc(name: str, scores: Scores) -> str:
    return f"{name}, AUROC {'-' if scores.auroc is None else f'{scores.auroc:.3f}'}"
