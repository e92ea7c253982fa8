"""From runs to `summary.json`: every number of the table, and the paired comparisons behind the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tts_agent.demo.arms import Arms
from tts_agent.demo.run import Run
from tts_agent.demo.statistics import mean_interval, paired_difference
from tts_agent.embedded.defaults import embedded_verifiers

Summary = dict[str, Any]


def summarize(runs: Mapping[str, Run], arms: Sequence[Arms], predictor: Mapping[str, Any]) -> Summary:
    """The JSON-ready summary of a demo."""
    some = next(iter(runs.values()))
    return {
        "questions": len(some.rows),
        "policies": {name: policy_numbers(run) for name, run in runs.items()},
        "strategies_chosen": {
            name: dict(Counter(row.strategy for row in run.rows).most_common())
            for name, run in runs.items()
            if name.startswith("ours")
        },
        "paired": {
            **{
                f"{ours}_vs_{theirs}": compare(runs[ours], runs[theirs])
                for ours, theirs in (
                    ("ours", "sc_15"),
                    ("ours_no_estimator", "sc_15"),
                    ("ours_at_sc_5", "sc_5"),
                    ("ours", "adaptive_consistency"),
                    ("ours", "ours_no_estimator"),
                    ("ours_frugal", "sc_15"),
                    ("ours_frugal", "ours_frugal_no_estimator"),
                )
            },
            **{
                f"{ours}_vs_{theirs}_where_nothing_verifies": compare(
                    without_verifier(runs[ours]), without_verifier(runs[theirs])
                )
                for ours, theirs in (("ours", "sc_15"), ("ours_at_sc_5", "sc_5"), ("ours_frugal", "sc_5"))
            },
        },
        "arms": {
            f"{arm.verified.name}_on_{arm.family}": {
                "single": policy_numbers(arm.single),
                arm.verified.name: policy_numbers(arm.verified),
                "parallel_at_no_fewer_tokens": policy_numbers(arm.parallel),
                "vs_single": compare(arm.verified, arm.single),
                "vs_parallel": compare(arm.verified, arm.parallel),
            }
            for arm in arms
        },
        "families": {
            name: {
                family: sum(row.correct for row in run.rows if row.family == family)
                / sum(row.family == family for row in run.rows)
                for family in sorted({row.family for row in run.rows})
            }
            for name, run in runs.items()
        },
        "predictor": dict(predictor),
    }


def policy_numbers(run: Run) -> dict[str, Any]:
    """A row of the table."""
    return {
        "accuracy": run.accuracy,
        "ci": list(mean_interval([float(row.correct) for row in run.rows])),
        "total_tokens": run.spent,
        "output_tokens": sum(row.output_tokens for row in run.rows),
        "serial_tokens": sum(row.serial_tokens for row in run.rows),
        "calls": sum(row.calls for row in run.rows),
        "overruns": run.overruns,
        "cap": run.limit,
    }


def compare(ours: Run, theirs: Run) -> dict[str, Any]:
    """Accuracy of `ours` less that of `theirs`, paired by question, and the ratio of their tokens."""
    difference, interval = paired_difference(
        [float(row.correct) for row in ours.rows], [float(row.correct) for row in theirs.rows]
    )
    return {
        "accuracy_difference": difference,
        "ci": list(interval),
        "token_ratio": ours.spent / max(1, theirs.spent),
    }


def without_verifier(run: Run) -> Run:
    """The run on the families that no verifier covers, where only the choice of n can help."""
    verified = embedded_verifiers()
    rows = tuple(row for row in run.rows if row.family not in verified)
    return Run(run.name, rows, run.limit, sum(row.tokens for row in rows), run.overruns)
