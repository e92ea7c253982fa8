"""How well difficulty was predicted on the demo's own problems."""

from __future__ import annotations

from typing import Any

from tts_agent.demo.run import Run


def predictor_numbers(ours: Run, votes: Run) -> dict[str, Any]:
    """Predictions of `ours` against the share of right samples in the fixed vote of the same problems.

    Empty when no estimator was used.
    """
    rows = [
        (row.predicted, vote.samples_right)
        for row, vote in zip(ours.rows, votes.rows, strict=True)
        if len(row.predicted) == 2
    ]
    if not rows:
        return {}
    from scipy.stats import spearmanr

    numbers: dict[str, Any] = {"questions": len(rows)}
    measured = [pass_rate for _, pass_rate in rows]
    for stage, name in enumerate(("before_first_call", "after_first_call")):
        predicted = [beliefs[stage] for beliefs, _ in rows]
        numbers[name] = {
            "spearman": float(spearmanr(predicted, measured).statistic),
            "mean_absolute_error": sum(abs(p - m) for p, m in zip(predicted, measured, strict=True)) / len(rows),
        }
    return numbers
